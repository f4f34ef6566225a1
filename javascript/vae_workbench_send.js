/*
 * Pictures between the pages of the web UI and the tab VAE: a button below each gallery and on PNG Info sends one there, and the
 * cells of a comparison are sent to img2img and Extras. The web UI runs this file as a classic script; nothing here is global.
 */
(() => {
    "use strict";
    if (window.vaewbSend) return;
    window.vaewbSend = true;

    const TITLE = "Send image to the tab VAE, to see what other VAEs make of it.";
    const TARGETS = {
        "send-img2img": {field: "#img2img_image", open: () => window.switch_to_img2img()},
        "send-extras": {field: "#extras_image", open: () => window.switch_to_extras()},
    };

    const say = (text) => window.vaewbViewer?.say?.(text) ?? text;
    const galleryPicture = (gallery) => (gallery.querySelector(".thumbnail-item.selected img") ?? gallery.querySelector("img"))?.src;

    /** The places that get a button: the row, what is before it, and the address of the picture that is meant. */
    const PLACES = [
        ...["txt2img", "img2img", "extras"].map((page) => ({
            row: () => document.querySelector(`#image_buttons_${page} button`)?.parentElement,
            id: `${page}_send_to_vaewb`,
            text: "🔬",
            picture: () => galleryPicture(document.querySelector(`#${page}_gallery`)),
        })),
        {
            row: () => document.querySelector("#tab_pnginfo #extras_tab")?.parentElement,
            id: "pnginfo_send_to_vaewb",
            text: "Send to VAE",
            picture: () => document.querySelector("#pnginfo_image img")?.src,
        },
    ];

    /**
     * The generation that a picture of a gallery is, if its latent is kept: it need not be encoded then.
     * @param {string} url of the picture
     * @returns {Promise<{generation: string, name: string}|{}>}
     */
    async function kept(url) {
        const file = /\/file=([^?]*)/.exec(url)?.[1];
        if (!file) return {};
        try {
            const response = await fetch(`./vae-workbench/generation?file=${file}`, {cache: "no-store"});
            return response.ok ? await response.json() : {};
        } catch {
            return {};
        }
    }

    async function send(url) {
        if (!url) return;
        const {generation, name} = await kept(url);
        const detail = generation ? {generation, name} : {url, ...(url.startsWith("data:") && {name: "PNG Info.png"})};
        document.dispatchEvent(new CustomEvent("vaewb:add-source", {detail}));
    }

    function addButtons() {
        for (const {row, id, text, picture} of PLACES) {
            const parent = document.getElementById(id) ? null : row();
            if (!parent) continue;
            const like = [...parent.querySelectorAll(":scope > button")].pop();
            const button = Object.assign(document.createElement("button"), {id, type: "button", textContent: text === "🔬" ? text : say(text), title: say(TITLE)});
            button.className = like.className;
            button.ariaLabel = say(TITLE);
            button.addEventListener("click", () => send(picture()));
            parent.append(button);
        }
    }

    /** Puts a picture into a field of the web UI, as if it had been dropped there. */
    async function put({field, open}, url) {
        const response = await fetch(url);
        if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
        const data = new DataTransfer();
        data.items.add(new File([await response.blob()], "picture.png", {type: "image/png"}));
        open();
        window.dropReplaceImage(document.querySelector(`${field} [data-testid=image]`), data.files);
    }

    document.addEventListener("vaewb:cell-action", ({detail}) => {
        const target = TARGETS[detail.action];
        if (target) put(target, detail.image).catch((error) => console.error("The picture could not be sent:", error));
    });
    if (typeof onUiLoaded === "function") onUiLoaded(addButtons);
})();
