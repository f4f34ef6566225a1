/*
 * <vaewb-sources>: what the page "Compare" compares VAEs on. Pictures and latent files are dropped anywhere on the page, pasted or
 * chosen, also whole folders; built-in pictures and the last generations are clicked. What was chosen outlives F5 and goes with the
 * comparison. One global name: vaewbSources.
 */
(() => {
    "use strict";
    if (window.vaewbSources) return;

    const KEY = "vaewb-sources";
    const KINDS = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".safetensors", ".pt", ".npy", ".latent"];
    const PERIOD = 3000; // milliseconds between two questions for new generations while their list is open
    const PATIENCE = 60000; // milliseconds until an upload that was not answered counts as lost
    const MOMENT = 50; // milliseconds
    const NAMED = 3; // files that are told by name
    const FIRST = [{kind: "built-in", id: "face", name: "face"}];

    /** What was chosen: {kind, id, name, infotext?, vae?, isMadeHere?}; on its way, with `number` in place of an id. */
    let items = null;
    let numbers = 0;
    let pasted = 0;
    let drawing = 0;
    let newest = [];
    const answers = new Map();
    let uploads = Promise.resolve();

    // These stand in a file that is loaded later in the web UI.
    const say = (...given) => globalThis.vaewbViewer.say(...given);
    const make = (...given) => globalThis.vaewbViewer.make(...given);
    const element = () => document.querySelector("vaewb-sources");
    const page = () => document.querySelector("#vaewb_page_compare");
    const isShown = () => Boolean(page()?.offsetParent);
    const same = (one, other) => one.kind === other.kind && one.id === other.id;

    function picture(item) {
        if (item.kind === "built-in") return `./vae-workbench/built-in/${item.id}.jpg`;
        if (item.kind === "generation") return `./vae-workbench/generations/${item.id}.jpg`;
        return `./vae-workbench/comparisons/${window.vaewbComparisons.own()}/thumbnail-${item.id}.jpg`;
    }

    function thumbnail(item) {
        const image = make("img", "", "", {src: picture(item), alt: "", loading: "lazy"});
        image.addEventListener("error", () => image.replaceWith(make("span", "vaewb-no-picture", "latent")), {once: true});
        return image;
    }

    // --- what was chosen ---

    function kept() {
        try {
            const found = JSON.parse(sessionStorage.getItem(KEY));
            return Array.isArray(found) ? found : null;
        } catch {
            return null;
        }
    }

    function chosenNow() {
        items ??= kept() ?? [...FIRST];
        return items;
    }

    function keepChosen(changed) {
        items = changed;
        sessionStorage.setItem(KEY, JSON.stringify(items.filter((item) => item.id)));
    }

    function choose(changed) {
        keepChosen(changed);
        element()?.draw();
    }

    /** The same for one of many that arrive: all that come within a moment are drawn at once, or 300 files would take minutes. */
    function arrive(changed) {
        keepChosen(changed);
        drawing ||= setTimeout(() => {
            drawing = 0;
            element()?.draw();
        }, MOMENT);
    }

    const add = (item) => choose([...chosenNow().filter((each) => !same(each, item)), item]);
    const remove = (item) => choose(chosenNow().filter((each) => each !== item));

    function toggle(item) {
        const there = chosenNow().find((each) => same(each, item));
        if (there) remove(there);
        else add(item);
    }

    const some = (names) => names.slice(0, NAMED).join(", ") + (names.length > NAMED ? ` + ${names.length - NAMED}` : "");

    /** Takes files up, one after the other. */
    function addFiles(files) {
        const wanted = [...files].filter((file) => file.type.startsWith("image/") || KINDS.some((kind) => file.name.toLowerCase().endsWith(kind)));
        element()?.querySelector(".vaewb-sources-told")?.replaceChildren();
        // A folder holds all sorts of files: only what was chosen one by one is missed.
        const others = [...files].filter((file) => !wanted.includes(file) && (!wanted.length || !(file.webkitRelativePath || file.isFromFolder)));
        if (others.length) tell(`${say("Neither pictures nor latents:")} ${some(others.map(({name}) => name))}`);
        const added = wanted.map((file) => ({kind: "own", number: ++numbers, name: file.name || "picture.png"}));
        choose([...chosenNow(), ...added]);
        element()?.showLast();
        for (const [i, file] of wanted.entries()) uploads = uploads.then(() => addFile(file, added[i]));
    }

    async function addFile(file, item) {
        try {
            if (!chosenNow().includes(item)) return;
            const place = await window.vaewbPictures.upload(file);
            const answer = await asked({place, number: item.number, name: item.name, comparison: window.vaewbComparisons.begin()});
            if (answer.error) throw new Error(answer.error);
            if (!chosenNow().includes(item)) return;
            const others = chosenNow().filter((each) => each !== item);
            const fresh = answer.items.filter((each) => !others.some((other) => same(each, other)));
            arrive(chosenNow().flatMap((each) => (each === item ? fresh : [each])));
        } catch (error) {
            arrive(chosenNow().filter((each) => each !== item));
            tell(error.message.includes(item.name) ? error.message : `${item.name}: ${error.message}`);
        }
    }

    /** Asks the server to take an upload, by way of a hidden field of the page. */
    function asked(question) {
        return new Promise((done) => {
            answers.set(question.number, done);
            setTimeout(() => done({error: say("The server did not answer. Choose it again.")}), PATIENCE);
            const field = document.querySelector("#vaewb_sources_add :is(textarea, input)");
            field.value = JSON.stringify(question);
            field.dispatchEvent(new Event("input", {bubbles: true}));
        });
    }

    function added(text) {
        const answer = JSON.parse(text);
        answers.get(answer.number)?.(answer);
        answers.delete(answer.number);
    }

    function tell(sentence) {
        const place = element()?.querySelector(".vaewb-sources-told");
        if (!place) return;
        const told = make("p", "vaewb-message vaewb-error", sentence, {role: "alert"});
        place.append(told);
        setTimeout(() => told.remove(), 15000);
    }

    /** What was chosen, once all uploads have arrived, as the page's handler takes it. */
    async function chosen() {
        await uploads;
        return JSON.stringify(chosenNow().filter((item) => item.id).map(({kind, id, name}) => ({kind, id, name})));
    }

    /** Takes the sources of a comparison that was opened. */
    function take(comparison) {
        choose(comparison.sources.map(({id, kind, name, infotext}) => (kind === "built-in" ? {kind, id: name, name} : {kind: "own", id, name, infotext})));
    }

    function reset() {
        choose([...FIRST]);
    }

    // --- generations ---

    function made(text) {
        const told = JSON.parse(text || "[]");
        if (JSON.stringify(told) === JSON.stringify(newest)) return;
        newest = told;
        element()?.draw();
    }

    /** Adds what was generated here, if its comparison is still the one of this tab. */
    function generated(text) {
        const told = JSON.parse(text || "{}");
        if (!told.items?.length || told.comparison !== window.vaewbComparisons.own()) return;
        const fresh = told.items.filter((item) => !chosenNow().some((each) => same(each, item)));
        choose([...chosenNow(), ...fresh.map((item) => ({...item, isMadeHere: true}))]);
    }

    setInterval(() => {
        const panel = element()?.querySelector(".vaewb-generations");
        if (panel?.open && isShown() && !document.hidden) document.querySelector("#vaewb_generations_look")?.click();
    }, PERIOD);

    // --- the element ---

    class Sources extends HTMLElement {
        #title = make("strong");
        #chosen = make("ul", "vaewb-chips", "", {"aria-label": "Pictures to compare on"});
        #builtIn = make("div", "vaewb-thumbnails", "", {role: "group", "aria-label": "Built-in pictures"});
        #made = make("div", "vaewb-thumbnails", "", {role: "group", "aria-label": "Last generations"});

        connectedCallback() {
            if (this.firstChild) return;
            this.given = JSON.parse(this.dataset.given);
            const head = make("div", "vaewb-panel-head");
            head.append(this.#title, this.#chooser(say("Files…"), {multiple: "", accept: `image/*,${KINDS.join(",")}`}), this.#chooser(say("Folder…"), {webkitdirectory: ""}));
            const hint = make("p", "vaewb-note", say("Drop pictures or latent files anywhere here, or paste them with Ctrl+V."));
            this.append(head, this.#chosen, make("div", "vaewb-sources-told"), hint);
            this.append(make("div", "vaewb-panel-title", say("Built-in pictures")), this.#builtIn);
            if (this.given.makes) this.append(this.#generations());
            this.draw();
        }

        #chooser(text, attributes) {
            const field = make("input", "", "", {type: "file", "aria-label": text, ...attributes});
            field.addEventListener("change", () => {
                addFiles([...field.files].sort((a, b) => a.name.localeCompare(b.name)));
                field.value = "";
            });
            const label = make("label", "vaewb-button vaewb-file", text);
            label.append(field);
            return label;
        }

        #generations() {
            const panel = make("details", "vaewb-generations");
            panel.open = true;
            panel.append(make("summary", "", say("Last generations")), this.#made);
            return panel;
        }

        draw() {
            const now = chosenNow();
            this.#title.textContent = `${say("Pictures")}${now.length > 1 ? ` (${now.length})` : ""}`;
            this.#chosen.replaceChildren(...now.map((item) => this.#chip(item)));
            if (!now.length) this.#chosen.append(make("li", "vaewb-note", say("None yet.")));
            this.#builtIn.replaceChildren(...this.given.builtIn.map((name) => this.#choice({kind: "built-in", id: name, name})));
            const nothing = make("p", "vaewb-note", say("Pictures that you generate from now on appear here."));
            this.#made.replaceChildren(...(newest.length ? newest.map((item) => this.#choice(item)) : [nothing]));
            document.dispatchEvent(new CustomEvent("vaewb:sources"));
        }

        /** Brings what was added last into view, where there are more than fit. */
        showLast() {
            this.#chosen.scrollTop = this.#chosen.scrollHeight;
        }

        #chip(item) {
            const chip = make("li", "vaewb-chip", "", {title: item.name});
            chip.append(item.id ? thumbnail(item) : make("span", "vaewb-no-picture vaewb-coming", "…"), make("span", "vaewb-chip-name", item.name));
            const button = make("button", "vaewb-remove", "×", {type: "button", "aria-label": `${say("Remove")} ${item.name}`});
            button.addEventListener("click", () => remove(item));
            chip.append(button);
            return chip;
        }

        #choice(item) {
            const isChosen = chosenNow().some((each) => same(each, item));
            const button = make("button", "vaewb-thumbnail-choice", "", {
                type: "button",
                "aria-pressed": isChosen,
                "aria-label": item.name,
                title: [item.name, item.infotext, item.vae && `VAE: ${item.vae}`].filter(Boolean).join("\n"),
                "data-source": item.id,
            });
            button.append(thumbnail(item));
            button.addEventListener("click", () => {
                toggle(item);
                this.querySelector(`[data-source="${item.id}"]`)?.focus();
            });
            return button;
        }
    }

    // --- dropping and pasting ---

    const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const onPage = (event) => event.target instanceof Element && event.target.closest("#vaewb_page_compare");

    for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
        document.addEventListener(kind, (event) => {
            if (!onPage(event) || !hasFiles(event)) return;
            event.preventDefault();
            event.stopImmediatePropagation();
            page().classList.toggle("vaewb-dropping", kind === "dragover");
            if (kind === "drop") window.vaewbPictures.dropped(event.dataTransfer).then(addFiles);
        }, {capture: true});
    }

    window.addEventListener("paste", (event) => {
        const files = [...(event.clipboardData?.files ?? [])];
        if (!files.length || !isShown()) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        addFiles(files.map(named));
    }, {capture: true});

    /** What is copied from a page or a drawing is "image.png" whatever it is: it gets a name by which it is told from the last one. */
    function named(file) {
        if (file.name && !/^image\.\w+$/.test(file.name)) return file;
        const ending = file.type.split("/")[1]?.replace("jpeg", "jpg").replace(/\W.*/, "") || "png";
        const taken = new Set(chosenNow().map(({name}) => name));
        for (;;) {
            const name = `${say("pasted")} ${++pasted}.${ending}`;
            if (!taken.has(name)) return new File([file], name, {type: file.type});
        }
    }

    /** Other pages send pictures here: {url} of a picture, or {generation} with its id. */
    document.addEventListener("vaewb:add-source", async ({detail}) => {
        window.vaewbComparisons.open();
        if (detail.generation) return add({kind: "generation", id: detail.generation, name: detail.name ?? "generation"});
        try {
            const response = await fetch(detail.url);
            if (!response.ok) throw new Error(response.statusText);
            const file = await response.blob();
            addFiles([new File([file], detail.name ?? decodeURIComponent(new URL(detail.url, location.href).pathname.split("/").pop() || "picture.png"), {type: file.type})]);
        } catch {
            tell(say("The picture could not be fetched."));
        }
    });

    window.vaewbSources = {chosen, added, made, generated, take, reset, thumbnail, now: chosenNow};
    if (!customElements.get("vaewb-sources")) customElements.define("vaewb-sources", Sources);
})();
