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
    /** Pixels: the least width of a card, and its height. */
    const CARD = {width: 164, height: 258};
    const VIEWS = {cards: ["▦", "Cards"], table: ["☰", "Table"]};
    const KEYS = {
        ArrowDown: (place, _page, across) => (place < 0 ? 0 : place + across),
        ArrowUp: (place, _page, across) => place - across,
        ArrowRight: (place) => place + 1,
        ArrowLeft: (place) => place - 1,
        PageDown: (place, page) => place + page,
        PageUp: (place, page) => place - page,
        Home: () => 0,
        End: () => Infinity,
    };
    const order = new Intl.Collator(undefined, {numeric: true, sensitivity: "base"});

    /** What a person does with files outside of tables, in a file of its own. */
    const open = (...given) => globalThis.vaewbFiles.open(...given);
    const tell = (...given) => globalThis.vaewbFiles.tell(...given);
    const show = (...given) => globalThis.vaewbFiles.show(...given);
    const say = (...given) => globalThis.vaewbViewer.say(...given);

    /** What a person chose in each table, by its name. It outlives the table, which is replaced after every scan. */
    const choices = new Map();

    /** An element with a class, a text and attributes; made by a file that is loaded later in the web UI. */
    const element = (...given) => globalThis.vaewbViewer.make(...given);

    class VaewbTable extends HTMLElement {
        #name; #columns; #rows; #height; #marks; #choice; #cards;
        #shown = []; #drawn = ""; #visible = [];
        #view; #head; #body; #count; #nothing; #clear; #set; #views;

        connectedCallback() {
            if (this.#view) return;
            const given = JSON.parse(this.dataset.table);
            this.#name = this.dataset.name;
            this.#height = given.height;
            this.#marks = given.marks;
            this.#cards = given.cards;
            const {KINDS} = globalThis.vaewbCells;
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
            this.#choice.view ??= this.#cards ? (localStorage.getItem(this.#key) ?? "cards") : "table";
            this.#forget();
            this.#build();
            this.#arrange();
            this.#view.scrollTop = this.#choice.top;
            new ResizeObserver(() => this.#draw()).observe(this.#view);
        }

        /** By what name the browser remembers how it is viewed. */
        get #key() {
            return `vaewb-view-${this.#name}`;
        }

        get #asCards() {
            return this.#choice.view === "cards";
        }

        /** How many stand beside each other. */
        get #across() {
            return this.#asCards ? Math.max(1, Math.floor(this.#view.clientWidth / CARD.width)) : 1;
        }

        get #step() {
            return this.#asCards ? CARD.height : this.#height;
        }

        /** Files of which there is no picture yet. */
        get lacksPictures() {
            const place = this.#columns.findIndex(({kind}) => kind === "picture");
            return place >= 0 && this.#rows.some(({cells}) => !cells[place]);
        }

        /** Shows pictures that were drawn since; name of a file → address. */
        addPictures(drawn) {
            const place = this.#columns.findIndex(({kind}) => kind === "picture");
            for (const {key, cells} of this.#rows) cells[place] = drawn[key] ?? cells[place];
            this.#draw(true);
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
            if (text && this.#rows.some((row) => row.key === text)) open(this, text);
        }

        #build() {
            const tools = element("div", "vaewb-table-tools");
            const search = element("input", "vaewb-search", "", {type: "search", placeholder: say("Search"), "aria-label": say("Search")});
            search.value = this.#choice.search;
            search.addEventListener("input", () => this.#choose({search: search.value}));
            this.#count = element("span", "vaewb-count", "", {role: "status"});
            this.#clear = element("button", "vaewb-button vaewb-clear", say("Show all"), {type: "button"});
            this.#clear.addEventListener("click", () => this.find(""));
            // Where there is no room beside the table, what is set for those marked is reached by this.
            this.#set = element("button", "vaewb-button vaewb-when-narrow", say("Set the VAE"), {type: "button"});
            this.#set.addEventListener("click", () => show(this.closest(".vaewb-files")));
            this.#views = element("div", "vaewb-views", "", {role: "group", "aria-label": say("View")});
            this.#views.hidden = !this.#cards;
            for (const [view, [sign, title]] of Object.entries(VIEWS)) {
                const button = element("button", "vaewb-button", sign, {type: "button", "data-view": view, title: say(title), "aria-label": say(title)});
                button.addEventListener("click", () => this.#look(view));
                this.#views.append(button);
            }
            const filters = this.#columns.filter((column) => column.filter).map((column) => this.#filter(column));
            tools.append(search, ...filters, this.#clear, this.#set, this.#count, this.#views);
            this.#nothing = element("p", "vaewb-note", say("No file has these words."));
            this.#view = element("div", "vaewb-table-view", "", {role: "grid", tabindex: "0", "aria-label": say(this.#name)});
            this.#head = element("div", "vaewb-table-head", "", {role: "row"});
            this.#body = element("div", "vaewb-table-body", "", {role: "rowgroup"});
            this.#view.append(this.#head, this.#body);
            this.#view.addEventListener("scroll", () => this.#draw(), {passive: true});
            this.#view.addEventListener("keydown", (event) => this.#pressed(event));
            this.#body.addEventListener("click", (event) => {
                const row = event.target.closest("[role=row]");
                if (row && event.target.closest(".vaewb-mark")) this.#mark(row.dataset.key, event.shiftKey);
                else if (row) open(this, row.dataset.key);
            });
            this.replaceChildren(tools, this.#view, this.#nothing);
        }

        /** Shows the files as cards or as a table. */
        #look(view) {
            localStorage.setItem(this.#key, view);
            this.#choose({view});
        }

        /** Copies and relatives elsewhere on the page are searched with the table. */
        #searchElsewhere() {
            const found = this.#shown.length === this.#rows.length ? null : new Set(this.#shown.map(({key}) => key));
            const has = (place) => !found || found.has(place.dataset.vaewbOpen);
            const page = this.closest(".vaewb-files");
            for (const group of page?.querySelectorAll(".vaewb-groups > li") ?? []) {
                group.hidden = ![...group.querySelectorAll("[data-vaewb-open]")].some(has);
            }
            for (const box of page?.querySelectorAll(".vaewb-map-box") ?? []) box.classList.toggle("vaewb-unfound", !has(box));
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
            const several = say("{count} marked checkpoints", {count: marked.size});
            if (place && one) place.textContent = say("Set the VAE for {what}.", {what: marked.size > 1 ? several : one});
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
            this.#set.hidden = !this.#choice.marked.size;
            const [all, shown, marked] = [this.#rows.length, this.#shown.length, this.#choice.marked.size];
            this.#count.textContent = (shown === all ? `${all}` : `${shown} / ${all}`) + (all === 1 ? ` ${say("file")}` : ` ${say("files")}`) + (marked ? ` · ☑ ${marked}` : "");
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
            const cell = this.#markBox("vaewb-mark-all", all, say("Mark all shown"), "columnheader");
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
            const all = this.#shown.length === this.#rows.length;
            this.#clear.hidden = all;
            this.#nothing.hidden = this.#shown.length > 0;
            for (const select of this.querySelectorAll(".vaewb-filter")) select.classList.toggle("vaewb-set", select.value !== "");
            for (const button of this.#views.children) button.setAttribute("aria-pressed", button.dataset.view === this.#choice.view);
            this.classList.toggle("vaewb-as-cards", this.#asCards);
            this.#view.setAttribute("aria-rowcount", this.#shown.length + 1);
            this.#searchElsewhere();
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
                    if (!column.title) {
                        cell.append(element("span", "vaewb-unseen", say("Picture")));
                        return cell;
                    }
                    if (sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
                    const button = element("button", sorted ? "vaewb-sorted" : "", column.title, {type: "button"});
                    button.addEventListener("click", () => this.#choose({by: column.place, down: sorted && !down}));
                    cell.append(button);
                    return cell;
                }),
            );
            if (this.#asCards) {
                this.#head.firstChild.textContent = say("Sort by");
            }
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
            const [across, step] = [this.#across, this.#step];
            const beyond = this.#asCards ? 1 : BEYOND;
            const first = Math.max(0, Math.floor(scrollTop / step) - beyond) * across;
            const last = Math.min(this.#shown.length, (Math.ceil((scrollTop + clientHeight) / step) + beyond) * across);
            const drawn = `${first} ${last} ${clientWidth}`;
            if (!anew && drawn === this.#drawn) return;
            if (!this.#drawn.endsWith(` ${clientWidth}`)) this.#drawHead();
            this.#drawn = drawn;
            this.#body.style.height = `${Math.ceil(this.#shown.length / across) * step}px`;
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
            const across = this.#across;
            made.style.height = `${this.#step}px`;
            made.style.top = `${Math.floor(place / across) * this.#step}px`;
            if (this.#asCards) {
                made.classList.add("vaewb-card");
                made.style.left = `${((place % across) * 100) / across}%`;
                made.style.width = `${100 / across}%`;
                made.append(globalThis.vaewbCells.card(this.#columns, row.cells));
                return made;
            }
            if (this.#marks) {
                made.append(this.#markBox("vaewb-mark", this.#choice.marked.has(row.key), `${say("Mark")} ${row.key}`, "gridcell"));
            }
            for (const column of this.#visible) {
                const cell = column.draw(row.cells[column.place]);
                cell.setAttribute("role", "gridcell");
                made.append(cell);
            }
            return made;
        }

        #pressed(event) {
            if (event.target !== this.#view) return;
            const place = this.#shown.findIndex((row) => row.key === this.#choice.active);
            if (event.key === " " && this.#marks && place >= 0) {
                this.#mark(this.#choice.active);
            } else if ((event.key === "Enter" || event.key === " ") && place >= 0) {
                open(this, this.#choice.active);
            } else if (KEYS[event.key] && this.#shown.length) {
                const across = this.#across;
                const lines = Math.floor(this.#view.clientHeight / this.#step) - (this.#asCards ? 0 : 2);
                const page = Math.max(1, lines) * across;
                const next = Math.min(this.#shown.length - 1, Math.max(0, KEYS[event.key](place, page, across)));
                this.#choice.active = this.#shown[next].key;
                this.#reveal(next);
                this.#draw(true);
            } else {
                return;
            }
            event.preventDefault();
        }

        #reveal(place) {
            const top = Math.floor(place / this.#across) * this.#step;
            const room = this.#view.clientHeight - this.#head.offsetHeight - this.#step;
            this.#view.scrollTop = Math.min(top, Math.max(this.#view.scrollTop, top - room));
        }
    }

    customElements.define("vaewb-table", VaewbTable);
})();
