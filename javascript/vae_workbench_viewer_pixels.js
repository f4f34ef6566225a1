/* The pixels of the pictures of <vaewb-viewer>, kept for as long as it shows them. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.Pixels) return;

    class Pixels {
        #kept = new Map();
        #point = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d", {willReadFrequently: true});

        /** All of a picture, shrunk to `longest` pixels: {width, height, data} as a canvas has them, and a `key` of what they are of. */
        all(url, longest = Infinity) {
            return this.#keep([url], `all ${longest}`, async () => {
                const image = await decoded(url);
                const shrink = Math.min(1, longest / Math.max(image.naturalWidth, image.naturalHeight));
                const [width, height] = [image.naturalWidth, image.naturalHeight].map((side) => Math.max(1, Math.round(side * shrink)));
                const context = Object.assign(document.createElement("canvas"), {width, height}).getContext("2d", {willReadFrequently: true});
                context.imageSmoothingQuality = "high";
                context.drawImage(image, 0, 0, width, height);
                return {width, height, data: context.getImageData(0, 0, width, height).data, key: `${width} ${height} ${url}`};
            });
        }

        /** What is at a place in 0..1: {x, y, rgb}, x and y in pixels. */
        async at(url, {x, y}) {
            const bitmap = await this.#keep([url], "bitmap", async () => createImageBitmap(await decoded(url)));
            const place = {x: Math.floor(x * bitmap.width), y: Math.floor(y * bitmap.height)};
            this.#point.drawImage(bitmap, place.x, place.y, 1, 1, 0, 0, 1, 1);
            return {...place, rgb: [...this.#point.getImageData(0, 0, 1, 1).data.slice(0, 3)]};
        }

        /** What was computed of pictures; `compute` is called once for each key. */
        computed(urls, key, compute) {
            return this.#keep(urls, key, compute);
        }

        /** Lets go of what is of other pictures than these. */
        keepOnly(urls) {
            const used = new Set(urls);
            for (const [key, {of}] of this.#kept) if (!of.every((url) => used.has(url))) this.#kept.delete(key);
        }

        #keep(of, key, begin) {
            const name = [key, ...of].join(" ");
            if (!this.#kept.has(name)) {
                const value = begin();
                this.#kept.set(name, {of, value});
                value.catch(() => this.#kept.delete(name));
            }
            return this.#kept.get(name).value;
        }
    }

    async function decoded(url) {
        const image = new Image();
        image.src = url;
        await image.decode();
        return image;
    }

    Object.assign(viewer, {Pixels, decoded});
})();
