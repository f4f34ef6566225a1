/*
 * <vaewb-picker>: the list in which VAEs are chosen on the page "Compare". The page sends what the library knows of each as data;
 * the list is replaced whenever that changed, and what was chosen outlives it, and F5. One global name: vaewbPicker.
 */
(() => {
    "use strict";
    if (window.vaewbPicker) return;

    const KEY = "vaewb-vaes";
    const TITLES = {other: "of another family", unusable: "that cannot be used"};
    const COPIES_SHOWN = 2;
    const SETTLED = 2000; // milliseconds after which what is known has come
    const MOVES = {ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6, Home: -Infinity, End: Infinity};

    /** Names of the VAEs that were chosen, in the order of the choice; null until the list is known. */
    let names = null;
    let search = "";
    let top = 0;
    let looked = false;

    // These stand in a file that is loaded later in the web UI.
    const say = (...given) => globalThis.vaewbViewer.say(...given);
    const make = (...given) => globalThis.vaewbViewer.make(...given);
    const element = () => document.querySelector("vaewb-picker");

    /** The first of some names, and how many more there are; the search finds all of them. */
    function some(all) {
        const shown = all.length > COPIES_SHOWN + 1 ? COPIES_SHOWN : all.length;
        const more = all.length - shown;
        return all.slice(0, shown).join(", ") + (more ? ` + ${more}` : "");
    }

    function kept() {
        try {
            const found = JSON.parse(sessionStorage.getItem(KEY));
            return Array.isArray(found) ? found : null;
        } catch {
            return null;
        }
    }

    function choose(changed) {
        names = changed;
        sessionStorage.setItem(KEY, JSON.stringify(names));
        for (const each of document.querySelectorAll("vaewb-picker")) each.mark();
    }

    class Picker extends HTMLElement {
        #rows = [];
        #list = make("div", "vaewb-picker-list");
        #chosen = make("ul", "vaewb-chips", "", {"aria-label": "VAEs to compare"});
        #nothing = make("p", "vaewb-note", say("No VAE has these words."));
        #title = make("strong");
        #fit = make("button", "vaewb-button vaewb-fit", "", {type: "button"});

        connectedCallback() {
            if (this.firstChild) return;
            this.given = JSON.parse(this.dataset.given);
            names ??= kept() ?? this.given.selected;
            const head = make("div", "vaewb-panel-head");
            const none = make("button", "vaewb-button vaewb-none", say("None"), {type: "button"});
            none.addEventListener("click", () => choose([]));
            this.#fit.addEventListener("click", () => this.#chooseFitting());
            head.append(this.#title, this.#fit, none);
            const field = make("input", "vaewb-search", "", {type: "search", placeholder: say("Search"), "aria-label": say("Search VAEs")});
            field.value = search;
            field.addEventListener("input", () => {
                search = field.value;
                this.#filter();
            });
            this.append(head, this.#chosen, field, this.#nothing, this.#list);
            this.#build();
            this.#list.addEventListener("scroll", () => {
                top = this.#list.scrollTop;
            }, {passive: true});
            this.#list.addEventListener("keydown", (event) => this.#key(event));
            this.mark();
            this.#filter();
            this.#list.scrollTop = top;
            this.#lookOnce();
        }

        /** A page that was loaded shows what was known when the server started: it asks once for what is known now. */
        #lookOnce() {
            if (looked) return;
            looked = true;
            setTimeout(() => document.querySelector("#vaewb_vaes_refresh")?.click());
            // What is still unknown then is looked at, which may take a while.
            setTimeout(() => {
                const isBusy = document.querySelector(".vaewb-progress[data-vaewb-kind=vaes]");
                if (!isBusy && element()?.given.rows.some((row) => row.unknown)) document.querySelector("#vaewb_refresh")?.click();
            }, SETTLED);
        }

        #build() {
            const {rows} = this.given;
            this.#rows = rows.map((row) => {
                const node = row.group === "unusable" ? this.#told(row) : this.#choice(row);
                return {...row, node, words: [row.name, row.known, ...row.copies, ...row.badges.map(([text]) => text)].join("\n").toLowerCase()};
            });
            this.#list.replaceChildren(...this.#rows.filter((row) => row.group === "usable").map((row) => row.node));
            if (!rows.length) this.#list.append(make("p", "vaewb-note", this.given.nothing));
            for (const [group, title] of Object.entries(TITLES)) {
                const members = this.#rows.filter((row) => row.group === group);
                if (!members.length) continue;
                const folded = make("details", "vaewb-apart", "", {"data-group": group});
                folded.append(make("summary", "", `${members.length} ${say(title)}`), ...members.map((row) => row.node));
                this.#list.append(folded);
            }
        }

        #words(row, more) {
            const words = make("span", "vaewb-picker-words");
            words.append(make("span", "vaewb-picker-name", row.name));
            const badges = make("span", "vaewb-badges");
            for (const [text, kind, title] of row.badges) badges.append(make("span", `vaewb-badge vaewb-${kind}`, text, {title}));
            const copies = row.copies.length ? `${say("also in")} ${some(row.copies)}` : "";
            const small = [row.known, copies, ...more].filter(Boolean).join(" · ");
            if (small) words.append(make("small", "", small));
            if (row.badges.length) words.append(badges);
            return words;
        }

        #choice(row) {
            const label = make("label", "vaewb-picker-row", "", {title: [row.name, ...row.copies, row.why].filter(Boolean).join("\n"), "data-name": row.name});
            const box = make("input", "", "", {type: "checkbox", tabindex: "-1"});
            box.addEventListener("change", () => choose(box.checked ? [...names, row.name] : this.#without(row)));
            label.append(box, row.picture ? make("img", "", "", {src: row.picture, alt: "", loading: "lazy"}) : make("span", "vaewb-no-picture"), this.#words(row, [row.why]));
            return label;
        }

        /** A file that cannot be chosen, and why. */
        #told(row) {
            const line = make("div", "vaewb-picker-row vaewb-unusable", "", {"data-name": row.name});
            line.append(this.#words(row, [row.why]));
            return line;
        }

        #without = (row) => names.filter((name) => this.#row(name) !== row && name !== row.name);
        #row = (name) => this.#rows.find((row) => row.group !== "unusable" && (row.name === name || row.copies.includes(name)));

        /** The rows that were chosen, in the order of the choice. */
        get chosen() {
            return [...new Set(names.map((name) => this.#row(name)).filter(Boolean))];
        }

        #chooseFitting() {
            const [first] = this.chosen;
            const usable = this.#rows.filter((row) => row.group === "usable");
            const fitting = this.given.checkpoint ? usable : usable.filter((row) => row === first || (row.family && row.family === first.family));
            choose([...new Set([...this.chosen.filter((row) => fitting.includes(row)), ...fitting].map((row) => row.name))]);
        }

        mark() {
            const chosen = this.chosen;
            for (const row of this.#rows) {
                const box = row.node.querySelector("input");
                if (box) box.checked = chosen.includes(row);
            }
            this.#chosen.replaceChildren(...chosen.map((row, place) => this.#chip(row, place)));
            if (!chosen.length) this.#chosen.append(make("li", "vaewb-note", say("None yet.")));
            this.#title.textContent = `${say("VAEs to compare")}${chosen.length ? ` (${chosen.length})` : ""}`;
            const {checkpoint} = this.given;
            this.#fit.disabled = !checkpoint && !chosen.length; // of what family, nothing would tell
            this.#fit.textContent = say(checkpoint ? "All that fit" : "Same family");
            this.#fit.title = checkpoint ? `${say("All that fit")} ${checkpoint}` : say(chosen.length ? "All that decode the latents of the first one" : "Choose one first: all of its family are added then");
            this.#rove(this.#list.querySelector("[tabindex='0']") ?? this.#boxes()[0]);
        }

        #chip(row, place) {
            const chip = make("li", "vaewb-chip", "", {title: row.name});
            chip.append(make("b", "", `${place + 1}`), make("span", "vaewb-chip-name", row.name));
            const button = make("button", "vaewb-remove", "×", {type: "button", "aria-label": `${say("Remove")} ${row.name}`});
            button.addEventListener("click", () => choose(this.#without(row)));
            chip.append(button);
            return chip;
        }

        #filter() {
            const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
            for (const row of this.#rows) row.node.hidden = !wanted.every((word) => row.words.includes(word));
            for (const folded of this.#list.querySelectorAll("details")) {
                const found = [...folded.querySelectorAll(".vaewb-picker-row")].filter((node) => !node.hidden).length;
                folded.hidden = !found;
                folded.open = Boolean(wanted.length && found);
                folded.querySelector("summary").textContent = `${found} ${say(TITLES[folded.dataset.group])}`;
            }
            this.#nothing.hidden = !this.#rows.length || this.#rows.some((row) => !row.node.hidden);
            this.#rove(this.#boxes()[0]);
        }

        /** The boxes that can be reached: the list is one stop of the Tab key, and arrows move in it. */
        #boxes() {
            return [...this.#list.querySelectorAll("label:not([hidden]) input")].filter((box) => !box.closest("details:not([open])"));
        }

        #rove(box) {
            for (const each of this.#list.querySelectorAll("[tabindex='0']")) each.tabIndex = -1;
            if (box) box.tabIndex = 0;
        }

        #key(event) {
            const boxes = this.#boxes();
            const place = boxes.indexOf(event.target);
            if (!(event.key in MOVES) || place < 0) return;
            event.preventDefault();
            const next = boxes[Math.min(boxes.length - 1, Math.max(0, place + MOVES[event.key]))];
            this.#rove(next);
            next.focus();
            next.closest("label").scrollIntoView({block: "nearest"});
        }
    }

    /** What was chosen, as the page's handler takes it. */
    const chosen = () => JSON.stringify(element()?.chosen.map((row) => row.name) ?? []);

    /** Takes the VAEs of a comparison that was opened. */
    const take = (comparison) => choose(comparison.vaes.map((vae) => vae.name));

    for (const kind of ["vaewb:changed", "vaewb:active-changed"]) {
        document.addEventListener(kind, ({detail}) => {
            // A scan of the library, new thumbnails, another checkpoint: all change what is shown here.
            if (element() && !["compare", "vaes"].includes(detail?.kind)) document.querySelector("#vaewb_vaes_refresh")?.click();
        });
    }

    window.vaewbPicker = {chosen, take};
    if (!customElements.get("vaewb-picker")) customElements.define("vaewb-picker", Picker);
})();
