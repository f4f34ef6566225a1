/*
 * <vaewb-prompts>: how the pictures chosen on the page "Compare" were made, a box for each that says so, to be made anew here. What a
 * person has changed stays; of pictures that differ in nothing but the checkpoint and the VAE there is one box. One global name:
 * vaewbPrompts.
 */
(() => {
    "use strict";
    if (window.vaewbPrompts) return;

    const NOT_OF_THE_PROMPT = /, (Model hash|Model|VAE hash|VAE|VAE Decoder|VAE precision|VAE warning|Baked VAE|Version): ("(?:\\.|[^"\\])*"|[^,\n]*)/g;
    const say = (...given) => globalThis.vaewbViewer.say(...given);
    const element = () => document.querySelector("vaewb-prompts");
    const key = (infotext) => infotext.replace(NOT_OF_THE_PROMPT, "").trim();

    /** What was changed in this tab, by the infotext that it was. */
    const changed = new Map();

    /** The boxes that there are to be: the first source of each prompt; what was made here has none, or each click would double them. */
    function wanted() {
        const found = new Map();
        for (const {name, infotext, isMadeHere} of window.vaewbSources?.now() ?? []) {
            if (infotext && !isMadeHere && !found.has(key(infotext))) found.set(key(infotext), {name, infotext});
        }
        return found;
    }

    class Prompts extends HTMLElement {
        #boxes = new Map();

        connectedCallback() {
            this.draw();
        }

        draw() {
            const now = wanted();
            for (const id of this.#boxes.keys()) if (!now.has(id)) this.#boxes.delete(id);
            for (const [id, prompt] of now) if (!this.#boxes.has(id)) this.#boxes.set(id, this.#box(id, prompt));
            const nothing = Object.assign(document.createElement("p"), {className: "vaewb-note", textContent: say("Choose a generation, or a picture that holds its infotext: it can be made anew with other checkpoints.")});
            const boxes = [...this.#boxes.values()].map(({label}) => label);
            if (boxes.length !== this.children.length || boxes.some((box, i) => box !== this.children[i]) || !boxes.length) this.replaceChildren(...(boxes.length ? boxes : [nothing]));
        }

        #box(id, {name, infotext}) {
            const label = Object.assign(document.createElement("label"), {className: "vaewb-prompt"});
            const text = Object.assign(document.createElement("textarea"), {value: changed.get(id) ?? infotext, rows: 4, spellcheck: false});
            text.title = say("Prompt, negative prompt and settings, as the web UI writes them into pictures. An empty one is left out.");
            text.addEventListener("input", () => changed.set(id, text.value));
            label.append(Object.assign(document.createElement("span"), {textContent: name}), text);
            return {label, text, name};
        }

        get chosen() {
            return [...this.#boxes.values()].map(({name, text}) => ({name, infotext: text.value}));
        }
    }

    document.addEventListener("vaewb:sources", () => element()?.draw());
    window.vaewbPrompts = {chosen: () => JSON.stringify(element()?.chosen ?? [])};
    if (!customElements.get("vaewb-prompts")) customElements.define("vaewb-prompts", Prompts);
})();
