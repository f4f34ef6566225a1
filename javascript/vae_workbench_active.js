/**
 * Asks for the line below the VAE selector again whenever what it tells may have changed, and shows in the selector's list
 * what each entry means for the checkpoint in use: the line brings that with it.
 */
(function () {
    "use strict";

    const WATCHED = ["#setting_sd_vae input", "#setting_sd_model_checkpoint input"];
    const RESULTS = ["#html_info_txt2img", "#html_info_img2img"];
    const PAUSE = 300; // milliseconds, for several changes at once
    const LATER = 2000; // milliseconds, in which a selection is refused that was never to be seen
    let seen = "";
    let timer = 0;

    function refresh() {
        clearTimeout(timer);
        timer = setTimeout(() => gradioApp().querySelector("#vaewb_active_refresh")?.click(), PAUSE);
    }

    function look() {
        const values = WATCHED.map((selector) => gradioApp().querySelector(selector)?.value);
        const results = RESULTS.map((selector) => gradioApp().querySelector(selector)?.innerText);
        const now = JSON.stringify([values, results]);
        if (now !== seen) {
            seen = now;
            refresh();
        }
    }

    function explain() {
        const line = gradioApp().querySelector("#vaewb_active [data-entries]");
        const means = line ? JSON.parse(line.dataset.entries) : {};
        for (const entry of gradioApp().querySelectorAll("#setting_sd_vae li[data-value]")) {
            const words = means[entry.dataset.value] ?? "";
            if (entry.dataset.vaewbMeans !== words) entry.dataset.vaewbMeans = words;
        }
    }

    onUiLoaded(() => {
        const selector = gradioApp().querySelector("#setting_sd_vae");
        if (selector) new MutationObserver(explain).observe(selector, {childList: true, subtree: true});
    });
    for (const kind of ["click", "keydown"]) {
        document.addEventListener(kind, (event) => {
            if (event.target.closest?.("#setting_sd_vae")) setTimeout(refresh, LATER);
        });
    }
    onAfterUiUpdate(look);
    onOptionsChanged(refresh);
})();
