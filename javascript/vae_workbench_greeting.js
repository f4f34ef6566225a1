/*
 * The greeting of the tab: each of its buttons opens a page and has it dismissed for good.
 */
(() => {
    "use strict";
    if (window.vaewbGreeting) return;
    window.vaewbGreeting = true;

    const PAGES = ["compare", "library", "checkpoints"];

    document.addEventListener("click", ({target}) => {
        const button = target instanceof Element && target.closest("[data-vaewb-way]");
        if (!button) return;
        document.querySelectorAll("#vaewb_pages > .tab-nav button")[PAGES.indexOf(button.dataset.vaewbWay)]?.click();
        document.querySelector("#vaewb_greeting_dismiss")?.click();
    });
})();
