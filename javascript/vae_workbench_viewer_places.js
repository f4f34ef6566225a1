/* Where pictures differ and what they make of tones, for <vaewb-viewer>; what all of that is computed with, in the background. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    viewer.parts ??= {};
    if (viewer.measures) return;

    viewer.parts.places = (all) => {
        const {lab} = all;

        /**
         * Where pictures of one size differ most among themselves, and in what; or else what is there in the first of them.
         * @returns {{x: number, y: number, amount: number, kind: string}[]} centres in 0..1, a tenth of the side apart: the greatest
         *     of each kind first, then the others. Kinds: colour and brightness, if the place differs in it as a whole; else
         *     what is there: edge, detail, light, dark, plain
         */
        function hotSpots(pictures, count = 12) {
            const {width, height} = pictures[0];
            const cell = Math.max(8, Math.round(Math.max(width, height) / 32));
            const [columns, rows] = [Math.ceil(width / cell), Math.ceil(height / cell)];
            const sums = Array.from({length: columns * rows}, () => ({pixels: 0, spread: 0, light: 0, steps: 0, step: 0, means: pictures.map(() => [0, 0, 0])}));
            const planes = pictures.map(lab);
            for (let i = 0; i < width * height; i++) {
                const x = i % width;
                const at = sums[Math.floor(Math.floor(i / width) / cell) * columns + Math.floor(x / cell)];
                for (let channel = 0; channel < 3; channel++) {
                    let [low, high] = [Infinity, -Infinity];
                    for (const plane of planes) {
                        low = Math.min(low, plane[channel][i]);
                        high = Math.max(high, plane[channel][i]);
                    }
                    at.spread += high - low;
                    planes.forEach((plane, number) => (at.means[number][channel] += plane[channel][i]));
                }
                const lightness = planes[0][0];
                const step = x + 1 < width ? Math.abs(lightness[i + 1] - lightness[i]) : 0;
                at.pixels++;
                at.light += lightness[i];
                at.steps += step;
                at.step = Math.max(at.step, step);
            }
            // Where there is more to see, such as in eyes and hair, a difference counts up to twice as much as in a plain area.
            const weight = ({spread, steps, pixels}) => spread * (1 + Math.min(1, steps / pixels / 6));
            const order = [...sums.keys()].sort((a, b) => weight(sums[b]) - weight(sums[a]));
            const spots = [];
            for (const place of order) {
                if (sums[place].spread === 0) break;
                const spot = {x: ((place % columns) + 0.5) / columns, y: (Math.floor(place / columns) + 0.5) / rows, amount: sums[place].spread / cell ** 2, kind: kindOf(sums[place])};
                if (spots.every((other) => Math.hypot(other.x - spot.x, other.y - spot.y) > 0.1)) spots.push(spot);
                if (spots.length === count) break;
            }
            const isFirst = (spot, index) => spots.findIndex(({kind}) => kind === spot.kind) === index;
            return [...spots.filter(isFirst), ...spots.filter((spot, index) => !isFirst(spot, index))];
        }

        /** What a place differs in, from its sums; else what is in it: its lightness, and its steps between neighbours. */
        function kindOf({pixels, spread, light, steps, step, means}) {
            const [inLight, inA, inB] = [0, 1, 2].map((channel) => {
                const sums = means.map((mean) => mean[channel]);
                return Math.max(...sums) - Math.min(...sums);
            });
            if (inLight + inA + inB > spread / 2) return inA + inB > inLight ? "colour" : "brightness";
            if (steps / pixels > 4) return "detail";
            if (step > 15) return "edge";
            if (light / pixels > 85) return "light";
            return light / pixels < 20 ? "dark" : "plain";
        }

        /**
         * Areas where one picture leaves all the others: spots, stains, holes.
         * @param {Picture} picture the one that is looked at
         * @param {Picture[]} others at least two more of the same size, or the source alone
         * @returns {{left, top, right, bottom, pixels, amount}[]} boxes in pixels, the largest first
         */
        function blotches(picture, others, threshold = 14) {
            const {width, height} = picture;
            const step = Math.max(8, Math.round(Math.max(width, height) / 64)); // a place of the latent is 8 pixels wide
            const [columns, rows] = [Math.floor(width / step), Math.floor(height / step)];
            const mean = (image) => {
                const planes = lab(image);
                return planes.map((plane) => {
                    const small = new Float32Array(columns * rows);
                    for (let y = 0; y < rows * step; y++) for (let x = 0; x < columns * step; x++) small[Math.floor(y / step) * columns + Math.floor(x / step)] += plane[y * width + x];
                    return small.map((v) => v / step ** 2);
                });
            };
            const [mine, theirs] = [mean(picture), others.map(mean)];
            const marked = new Uint8Array(columns * rows);
            const amounts = mine[0].map((_, i) => Math.min(...theirs.map((other) => Math.hypot(...[0, 1, 2].map((k) => mine[k][i] - other[k][i])))));
            const usual = [...amounts].sort((a, b) => a - b)[amounts.length >> 1];
            amounts.forEach((amount, i) => (marked[i] = amount > 3 * usual + threshold ? 1 : 0));
            const found = [];
            for (let start = 0; start < marked.length; start++) {
                if (marked[start] !== 1) continue;
                const box = {left: columns, top: rows, right: 0, bottom: 0, pixels: 0, amount: 0};
                const open = [start];
                marked[start] = 2;
                while (open.length) {
                    const i = open.pop();
                    const [x, y] = [i % columns, Math.floor(i / columns)];
                    Object.assign(box, {left: Math.min(box.left, x), top: Math.min(box.top, y), right: Math.max(box.right, x + 1), bottom: Math.max(box.bottom, y + 1)});
                    box.pixels++;
                    box.amount = Math.max(box.amount, amounts[i]);
                    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1], [1, -1], [-1, 1]]) {
                        const [nx, ny] = [x + dx, y + dy];
                        if (nx < 0 || ny < 0 || nx >= columns || ny >= rows || marked[ny * columns + nx] !== 1) continue;
                        marked[ny * columns + nx] = 2;
                        open.push(ny * columns + nx);
                    }
                }
                if (box.pixels >= 2) found.push({left: box.left * step, top: box.top * step, right: box.right * step, bottom: box.bottom * step, pixels: box.pixels * step ** 2, amount: box.amount});
            }
            return found.sort((a, b) => b.pixels - a.pixels);
        }

        /**
         * What one picture makes of the lightness and the hues of another.
         * @returns {{curve: (number|null)[], spread: number[], hues: {chroma, turn, count}[], histograms: number[][]}}
         *     curve: mean L* of the second for each of 64 steps of L* of the first; hues: for 24 hues of the first, chroma of the
         *     second as a multiple and the turn of hue in degrees; histograms: L* of both in 64 steps, parts of all pixels
         */
        function tone(one, other) {
            const [a, b] = [lab(one), lab(other)];
            const [sums, squares, counts] = [0, 1, 2].map(() => new Float64Array(64));
            const hues = Array.from({length: 24}, () => ({x: 0, y: 0, own: 0, other: 0, count: 0}));
            const histograms = [new Float64Array(64), new Float64Array(64)];
            for (let i = 0; i < a[0].length; i++) {
                const step = Math.min(63, Math.max(0, Math.floor(a[0][i] * 0.64)));
                sums[step] += b[0][i];
                squares[step] += b[0][i] ** 2;
                counts[step]++;
                histograms[0][step]++;
                histograms[1][Math.min(63, Math.max(0, Math.floor(b[0][i] * 0.64)))]++;
                const chroma = Math.hypot(a[1][i], a[2][i]);
                if (chroma < 8) continue;
                const angle = Math.atan2(a[2][i], a[1][i]);
                const hue = hues[Math.floor(((angle + 2 * Math.PI) % (2 * Math.PI)) / (Math.PI / 12)) % 24];
                const turn = Math.atan2(b[2][i], b[1][i]) - angle;
                const theirs = Math.hypot(b[1][i], b[2][i]);
                hue.x += Math.cos(turn) * theirs;
                hue.y += Math.sin(turn) * theirs;
                hue.own += chroma;
                hue.other += theirs;
                hue.count++;
            }
            return {
                curve: Array.from(counts, (n, i) => (n > 4 ? sums[i] / n : null)),
                spread: Array.from(counts, (n, i) => (n > 4 ? Math.sqrt(Math.max(0, squares[i] / n - (sums[i] / n) ** 2)) : 0)),
                hues: hues.map(({x, y, own, other: theirs, count}) => ({chroma: own ? theirs / own : 1, turn: (Math.atan2(y, x) * 180) / Math.PI, count})),
                histograms: histograms.map((counted) => Array.from(counted, (n) => n / a[0].length)),
            };
        }

        Object.assign(all, {hotSpots, blotches, tone});
    };

    const local = () => Object.values(viewer.parts).reduce((all, part) => (part(all), all), {});
    /** Workers, started as they are needed, and what waits for one. */
    const MOST = Math.max(1, Math.min(3, (navigator.hardwareConcurrency || 2) - 1));
    const workers = [];
    let waiting = [];
    let here = null;

    /** Does one of the functions of the parts in the background; on the page's own thread where there are no workers. */
    function compute(name, ...values) {
        return new Promise((resolve, reject) => {
            waiting.push({name, values, resolve, reject});
            begin();
        });
    }

    /** What has not begun is not asked for any more. */
    function forget() {
        for (const {reject} of waiting) reject(new Error("no longer asked for"));
        waiting = [];
    }

    function begin() {
        const free = workers.find((worker) => !worker.task) ?? (workers.length < MOST ? start() : null);
        if (!free || !waiting.length) return;
        free.task = waiting.shift();
        free.postMessage({name: free.task.name, values: free.task.values});
    }

    function start() {
        try {
            const source = `const all = {}; ${Object.values(viewer.parts).map((part) => `(${part})(all);`).join("\n")}
                onmessage = ({data: {name, values}}) => {
                    try { postMessage({value: all[name](...values)}); } catch (error) { postMessage({error: String(error)}); }
                };`;
            const made = Object.assign(new Worker(URL.createObjectURL(new Blob([source], {type: "text/javascript"}))), {task: null});
            made.onmessage = ({data}) => finish(made, data);
            workers.push(made);
            return made;
        } catch {
            here ??= local();
            for (const {name, values, resolve} of waiting.splice(0)) resolve(here[name](...values));
            return null;
        }
    }

    function finish(worker, {value, error}) {
        const {resolve, reject} = worker.task;
        worker.task = null;
        if (error) reject(new Error(error));
        else resolve(value);
        begin();
    }

    viewer.measures = {compute, forget};
})();
