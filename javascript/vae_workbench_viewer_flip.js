/* ꟻLIP, what the eye notices when two pictures alternate in place, for <vaewb-viewer>; compare/measuring/flip.py names the paper. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    viewer.parts ??= {};

    viewer.parts.flip = (all) => {
        const {LINEAR, WHITE, RGB, X, Y, Z, labCurve} = all;
        const PIXELS_PER_DEGREE = (3840 * Math.PI) / 180;

        /** A plane filtered along rows and then along columns, its border repeated outwards. */
        function filtered(plane, width, height, across, along) {
            const [half, reach] = [new Float32Array(plane.length), across.length >> 1];
            const padded = new Float32Array(width + 2 * reach);
            for (let y = 0; y < height; y++) {
                const row = y * width;
                padded.set(plane.subarray(row, row + width), reach);
                padded.fill(plane[row], 0, reach).fill(plane[row + width - 1], reach + width);
                for (let x = 0; x < width; x++) {
                    let sum = 0;
                    for (let k = 0; k < across.length; k++) sum += across[k] * padded[x + k];
                    half[row + x] = sum;
                }
            }
            const [made, depth] = [new Float32Array(plane.length), along.length >> 1];
            for (let y = 0; y < height; y++) {
                for (let k = -depth; k <= depth; k++) {
                    const [weight, from] = [along[k + depth], Math.min(height - 1, Math.max(0, y + k)) * width];
                    for (let x = 0; x < width; x++) made[y * width + x] += weight * half[from + x];
                }
            }
            return made;
        }

        /** The filters of the three channels, and of edges and points. */
        const SENSITIVITY = [[[1, 0.0047]], [[1, 0.0053]], [[34.1, 0.04], [13.5, 0.025]]].map((terms) => {
            const reach = Math.ceil(3 * Math.sqrt(0.04 / (2 * Math.PI ** 2)) * PIXELS_PER_DEGREE);
            const parts = terms.map(([a, b]) => {
                const line = Float64Array.from({length: 2 * reach + 1}, (_, i) => Math.exp((-(Math.PI ** 2) * ((i - reach) / PIXELS_PER_DEGREE) ** 2) / b));
                return {weight: a * Math.sqrt(Math.PI / b), line, sum: line.reduce((s, v) => s + v)};
            });
            const total = parts.reduce((sum, part) => sum + part.weight * part.sum ** 2, 0);
            return parts.map(({weight, line}) => [line.map((v) => (v * weight) / total), line]);
        });

        const FEATURES = (() => {
            const deviation = 0.5 * 0.082 * PIXELS_PER_DEGREE;
            const reach = Math.ceil(3 * deviation);
            const x = Float64Array.from({length: 2 * reach + 1}, (_, i) => i - reach);
            let gauss = x.map((v) => Math.exp(-(v * v) / (2 * deviation ** 2)));
            const sum = gauss.reduce((s, v) => s + v);
            gauss = gauss.map((v) => v / sum);
            return [(v, g) => -v * g, (v, g) => ((v * v) / deviation ** 2 - 1) * g].map((derivative) => {
                const line = x.map((v, i) => derivative(v, gauss[i]));
                const [plus, minus] = [1, -1].map((sign) => line.reduce((s, v) => s + Math.max(0, sign * v), 0));
                return [line.map((v) => (v > 0 ? v / plus : v / minus)), gauss];
            });
        })();

        function clipped(row, x, y, z) {
            return Math.min(1, Math.max(0, row[0] * x + row[1] * y + row[2] * z));
        }

        /** CIELAB of linear sRGB, with colours weakened where it is dark (Hunt). */
        function huntOfLinear(...linear) {
            const [x, y, z] = [X, Y, Z].map((row) => labCurve(row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]));
            const lightness = 116 * y - 16;
            return [lightness, 5 * lightness * (x - y), 2 * lightness * (y - z)];
        }

        function hyab(dl, da, db) {
            return Math.abs(dl) + Math.sqrt(da * da + db * db);
        }

        const [GREEN, BLUE] = [huntOfLinear(0, 1, 0), huntOfLinear(0, 0, 1)];
        const LARGEST = hyab(GREEN[0] - BLUE[0], GREEN[1] - BLUE[1], GREEN[2] - BLUE[2]) ** 0.7;

        function perceived({width, height, data}) {
            const planes = [0, 1, 2].map(() => new Float32Array(width * height));
            for (let i = 0, p = 0; i < planes[0].length; i++, p += 4) {
                const r = LINEAR[data[p]], g = LINEAR[data[p + 1]], b = LINEAR[data[p + 2]];
                const x = X[0] * r + X[1] * g + X[2] * b, y = Y[0] * r + Y[1] * g + Y[2] * b, z = Z[0] * r + Z[1] * g + Z[2] * b;
                planes[0][i] = 116 * y - 16;
                planes[1][i] = 500 * (x - y);
                planes[2][i] = 200 * (y - z);
            }
            const seen = planes.map((plane, channel) => {
                const sums = SENSITIVITY[channel].map(([across, along]) => filtered(plane, width, height, across, along));
                return sums.length === 1 ? sums[0] : sums[0].map((v, i) => v + sums[1][i]);
            });
            const luminance = planes[0].map((v) => (v + 16) / 116);
            const strengths = FEATURES.map(([derivative, gauss]) => {
                const [dx, dy] = [filtered(luminance, width, height, derivative, gauss), filtered(luminance, width, height, gauss, derivative)];
                return dx.map((v, i) => Math.sqrt(v * v + dy[i] * dy[i]));
            });
            const colour = [0, 1, 2].map(() => new Float32Array(luminance.length));
            for (let i = 0; i < luminance.length; i++) {
                const y = (seen[0][i] + 16) / 116, x = (y + seen[1][i] / 500) * WHITE[0], z = (y - seen[2][i] / 200) * WHITE[2];
                const r = clipped(RGB[0], x, y, z), g = clipped(RGB[1], x, y, z), b = clipped(RGB[2], x, y, z);
                const fx = labCurve(X[0] * r + X[1] * g + X[2] * b), fy = labCurve(Y[0] * r + Y[1] * g + Y[2] * b), fz = labCurve(Z[0] * r + Z[1] * g + Z[2] * b);
                const lightness = 116 * fy - 16;
                colour[0][i] = lightness;
                colour[1][i] = 5 * lightness * (fx - fy);
                colour[2][i] = 2 * lightness * (fy - fz);
            }
            return {colour, strengths};
        }

        /** Several pictures are compared with one: what was computed of the last one, by the `key` of its pixels. */
        let reference = {key: null, seen: null};

        /** ꟻLIP in each pixel, 0 (not noticed) to 1; the same as compare/measuring/flip.py. */
        function flip(one, other) {
            if (!one.key || reference.key !== one.key) reference = {key: one.key, seen: perceived(one)};
            const [a, b] = [reference.seen, perceived(other)];
            const knee = 0.4 * LARGEST;
            const [l1, a1, b1] = a.colour, [l2, a2, b2] = b.colour, [edges1, points1] = a.strengths, [edges2, points2] = b.strengths;
            return l1.map((lightness, i) => {
                const distance = hyab(lightness - l2[i], a1[i] - a2[i], b1[i] - b2[i]) ** 0.7;
                const colour = distance < knee ? (distance * 0.95) / knee : 0.95 + ((distance - knee) / (LARGEST - knee)) * 0.05;
                const feature = Math.max(Math.abs(edges1[i] - edges2[i]), Math.abs(points1[i] - points2[i]));
                return Math.min(1, colour) ** (1 - Math.min(1, Math.sqrt(feature / Math.SQRT2)));
            });
        }

        all.flip = flip;
    };
})();
