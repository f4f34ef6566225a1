/**
 * What opens below the line beside the VAE selector, and what its buttons do. The line is replaced whenever something has changed,
 * so whether it is open stands on the box around it. Sentences for whoever has pressed something are shown as the web UI shows its own.
 */
(function () {
    "use strict";

    const SHOWN = 8000; // milliseconds that a sentence stays
    const say = (text) => window.vaewbViewer?.say?.(text) ?? text;
    const find = (selector) => gradioApp().querySelector(selector);
    const box = () => find("#vaewb_active_box");
    const button = () => find("#vaewb_active button.vaewb-active");
    const isOpen = () => box()?.classList.contains("vaewb-open") ?? false;

    function open(wanted) {
        box()?.classList.toggle("vaewb-open", wanted);
        // It hangs from the side on which there is room for it.
        box()?.classList.toggle("vaewb-from-right", wanted && box().getBoundingClientRect().left > window.innerWidth / 3);
        button()?.setAttribute("aria-expanded", String(wanted));
    }

    function order(text) {
        const field = find("#vaewb_active_order :is(textarea, input)");
        field.value = text;
        field.dispatchEvent(new Event("input", {bubbles: true}));
    }

    /** Opens the tab VAE with these VAEs chosen to be compared. */
    function compare(names) {
        open(false);
        window.vaewbComparisons.open();
        window.vaewbPicker.take({vaes: names.map((name) => ({name}))});
    }

    /** Shows a sentence over the page for a while. */
    function toast(sentence) {
        const shown = Object.assign(document.createElement("div"), {className: "vaewb-toast", role: "alert", textContent: sentence});
        const close = Object.assign(document.createElement("button"), {type: "button", className: "vaewb-close", textContent: "×", ariaLabel: say("Close")});
        close.addEventListener("click", () => shown.remove());
        shown.append(close);
        document.querySelector(".gradio-container")?.append(shown);
        setTimeout(() => shown.remove(), SHOWN);
    }

    /** The line was replaced: what was open stays open, and what it brings for this person is shown. */
    function renewed() {
        if (isOpen()) button()?.setAttribute("aria-expanded", "true");
        const said = find("#vaewb_active [data-toast]");
        if (said) toast(said.dataset.toast);
        said?.removeAttribute("data-toast");
    }

    document.addEventListener("click", ({target, isTrusted}) => {
        if (!(target instanceof Element) || !isTrusted) return; // the pages press buttons of their own by script
        const pressed = target.closest("#vaewb_active_box button");
        if (pressed?.matches(".vaewb-active")) open(!isOpen());
        else if (pressed?.matches(".vaewb-close")) open(false);
        else if (pressed?.dataset.vaewbLine) order(pressed.dataset.vaewbLine);
        else if (pressed?.dataset.vaewbCompare) compare(JSON.parse(pressed.dataset.vaewbCompare));
        else if (isOpen() && target.isConnected && !target.closest("#vaewb_active_box")) open(false);
    });
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || !isOpen()) return;
        open(false);
        button()?.focus();
    });
    onUiLoaded(() => {
        if (find("#vaewb_active")) new MutationObserver(renewed).observe(find("#vaewb_active"), {childList: true, subtree: true});
    });
})();
