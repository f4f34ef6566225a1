/*
 * What the viewer on the page "Compare" asks for: a VAE is taken into use, shown in the Library, or what a view lacks is made. The
 * web UI runs this file as a classic script; one global name: vaewbActions.
 */
(() => {
    "use strict";
    if (window.vaewbActions) return;
    window.vaewbActions = {showInLibrary};

    const PERIOD = 200; // milliseconds between two looks whether the table is there
    const PATIENCE = 60000; // milliseconds

    /** Tells the page something, by way of a hidden field of it. */
    function tell(name, order) {
        const field = document.querySelector(`#${name} :is(textarea, input)`);
        if (!field) return;
        field.value = JSON.stringify({...order, comparison: window.vaewbComparisons.shown(), number: Date.now()});
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** Opens the Library with this file alone in the list. */
    function showInLibrary(name) {
        document.querySelectorAll("#vaewb_pages > .tab-nav button")[1]?.click();
        const before = document.querySelector("vaewb-table[data-name='VAE files']");
        const until = Date.now() + PATIENCE;
        const timer = setInterval(() => {
            const table = document.querySelector("vaewb-table[data-name='VAE files']");
            const isBusy = document.querySelector(".vaewb-progress[data-vaewb-kind=library]");
            // The table is replaced when the page was brought up to date; one from before will do if that takes long.
            if (table && !isBusy && (table !== before || Date.now() > until - PATIENCE + 10 * PERIOD)) {
                clearInterval(timer);
                table.find(name);
            } else if (Date.now() > until) {
                clearInterval(timer);
            }
        }, PERIOD);
    }

    document.addEventListener("vaewb:cell-action", ({target, detail}) => {
        if (["use-now", "use-for-checkpoint"].includes(detail.action)) tell("vaewb_act", {action: detail.action, vae: detail.vae});
        if (detail.action === "show-in-library") showInLibrary(target.comparison.vaes.find((vae) => vae.id === detail.vae)?.name ?? detail.name);
    });
    document.addEventListener("click", ({target}) => {
        const before = target instanceof Element && target.closest("[data-vaewb-put-back]")?.dataset.vaewbPutBack;
        if (before) tell("vaewb_act", {action: "put-back", before});
    });
    document.addEventListener("vaewb:want", ({detail}) => tell("vaewb_want", {view: detail.view, source: detail.source}));
})();
