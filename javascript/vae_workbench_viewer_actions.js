/* What can be done with a cell of <vaewb-viewer>: saving its picture, and what the page offers. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.more) return;

    /** What the page offers for a VAE's picture; −1 is the source. */
    function offered(host, source, vae) {
        return host.actions.filter(({needs}) => (needs === "vae" ? vae >= 0 : host.address(source, vae)));
    }

    function act(host, action, source, vae) {
        const {vaes, sources} = host.comparison;
        const url = host.address(source, vae);
        const detail = {action, source: sources[source].id, vae: vaes[vae]?.id ?? null, name: host.name(vae), image: url && new URL(url, document.baseURI).href};
        host.dispatchEvent(new CustomEvent("vaewb:cell-action", {bubbles: true, detail}));
    }

    function save(host, source, vae) {
        const name = [host.comparison.sources[source].name, host.name(vae).replace(/\.(safetensors|ckpt|pth?|bin)$/, "")].join(" - ");
        download(host.address(source, vae), `${name}.png`);
    }

    function download(url, name) {
        const link = viewer.make("a", "", "", {href: url, download: name.replace(/[^\p{L}\p{N} ._()+-]/gu, "_")});
        link.click();
    }

    /** A small button that opens the menu of a cell. */
    function more(host, source, vae) {
        const {say, button, popover} = viewer;
        const made = button("vaewb-more", "⋯", say("What can be done with this picture"), () => {
            const at = typeof vae === "function" ? vae() : vae;
            let close = null;
            const entry = (text, help, does) => button("vaewb-entry", text, help, () => (close(), does()));
            const entries = host.address(source, at) ? [entry(say("Save this picture"), say("As PNG, in full size"), () => save(host, source, at))] : [];
            for (const {id, label, title} of offered(host, source, at)) entries.push(entry(label, title ?? "", () => act(host, id, source, at)));
            close = popover(host, made, entries);
        });
        made.ariaLabel = say("What can be done with this picture");
        return made;
    }

    /** Buttons of what the page offers for a VAE itself. */
    function forVae(host, source, vae) {
        return offered(host, source, vae).filter(({needs}) => needs === "vae").map(({id, label, title}) => viewer.button("vaewb-act", label, title ?? "", () => act(host, id, source, vae)));
    }

    /** In place of a view whose data are missing: what it shows, and how to get them, with a button where the page can have them made. */
    function wanted(host, view, sentence, terminal) {
        const {say, make} = viewer;
        const made = make("div", "vaewb-empty");
        made.append(make("p", "", sentence));
        if (host.makes.includes(view)) made.append(...maker(host, view, say("Make it")));
        else made.append(make("p", "vaewb-hint", terminal));
        return made;
    }

    /** Above a view of which only a part is there, as after it was cancelled: how to get the rest. */
    function rest(host, view, sentence) {
        const {say, make} = viewer;
        const made = make("div", "vaewb-controls");
        if (host.makes.includes(view)) made.append(make("span", "vaewb-hint", sentence), ...maker(host, view, say("Make the rest")));
        return made;
    }

    /** The button that has a view made; while something else is, it waits. */
    function maker(host, view, label) {
        const {say, make, button} = viewer;
        const {busy = false, sources} = host.comparison;
        const ask = () => host.dispatchEvent(new CustomEvent("vaewb:want", {bubbles: true, detail: {view, source: sources[host.state.source].id}}));
        const made = Object.assign(button("vaewb-want", label, "", ask), {disabled: busy});
        return busy ? [made, make("span", "vaewb-hint", say("Work is under way: see above how far it is."))] : [made];
    }

    Object.assign(viewer, {more, forVae, wanted, rest, download});
})();
