/*
 * The page "Evaluate": the list of VAEs is the one of the page "Compare", with the same choice; the pictures where VAEs differ
 * most are handed to the viewer; and evaluations from before are opened and removed. The web UI runs this file as a classic
 * script; nothing here is global but the mark that it has run.
 */
(() => {
    "use strict";
    if (window.vaewbEvaluate) return;
    window.vaewbEvaluate = true;

    const PERIOD = 300; // milliseconds between two looks at the page
    const ID = /^[0-9a-f]{32}$/;

    const say = (text) => globalThis.vaewbViewer?.say?.(text) ?? text;

    /** Tells the page something, by way of a hidden field of it. */
    function tell(name, text) {
        const field = document.querySelector(`#${name} :is(textarea, input)`);
        if (!field) return;
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** The same list as on the page "Compare", as soon as it is looked at and whenever that one has changed. */
    function listVaes() {
        const place = document.querySelector("#vaewb_evaluate_vaes");
        const given = document.querySelector("#vaewb_vaes vaewb-picker")?.dataset.given;
        if (!place?.offsetParent || !given || place.firstChild?.dataset.given === given) return;
        const made = document.createElement("vaewb-picker");
        made.dataset.given = given;
        place.replaceChildren(made);
    }

    async function showDiffering(viewer) {
        const id = viewer.dataset.vaewbEvaluation;
        if (!ID.test(id) || !("comparison" in viewer)) return;
        viewer.dataset.vaewbAsked = "yes";
        const address = (name) => name && `./vae-workbench/evaluations/${id}/differing/${name}`;
        const response = await fetch(address("comparison.json"), {cache: "no-store"});
        if (!response.ok) return;
        const comparison = await response.json();
        for (const item of [...comparison.sources, ...comparison.cells]) item.image = address(item.image);
        viewer.comparison = comparison;
    }

    document.addEventListener("click", ({target}) => {
        const button = target instanceof Element && target.closest("[data-vaewb-evaluation], [data-vaewb-remove-evaluation]");
        if (!button || button.localName !== "button") return;
        const {vaewbEvaluation: opened, vaewbRemoveEvaluation: removed} = button.dataset;
        if (opened) tell("vaewb_evaluate_shown", opened);
        else if (confirm(say("Remove this evaluation with all of its results?"))) tell("vaewb_evaluate_removed", removed);
    });

    setInterval(() => {
        listVaes();
        for (const viewer of document.querySelectorAll("vaewb-viewer[data-vaewb-evaluation]:not([data-vaewb-asked])")) {
            showDiffering(viewer).catch(() => delete viewer.dataset.vaewbAsked);
        }
    }, PERIOD);
})();
