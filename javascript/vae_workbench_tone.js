/*
 * <vaewb-tone>: what a change of colours makes of a decoded picture, at once. The server sends the picture with all of its values,
 * also those beyond black and white, so that what is computed here is what the file gives. The formula is that of ColourChange in
 * vae_workbench/edit/adjust.py. One global name: vaewbTone.
 */
(() => {
    "use strict";
    if (window.vaewbTone) return;

    const LUMA = [0.2126, 0.7152, 0.0722];
    const TURN = [[-0.213, -0.715, 0.928], [0.143, 0.14, -0.283], [-0.787, 0.715, 0.072]];
    const CLIPPED = 1e-3;
    const MARK = [255, 0, 255]; // of what is clipped

    const say = (...given) => globalThis.vaewbViewer.say(...given);
    const rows = (make) => [0, 1, 2].map((row) => [0, 1, 2].map((column) => make(row, column)));
    const scaled = (factor) => rows((row, column) => (row === column ? factor : 0));
    const dot = (row, column) => row[0] * column[0] + row[1] * column[1] + row[2] * column[2];

    /** A change, and another after it. */
    function then([matrix, offset], [after, added]) {
        const column = (place) => matrix.map((row) => row[place]);
        return [rows((row, place) => dot(after[row], column(place))), [0, 1, 2].map((row) => dot(after[row], offset) + added[row])];
    }

    function hueRotation(degrees) {
        const angle = (degrees * Math.PI) / 180;
        const centred = TURN.map((row) => row.map((value) => value - (row[0] + row[1] + row[2]) / 3));
        const luma = [0, 1, 2].map((column) => dot(LUMA, centred.map((row) => row[column])));
        return rows((row, column) => LUMA[column] + Math.cos(angle) * ((row === column ? 1 : 0) - LUMA[column]) + Math.sin(angle) * (centred[row][column] - luma[column]));
    }

    /** The straight line nearest to x^(1/gamma): slope and start. */
    function gammaLine(gamma) {
        const power = 1 / gamma;
        const slope = 12 * (1 / (power + 2) - 0.5 / (power + 1));
        return [slope, 1 / (power + 1) - slope / 2];
    }

    /**
     * The change that the fields of the step "tone" ask for.
     * @returns {[number[][], number[]]} matrix and what is added, for pictures in 0..1
     */
    function change({matrix = [], hue = 0, saturation = 1, temperature = 0, tint = 0, contrast = 1, gamma = 1, brightness = 0}) {
        const none = [0, 0, 0];
        let made = matrix.length ? [rows((row, column) => matrix[3 * row + column]), [...matrix.slice(9), 0, 0, 0].slice(0, 3)] : [scaled(1), none];
        made = then(made, [hueRotation(hue), none]);
        made = then(made, [rows((row, column) => (row === column ? saturation : 0) + (1 - saturation) * LUMA[column]), none]);
        const gains = [1 + 0.2 * temperature + 0.1 * tint, 1 - 0.2 * tint, 1 - 0.2 * temperature + 0.1 * tint];
        made = then(made, [rows((row, column) => (row === column ? gains[row] / dot(LUMA, gains) : 0)), none]);
        made = then(made, [scaled(contrast), none.map(() => 0.5 * (1 - contrast))]);
        const [slope, start] = gammaLine(gamma);
        if (gamma !== 1) made = then(made, [scaled(slope), none.map(() => start)]);
        return [made[0], made[1].map((value) => value + brightness)];
    }

    /** A picture with all of its values: {width, height, values}, from what the server sends. */
    function read(buffer, {step, lowest}) {
        const [width, height] = new Uint32Array(buffer, 0, 2);
        return {width, height, values: Float32Array.from(new Uint16Array(buffer, 8), (value) => value * step + lowest)};
    }

    /**
     * Draws a picture with a change into the bytes of an ImageData.
     * @returns {number} the share of pixels that the change takes beyond black or white
     */
    function apply({values}, [matrix, offset], bytes, marked = false) {
        const [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]] = matrix;
        const [ro, go, bo] = offset;
        const beyond = (value) => value < -CLIPPED || value > 1 + CLIPPED;
        const inside = (value) => (value < 0 ? 0 : value > 1 ? 1 : value);
        let clipped = 0;
        for (let from = 0, to = 0; from < values.length; from += 3, to += 4) {
            let r = values[from], g = values[from + 1], b = values[from + 2];
            let R = rr * r + rg * g + rb * b + ro, G = gr * r + gg * g + gb * b + go, B = br * r + bg * g + bb * b + bo;
            bytes[to] = 255 * R;
            bytes[to + 1] = 255 * G;
            bytes[to + 2] = 255 * B;
            bytes[to + 3] = 255;
            if (r < 0 || r > 1 || g < 0 || g > 1 || b < 0 || b > 1) {
                // What the picture itself clips is no matter of the change.
                [r, g, b] = [inside(r), inside(g), inside(b)];
                R = rr * r + rg * g + rb * b + ro;
                G = gr * r + gg * g + gb * b + go;
                B = br * r + bg * g + bb * b + bo;
            }
            if (beyond(R) || beyond(G) || beyond(B)) {
                clipped++;
                if (marked) [bytes[to], bytes[to + 1], bytes[to + 2]] = MARK;
            }
        }
        return clipped / (values.length / 3);
    }

    class Tone extends HTMLElement {
        #canvas = document.createElement("canvas");
        #told = document.createElement("span");
        #marked = document.createElement("input");
        #base = null;
        #image = null;
        #asked = null;
        #held = false;
        #drawn = 0;
        #title = document.createElement("strong");
        #hint = document.createElement("span");

        connectedCallback() {
            if (this.firstChild) return;
            const head = document.createElement("div");
            head.className = "vaewb-panel-head";
            const label = document.createElement("label");
            Object.assign(this.#marked, {type: "checkbox"});
            label.append(this.#marked, ` ${say("Mark what is clipped")}`);
            this.#marked.addEventListener("change", () => this.#later());
            this.#told.setAttribute("role", "status");
            this.#title.textContent = say("The picture, as the file will give it");
            head.append(this.#title, label);
            const below = Object.assign(document.createElement("p"), {className: "vaewb-note"});
            this.#hint.textContent = ` ${say("Hold the picture to see it as it was.")}`;
            below.append(this.#told, this.#hint);
            this.#canvas.setAttribute("aria-label", say("The picture with the change of colours"));
            this.#canvas.setAttribute("role", "img");
            for (const [event, held] of [["pointerdown", true], ["pointerup", false], ["pointerleave", false], ["pointercancel", false]]) {
                this.#canvas.addEventListener(event, () => {
                    this.#held = held;
                    this.#later();
                });
            }
            this.append(head, this.#canvas, below);
        }

        /** What is shown: a picture as `read` gives it, or null. */
        set base(base) {
            this.#base = base;
            if (base) {
                Object.assign(this.#canvas, {width: base.width, height: base.height});
                this.#image = new ImageData(base.width, base.height);
            }
            this.#later();
        }

        get base() {
            return this.#base;
        }

        /** The fields of the step; null where there is none. */
        set fields(fields) {
            this.#asked = fields;
            this.#later();
        }

        #later() {
            this.#drawn ||= requestAnimationFrame(() => {
                this.#drawn = 0;
                this.draw();
            });
        }

        draw() {
            this.#canvas.hidden = !this.#base;
            this.#marked.parentElement.hidden = this.#hint.hidden = this.#told.hidden = !this.#asked;
            if (!this.#base) return;
            const image = this.#image;
            const clipped = apply(this.#base, change((!this.#held && this.#asked) || {}), image.data, this.#marked.checked && !this.#held);
            this.#canvas.getContext("2d", {willReadFrequently: true}).putImageData(image, 0, 0);
            const percent = (100 * clipped).toFixed(clipped < 0.1 ? 1 : 0);
            this.#told.textContent = clipped ? `${percent} % ${say("of the pixels become black or white in a colour (clipped).")}` : say("Nothing is clipped.");
        }
    }

    window.vaewbTone = {change, read, apply};
    if (!customElements.get("vaewb-tone")) customElements.define("vaewb-tone", Tone);
})();
