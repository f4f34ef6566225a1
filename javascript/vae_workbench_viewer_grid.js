/*
 * The grid of <vaewb-viewer>. A view, here and in the other files, is an entry of vaewbViewer.views by its name: {order, title, key,
 * help, fits(host)?, build(host, stage)}. A view may set on the host: updated() after a choice or new cells (true if nothing is to be
 * built anew), moved() after zoom or pan, held(down) for the space bar, clicked(pane, event), grabs(event) and dragged(event) for the
 * pointer, keyed(event, down) for keys of its own (true if it took it), left() when another view comes.
 */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.grid) return;

    /** Screen pixels below a picture for its name and its words, and between two. */
    const CAPTION = 100, GAP = 8;
    /** The least width of a picture. */
    const LEAST = 120;
    /** The part of the window's height that the pictures of one source may take. */
    const HEIGHT = 0.76;

    /**
     * How many pictures of one source stand in a row, so that they are as large as the window lets them be.
     * @param {number} count of the pictures
     * @param {number} aspect width by height
     * @param {number} width of the place for them, in pixels
     * @param {number} height the same
     * @returns {{columns: number, width: number}} and how much of the width they take
     */
    function fitted(count, aspect, width, height) {
        const side = (columns) => Math.min((width - GAP * (columns - 1)) / columns, aspect * (height / Math.ceil(count / columns) - CAPTION));
        const all = Array.from({length: count}, (_, i) => count - i); // of equal ones the fewest rows
        const columns = all.reduce((best, each) => (side(each) > side(best) ? each : best));
        return {columns, width: columns * (Math.max(LEAST, side(columns)) + GAP) - GAP};
    }

    /** From this many columns on, words are cut to two lines; all of them are shown by hovering. */
    const DENSE = 8;

    viewer.fittedGrid = fitted;
    views.grid = {
        order: 0,
        title: "Grid",
        key: "G",
        help: "All pictures: rows are sources, columns are VAEs",
        build(host, stage) {
            const {make, say} = viewer;
            const {vaes, sources} = host.comparison;
            const table = make("div", "vaewb-grid");
            const columns = [...(sources.some(({image}) => image) ? [-1] : []), ...vaes.keys()];
            table.style.setProperty("--vaewb-columns", columns.length);
            table.classList.toggle("vaewb-dense", columns.length > DENSE);
            const many = sources.length > 1;
            if (many) {
                for (const vae of columns) table.append(Object.assign(viewer.heading(host, vae), {className: "vaewb-heading vaewb-column"}));
            }
            sources.forEach((source, row) => {
                if (many) table.append(make("div", "vaewb-of-source", `${source.name} · ${source.width}×${source.height}`));
                for (const vae of columns) table.append(new viewer.Figure(host, row, vae, {name: !many}).element);
            });
            if (!many && columns.length <= DENSE) {
                const aspect = Math.min(2, Math.max(0.5, sources[0].width / sources[0].height || 1));
                const resized = new ResizeObserver(([{contentRect: {width}}]) => {
                    if (!width) return;
                    const fit = fitted(columns.length, aspect, width, HEIGHT * innerHeight);
                    table.style.setProperty("--vaewb-columns", fit.columns);
                    table.style.maxWidth = `${fit.width}px`;
                });
                resized.observe(stage);
                host.left = () => resized.disconnect();
            }
            const below = make("div", "vaewb-controls");
            below.append(make("span", "vaewb-hint", say("Click a picture for the loupe; hold Space for the source.")), viewer.exportButtons(host));
            stage.append(table, below);
            viewer.holdSource(host);
            host.clicked = (pane, event) => {
                const at = pane.at(event.clientX, event.clientY);
                host.choose({mode: "loupe", source: pane.source, b: pane.vae, spot: 0});
                if (at) host.look(at.x, at.y, Math.max(4, host.view.zoom));
            };
            host.updated = () => true;
        },
    };
})();
