/*
 * The comparison on the page "Compare": asks the server for what has been decoded and hands it to the viewer, while it is being
 * decoded several times a second. Which comparison a browser tab shows outlives F5; those that this browser has made can be opened
 * again. One global name: vaewbComparisons.
 */
(() => {
    "use strict";
    if (window.vaewbComparisons) return;

    const PERIOD = 400; // milliseconds between two questions while cells are decoded
    const KEY = "vaewb-comparison";
    const KEPT = "vaewb-comparisons";
    const COMPARED = "vaewb-compared";
    const MOST = 24; // as many as the server keeps of all together
    const ID = /^[0-9a-f]{32}$/;
    const DOWNLOADS = [["comparison.html", "Save as one HTML file to share"], ["comparison.zip", "Save all pictures and numbers (ZIP)"]];
    let shown = ""; // the one that this tab is to show, once that was seen to
    let inViewer = ""; // the one whose pictures are there: the app's own until there is another
    let note = ""; // said until the next click on "Compare"
    let asking = false;
    let changes = 0; // how often work has begun or ended; an answer from before that, taken for the end, would stay

    const say = (...given) => globalThis.vaewbViewer.say(...given);
    const find = () => document.querySelector("#vaewb_results vaewb-viewer");
    const running = () => document.querySelector(".vaewb-progress[data-vaewb-kind=compare]");
    const address = (id, name) => `./vae-workbench/comparisons/${id}/${name}`;
    const first = () => find()?.dataset.first ?? "";

    /** This tab's own comparison; empty before it has made one. */
    function own() {
        const kept = sessionStorage.getItem(KEY) ?? "";
        return ID.test(kept) ? kept : "";
    }

    /** The comparison that a picture is added for, and a click on "Compare" goes on with: this tab's own, else a new one. */
    function begin() {
        let id = own();
        if (!id) {
            id = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            sessionStorage.setItem(KEY, id);
        }
        shown = note = "";
        changes += 1;
        return id;
    }

    /** The same for the click itself. */
    function compare() {
        keepChoice();
        return begin();
    }

    /** What the server knows of a comparison, with addresses in place of file names. */
    async function fetched(id) {
        if (!id) return null;
        const response = await fetch(address(id, "comparison.json"), {cache: "no-store"});
        if (!response.ok) return null;
        const comparison = await response.json();
        if (!comparison?.sources.length) return null; // nothing but pictures that were added for the next time
        comparison.busy = Boolean(running());
        const placed = (name, more = "") => name && `${address(id, name)}${more}`;
        for (const item of [...comparison.sources, ...comparison.cells]) {
            // The picture of a cell that was decoded anew has the same name.
            item.image = placed(item.image, `?${encodeURIComponent([item.encoder, item.precision, item.seconds])}`);
        }
        for (const latent of comparison.latents ?? []) {
            latent.channels_images = latent.channels_images?.map((name) => placed(name));
            latent.preview = placed(latent.preview);
        }
        for (const loss of comparison.losses ?? []) for (const round of loss.rounds ?? []) round.image = placed(round.image);
        return comparison;
    }

    // --- those that this browser has made ---

    function keptOnes() {
        try {
            const found = JSON.parse(localStorage.getItem(KEPT));
            return Array.isArray(found) ? found.filter(({id}) => ID.test(id)) : [];
        } catch {
            return [];
        }
    }

    function keep(id, comparison) {
        const names = (all) => (all.length > 2 ? `${all[0].name} + ${all.length - 1}` : all.map(({name}) => name).join(", "));
        const title = `${names(comparison.sources)} × ${names(comparison.vaes)}`;
        const [newest] = keptOnes();
        if (newest?.id === id && newest.title === title) return;
        localStorage.setItem(KEPT, JSON.stringify([{id, title, when: Date.now()}, ...keptOnes().filter((each) => each.id !== id)].slice(0, MOST)));
    }

    async function openKept(id) {
        const comparison = await fetched(id).catch(() => null);
        if (!comparison) {
            localStorage.setItem(KEPT, JSON.stringify(keptOnes().filter((each) => each.id !== id)));
            return void draw(id, say("It is no longer kept."));
        }
        sessionStorage.setItem(KEY, id);
        window.vaewbSources.take(comparison);
        window.vaewbPicker.take(comparison);
        keepChoice();
        show(id, comparison);
    }

    /** Other pictures with the same VAEs, as people go on mostly; the page says so. */
    function startAnew() {
        keepViewpoint();
        sessionStorage.removeItem(KEY);
        window.vaewbSources.reset();
        shown = inViewer = "";
        const viewer = find();
        viewer.dataset.complete = viewer.dataset.content = "";
        viewer.comparison = {sources: [], vaes: [], cells: []};
        note = say("The VAEs are still chosen. Choose pictures, then compare; the comparison before is kept in this list.");
        document.querySelector("#vaewb_links")?.replaceChildren(...menu());
    }

    // --- whether something else is chosen than what is shown: then "Compare" is to be pressed, which nothing else says ---

    /** Names only: ids come once a picture has arrived. What was generated for this comparison is in it already. */
    function choice() {
        const sources = window.vaewbSources.now().filter((item) => !item.isMadeHere);
        return JSON.stringify([sources.map(({kind, name}) => `${kind} ${name}`).sort(), JSON.parse(window.vaewbPicker.chosen()).sort()]);
    }

    const keepChoice = () => sessionStorage.setItem(COMPARED, choice());

    function remind() {
        const button = document.querySelector("#vaewb_run");
        if (!button || !inViewer || !window.vaewbSources?.now().length || !JSON.parse(window.vaewbPicker?.chosen() ?? "[]").length) return;
        if (sessionStorage.getItem(COMPARED) === null) keepChoice(); // the example that the app comes with
        const isDue = !running() && sessionStorage.getItem(COMPARED) !== choice();
        let hint = document.querySelector("#vaewb_due");
        if (!hint) button.after((hint = Object.assign(document.createElement("span"), {id: "vaewb_due", role: "status"})));
        const text = isDue ? say("Press Compare for what you chose now; only what is new is computed") : "";
        if (hint.textContent !== text) hint.textContent = text;
        button.classList.toggle("vaewb-due", isDue);
    }

    // --- what of it is looked at, and how closely: each comparison keeps that, also when the page is loaded anew ---

    const viewpointKey = (id) => `vaewb-viewpoint-${id}`;

    function keepViewpoint() {
        const viewpoint = inViewer && find()?.viewpoint;
        if (!viewpoint) return;
        try {
            sessionStorage.setItem(viewpointKey(inViewer), JSON.stringify(viewpoint));
        } catch {
            // there is no room for it: the next time begins with the grid
        }
    }

    function keptViewpoint(id) {
        try {
            return JSON.parse(sessionStorage.getItem(viewpointKey(id)));
        } catch {
            return null;
        }
    }

    // --- what is shown ---

    function menu(told = "") {
        const others = keptOnes().filter(({id}) => id !== own());
        const made = [];
        if (own()) {
            const anew = Object.assign(document.createElement("button"), {type: "button", className: "vaewb-link", textContent: say("New comparison"), title: say("Other pictures, with the VAEs that are chosen now")});
            anew.addEventListener("click", startAnew);
            made.push(anew);
        }
        if (others.length) {
            const choice = document.createElement("select");
            choice.id = "vaewb_kept";
            choice.setAttribute("aria-label", say("Open a comparison from before"));
            choice.append(new Option(say("Open a comparison from before"), ""), ...others.map(({id, title, when}) => new Option(`${title} · ${new Date(when).toLocaleString()}`, id)));
            choice.addEventListener("change", () => openKept(choice.value));
            made.push(choice);
        }
        if (told || note) made.push(Object.assign(document.createElement("span"), {textContent: told || note, role: "status"}));
        return made;
    }

    function draw(id, told = "") {
        const place = document.querySelector("#vaewb_links");
        if (!place) return;
        const made = DOWNLOADS.map(([name, text]) => Object.assign(document.createElement("a"), {href: address(id, name), download: name, textContent: say(text)}));
        place.replaceChildren(...made, ...menu(told));
    }

    function show(id, comparison) {
        const viewer = find();
        if (inViewer !== id) keepViewpoint();
        const viewpoint = inViewer === id ? null : keptViewpoint(id);
        shown = inViewer = id;
        viewer.dataset.complete = running() || comparison.running ? "" : "yes"; // another tab may be at it
        comparison.running ||= Boolean(running()); // it may still wait for its turn
        const text = JSON.stringify(comparison);
        if (viewer.dataset.content === text) return;
        viewer.dataset.content = text;
        const {actions, makes} = JSON.parse(viewer.dataset.can);
        viewer.actions = actions.map((action) => ({...action, label: say(action.label), title: say(action.title)}));
        viewer.makes = makes;
        if (viewpoint) viewer.viewpoint = viewpoint;
        viewer.comparison = comparison;
        if (id === own()) keep(id, comparison);
        draw(id);
    }

    async function bringUpToDate() {
        const viewer = find();
        if (!viewer || asking || !("comparison" in viewer)) return;
        if (shown && shown === (own() || first()) && !running() && viewer.dataset.complete) return;
        asking = true;
        const [id, changesBefore] = [own(), changes];
        const outdated = () => id !== own() || changes !== changesBefore;
        try {
            const comparison = await fetched(id);
            if (outdated()) return;
            if (comparison) return void show(id, comparison);
            // Before there is anything of its own, the tab shows the comparison that comes with the app.
            const example = await fetched(first());
            if (outdated()) return;
            if (example) show(first(), example);
            shown = id || first();
            viewer.dataset.complete = running() ? "" : "yes";
        } catch {
            // the server does not answer; it is asked again
        } finally {
            asking = false;
        }
    }

    /** Brings the page into view, from anywhere in the web UI. */
    function open() {
        const tab = document.querySelector("#vaewb_page_compare");
        const button = (selector, text) => [...document.querySelectorAll(selector)].find((each) => each.textContent.trim() === text);
        if (tab?.offsetParent) return;
        const outer = tab?.closest("#tab_vaewb");
        if (outer && !outer.offsetParent) button("#tabs > .tab-nav button", "VAE")?.click();
        document.querySelector("#vaewb_pages > .tab-nav button")?.click();
    }

    /* The inputs are beside the viewer where there is room; where there is none they are folded until they are asked for. */
    const NARROW = matchMedia("(max-width: 1000px)");

    function fold() {
        const row = document.querySelector("#vaewb_compare");
        const button = document.querySelector("#vaewb_inputs_toggle");
        if (!row || !button || button.dataset.vaewbWired) return;
        button.dataset.vaewbWired = "yes";
        row.classList.add("vaewb-folded-when-narrow");
        const mark = () => button.setAttribute("aria-expanded", !row.classList.contains(NARROW.matches ? "vaewb-folded-when-narrow" : "vaewb-folded"));
        button.addEventListener("click", () => {
            row.classList.toggle(NARROW.matches ? "vaewb-folded-when-narrow" : "vaewb-folded");
            mark();
        });
        NARROW.addEventListener("change", mark);
        mark();
    }

    setInterval(() => {
        fold();
        bringUpToDate();
        remind();
    }, PERIOD);
    addEventListener("pagehide", keepViewpoint);
    document.addEventListener("vaewb:changed", () => {
        changes += 1;
        const viewer = find();
        if (viewer) viewer.dataset.complete = "";
    });
    window.vaewbComparisons = {begin, compare, own, open, shown: () => inViewer};
})();
