/*
 * Tables of files on the pages of VAE Workbench. The pages send rows as data; only those in view become elements, so that
 * ten thousand are no more work than thirty. The web UI runs this file as a classic script, so nothing here is global
 * but the name of the element <vaewb-table>.
 */
(() => {
    "use strict";
    if (customElements.get("vaewb-table")) return;

    /** Rows beyond each edge of the view that are made already. */
    const BEYOND = 6;
    const KEYS = {
        ArrowDown: (place) => place + 1,
        ArrowUp: (place) => place - 1,
        PageDown: (place, page) => place + page,
        PageUp: (place, page) => place - page,
        Home: () => 0,
        End: () => Infinity,
    };
    const order = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});

    /** What a person chose in each table, by its name. It outlives the table, which is replaced after every scan. */
    const choices = new Map();

    /**
     * Shows the details of a file: tells the page its name, by way of the page's hidden field.
     * @param {Element} from an element of the page
     * @param {string} name of the file
     */
    function open(from, name) {
        tell(from, "chosen", name);
        for (const table of from.closest(".vaewb-files").querySelectorAll("vaewb-table")) table.select(name);
    }

    /** Tells the page something, by way of a hidden field of it. */
    function tell(from, what, text) {
        const field = from.closest(".vaewb-files").querySelector(`.vaewb-${what} :is(textarea, input)`);
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

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
                for (const [text, kind, title] of cell) {
                    const same = [...made.children].find((badge) => badge.textContent === text);
                    if (same) same.title += `\n${title}`;
                    else made.append(element("span", `vaewb-badge vaewb-${kind}`, text, {title}));
                }
                return made;
            },
        },
    };

    class VaewbTable extends HTMLElement {
        #name; #columns; #rows; #height; #marks; #choice;
        #shown = []; #drawn = ""; #visible = [];
        #view; #head; #body; #count;

        connectedCallback() {
            if (this.#view) return;
            const given = JSON.parse(this.dataset.table);
            this.#name = this.dataset.name;
            this.#height = given.height;
            this.#marks = given.marks;
            // A column that can be left out where there is no room is left out as well where it has nothing to say.
            this.#columns = given.columns.map((column, place) => ({
                ...column,
                place,
                ...KINDS[column.kind],
                used: given.rows.some((row) => row[place + 1] !== ""),
            }));
            this.#rows = given.rows.map(([key, ...cells]) => ({
                key,
                cells,
                words: this.#columns.flatMap((column, place) => column.words(cells[place])).join("\n").toLowerCase(),
            }));
            if (!choices.has(this.#name)) {
                choices.set(this.#name, {search: "", only: {}, by: given.by, down: false, active: null, selected: null, top: 0, marked: new Set()});
            }
            this.#choice = choices.get(this.#name);
            this.#forget();
            this.#build();
            this.#arrange();
            this.#view.scrollTop = this.#choice.top;
            new ResizeObserver(() => this.#draw()).observe(this.#view);
        }

        /** Marks the row of a file. */
        select(key) {
            this.#choice.selected = this.#choice.active = key;
            this.#draw(true);
            this.#tellWhose();
        }

        /** Shows only the files whose names or words contain this, and the details of the one that is called so. */
        find(text) {
            this.querySelector(".vaewb-search").value = text;
            this.#choose({search: text, only: {}});
            for (const select of this.querySelectorAll(".vaewb-filter")) select.value = "";
            if (this.#rows.some((row) => row.key === text)) open(this, text);
        }

        #build() {
            const tools = element("div", "vaewb-table-tools");
            const search = element("input", "vaewb-search", "", {type: "search", placeholder: "Search", "aria-label": "Search"});
            search.value = this.#choice.search;
            search.addEventListener("input", () => this.#choose({search: search.value}));
            this.#count = element("span", "vaewb-count", "", {role: "status"});
            tools.append(search, ...this.#columns.filter((column) => column.filter).map((column) => this.#filter(column)), this.#count);
            this.#view = element("div", "vaewb-table-view", "", {role: "grid", tabindex: "0", "aria-label": this.#name});
            this.#head = element("div", "vaewb-table-head", "", {role: "row"});
            this.#body = element("div", "vaewb-table-body", "", {role: "rowgroup"});
            this.#view.append(this.#head, this.#body);
            this.#view.addEventListener("scroll", () => this.#draw(), {passive: true});
            this.#view.addEventListener("keydown", (event) => this.#key(event));
            this.#body.addEventListener("click", (event) => {
                const row = event.target.closest("[role=row]");
                if (row && event.target.closest(".vaewb-mark")) this.#mark(row.dataset.key, event.shiftKey);
                else if (row) open(this, row.dataset.key);
            });
            this.replaceChildren(tools, this.#view);
        }

        /** Takes the marks off files that are gone. */
        #forget() {
            const {marked} = this.#choice;
            const here = new Set(this.#rows.map((row) => row.key));
            const gone = [...marked].filter((key) => !here.has(key));
            for (const key of gone) marked.delete(key);
            if (gone.length) this.#tellMarked();
        }

        #tellMarked() {
            tell(this, "marked", JSON.stringify([...this.#choice.marked]));
            this.#tellWhose();
        }

        /** Says on the page what a change is for: the files marked, or else the one chosen. */
        #tellWhose() {
            const place = this.#marks && this.closest(".vaewb-files").querySelector(".vaewb-whose");
            const {marked, selected} = this.#choice;
            const [one] = marked.size ? marked : [selected];
            if (place && one) place.textContent = `Set the VAE for ${marked.size > 1 ? `${marked.size} marked checkpoints` : one}.`;
            else if (place) place.textContent = place.dataset.nothing;
        }

        /** Marks a row or takes its mark off; with `range`, does the same to all rows from the last one. */
        #mark(key, range = false) {
            const {marked, active} = this.#choice;
            const keys = this.#shown.map((row) => row.key);
            const here = keys.indexOf(key);
            const last = range && keys.includes(active) ? keys.indexOf(active) : here;
            const wanted = !marked.has(key);
            for (const each of keys.slice(Math.min(here, last), Math.max(here, last) + 1)) {
                wanted ? marked.add(each) : marked.delete(each);
            }
            this.#choice.active = key;
            this.#marksChanged();
        }

        /** Marks all rows that the search shows; if all are marked, takes their marks off. */
        #markShown() {
            const {marked} = this.#choice;
            const wanted = !this.#shown.every((row) => marked.has(row.key));
            for (const {key} of this.#shown) wanted ? marked.add(key) : marked.delete(key);
            this.#marksChanged();
        }

        #marksChanged() {
            this.#tellCount();
            this.#drawHead();
            this.#draw(true);
            this.#tellMarked();
        }

        #tellCount() {
            const [all, shown, marked] = [this.#rows.length, this.#shown.length, this.#choice.marked.size];
            this.#count.textContent = (shown === all ? `${all}` : `${shown} / ${all}`) + (all === 1 ? " file" : " files") + (marked ? ` · ☑ ${marked}` : "");
        }

        /** A cell with a box to mark a row, or all rows shown. */
        #markBox(className, checked, label, role) {
            const cell = element("div", `vaewb-cell ${className}`, "", {role});
            const box = element("input", "", "", {type: "checkbox", "aria-label": label, tabindex: "-1"});
            box.checked = checked;
            cell.append(box);
            return cell;
        }

        /** The box in the heading, which marks all rows shown. */
        #markAllBox() {
            const marked = this.#shown.filter((row) => this.#choice.marked.has(row.key)).length;
            const all = marked > 0 && marked === this.#shown.length;
            const cell = this.#markBox("vaewb-mark-all", all, "Mark all shown", "columnheader");
            const box = cell.firstChild;
            box.tabIndex = 0;
            box.indeterminate = marked > 0 && !all;
            box.addEventListener("change", () => this.#markShown());
            return cell;
        }

        /** A choice among the values of a column; its title stands for all of them. */
        #filter(column) {
            const values = [...new Set(this.#rows.flatMap((row) => column.values(row.cells[column.place])))].sort(order.compare);
            const made = element("select", "vaewb-filter", "", {"aria-label": column.title});
            made.append(element("option", "", column.title, {value: ""}), ...values.map((value) => element("option", "", value, {value})));
            made.hidden = values.length < 2;
            const chosen = this.#choice.only[column.title];
            made.value = values.includes(chosen) ? chosen : "";
            made.addEventListener("change", () => this.#choose({only: {...this.#choice.only, [column.title]: made.value}}));
            return made;
        }

        #choose(change) {
            Object.assign(this.#choice, change);
            this.#arrange();
            this.#view.scrollTop = 0;
        }

        /** Finds and sorts the rows to show. */
        #arrange() {
            const {search, only, by, down} = this.#choice;
            const words = search.toLowerCase().split(/\s+/).filter(Boolean);
            const wanted = this.#columns.filter((column) => column.filter && only[column.title]);
            this.#shown = this.#rows.filter(
                (row) =>
                    words.every((word) => row.words.includes(word)) &&
                    wanted.every((column) => column.values(row.cells[column.place]).includes(only[column.title])),
            );
            const {place, rank} = this.#columns[by];
            const compare = (one, other) => {
                const [a, b] = [rank(one.cells[place]), rank(other.cells[place])];
                return typeof a === "number" ? a - b : (a === "") - (b === "") || order.compare(a, b);
            };
            this.#shown.sort((one, other) => (down ? compare(other, one) : compare(one, other)));
            this.#tellCount();
            this.#view.setAttribute("aria-rowcount", this.#shown.length + 1);
            this.#body.style.height = `${this.#shown.length * this.#height}px`;
            this.#drawHead();
            this.#draw(true);
        }

        #drawHead() {
            const {by, down} = this.#choice;
            const focused = this.#head.contains(document.activeElement) ? document.activeElement.textContent : null;
            const boxFocused = document.activeElement === this.#head.querySelector("input");
            const width = this.#view.clientWidth || Infinity;
            this.#visible = this.#columns.filter((column) => width >= column.least && (!column.least || column.used));
            const widths = this.#visible.map((column) => column.width);
            this.style.setProperty("--vaewb-columns", (this.#marks ? ["20px", ...widths] : widths).join(" "));
            this.#head.replaceChildren(
                ...this.#visible.map((column) => {
                    const sorted = column.place === by;
                    const cell = element("div", `vaewb-cell vaewb-head-${column.kind}`, "", {role: "columnheader"});
                    if (sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
                    const button = element("button", sorted ? "vaewb-sorted" : "", column.title, {type: "button"});
                    button.addEventListener("click", () => this.#choose({by: column.place, down: sorted && !down}));
                    cell.append(button);
                    return cell;
                }),
            );
            if (this.#marks) {
                this.#head.prepend(this.#markAllBox());
                if (boxFocused) this.#head.querySelector("input").focus();
            }
            [...this.#head.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
        }

        /** Makes the rows in view. */
        #draw(anew = false) {
            const {scrollTop, clientHeight, clientWidth} = this.#view;
            if (clientHeight) this.#choice.top = scrollTop;
            const first = Math.max(0, Math.floor(scrollTop / this.#height) - BEYOND);
            const last = Math.min(this.#shown.length, Math.ceil((scrollTop + clientHeight) / this.#height) + BEYOND);
            const drawn = `${first} ${last} ${clientWidth}`;
            if (!anew && drawn === this.#drawn) return;
            if (!this.#drawn.endsWith(` ${clientWidth}`)) this.#drawHead();
            this.#drawn = drawn;
            this.#body.replaceChildren(...this.#shown.slice(first, last).map((row, place) => this.#row(row, first + place)));
            const active = this.#body.querySelector(".vaewb-active");
            if (active) this.#view.setAttribute("aria-activedescendant", active.id);
            else this.#view.removeAttribute("aria-activedescendant");
        }

        #row(row, place) {
            const made = element("div", "vaewb-row", "", {
                role: "row",
                id: `vaewb-${this.#name}-${place}`.replace(/\s/g, "-"),
                "aria-rowindex": place + 2,
                "aria-selected": row.key === this.#choice.selected,
                "data-key": row.key,
            });
            made.classList.toggle("vaewb-active", row.key === this.#choice.active);
            made.style.height = `${this.#height}px`;
            made.style.top = `${place * this.#height}px`;
            if (this.#marks) {
                made.append(this.#markBox("vaewb-mark", this.#choice.marked.has(row.key), `Mark ${row.key}`, "gridcell"));
            }
            for (const column of this.#visible) {
                const cell = column.draw(row.cells[column.place]);
                cell.setAttribute("role", "gridcell");
                made.append(cell);
            }
            return made;
        }

        #key(event) {
            if (event.target !== this.#view) return;
            const place = this.#shown.findIndex((row) => row.key === this.#choice.active);
            if (event.key === " " && this.#marks && place >= 0) {
                this.#mark(this.#choice.active);
            } else if ((event.key === "Enter" || event.key === " ") && place >= 0) {
                open(this, this.#choice.active);
            } else if (KEYS[event.key] && this.#shown.length) {
                const page = Math.max(1, Math.floor(this.#view.clientHeight / this.#height) - 2);
                const next = Math.min(this.#shown.length - 1, Math.max(0, KEYS[event.key](place, page)));
                this.#choice.active = this.#shown[next].key;
                this.#reveal(next);
                this.#draw(true);
            } else {
                return;
            }
            event.preventDefault();
        }

        #reveal(place) {
            const top = place * this.#height;
            const room = this.#view.clientHeight - this.#head.offsetHeight - this.#height;
            this.#view.scrollTop = Math.min(top, Math.max(this.#view.scrollTop, top - room));
        }
    }

    customElements.define("vaewb-table", VaewbTable);

    /* Names of files elsewhere on a page, in details and on the map, open them too. */
    const opener = (event) => event.target instanceof Element && event.target.closest(".vaewb-files [data-vaewb-open]");
    document.addEventListener("click", (event) => {
        const from = opener(event);
        if (from) open(from, from.dataset.vaewbOpen);
        const button = event.target instanceof Element && event.target.closest(".vaewb-files [data-vaewb-order]");
        if (button) tell(button, "order", button.dataset.vaewbOrder);
    });
    document.addEventListener("keydown", (event) => {
        const from = (event.key === "Enter" || event.key === " ") && opener(event);
        if (!from || from instanceof HTMLButtonElement) return; // a button makes a click of it by itself
        event.preventDefault();
        open(from, from.dataset.vaewbOpen);
    });
})();
