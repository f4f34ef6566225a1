/*
 * The details of files on the pages "Library" and "Checkpoints": what opens them, where they are shown, and what of them is folded. One
 * global name: vaewbFiles.
 */
(() => {
    "use strict";
    if (globalThis.vaewbFiles) return;

    const PERIOD = 2000; // milliseconds between two looks whether thumbnails were drawn

    const element = (...given) => globalThis.vaewbViewer.make(...given);
    const say = (...given) => globalThis.vaewbViewer.say(...given);

    /**
     * Shows the details of a file: tells the page its name, by way of the page's hidden field.
     * @param {Element} from an element of the page
     * @param {string} name of the file
     */
    function open(from, name) {
        tell(from, "chosen", name);
        show(from.closest(".vaewb-files"));
        for (const table of from.closest(".vaewb-files").querySelectorAll("vaewb-table")) table.select(name);
    }

    /** Where there is no room beside the table, what is known of the file comes over it, with a button to close it. */
    function show(page) {
        const side = page.querySelector(".vaewb-side");
        if (!side) return;
        page.classList.add("vaewb-shown");
        side.scrollTop = 0;
        if (side.querySelector(":scope > .vaewb-close")) return;
        const close = element("button", "vaewb-close", "×", {type: "button", "aria-label": say("Close")});
        close.addEventListener("click", () => page.classList.remove("vaewb-shown"));
        side.prepend(close);
    }

    /** Tells the page something, by way of a hidden field of it. */
    function tell(from, what, text) {
        const field = from.closest(".vaewb-files").querySelector(`.vaewb-${what} :is(textarea, input)`);
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** What is technical is folded, and stays as a person left it whatever file they look at. */
    class VaewbTechnical extends HTMLElement {
        connectedCallback() {
            const folded = this.querySelector("details");
            if (!folded) return;
            folded.open = localStorage.getItem("vaewb-technical") === "open";
            folded.addEventListener("toggle", () => localStorage.setItem("vaewb-technical", folded.open ? "open" : "shut"));
        }
    }

    if (!customElements.get("vaewb-technical")) customElements.define("vaewb-technical", VaewbTechnical);

    /* Names of files elsewhere on a page, in details and on the map, open them too. */
    const opener = (event) => event.target instanceof Element && event.target.closest(".vaewb-files [data-vaewb-open]");
    document.addEventListener("click", (event) => {
        const from = opener(event);
        if (from) open(from, from.dataset.vaewbOpen);
        const button = event.target instanceof Element && event.target.closest(".vaewb-files [data-vaewb-order]");
        if (button) tell(button, "order", button.dataset.vaewbOrder);
    });
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") document.querySelectorAll(".vaewb-shown").forEach((page) => page.classList.remove("vaewb-shown"));
        const from = (event.key === "Enter" || event.key === " ") && opener(event);
        if (!from || from instanceof HTMLButtonElement) return; // a button makes a click of it by itself
        event.preventDefault();
        open(from, from.dataset.vaewbOpen);
    });

    /**
     * Thumbnails appear by themselves: the page asks for those that were drawn since, which has the next ones drawn while nothing
     * else is done. What is not to be had is not asked for again until the table is another one.
     */
    let seen = null;
    let more = true;
    let answer = null;

    setInterval(() => {
        const table = document.querySelector("#vaewb_library_table vaewb-table");
        const told = document.querySelector("#vaewb_library_drawn [data-pictures]");
        if (table !== seen) [seen, more] = [table, true];
        if (told && told !== answer) {
            answer = told;
            more = told.dataset.more === "1";
            table?.addPictures(JSON.parse(told.dataset.pictures));
        }
        const isBusy = document.hidden || document.querySelector(".vaewb-progress[data-vaewb-kind=library]");
        if (table?.offsetParent && more && !isBusy && table.lacksPictures) document.querySelector("#vaewb_library_pictures")?.click();
    }, PERIOD);

    globalThis.vaewbFiles = {open, tell, show};
})();
