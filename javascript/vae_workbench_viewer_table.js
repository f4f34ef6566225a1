/* The table of <vaewb-viewer>: what was measured of each VAE on the source in view, to be sorted by a click on a heading. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.table) return;

    const digits = (places) => (value) => value.toFixed(places).replace("-", "−");
    /** Key in comparison.json, heading, what it means, how it is written. */
    const MEASURES = [
        ["psnr", "PSNR", "closeness to the source in dB: higher is closer", digits(2)],
        ["ssim", "SSIM", "structural similarity to the source: 1 is the same", digits(4)],
        ["delta_e", "ΔE2000", "mean difference of colour from the source: about 1 is just visible, lower is closer", digits(2)],
        ["flip", "ꟻLIP", "what the eye notices when it alternates with the source in place: 0 nothing, 1 everything", digits(3)],
        ["brightness", "brightness", "mean L*, 0 black to 100 white", digits(1)],
        ["contrast", "contrast", "standard deviation of L*", digits(1)],
        ["saturation", "saturation", "mean chroma: 0 is grey", digits(1)],
        ["a", "a*", "mean a*: negative is greenish, positive reddish", digits(1)],
        ["b", "b*", "mean b*: negative is bluish, positive yellowish", digits(1)],
        ["sharpness", "sharpness", "mean difference of L* between neighbouring pixels", digits(2)],
        ["colours", "colours", "number of different colours", (value) => value.toLocaleString("en").replaceAll(",", "\u202f")],
        ["clipped", "clipped", "part of the values that are black or white to the last bit", (value) => `${(100 * value).toFixed(1)} %`],
        ["non_finite", "non-finite", "values that are no numbers (NaN) or infinite, before they were repaired", (value) => value.toLocaleString("en")],
        ["seconds", "time", "of encoding and decoding, in seconds", (value) => `${value.toFixed(2)} s`],
        ["peak_memory", "memory", "the most memory that was in use while it ran", (value) => `${(value / 2 ** 20).toFixed(0)} MB`],
        ["precision", "precision", "the number format that it ran in", String],
        ["device", "device", "where it ran", String],
        ["encoder", "encoder", "what made the latent that was decoded", String],
    ];
    /** Told once below the table where it is the same for all. */
    const ONCE = new Set(["precision", "device", "encoder"]);

    let sorted = {key: "", down: true};

    /** The table for the source that is in view; nothing where nothing was measured. */
    function table(host) {
        const {make, say} = viewer;
        const rows = host.comparison.vaes.map((_, vae) => ({vae, cell: host.cell(host.state.source, vae)})).filter(({cell}) => ["done", "stale"].includes(cell?.state));
        const frame = make("details", "vaewb-table");
        frame.open = host.tableOpen ?? true;
        frame.addEventListener("toggle", () => (host.tableOpen = frame.open));
        frame.append(make("summary", "", say("Measured on {source}", {source: host.comparison.sources[host.state.source]?.name ?? ""})));
        if (!rows.length) return frame;
        const known = MEASURES.filter(([key]) => rows.some(({cell}) => cell[key] !== undefined && cell[key] !== null && cell[key] !== ""));
        const once = known.filter(([key]) => ONCE.has(key) && new Set(rows.map(({cell}) => cell[key])).size === 1);
        const shown = known.filter((measure) => !once.includes(measure));
        if (sorted.key) rows.sort((one, other) => compared(one, other) * (sorted.down ? -1 : 1));
        const made = make("table");
        made.append(head(host, frame, shown), body(host, rows, shown));
        const scroll = make("div", "vaewb-scroll");
        scroll.append(made);
        const encoders = rows.some(({cell}) => cell.encoder) ? [] : [say(host.comparison.sources[host.state.source]?.latent ? "from the source's own latent" : "each with its own encoder")];
        const told = [...once.map(([key, title]) => `${say(title)}: ${rows[0].cell[key]}`), ...encoders];
        frame.append(scroll, make("p", "vaewb-hint", `${told.join(" · ")}${told.length ? ". " : ""}${say("★ closest to the source, as far as can be seen. Click a heading to sort.")}`));
        return frame;
    }

    function compared(one, other) {
        if (sorted.key === "name") return one.vae - other.vae;
        const [a, b] = [one, other].map(({cell}) => (sorted.key === "psnr" && cell.identical ? Infinity : cell[sorted.key] ?? -Infinity));
        return a < b ? -1 : a > b ? 1 : 0;
    }

    function head(host, frame, shown) {
        const {make, say} = viewer;
        const made = make("thead");
        const row = made.insertRow();
        row.append(make("th", "", "VAE", {scope: "col"}));
        for (const [key, title, help] of shown) {
            const heading = make("th", "", "", {scope: "col", "aria-sort": sorted.key !== key ? "none" : sorted.down ? "descending" : "ascending"});
            heading.append(viewer.button("vaewb-sort", say(title), say(help), () => {
                sorted = {key, down: sorted.key === key ? !sorted.down : true};
                frame.replaceWith(table(host));
            }));
            row.append(heading);
        }
        return made;
    }

    function body(host, rows, shown) {
        const {make, say} = viewer;
        const made = make("tbody");
        for (const {vae, cell} of rows) {
            const row = made.insertRow();
            const name = make("th", "", "", {scope: "row"});
            name.append(viewer.named(host.name(vae), "span"));
            row.append(name);
            for (const [key, title, help, write] of shown) {
                const value = cell[key];
                const field = row.insertCell();
                field.textContent = value === null || value === undefined ? (key === "psnr" && cell.identical ? say("identical") : "–") : write(value);
                field.title = say(help);
                if (!cell.best?.includes(key)) continue;
                field.className = "vaewb-best";
                field.title = say("closest by {measure}, as far as can be seen", {measure: say(title)});
            }
        }
        return made;
    }

    viewer.table = table;
})();
