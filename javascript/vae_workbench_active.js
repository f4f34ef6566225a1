/**
 * Keeps the line below the VAE selector true: asks for it again whenever what is in use has changed, whoever changed it, and
 * shows in the selector's list what each entry means for the checkpoint in use: the line brings that with it.
 *
 * Pages that change something fire "vaewb:changed" on the document; all that show what is in use hear "vaewb:active-changed".
 */
(function () {
    "use strict";

    const ROUTE = "./vae-workbench/revision";
    const EVERY = 1500; // milliseconds between two questions; none while the page cannot be seen
    const WATCHED = ["#setting_sd_vae input", "#setting_sd_model_checkpoint input"];
    const RESULTS = ["#html_info_txt2img", "#html_info_img2img"];
    const PAUSE = 100; // milliseconds, for several changes at once
    const UNTOUCHED = 10000; // milliseconds after a person's own choice in which the selector is left alone
    let revision = null;
    let seen = "";
    let timer = 0;
    let touched = -UNTOUCHED;
    let synced = null;

    const find = (selector) => gradioApp().querySelector(selector);

    function refresh() {
        clearTimeout(timer);
        timer = setTimeout(() => find("#vaewb_active_refresh")?.click(), PAUSE);
    }

    /** Asks whether something has changed since this page asked last. A web UI that is away is asked again later. */
    async function ask() {
        if (document.hidden || !find("#vaewb_active")) return;
        const answer = await fetch(ROUTE, {cache: "no-store"}).then((response) => response.ok ? response.json() : null).catch(() => null);
        if (answer && answer.revision !== revision) {
            const first = revision === null;
            revision = answer.revision;
            refresh();
            if (!first) document.dispatchEvent(new CustomEvent("vaewb:active-changed"));
        }
        sync();
    }

    /** Lets the selector show what was chosen elsewhere, once, and never while a person is choosing here. */
    function sync() {
        const setting = find("#vaewb_active [data-setting]")?.dataset.setting;
        const selector = find("#setting_sd_vae");
        const shown = selector?.querySelector("input")?.value;
        if (setting === undefined || shown === undefined) return;
        const busy = performance.now() - touched < UNTOUCHED || selector.contains(document.activeElement);
        if (setting === shown) synced = null;
        else if (setting !== synced && !busy) {
            synced = setting;
            find("#vaewb_active_sync")?.click();
        }
    }

    function look() {
        const values = WATCHED.map((selector) => find(selector)?.value);
        const results = RESULTS.map((selector) => find(selector)?.innerText);
        const now = JSON.stringify([values, results]);
        if (now !== seen) {
            seen = now;
            refresh();
        }
    }

    function explain() {
        const line = find("#vaewb_active [data-entries]");
        const means = line ? JSON.parse(line.dataset.entries) : {};
        for (const entry of gradioApp().querySelectorAll("#setting_sd_vae li[data-value]")) {
            const words = means[entry.dataset.value] ?? "";
            if (entry.dataset.vaewbMeans !== words) entry.dataset.vaewbMeans = words;
        }
    }

    onUiLoaded(() => {
        const selector = find("#setting_sd_vae");
        if (selector) new MutationObserver(explain).observe(selector, {childList: true, subtree: true});
        setInterval(ask, EVERY);
        ask();
    });
    for (const kind of ["click", "keydown"]) {
        document.addEventListener(kind, (event) => {
            if (event.target.closest?.("#setting_sd_vae")) touched = performance.now();
        });
    }
    document.addEventListener("vaewb:changed", ask);
    document.addEventListener("visibilitychange", ask);
    onAfterUiUpdate(look);
    onOptionsChanged(refresh);
})();
