/* The bar above the pictures of <vaewb-viewer>: views, sources, how far it is, zoom, and the list of keys. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.toolbar) return;

    const KEYS = [
        ["1 … 9, 0", "the VAE to look at, the source (with Shift: what it is compared with)"],
        ["← →", "the VAE before, the next one"],
        ["↑ ↓", "the source before, the next one"],
        ["Space", "hold: the other one, in place; in the grid and the loupe: the source"],
        ["Tab", "in A/B: change sides"],
        ["X", "in A/B: blink, the two in turn"],
        ["wheel, + −", "zoom, up to 32 times; drag or Shift + arrows to move"],
        ["F, double click", "all of the picture"],
        ["Z", "a pixel of the picture as one of the screen"],
        ["N", "the next place where they differ most (with Shift: the one before)"],
        ["G A L D T C R B", "grid, A/B, loupe, difference, tone, latent (channels), generation loss (rounds), blind choice"],
        ["← → ↓", "in the blind choice: left, right, no difference"],
        ["Esc", "leaves the pictures, a menu, the full window"],
        ["?", "this list"],
    ];

    function build(host, bar) {
        const {say, make, button} = viewer;
        const modes = make("div", "vaewb-modes", "", {role: "radiogroup", "aria-label": say("View")});
        for (const [mode, {title, key, help, fits}] of Object.entries(viewer.views).sort(([, one], [, other]) => one.order - other.order)) {
            if (fits && !fits(host)) continue;
            const made = button("vaewb-mode", say(title), `${say(help)} (${key})`, () => {
                host.choose({mode});
                host.stage.focus({preventScroll: true});
            });
            modes.append(Object.assign(made, {role: "radio"}));
            made.dataset.mode = mode;
        }
        bar.replaceChildren(modes, sources(host), make("span", "vaewb-far"), tools(host));
        progress(host, bar);
        mark(host, bar);
        zoom(host, bar);
    }

    function sources(host) {
        const {say, make, button} = viewer;
        const made = make("div", "vaewb-sources", "", {role: "radiogroup", "aria-label": say("Source")});
        const {sources} = host.comparison;
        if (sources.length < 2 || ["grid", "blind"].includes(host.state.mode)) return made;
        sources.forEach((source, index) => {
            const choice = button("vaewb-source", "", source.name, () => host.choose({source: index}));
            Object.assign(choice, {role: "radio", ariaLabel: source.name});
            choice.dataset.source = index;
            const image = source.image ?? host.address(index, host.there(index)[0] ?? -1);
            choice.append(image ? make("img", "", "", {src: image, alt: ""}) : source.name);
            made.append(choice);
        });
        return made;
    }

    function tools(host) {
        const {say, make, button} = viewer;
        const made = make("div", "vaewb-tools");
        made.append(
            button("vaewb-tool vaewb-zooms", "−", say("Smaller (−)"), () => host.zoomAt(1 / 1.5)),
            button("vaewb-tool vaewb-scale-now vaewb-zooms", "", say("A pixel of the picture as one of the screen (Z)"), () => host.actualSize()),
            button("vaewb-tool vaewb-zooms", "+", say("Larger (+)"), () => host.zoomAt(1.5)),
            button("vaewb-tool vaewb-zooms", say("Fit"), say("All of the picture (F)"), () => host.look(0.5, 0.5, 1)),
            button("vaewb-tool", say("Full window"), say("Full window, and back (Esc)"), () => fullWindow(host)),
            button("vaewb-tool", "?", say("The keys (?)"), () => help(host)),
        );
        return made;
    }

    /** The scale that the pictures have now. */
    function zoom(host, bar) {
        const shown = bar.querySelector(".vaewb-scale-now");
        const scale = host.panes[0]?.placed?.scale;
        const text = scale ? `${Math.round(scale * devicePixelRatio * 100)} %` : "–";
        if (!shown || shown.textContent === text) return;
        shown.textContent = text;
        for (const tool of bar.querySelectorAll(".vaewb-zooms")) tool.disabled = !scale; // there is nothing to zoom into
    }

    /** How many cells are there, and how long the others take. */
    function progress(host, bar) {
        const {cells, running, remaining} = host.comparison;
        const far = bar.querySelector(".vaewb-far");
        const done = cells.filter(({state}) => state === "done" || state === "failed").length;
        const parts = running ? [viewer.say("{done} of {all}", {done, all: cells.length})] : [];
        if (running && typeof remaining === "number") parts.push(viewer.say("{time} left", {time: duration(remaining)}));
        far.textContent = parts.join(" · ");
    }

    function duration(seconds) {
        return seconds < 90 ? viewer.say("about {n} s", {n: Math.max(1, Math.round(seconds))}) : viewer.say("about {n} min", {n: Math.round(seconds / 60)});
    }

    function mark(host, bar) {
        for (const button of bar.querySelectorAll("[data-mode]")) button.ariaChecked = button.dataset.mode === host.state.mode;
        for (const button of bar.querySelectorAll("[data-source]")) button.ariaChecked = Number(button.dataset.source) === host.state.source;
    }

    function fullWindow(host) {
        if (document.fullscreenElement) document.exitFullscreen();
        else if (host.classList.contains("vaewb-full") || !host.requestFullscreen) host.classList.toggle("vaewb-full");
        else host.requestFullscreen().catch(() => host.classList.add("vaewb-full"));
    }

    function help(host) {
        const {say, make, button} = viewer;
        const dialog = make("dialog", "vaewb-help");
        const list = make("dl");
        for (const [key, what] of KEYS) list.append(make("dt", "", say(key)), make("dd", "", say(what)));
        dialog.append(list, button("", say("Close"), "", () => dialog.close()));
        dialog.addEventListener("close", () => {
            dialog.remove();
            host.stage.focus({preventScroll: true});
        });
        host.append(dialog);
        dialog.showModal();
    }

    viewer.toolbar = {build, progress, mark, zoom, help, duration};
})();
