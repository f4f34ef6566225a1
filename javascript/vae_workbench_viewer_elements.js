/*
 * What the files of <vaewb-viewer> are built with: elements, and what it says. One global name: vaewbViewer, which its files share.
 */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.make) return;

    /**
     * A sentence of the viewer in the language of the web UI, if its localization has it; else as it is, in English.
     * @param {string} text the sentence, {names} standing for values
     * @param {Object<string, string | number>} values
     */
    function say(text, values = {}) {
        const told = globalThis.localization?.[text] ?? text;
        return told.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
    }

    /** An element with a class and a text. Texts come from files and are never read as HTML. */
    function make(tag, className = "", text = "", attributes = {}) {
        const made = document.createElement(tag);
        if (className) made.className = className;
        if (text) made.textContent = text;
        for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
        return made;
    }

    function button(className, text, help, act) {
        const made = make("button", className, text, {type: "button", ...(help ? {title: help} : {})});
        made.addEventListener("click", act);
        return made;
    }

    const SVG = "http://www.w3.org/2000/svg";

    /** An SVG with a label, and what draws into it: draw(tag, attributes, text). */
    function drawing(size, label) {
        const svg = document.createElementNS(SVG, "svg");
        svg.setAttribute("viewBox", size);
        svg.setAttribute("role", "img");
        svg.setAttribute("aria-label", label);
        const draw = (tag, attributes, text = "") => {
            const made = document.createElementNS(SVG, tag);
            for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
            made.textContent = text;
            svg.append(made);
            return made;
        };
        return [svg, draw];
    }

    /** The name of a file, its ending in small letters. */
    function named(name, tag = "strong") {
        const [, stem, ending] = /^(.*?)(\.(?:safetensors|ckpt|pth?|bin))?$/s.exec(name);
        const made = make(tag, "vaewb-name", stem, {title: name});
        if (ending) made.append(make("span", "vaewb-ending", ending));
        return made;
    }

    /** A list to choose from with a label; options are [key, text]. */
    function select(label, value, options, change) {
        const field = make("label", "", `${label} `);
        const list = make("select");
        for (const [key, text] of options) list.append(Object.assign(make("option", "", text), {value: key}));
        list.value = value;
        list.addEventListener("change", () => change(list.value));
        field.append(list);
        return field;
    }

    /** Something small over the viewer, beside an element, until a click elsewhere or Escape. */
    function popover(host, anchor, content) {
        host.querySelector(".vaewb-popover")?.remove();
        const made = make("div", "vaewb-popover");
        made.append(...content);
        host.append(made);
        const [frame, at] = [host.getBoundingClientRect(), anchor.getBoundingClientRect()];
        const left = Math.min(at.left - frame.left, frame.width - made.offsetWidth - 4);
        const below = at.bottom + made.offsetHeight < innerHeight || at.top < made.offsetHeight;
        Object.assign(made.style, {left: `${Math.max(0, left)}px`, top: `${(below ? at.bottom + 2 : at.top - made.offsetHeight - 2) - frame.top}px`});
        const close = () => {
            made.remove();
            removeEventListener("pointerdown", outside, true);
        };
        const outside = (event) => made.contains(event.target) || anchor.contains(event.target) || close();
        addEventListener("pointerdown", outside, true);
        made.addEventListener("keydown", (event) => {
            const all = [...made.querySelectorAll("button")];
            const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
            if (event.key === "Escape") close();
            else if (step) all[(all.indexOf(document.activeElement) + step + all.length) % all.length]?.focus();
            else return;
            if (event.key === "Escape") anchor.focus();
            event.preventDefault();
            event.stopPropagation();
        });
        (made.querySelector("button") ?? anchor).focus({preventScroll: true});
        return close;
    }

    Object.assign(viewer, {say, make, button, drawing, named, select, popover, views: (viewer.views ??= {})});
})();
