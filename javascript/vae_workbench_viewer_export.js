/* The whole grid of <vaewb-viewer> as one picture in full size, with labels, and the infotext inside. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.exportButtons) return;

    /** What browsers and WebP can hold: pixels of a side, and in all. */
    const SIDE = 16383, AREA = 2 ** 28;
    const KINDS = [["PNG", "image/png", "png"], ["WebP", "image/webp", "webp"]];

    function exportButtons(host) {
        const {say, make, button} = viewer;
        const made = make("span", "vaewb-export");
        const told = make("span", "vaewb-hint", "", {role: "status"});
        for (const [title, type, ending] of KINDS) {
            const save = button("", say("Save the grid as {kind}", {kind: title}), say("All pictures in full size with their names, the infotext inside"), async () => {
                save.disabled = true;
                told.textContent = say("drawing …");
                told.textContent = await written(host, type, ending).catch(() => say("The browser could not make a picture of this size. Save fewer sources or VAEs."));
                save.disabled = false;
            });
            made.append(save);
        }
        made.append(told);
        return made;
    }

    async function written(host, type, ending) {
        const {say} = viewer;
        const {canvas, scale} = await drawn(host);
        const blob = await viewer.infotext.encoded(canvas, type, infotext(host));
        if (!blob) return type === "image/png" ? say("The browser could not make a picture of this size. Save fewer sources or VAEs.") : say("This browser cannot write WebP. Save as PNG.");
        const url = URL.createObjectURL(blob);
        viewer.download(url, `${host.comparison.title || "VAE comparison"}.${ending}`);
        setTimeout(() => URL.revokeObjectURL(url), 60_000);
        const size = `${canvas.width}×${canvas.height}`;
        return scale < 1 ? say("Saved at {percent} % of the size, {size}: more is not possible in a browser.", {percent: Math.round(100 * scale), size}) : say("Saved, {size}.", {size});
    }

    /** As compare/views/grid_picture.py: the infotext of the first source that has one; its line of values goes on with the comparison. */
    function infotext(host) {
        const {sources, vaes, cells} = host.comparison;
        const first = sources.find((source) => source.infotext)?.infotext.trimEnd() ?? "";
        const precisions = [...new Set(cells.map(({precision}) => precision).filter(Boolean))];
        const told = [
            ["Comparison", `${sources.length} sources, ${vaes.length} VAEs`],
            ...vaes.map(({name}, i) => [`VAE ${i + 1}`, name]),
            ["Precision", precisions.join(", ")],
            ...sources.flatMap((source, i) => [[`Source ${i + 1}`, source.name], [`Source ${i + 1} infotext`, source.infotext]]),
        ];
        const values = told.filter(([, value]) => value).map(([name, value]) => `${name}: ${/[,:\n"]/.test(value) ? JSON.stringify(value) : value}`).join(", ");
        return first ? `${first}${/\bSteps: \d.*$/.test(first) ? ", " : "\n"}${values}` : values;
    }

    async function drawn(host) {
        const {vaes, sources} = host.comparison;
        const columns = [...(sources.some(({image}) => image) ? [-1] : []), ...vaes.keys()];
        const [cellWidth, cellHeight] = [Math.max(...sources.map(({width}) => width)), Math.max(...sources.map(({height}) => height))];
        const [gap, text] = [Math.round(cellWidth / 64) + 2, Math.max(11, Math.round(cellWidth / 24))];
        const [head, words] = [Math.round(text * 3.2), Math.round(text * 3)];
        const size = [columns.length * (cellWidth + gap) + gap, head + sources.length * (cellHeight + words + gap)];
        const scale = Math.min(1, SIDE / size[0], SIDE / size[1], Math.sqrt(AREA / (size[0] * size[1])));
        const [width, height] = size.map((side) => Math.floor(side * scale));
        const canvas = Object.assign(viewer.make("canvas"), {width, height});
        const context = canvas.getContext("2d", {alpha: false});
        if (!context) throw new Error("no canvas");
        Object.assign(context, {fillStyle: "#fff", imageSmoothingQuality: "high", imageSmoothingEnabled: scale < 1});
        context.fillRect(0, 0, width, height);
        context.scale(scale, scale);
        for (const [i, vae] of columns.entries()) {
            const x = gap + i * (cellWidth + gap);
            write(context, host.name(vae), x, gap / 2, cellWidth, text, "bold", "#111");
            for (const [row, source] of sources.entries()) {
                const y = head + row * (cellHeight + words + gap);
                const [url, cell] = [host.address(row, vae), host.cell(row, vae)];
                if (url) context.drawImage(await viewer.decoded(url), x, y);
                else write(context, cell?.error ?? viewer.say("not decoded yet"), x, y + cellHeight / 3, cellWidth, text, "", "#777", 6);
                write(context, vae < 0 ? source.name : (cell?.words ?? ""), x, y + cellHeight + text / 4, cellWidth, text * 0.85, "", "#333");
            }
        }
        return {canvas, scale};
    }

    /** A text in lines of a width; what does not fit into the last one is cut off. */
    function write(context, text, x, y, width, size, weight, colour, most = 2) {
        Object.assign(context, {font: `${weight} ${size}px system-ui, sans-serif`, fillStyle: colour, textBaseline: "top"});
        const lines = [""];
        for (const part of text.split(/(?<=[\s._-])/)) {
            for (const piece of context.measureText(part).width > width ? part : [part]) {
                if (context.measureText(lines.at(-1) + piece).width > width) lines.push("");
                lines[lines.length - 1] += piece;
            }
        }
        if (lines.length > most) lines[most - 1] = `${lines[most - 1].slice(0, -2)}…`;
        lines.slice(0, most).forEach((line, i) => context.fillText(line.trim(), x, y + i * size * 1.2));
    }

    viewer.exportButtons = exportButtons;
})();
