/* The language of the app, which has no settings: the one chosen on the page, else the first of the browser's that is there. */
(() => {
    "use strict";
    if (!window.vaewbLanguages) return; // in the web UI, which has languages of its own
    const KEY = "vaewb-language";
    const NAMES = {en: "English", ja: "日本語", ru: "Русский"};
    const tables = window.vaewbLanguages;
    let chosen = null;
    try {
        chosen = localStorage.getItem(KEY);
    } catch {
        // kept nowhere: the browser's own language then
    }
    const wanted = [chosen, ...navigator.languages].map((tag) => (tag ?? "").slice(0, 2)).find((tag) => tag in NAMES) ?? "en";
    window.localization = tables[wanted] ?? {};
    document.documentElement.lang = wanted;

    const title = document.querySelector("#vaewb_title");
    if (!title || document.querySelector("#vaewb_language")) return;
    const list = Object.assign(document.createElement("select"), {id: "vaewb_language"});
    list.setAttribute("aria-label", "Language / 言語 / Язык");
    for (const [value, text] of Object.entries(NAMES)) {
        list.append(Object.assign(document.createElement("option"), {value, textContent: text, lang: value, selected: value === wanted}));
    }
    list.addEventListener("change", () => {
        try {
            localStorage.setItem(KEY, list.value);
        } catch {
            return; // it would be gone after the page is loaded again
        }
        location.reload();
    });
    title.append(list);
})();
