/*
 * <vaewb-viewer>: a comparison of VAEs to look at. It shows what a comparison's folder holds, on the page and in the HTML file
 * that people share alike: give it the content of comparison.json as its property `comparison`, again whenever that changed.
 * All pictures zoom and pan together. Each view has a file of its own; see vae_workbench_viewer_grid.js for what a view is.
 *
 * Properties that a page may set: `actions`, a list of {id, label, title, needs: "vae" | "picture"} offered on every cell; `makes`,
 * the names of views whose data it can have made; `viewpoint`, what is looked at and how closely, as it was read from here before, set
 * ahead of the comparison that it is of. Events, which bubble: "vaewb:cell-action" with {action, source, vae, name, image}, and
 * "vaewb:want" with {view, source} when the data of a view that is in `makes` are asked for.
 */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (customElements.get("vaewb-viewer")) return;

    /** The largest size of a pixel on the screen. */
    const MOST = 32;
    const HOOKS = {updated: null, moved: null, held: null, clicked: null, grabs: null, dragged: null, keyed: null, left: null};

    const signed = (value) => (value < 0 ? `−${-value}` : value > 0 ? `+${value}` : "0");

    class Viewer extends HTMLElement {
        #comparison = {vaes: [], sources: [], cells: []};
        #cells = new Map();
        #panes = new Map();
        #drawn = 0;
        #shown = "";
        #outlined = "";
        #pixels = new viewer.Pixels();
        #bar = viewer.make("div", "vaewb-bar", "", {role: "toolbar"});
        #values = viewer.make("div", "vaewb-values", "", {"aria-live": "off"});
        #table = viewer.make("div", "vaewb-measures");
        #resized = new ResizeObserver((changed) => {
            for (const {target, contentRect} of changed) if (this.#panes.has(target)) this.#panes.get(target).box = contentRect;
            this.redraw();
        });
        stage = viewer.make("div", "vaewb-stage", "", {tabindex: "0", role: "application"});
        figures = [];
        actions = [];
        makes = [];
        view = {zoom: 1, x: 0.5, y: 0.5};
        game = null; // of the blind choice
        state = {mode: "grid", source: 0, a: -1, b: 0, divider: 0.5, spot: -1, against: -1, kind: "flip", measure: "psnr"};

        connectedCallback() {
            if (this.firstChild) return;
            this.classList.add("vaewb-viewer");
            this.stage.setAttribute("aria-label", viewer.say("Pictures; press ? for the keys"));
            this.#bar.setAttribute("aria-label", viewer.say("Views"));
            this.append(this.#bar, this.stage, this.#values, this.#table);
            viewer.listen(this);
            this.build();
        }

        disconnectedCallback() {
            this.#resized.disconnect();
            this.left?.();
        }

        get comparison() {
            return this.#comparison;
        }

        set comparison(value) {
            this.#comparison = value ?? {vaes: [], sources: [], cells: []};
            this.#cells = new Map(this.#comparison.cells.map((cell) => [`${cell.source} ${cell.vae}`, cell]));
            if (!this.isConnected) return;
            if (this.#outlined !== this.#outline()) return void this.build();
            for (const figure of this.figures) figure.update();
            viewer.toolbar.progress(this, this.#bar);
            if (this.#shown !== this.#content() && !this.updated?.()) this.build();
            else this.#measured();
            this.#shown = this.#content();
        }

        get viewpoint() {
            const plain = Object.entries(this.state).filter(([, value]) => typeof value !== "object"); // pictures of a view's own go with it
            return {view: this.view, state: Object.fromEntries(plain), game: this.game};
        }

        set viewpoint({view = {}, state = {}, game = null}) {
            Object.assign(this.view, view);
            Object.assign(this.state, state.mode in viewer.views ? state : {});
            this.game = game;
            this.#outlined = "";
            this.#bound();
        }

        /** What a view is built for. */
        #outline() {
            return JSON.stringify([this.#comparison.vaes, this.#comparison.sources]);
        }

        /** What a view shows, but for how far it is. */
        #content() {
            const {cells, latents = [], losses = [], busy = false} = this.#comparison;
            return JSON.stringify([cells.map(({image, state}) => [image, state]), latents, losses, busy && ["latent", "loss"].includes(this.state.mode)]);
        }

        // --- what the views ask ---

        cell(source, vae) {
            return this.#cells.get(`${this.#comparison.sources[source]?.id} ${this.#comparison.vaes[vae]?.id}`);
        }

        /** The address of a picture, null where there is none yet. `vae`: −1 for the source itself, or {image, name} of any other. */
        address(source, vae) {
            if (typeof vae === "object") return vae?.image ?? null;
            return (vae < 0 ? this.#comparison.sources[source]?.image : this.cell(source, vae)?.image) ?? null;
        }

        name(vae) {
            if (typeof vae === "object") return vae.name;
            return vae < 0 ? viewer.say("source") : this.#comparison.vaes[vae].name;
        }

        /** All pictures of a source: those VAEs, and −1, that there is a picture of. */
        there(source = this.state.source) {
            return [-1, ...this.#comparison.vaes.keys()].filter((vae) => this.address(source, vae));
        }

        pane(addresses, label) {
            return new viewer.Pane(this, addresses, label);
        }

        watch(pane) {
            this.#panes.set(pane.frame, pane);
            this.#resized.observe(pane.frame);
        }

        unwatch(pane) {
            this.#panes.delete(pane.frame);
            this.#resized.unobserve(pane.frame);
        }

        get panes() {
            return [...this.#panes.values()];
        }

        pixels(url, longest) {
            return this.#pixels.all(url, longest);
        }

        pixelAt(url, place) {
            return this.#pixels.at(url, place);
        }

        computed(urls, key, compute) {
            return this.#pixels.computed(urls, key, compute);
        }

        // --- moving ---

        redraw() {
            this.#drawn ||= requestAnimationFrame(() => {
                this.#drawn = 0;
                this.moved?.();
                for (const pane of this.#panes.values()) pane.place();
                viewer.toolbar.zoom(this, this.#bar);
            });
        }

        /** Zooms by a factor and keeps the place under a point where it is. */
        zoomAt(factor, pane = this.panes[0], clientX, clientY) {
            const {placed} = pane ?? {};
            if (!placed) return;
            const before = this.view.zoom;
            const unscaled = before / placed.scale; // the zoom at which a pixel is one of the screen, which small pictures fall below
            const zoom = Math.min(Math.max(1, MOST * unscaled), Math.max(Math.min(1, unscaled / devicePixelRatio), before * factor));
            const at = clientX === undefined ? null : pane.at(clientX, clientY);
            if (at) for (const axis of ["x", "y"]) this.view[axis] = at[axis] + ((this.view[axis] - at[axis]) * before) / zoom;
            this.view.zoom = zoom;
            this.#bound();
        }

        /** One pixel of the picture to one of the screen. */
        actualSize() {
            const {placed} = this.panes[0] ?? {};
            if (placed) this.zoomAt(1 / devicePixelRatio / placed.scale);
        }

        #bound() {
            const reach = 0.5 / Math.max(1, this.view.zoom);
            for (const axis of ["x", "y"]) this.view[axis] = Math.min(1 - reach, Math.max(reach, this.view[axis]));
            this.classList.toggle("vaewb-zoomed", this.view.zoom > 1);
            this.redraw();
        }

        pan(dx, dy, pane) {
            const {placed, size} = pane ?? {};
            if (placed) this.look(this.view.x - dx / placed.scale / size[0], this.view.y - dy / placed.scale / size[1]);
        }

        /** Brings a place, in 0..1, to the middle. */
        look(x, y, zoom = this.view.zoom) {
            Object.assign(this.view, {x, y, zoom});
            this.#bound();
        }

        choose(changes) {
            // Nothing is compared with itself: who is on the other side changes places.
            if ("b" in changes !== "a" in changes) {
                const [side, other] = "b" in changes ? ["b", "a"] : ["a", "b"];
                if (changes[side] === this.state[other]) changes = {...changes, [other]: this.state[side]};
            }
            const rebuild = Object.keys(changes).some((key) => !["a", "b", "divider", "spot"].includes(key) && this.state[key] !== changes[key]);
            Object.assign(this.state, changes);
            if (rebuild || !this.updated?.()) this.build();
            viewer.toolbar.mark(this, this.#bar);
        }

        // --- building ---

        build() {
            this.left?.();
            for (const pane of this.panes) this.unwatch(pane);
            viewer.measures.forget();
            this.#outlined = this.#outline();
            const {vaes, sources, cells, latents = []} = this.#comparison;
            const {state, stage} = this;
            state.source = Math.min(Math.max(0, state.source), Math.max(0, sources.length - 1));
            for (const which of ["a", "b", "against"]) if (vaes.length && typeof state[which] === "number") state[which] = Math.min(state[which], vaes.length - 1);
            this.#pixels.keepOnly([...sources, ...cells].map(({image}) => image).concat(latents.flatMap(({channels_images}) => channels_images)));
            const focused = stage.contains(document.activeElement);
            Object.assign(this, HOOKS);
            this.figures = [];
            stage.replaceChildren();
            this.#values.replaceChildren();
            stage.dataset.mode = state.mode;
            viewer.toolbar.build(this, this.#bar);
            const view = viewer.views[state.mode];
            if (sources.length && vaes.length && view) view.build(this, stage);
            else stage.append(viewer.make("p", "vaewb-empty", viewer.say("Nothing is compared yet.")));
            if (focused) stage.focus({preventScroll: true});
            this.#shown = this.#content();
            this.#measured();
            this.redraw();
        }

        #measured() {
            const {vaes, sources} = this.#comparison;
            this.#table.replaceChildren(...(vaes.length && sources.length && this.state.mode !== "blind" ? [viewer.table(this)] : []));
        }

        /** The next of the places where the VAEs differ most. */
        async nextSpot(step = 1) {
            const spots = await this.spots();
            if (spots.length) this.lookAtSpot(spots, (this.state.spot + step + spots.length) % spots.length);
        }

        lookAtSpot(spots, spot) {
            this.state.spot = spot;
            this.look(spots[spot].x, spots[spot].y, Math.max(this.view.zoom, 4));
            this.updated?.();
        }

        spots() {
            const urls = this.there().map((vae) => this.address(this.state.source, vae));
            if (urls.length < 2) return Promise.resolve([]);
            return this.computed(urls, "spots", async () => {
                const pictures = await Promise.all(urls.map((url) => this.pixels(url, 512)));
                return viewer.measures.compute("hotSpots", pictures.filter(({width, height}) => width === pictures[0].width && height === pictures[0].height));
            });
        }

        // --- under the pointer ---

        /** The values under the pointer, for all VAEs. */
        async point(pane, event) {
            const at = pane?.at(event.clientX, event.clientY);
            if (!at || at.x < 0 || at.y < 0 || at.x >= 1 || at.y >= 1 || this.state.mode === "blind") return void this.#values.replaceChildren();
            const source = pane.source ?? this.state.source;
            const [moment, vaes] = [(this.pointing = event), this.there(source)];
            const told = await Promise.all(vaes.map((vae) => this.pixelAt(this.address(source, vae), at)));
            if (!told.length || moment !== this.pointing) return;
            const first = vaes[0] < 0 ? told[0].rgb : null;
            this.#values.replaceChildren(viewer.make("span", "vaewb-place", `${told[0].x}, ${told[0].y}`), ...told.map(({rgb}, i) => {
                const made = viewer.make("span", "vaewb-value");
                const apart = first && i ? ` (${rgb.map((value, k) => signed(value - first[k])).join(" ")})` : "";
                made.append(viewer.named(this.name(vaes[i]), "span"), ` ${rgb.join(" ")}`, viewer.make("small", "", apart));
                made.style.setProperty("--vaewb-colour", `rgb(${rgb.join(" ")})`);
                return made;
            }));
            this.#values.style.minHeight = `${Math.max(this.#values.offsetHeight, parseFloat(this.#values.style.minHeight) || 0)}px`;
        }
    }

    customElements.define("vaewb-viewer", Viewer);
})();
