/*
 * Work that runs behind the pages of VAE Workbench. A page shows a bar with the id of its job; this script asks the server how
 * far that is, and when it has ended presses a hidden button of the page, which fetches the results. After F5, and in another
 * tab of the browser, it finds the jobs again that still run.
 *
 * Two events of the document keep what is shown elsewhere true: "vaewb:changed" is sent when work of a page has ended, and so
 * may have changed which VAE is in use; on "vaewb:active-changed", which others send when it has changed, the page
 * "Checkpoints" is brought up to date.
 */
(() => {
    "use strict";
    if (window.vaewbJobs) return;
    window.vaewbJobs = true;

    const PERIOD = 300; // milliseconds between two questions
    const AGAIN = 3000; // milliseconds until results that have not come are fetched again
    const FIELD = /^vaewb_([a-z]+)_look$/;
    const asking = new Set(); // kinds whose progress is asked for just now
    const fetched = new Map(); // kind → when its results were last asked for
    const ended = new Map(); // kind → the job that is known to have ended
    const restored = new Set(); // kinds that were looked for since the page was loaded

    const key = (kind) => `vaewb-job-${kind}`;
    const find = (kind, what) => document.querySelector(`#vaewb_${kind}_${what}`);

    function look(kind) {
        if (Date.now() - (fetched.get(kind) ?? 0) < AGAIN) return;
        fetched.set(kind, Date.now());
        find(kind, "look")?.click();
    }

    /** Watches the job of this id from now on. */
    function watch(kind, id) {
        const field = find(kind, "job")?.querySelector("textarea, input");
        if (!field) return;
        field.value = id;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** How far a job is; null if the server does not know it, nothing if it does not answer. */
    async function status(id) {
        try {
            const response = await fetch(`./vae-workbench/jobs/${id}`, {cache: "no-store"});
            if (response.ok) return await response.json();
            return response.status === 404 ? null : undefined;
        } catch {
            return undefined;
        }
    }

    function draw(bar, {fraction, what}) {
        const percent = Math.max(0, Math.min(100, Math.round(fraction * 100)));
        bar.setAttribute("aria-valuenow", percent);
        bar.querySelector("div").style.width = `${percent}%`;
        const text = `${percent} % · ${what}`;
        const label = bar.querySelector("span");
        if (label.textContent !== text) label.textContent = text;
    }

    async function follow(bar) {
        const {vaewbJob: id, vaewbKind: kind} = bar.dataset;
        if (asking.has(kind)) return;
        asking.add(kind);
        sessionStorage.setItem(key(kind), id);
        const job = await status(id);
        asking.delete(kind);
        if (job === undefined || !bar.isConnected) return;
        if (job && !job.ended) draw(bar, job);
        else look(kind);
    }

    /** Tells everybody once of each job that has ended. */
    function notice(mark) {
        const {vaewbEnded: id, vaewbKind: kind} = mark.dataset;
        if (ended.get(kind) === id) return;
        ended.set(kind, id);
        fetched.delete(kind);
        sessionStorage.removeItem(key(kind));
        document.dispatchEvent(new CustomEvent("vaewb:changed", {bubbles: true, detail: {kind}}));
    }

    /** Finds the job of a page that was loaded anew: its own from before, or else one that runs. */
    async function restore(button) {
        const kind = FIELD.exec(button.id)?.[1];
        if (!kind || restored.has(kind)) return;
        restored.add(kind);
        const before = sessionStorage.getItem(key(kind));
        const job = before && (await status(before));
        if (job === undefined) {
            restored.delete(kind); // no answer: it is asked again
        } else if (job) {
            watch(kind, before);
        } else {
            sessionStorage.removeItem(key(kind));
            button.click();
        }
    }

    setInterval(() => {
        document.querySelectorAll("[id^=vaewb_][id$=_look]").forEach(restore);
        document.querySelectorAll(".vaewb-progress[data-vaewb-job]").forEach(follow);
        document.querySelectorAll("[data-vaewb-ended]").forEach(notice);
    }, PERIOD);

    // Whoever leaves before the first look at a bar finds its job again all the same.
    addEventListener("pagehide", () => {
        for (const {dataset} of document.querySelectorAll(".vaewb-progress[data-vaewb-job]")) {
            sessionStorage.setItem(key(dataset.vaewbKind), dataset.vaewbJob);
        }
    });
    document.addEventListener("click", (event) => {
        const button = event.target instanceof Element && event.target.closest("[data-vaewb-watch]");
        if (button) watch(button.dataset.vaewbKind, button.dataset.vaewbWatch);
    });
    document.addEventListener("vaewb:active-changed", () => {
        if (document.querySelector("#vaewb_checkpoints_table vaewb-table")) find("checkpoints", "refresh")?.click();
    });
})();
