/**
 * Keeps the line beside the VAE selector true: asks for it again whenever what is in use has changed, whoever changed it, and
 * shows in the selector's list what each entry means for the checkpoint in use, what fits first: the line brings that with it.
 *
 * Pages that change something fire "vaewb:changed" on the document; all that show what is in use hear "vaewb:active-changed".
 */
(function () {
    "use strict";

    const ROUTE = "./vae-workbench/revision";
    const EVERY = 1500; // milliseconds between two questions; none while the page cannot be seen
    const WATCHED = ["#setting_sd_vae input", "#setting_sd_model_checkpoint input"];
    const RESULTS = ["#html_info_txt2img", "#html_info_img2img"];
    const AUTO = ["Automatic", "None"];
    const PAUSE = 100; // milliseconds, for several changes at once
    const UNTOUCHED = 10000; // milliseconds after a person's own choice in which the selector is left alone
    let revision = null;
    let seen = "";
    let timer = 0;
    let touched = -UNTOUCHED;
    let synced = null;
    let ordered = "";

    const say = (text) => window.vaewbViewer?.say?.(text) ?? text;
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

    const line = () => find("#vaewb_active [data-entries]");
    const entries = () => JSON.parse(line()?.dataset.entries ?? "{}");

    /** Lets the selector show what was chosen elsewhere, and its list what fits first: once, and never while a person is choosing here. */
    function sync() {
        const {setting, grouped} = line()?.dataset ?? {};
        const selector = find("#setting_sd_vae");
        const shown = selector?.querySelector("input")?.value;
        if (setting === undefined || shown === undefined) return;
        const order = grouped === "1" ? Object.keys(entries()).join("\n") : "";
        const busy = performance.now() - touched < UNTOUCHED || selector.contains(document.activeElement);
        if (setting === shown) synced = null;
        if (busy || ((setting === shown || setting === synced) && order === ordered)) return;
        synced = setting;
        ordered = order;
        find("#vaewb_active_sync")?.click();
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
        const means = entries();
        const grouped = line()?.dataset.grouped === "1" && Object.values(means).some(([, fits]) => !fits);
        let group = null;
        for (const entry of gradioApp().querySelectorAll("#setting_sd_vae li[data-value]")) {
            const [words = "", fits] = means[entry.dataset.value] ?? [];
            const own = !grouped || AUTO.includes(entry.dataset.value) || fits === undefined ? null : fits;
            const title = own === null || own === group ? "" : say(own ? "Fits this checkpoint" : "Does not fit, or cannot be used");
            group = own ?? group;
            put(entry, "vaewbMeans", words);
            put(entry, "vaewbGroup", title);
        }
    }

    function put(entry, what, text) {
        if (entry.dataset[what] !== text) entry.dataset[what] = text;
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
