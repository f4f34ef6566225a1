/** Asks for the line below the VAE selector again whenever what it tells may have changed. */
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

    for (const kind of ["click", "keydown"]) {
        document.addEventListener(kind, (event) => {
            if (event.target.closest?.("#setting_sd_vae")) setTimeout(refresh, LATER);
        });
    }
    onAfterUiUpdate(look);
    onOptionsChanged(refresh);
})();
