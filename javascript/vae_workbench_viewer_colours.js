/*
 * Colours as the eye has them, for <vaewb-viewer>: CIELAB and differences in it. Pictures are {width, height, data} as a canvas gives
 * them (RGBA, 0 to 255). Everything is pure. The parts of vaewbViewer.parts run in workers too: each adds its functions to `all`, and
 * refers to nothing but what the parts before it have added.
 */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    viewer.parts ??= {};

    viewer.parts.colours = (all) => {
        const LINEAR = Float32Array.from({length: 256}, (_, i) => (i / 255 <= 0.04045 ? i / 255 / 12.92 : ((i / 255 + 0.055) / 1.055) ** 2.4));
        /** Linear sRGB to XYZ under D65, and back, as compare/measuring/flip.py has them. */
        const XYZ = [
            [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794],
            [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897],
            [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382],
        ];
        const WHITE = XYZ.map((row) => row[0] + row[1] + row[2]);
        const RGB = inverse(XYZ);

        function inverse([[a, b, c], [d, e, f], [g, h, i]]) {
            const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
            return [
                [e * i - f * h, c * h - b * i, b * f - c * e],
                [f * g - d * i, a * i - c * g, c * d - a * f],
                [d * h - e * g, b * g - a * h, a * e - b * d],
            ].map((row) => row.map((value) => value / det));
        }

        function labCurve(t) {
            return t > 216 / 24389 ? Math.cbrt(t) : (t * 841) / 108 + 4 / 29;
        }

        /** Relative to white; in loops over pixels nothing is allocated. */
        const [X, Y, Z] = XYZ.map((row, k) => row.map((value) => value / WHITE[k]));

        /** CIELAB of a picture: three planes, L* 0 to 100. */
        function lab({width, height, data}) {
            const [L, A, B] = [0, 1, 2].map(() => new Float32Array(width * height));
            for (let i = 0, p = 0; i < L.length; i++, p += 4) {
                const r = LINEAR[data[p]], g = LINEAR[data[p + 1]], b = LINEAR[data[p + 2]];
                const x = labCurve(X[0] * r + X[1] * g + X[2] * b);
                const y = labCurve(Y[0] * r + Y[1] * g + Y[2] * b);
                const z = labCurve(Z[0] * r + Z[1] * g + Z[2] * b);
                L[i] = 116 * y - 16;
                A[i] = 500 * (x - y);
                B[i] = 200 * (y - z);
            }
            return [L, A, B];
        }

        /** CIEDE2000 of two colours (CIE 142-2001). */
        function deltaE2000(l1, a1, b1, l2, a2, b2) {
            const rad = Math.PI / 180;
            const mean7 = ((Math.hypot(a1, b1) + Math.hypot(a2, b2)) / 2) ** 7;
            const g = 1.5 - 0.5 * Math.sqrt(mean7 / (mean7 + 6103515625));
            const [c1, c2] = [Math.hypot(a1 * g, b1), Math.hypot(a2 * g, b2)];
            const [h1, h2] = [[a1, b1], [a2, b2]].map(([a, b]) => (a || b ? (Math.atan2(b, a * g) / rad + 360) % 360 : 0));
            const dh = c1 * c2 === 0 ? 0 : ((h2 - h1 + 540) % 360) - 180;
            const dH = 2 * Math.sqrt(c1 * c2) * Math.sin((dh / 2) * rad);
            const [L, C] = [(l1 + l2) / 2, (c1 + c2) / 2];
            const far = Math.abs(h1 - h2) > 180;
            const H = c1 * c2 === 0 ? h1 + h2 : far ? (h1 + h2 + (h1 + h2 < 360 ? 360 : -360)) / 2 : (h1 + h2) / 2;
            const T = 1 - 0.17 * Math.cos((H - 30) * rad) + 0.24 * Math.cos(2 * H * rad) + 0.32 * Math.cos((3 * H + 6) * rad) - 0.2 * Math.cos((4 * H - 63) * rad);
            const SL = 1 + (0.015 * (L - 50) ** 2) / Math.sqrt(20 + (L - 50) ** 2);
            const [SC, SH, C7] = [1 + 0.045 * C, 1 + 0.015 * C * T, C ** 7];
            const RT = -2 * Math.sqrt(C7 / (C7 + 6103515625)) * Math.sin(60 * Math.exp(-(((H - 275) / 25) ** 2)) * rad);
            const [dl, dc, dH2] = [(l2 - l1) / SL, (c2 - c1) / SC, dH / SH];
            return Math.sqrt(Math.max(0, dl * dl + dc * dc + dH2 * dH2 + RT * dc * dH2));
        }

        /** CIEDE2000 in each pixel. */
        function deltaE(one, other) {
            const [a, b] = [lab(one), lab(other)];
            return a[0].map((l, i) => deltaE2000(l, a[1][i], a[2][i], b[0][i], b[1][i], b[2][i]));
        }

        Object.assign(all, {LINEAR, WHITE, RGB, X, Y, Z, labCurve, lab, deltaE2000, deltaE});
    };
})();
