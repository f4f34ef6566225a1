/*
 * The page "Workshop": what was chosen in <vaewb-recipe>, which outlives that element, and F5; the preview of a tone; before and
 * after. One global name: vaewbWorkshop, which the files of the page share.
 */
(() => {
    "use strict";
    const workshop = (window.vaewbWorkshop ??= {});
    if (workshop.order) return;

    const KEY = "vaewb-workshop";
    const PERIOD = 300; // milliseconds between two looks at what the page has to tell
    const SETTLED = 500; // milliseconds without a change after which the preview is made

    const blank = () => ({source: "", steps: [], name: "", folder: "", overwrite: false, picture: "built-in face", comparison: newId()});
    const state = kept() ?? blank();
    let others = []; // pictures that were chosen on the page "Compare"
    let wanted = ""; // for what the preview was asked
    let settled = 0;
    let asked = ""; // what was ordered last
    let looked = ""; // what before and after show
    const faults = new Map(); // name of a file → what a repair would put right
    const seen = new WeakSet(); // what the page has told already

    const say = (text) => globalThis.vaewbViewer.say(text);
    const element = () => document.querySelector("vaewb-recipe");
    const isShown = () => Boolean(document.querySelector("#vaewb_page_workshop")?.offsetParent);

    function newId() {
        return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    }

    function kept() {
        try {
            const found = JSON.parse(sessionStorage.getItem(KEY));
            return Array.isArray(found?.steps) ? found : null;
        } catch {
            return null;
        }
    }

    // --- what was chosen ---

    /** Keeps a change; `redraw` builds the form anew. */
    function changed(redraw = true) {
        sessionStorage.setItem(KEY, JSON.stringify(state));
        if (redraw) element()?.draw();
        element()?.mark();
        tellOutdated();
        preview();
    }

    function add(kind, fields = {}) {
        const step = {kind, fields};
        if (kind === "repair") state.steps.unshift(step);
        else if (kind === "bake") state.steps.push(step);
        else state.steps.splice(state.steps.findLastIndex((each) => each.kind !== "bake") + 1, 0, step);
        changed();
    }

    /** Tones by a preset, in place of a change that is in the recipe already. */
    function tone(named, values) {
        const {matrix, ...others} = values;
        const fields = {...others, named, ...(matrix ? {matrix: matrix.join(" ")} : {})};
        const there = state.steps.findLast((step) => step.kind === "tone");
        if (!there) return add("tone", fields);
        there.fields = {...fields, ...(there.fields.decoder_only ? {decoder_only: true} : {})};
        changed();
    }

    function pictures() {
        const builtIn = element().given.pictures.map((name) => ({kind: "built-in", id: name, name}));
        return [...builtIn, ...others];
    }

    const pictureKey = ({kind, id}) => `${kind} ${id}`;
    const picture = () => pictures().find((each) => pictureKey(each) === state.picture) ?? pictures()[0];

    const folder = () => state.folder || (workshop.givesCheckpoint(state, element().given.files) ? "checkpoint" : "vae");

    function orderOf(steps) {
        return {
            source: state.source, steps: steps.map(workshop.told), name: state.name || workshop.suggested(state), folder: folder(), overwrite: state.overwrite,
            picture: picture(), comparison: state.comparison, pictures: window.vaewbComparisons.own(),
        };
    }

    /** What was chosen, as the page's handlers take it. */
    async function order() {
        await lookAtPictures();
        asked = recipeKey();
        return JSON.stringify(orderOf(state.steps));
    }

    async function lookAtPictures() {
        const chosen = JSON.parse(await window.vaewbSources.chosen());
        others = chosen.filter((each) => each.kind !== "built-in");
        return others;
    }

    // --- the preview of a tone ---

    function preview() {
        // The colours of the last tone are computed here; of whatever else the steps do, the server shows the result.
        const last = state.steps.findLastIndex((step) => step.kind === "tone");
        const isLive = last >= 0 && !state.steps[last].fields.undo && state.steps.slice(last + 1).every(({kind}) => ["fp16-safe", "convert", "bake"].includes(kind));
        const before = (isLive ? state.steps.slice(0, last) : state.steps).filter(isWhole);
        const shown = document.querySelector("vaewb-tone");
        if (!shown || !element()) return;
        shown.hidden = !state.source;
        document.querySelector("#vaewb_tone_line").hidden = shown.hidden;
        if (shown.hidden) return;
        shown.fields = isLive ? workshop.told(state.steps[last]).tone : null;
        const {source, steps, picture, pictures} = orderOf(before);
        const key = JSON.stringify([source, steps, picture]);
        if (key === wanted) return;
        clearTimeout(settled);
        settled = setTimeout(() => {
            if (!isShown()) return;
            wanted = key;
            shown.base = null;
            document.querySelector("#vaewb_tone_cancel button, button#vaewb_tone_cancel")?.click();
            const field = document.querySelector("#vaewb_tone_base :is(textarea, input)");
            field.value = JSON.stringify({...orderOf(before), pictures, key, number: Date.now()});
            field.dispatchEvent(new Event("input", {bubbles: true}));
        }, SETTLED);
    }

    /** Whether a step has all that it needs. */
    const isWhole = ({kind, fields}) => ({merge: fields.b, match: fields.like, bake: fields.into})[kind] ?? !["merge", "match", "bake"].includes(kind);

    async function takeBase({key, file, comparison, source, faults: told}) {
        if (JSON.stringify(faults.get(source) ?? []) !== JSON.stringify(told)) {
            faults.set(source, told);
            element()?.draw();
        }
        const shown = document.querySelector("vaewb-tone");
        if (key !== wanted || !shown) return;
        const response = await fetch(`./vae-workbench/comparisons/${comparison}/${file}`);
        if (response.ok) shown.base = window.vaewbTone.read(await response.arrayBuffer(), JSON.parse(shown.dataset.given));
        preview();
    }

    // --- before and after ---

    async function takeLook(id) {
        const address = (name) => name && `./vae-workbench/comparisons/${id}/${name}`;
        const response = await fetch(address("comparison.json"), {cache: "no-store"});
        if (!response.ok) return;
        const comparison = await response.json();
        const viewer = document.querySelector("#vaewb_workshop_results vaewb-viewer");
        for (const item of [...comparison.sources, ...comparison.cells]) item.image = address(item.image);
        for (const vae of comparison.vaes) vae.name = say(vae.name);
        viewer.hidden = false;
        viewer.comparison = comparison;
        viewer.choose({mode: "ab", a: 0, b: 1});
        looked = asked;
        tellOutdated();
    }

    const recipeKey = () => JSON.stringify([state.source, state.steps, state.picture]);

    /** Says so if before and after are of a recipe that has been changed since. */
    function tellOutdated() {
        const note = document.querySelector("#vaewb_workshop_results .vaewb-note");
        note.textContent = say("The recipe was changed since. Look again to see what it does now.");
        note.hidden = !looked || looked === recipeKey();
    }

    /** Compares two VAEs on the page "Compare", once both are in its list. */
    function compare(names) {
        window.vaewbComparisons.open();
        const until = Date.now() + 20000;
        const timer = setInterval(() => {
            window.vaewbPicker.take({vaes: names.map((name) => ({name}))});
            const run = document.querySelector("#vaewb_run:not([disabled])");
            const isThere = JSON.parse(window.vaewbPicker.chosen()).length === names.length;
            if (isThere) run?.click();
            if ((isThere && run) || Date.now() > until) clearInterval(timer);
        }, PERIOD);
    }

    const TELLS = {
        vaewbBase: (text) => takeBase(JSON.parse(text)),
        vaewbLooked: takeLook,
        vaewbWritten() {
            for (const name of ["sd_vae", "sd_model_checkpoint"]) document.querySelector(`#refresh_${name}`)?.click();
        },
    };

    setInterval(() => {
        for (const mark of document.querySelectorAll("[data-vaewb-base], [data-vaewb-looked], [data-vaewb-written]")) {
            if (seen.has(mark)) continue;
            seen.add(mark);
            for (const [name, take] of Object.entries(TELLS)) if (name in mark.dataset) take(mark.dataset[name]);
        }
    }, PERIOD);

    document.addEventListener("click", ({target}) => {
        const made = target instanceof Element && target.closest("#vaewb_workshop [data-vaewb-compare], #vaewb_workshop [data-vaewb-library]");
        if (!made) return;
        if (made.dataset.vaewbCompare) compare(JSON.parse(made.dataset.vaewbCompare));
        else window.vaewbActions.showInLibrary(made.dataset.vaewbLibrary);
    });
    document.addEventListener("vaewb:changed", ({detail}) => {
        if (element() && ["library", "vaes"].includes(detail?.kind)) document.querySelector("#vaewb_workshop_refresh")?.click();
    });
    document.addEventListener("click", ({target}) => {
        // The pictures that were chosen on the page "Compare" since are offered when this page is opened.
        if (target instanceof Element && target.closest("#vaewb_pages > .tab-nav")) {
            setTimeout(() => isShown() && lookAtPictures().then(() => {
                element()?.draw();
                preview();
            }), PERIOD);
        }
    });

    Object.assign(workshop, {state, order, changed, add, tone, folder, pictures, picture, pictureKey, lookAtPictures, preview, faults});
})();
