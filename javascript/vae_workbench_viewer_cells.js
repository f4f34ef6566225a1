/* The cells of <vaewb-viewer>: a picture of a VAE with its name, or how far it is, or why there is none. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.Figure) return;
    const make = (...given) => viewer.make(...given);
    const say = (...given) => viewer.say(...given);

    /** What stands in place of a picture that is not there. */
    function absent(cell, isRunning) {
        const state = cell?.state ?? "waiting";
        const made = make("div", `vaewb-absent vaewb-${state}`);
        if (state === "failed") made.append(make("p", "", (made.title = cell.error ?? say("There is no picture."))));
        else if (state === "running") made.append(...underWay(cell));
        else made.append(make("p", "", isRunning ? say("waiting") : say("not made: compare again to go on")));
        return made;
    }

    function underWay(cell) {
        const bar = make("progress", "", "", {max: 1, "aria-label": say("progress")});
        if (typeof cell.progress === "number") bar.value = cell.progress;
        return [bar, make("p", "", cell.step || say("being decoded …"))];
    }

    /** What a person should be warned of: the first words, as far as there is room; all of it by click or tap. */
    function warning(host, sentences) {
        const list = () => sentences.map((sentence) => make("p", "", sentence));
        const made = viewer.button("vaewb-warn", `⚠ ${sentences.length > 1 ? `${sentences.length}: ` : ""}${sentences[0]}`, sentences.join("\n"), () => viewer.popover(host, made, list()));
        made.ariaLabel = sentences.join(" ");
        return made;
    }

    /** Name, badge and warnings of a VAE. */
    function heading(host, vae) {
        const made = make("div", "vaewb-heading");
        const {badge = "", warnings = [], known_as: known = null} = host.comparison.vaes[vae] ?? {};
        made.append(viewer.named(host.name(vae)));
        const signs = make("span", "vaewb-signs");
        if (badge) signs.append(make("span", "vaewb-chip", badge));
        if (known && known !== host.name(vae)) signs.append(make("span", "vaewb-known", known, {title: say("its published name, found by its content")}));
        if (warnings.length) signs.append(warning(host, warnings));
        if (signs.firstChild) made.append(signs);
        return made;
    }

    /** A picture of a VAE (−1: the source) with its name, kept up to date. `extra` is for what a view adds. */
    class Figure {
        #host;
        #told = null;
        #caption = make("figcaption");
        #name;

        constructor(host, source, vae, {name = true} = {}) {
            Object.assign(this, {source, vae, pane: null, element: make("figure", "vaewb-figure"), extra: make("div", "vaewb-extra")});
            this.#host = host;
            this.#name = name;
            const {width, height} = host.comparison.sources[source];
            if (width && height) this.element.style.setProperty("--vaewb-aspect", Math.min(2, Math.max(0.5, width / height)));
            this.element.append(this.#caption, this.extra);
            host.figures.push(this);
            this.update();
        }

        update() {
            const {vae, source} = this;
            const [cell, url] = [this.#host.cell(source, vae), this.#host.address(source, vae)];
            const told = JSON.stringify([url, cell, this.#host.comparison.running]);
            if (told === this.#told) return;
            this.#told = told;
            this.element.dataset.state = cell?.state ?? (vae < 0 ? "done" : "waiting");
            if (url && this.pane) this.pane.show(url);
            else if (url) this.#show(url);
            else this.#miss(cell);
            this.#tell(cell);
        }

        #show(url) {
            const {source, vae} = this;
            this.pane = Object.assign(this.#host.pane(url, `${this.#host.name(vae)}, ${this.#host.comparison.sources[source].name}`), {source, vae});
            this.pane.frame.append(viewer.more(this.#host, source, vae));
            this.#place(this.pane.frame);
        }

        #miss(cell) {
            if (this.pane) this.#host.unwatch(this.pane);
            this.pane = null;
            const there = this.element.querySelector(":scope > .vaewb-running progress");
            if (there && cell?.state === "running") there.parentElement.replaceChildren(...underWay(cell));
            else this.#place(this.vae < 0 ? make("div", "vaewb-absent", say("a latent: there is no picture of its own")) : absent(cell, this.#host.comparison.running));
        }

        #place(made) {
            this.element.querySelector(":scope > :is(.vaewb-pane, .vaewb-absent)")?.remove();
            this.element.prepend(made);
        }

        #tell(cell) {
            const {words = "", beside = "", notes = [], warnings = [], state} = cell ?? {};
            const lines = this.#name ? [heading(this.#host, this.vae)] : [];
            if (this.pane && (state === "stale" || state === "running")) lines.push(...(state === "running" ? underWay(cell) : [make("span", "vaewb-hint", say("of former settings; being made anew"))]));
            if (words) lines.push(make("span", "vaewb-words", beside && beside !== "the source" ? say("{words} (beside {name})", {words, name: beside}) : words, {title: words}));
            if (warnings.length) lines.push(warning(this.#host, warnings));
            for (const note of notes) lines.push(make("span", "vaewb-note", note, {title: note}));
            this.#caption.replaceChildren(...lines);
        }
    }

    /** Holding the space bar shows the source in place of each picture. */
    function holdSource(host) {
        host.held = (down) => {
            for (const {pane, source, vae} of host.figures) if (vae >= 0) pane?.cover(down ? host.address(source, -1) : null);
        };
    }

    Object.assign(viewer, {Figure, heading, warning, absent, holdSource});
})();
