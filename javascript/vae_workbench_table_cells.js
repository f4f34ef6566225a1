/*
 * What tables and cards of files are made of: how each kind of cell is searched, sorted and drawn, and a card of several of them. One
 * global name: vaewbCells.
 */
(() => {
    "use strict";
    if (globalThis.vaewbCells) return;

    const WORST = ["error", "warning", "info"];

    /** An element with a class, a text and attributes; made by a file that is loaded later in the web UI. */
    const element = (...given) => globalThis.vaewbViewer.make(...given);

    /** Bytes as people read them. */
    function size(bytes) {
        const [unit, factor] = [["GB", 1e9], ["MB", 1e6], ["KB", 1e3], ["B", 1]].find(([, least]) => bytes >= least) ?? ["B", 1];
        return `${(bytes / factor).toFixed(factor > 1 && bytes < 10 * factor ? 1 : 0)} ${unit}`;
    }

    /** How each kind of cell is searched, sorted and drawn. A text may be one line or two. */
    const KINDS = {
        text: {
            words: (cell) => [cell].flat(),
            rank: (cell) => [cell].flat()[0],
            values: (cell) => [[cell].flat()[0]],
            draw: (cell) => {
                const [line, below] = [cell].flat();
                const made = element("div", "vaewb-cell", "", {title: below ? `${line}\n${below}` : line});
                made.append(element("span", "vaewb-text", line));
                if (below) made.append(element("small", "", below));
                return made;
            },
        },
        size: {
            words: () => [],
            rank: (cell) => cell,
            values: () => [],
            draw: (cell) => element("div", "vaewb-cell vaewb-number", size(cell)),
        },
        picture: {
            words: () => [],
            rank: (cell) => (cell ? 0 : 1),
            values: () => [],
            draw: (cell) => {
                const made = element("div", "vaewb-cell vaewb-thumbnail");
                if (cell) made.append(element("img", "", "", {src: cell, alt: "", loading: "lazy"}));
                return made;
            },
        },
        badges: {
            words: (cell) => cell.map(([text]) => text),
            rank: (cell) => cell.map(([text]) => text).join(" "),
            values: (cell) => cell.map(([text]) => text),
            draw: (cell) => {
                const made = element("div", "vaewb-cell vaewb-badges");
                const [first, ...others] = Object.values( // what is worst is read at once
                    cell.reduce((all, [text, kind, title]) => ({...all, [text]: {text, kind, title: all[text] ? `${all[text].title}\n${title}` : title}}), {}),
                ).sort((one, other) => WORST.indexOf(one.kind) - WORST.indexOf(other.kind));
                if (first) made.append(element("span", `vaewb-badge vaewb-${first.kind}`, first.text, {title: first.title}));
                // What has no room is read on the count, and in the details.
                const more = others.map(({text, title}) => `${text}: ${title}`).join("\n");
                if (others.length) made.append(element("span", "vaewb-badge", `+${others.length}`, {title: more}));
                return made;
            },
        },
    };

    /** A file as a card: its picture, its name, and what the columns say that are meant for cards. */
    function card(columns, cells) {
        const made = element("div", "vaewb-card-cell", "", {role: "gridcell"});
        const [name] = columns.filter(({kind}) => kind === "text");
        const picture = columns.find(({kind}) => kind === "picture");
        if (picture) made.append(picture.draw(cells[picture.place]));
        const title = globalThis.vaewbViewer.named(cells[name.place], "div");
        title.classList.add("vaewb-text");
        made.append(title);
        for (const column of columns.filter((it) => it.card)) {
            const cell = cells[column.place];
            const words = column.words(cell).filter(Boolean).join(" · ");
            if (column.kind === "badges" ? cell.length : words) {
                made.append(column.kind === "badges" ? column.draw(cell) : element("small", "vaewb-text", words, {title: words}));
            }
        }
        return made;
    }

    globalThis.vaewbCells = {KINDS, card};
})();
