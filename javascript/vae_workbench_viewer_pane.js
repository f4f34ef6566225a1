/* Pictures of <vaewb-viewer> that zoom and move with all others. Only transforms change on the way, so that nothing is drawn anew. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.Pane) return;
    const make = (...given) => viewer.make(...given);

    /** From this many screen pixels to a pixel on, pixels are drawn as squares. */
    const SQUARE = 2;

    /** A window with one or more pictures in the same place, the last on top. */
    class Pane {
        #host;

        constructor(host, addresses, label) {
            this.#host = host;
            this.frame = make("div", "vaewb-pane", "", {role: "group", "aria-label": label}); // no image: buttons are in it
            this.box = {width: 0, height: 0};
            this.pictures = [];
            for (const url of [addresses].flat()) this.add(url);
            host.watch(this);
        }

        /** Puts one more picture on top; an `inside` of the frame may hold it, moved to the right by its pixels `inside.shift`. */
        add(url, className = "", inside = null) {
            const image = make("img", className, "", {alt: "", draggable: "false", decoding: "async"});
            image.addEventListener("load", () => this.#host.redraw());
            Object.assign(image, {src: url, inside});
            (inside ?? this.frame).append(image);
            this.pictures.push(image);
            return image;
        }

        /** Another picture at the same place; the one before stays until it is there, so that nothing flashes. */
        async show(url, image = this.pictures[0]) {
            if ((image.dataset.wanted ?? image.getAttribute("src")) === url) return;
            image.dataset.wanted = url;
            const next = new Image();
            next.src = url;
            await next.decode().catch(() => undefined);
            if (image.dataset.wanted === url) image.src = url;
        }

        /** Lays another picture over this one, or takes it away. */
        cover(url) {
            if (url && !this.covering) this.covering = this.add(url, "vaewb-covering");
            if (url) this.show(url, this.covering);
            if (this.covering) this.covering.hidden = !url;
            this.place();
        }

        get size() {
            const image = this.pictures.find((picture) => picture.naturalWidth);
            return image ? [image.naturalWidth, image.naturalHeight] : null;
        }

        /** Where the picture is: scale in screen pixels to a pixel, and the place of its corner in the window. */
        get placed() {
            const [{width, height}, size] = [this.box, this.size];
            if (!size || !width) return null;
            const {zoom, x, y} = this.#host.view;
            const scale = Math.min(width / size[0], height / size[1]) * zoom;
            return {scale, left: width / 2 - x * size[0] * scale, top: height / 2 - y * size[1] * scale};
        }

        place() {
            const [placed, size] = [this.placed, this.size];
            if (!placed) return;
            const rendering = placed.scale * devicePixelRatio >= SQUARE ? "pixelated" : "auto";
            for (const image of this.pictures) {
                // A picture of fewer pixels, such as a map of differences, covers the same place.
                const scale = image.naturalWidth ? (placed.scale * size[0]) / image.naturalWidth : placed.scale;
                image.style.transform = `translate(${placed.left - (image.inside?.shift ?? 0)}px, ${placed.top}px) scale(${scale})`;
                if (image.style.imageRendering !== rendering) image.style.imageRendering = rendering;
            }
        }

        /** The place in the picture, in 0..1, under a point of the window. */
        at(clientX, clientY) {
            const [placed, rect, size] = [this.placed, this.frame.getBoundingClientRect(), this.size];
            if (!placed) return null;
            return {x: (clientX - rect.left - placed.left) / placed.scale / size[0], y: (clientY - rect.top - placed.top) / placed.scale / size[1]};
        }
    }

    viewer.Pane = Pane;
})();
