/*
 * Says in the language of the page what the core says in English. The table is the web UI's localization; what it knows word for
 * word is translated by the web UI itself. Sentences with names and numbers in them are templates there: "{1} has no {2}". In a
 * translation, {1} stands for the same text, and {1*} for that text translated, if it is known. Names of files are {1}.
 */
(() => {
    "use strict";
    if (window.vaewbWords) return;

    const OURS = "[id^=vaewb_], [class*=vaewb-], vaewb-viewer, .toast-wrap";
    const LEFT = "script, style, textarea, input, .vaewb-name, code, pre";
    const LONGEST = 1000; // characters; nothing that is said is longer
    const KEPT = 5000; // answers
    const PLACE = /\{(\d+)(\*?)\}/g;
    let table = null;
    let templates = [];
    let [stop, gap] = [".", " "];
    let answers = new Map();

    const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

    function compiled([key, told]) {
        const parts = key.split(/\{\d+\}/);
        const order = [...key.matchAll(/\{(\d+)\}/g)].map((found) => found[1]);
        const literals = parts.filter(Boolean);
        const pattern = new RegExp(`^${parts.map(escaped).join("(.*?)")}$`, "s");
        return {pattern, order, literals, told, weight: literals.join("").length};
    }

    function load() {
        if (table === (window.localization ?? {})) return;
        table = window.localization ?? {};
        const entries = Object.entries(table).filter(([key]) => /\{\d+\}/.test(key));
        templates = entries.map(compiled).sort((one, other) => other.weight - one.weight);
        [stop, gap] = Object.values(table).some((told) => String(told).endsWith("。")) ? ["。", ""] : [".", " "];
        answers = new Map();
    }

    function filled(text) {
        for (const {pattern, order, literals, told} of templates) {
            if (!literals.every((literal) => text.includes(literal))) continue;
            const found = pattern.exec(text);
            if (!found) continue;
            const values = Object.fromEntries(order.map((number, index) => [number, found[index + 1]]));
            return told.replace(PLACE, (_, number, known) => known ? translated(values[number]) ?? values[number] : values[number]);
        }
        return undefined;
    }

    function sought(text) {
        if (Object.hasOwn(table, text)) return table[text];
        if (!templates.length || text.length > LONGEST || !/[a-z]{2}/i.test(text)) return undefined;
        for (const {index} of text.matchAll(/\. (?=[A-Z“"])/g)) {
            const [head, tail] = [translated(text.slice(0, index + 1)), text.slice(index + 2)];
            if (head !== undefined) return head + gap + (translated(tail) ?? tail);
        }
        const whole = text.endsWith(".") ? translated(text.slice(0, -1)) : undefined;
        return whole === undefined ? filled(text) : whole + stop;
    }

    /** A sentence, or several, in the language of the page; undefined if none of it is known. */
    function translated(text) {
        load();
        if (!answers.has(text)) {
            if (answers.size >= KEPT) answers.clear();
            answers.set(text, sought(text));
        }
        return answers.get(text);
    }

    function node(text) {
        const whole = text.data.trim();
        if (!whole || text.parentElement?.closest(LEFT)) return;
        const told = translated(whole);
        if (told !== undefined && told !== whole) text.data = text.data.replace(whole, () => told);
    }

    function attributes(element) {
        for (const name of ["title", "aria-label", "aria-description", "placeholder"]) {
            const said = element.getAttribute(name);
            const told = said ? translated(said) : undefined;
            if (told !== undefined && told !== said) element.setAttribute(name, told);
        }
    }

    function tree(root) {
        if (root.nodeType === Node.TEXT_NODE) return node(root);
        if (root.nodeType !== Node.ELEMENT_NODE || root.matches("script, style")) return undefined;
        attributes(root);
        const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
        while (walk.nextNode()) {
            if (walk.currentNode.nodeType === Node.TEXT_NODE) node(walk.currentNode);
            else attributes(walk.currentNode);
        }
        return undefined;
    }

    function arrived(root) {
        const element = root.nodeType === Node.ELEMENT_NODE ? root : root.parentElement;
        if (element?.closest(OURS)) tree(root);
        else element?.querySelectorAll?.(OURS).forEach(tree);
    }

    /** Begins, where the page has a language: with what is there, and with whatever comes later. */
    function begin() {
        load();
        if (!Object.keys(table).length) return;
        arrived(document.body);
        new MutationObserver((changes) => {
            for (const {type, target, addedNodes} of changes) {
                if (type === "childList") addedNodes.forEach(arrived);
                else if (type === "characterData") arrived(target);
                else if (target.closest(OURS)) attributes(target);
            }
        }).observe(document.body, {
            childList: true, subtree: true, characterData: true,
            attributes: true, attributeFilter: ["title", "aria-label", "aria-description", "placeholder"],
        });
    }

    window.vaewbWords = {translated};
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
    else begin();
})();
