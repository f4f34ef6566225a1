/* Latents in <vaewb-viewer>: the channels as pictures with their statistics, a preview, and the difference of two encoders. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.latent) return;
    const make = (...given) => viewer.make(...given);
    const say = (...given) => viewer.say(...given);

    const number = (value) => Number(value).toFixed(2).replace("-", "−");

    function encoderName(host, {encoder, encoder_name: name}) {
        const vae = host.comparison.vaes.findIndex(({id}) => id === encoder);
        return encoder === null ? say("the source's own latent") : vae < 0 ? name ?? say("another VAE") : host.name(vae);
    }

    views.latent = {
        order: 5,
        title: "Latent",
        key: "C",
        help: "The channels of the latent as pictures, their statistics, and what encoders make different",
        build(host, stage) {
            const source = host.comparison.sources[host.state.source];
            const all = (host.comparison.latents ?? []).filter((latent) => latent.source === source.id);
            if (!all.length) return void stage.append(viewer.wanted(host, "latent", say("What each VAE encodes the picture into: the channels of the latent as pictures, with their statistics."), say("In the terminal: compare … --views latent")));
            const good = all.filter(({error}) => !error);
            const beside = good.find(({encoder}) => encoder === host.state.beside) ?? null;
            const controls = make("div", "vaewb-controls");
            if (good.length > 1) controls.append(viewer.select(say("difference from"), beside ? good.indexOf(beside) : "", [["", say("none: the channels themselves")], ...good.map((latent, i) => [i, encoderName(host, latent)])], (value) => host.choose({beside: good[value]?.encoder})));
            controls.append(make("span", "vaewb-hint", say("Dark is low, light is high, in the same range for all encoders of a source.")));
            if (beside && good.length > 1) controls.append(viewer.legend("|Δ|", "difference of a channel's values, in units of the latent", most(beside), number));
            const isPart = source.image && host.comparison.vaes.some(({id}) => !all.some(({encoder}) => encoder === id));
            if (isPart) stage.append(viewer.rest(host, "latent", say("Not the latents of all VAEs are there.")));
            stage.append(controls, ...all.map((latent) => record(host, latent, beside)));
            host.held = (down) => stage.classList.toggle("vaewb-bare", down);
        },
    };

    /** A quarter of the range is where the map of differences ends. */
    const most = ({low, high}) => (high - low) / 4;

    function record(host, latent, beside) {
        const made = make("section", "vaewb-latent");
        const head = make("h4");
        head.append(viewer.named(encoderName(host, latent)));
        made.append(head);
        if (latent.error) return made.append(make("p", "vaewb-note", `⚠ ${latent.error}`)), made;
        const {width, height, channels, downscale, statistics} = latent;
        const kept = (width * height * channels) / (3 * (width * downscale) * (height * downscale));
        head.append(make("span", "vaewb-hint", ` ${width * downscale}×${height * downscale} → ${width}×${height}×${channels} · ${say("{percent} % of the picture's numbers", {percent: Math.round(1000 * kept) / 10})}`));
        for (const note of latent.notes ?? []) made.append(make("p", "vaewb-note", note));
        const tiles = make("div", "vaewb-channels");
        const [name, what] = latent.preview_colours === false ? [say("in false colours"), say("its main components; which colours they mean is not known")] : [say("as colours"), say("the latent itself as a picture, without a VAE")];
        if (latent.preview) tiles.append(tile(host, latent.preview, name, what).element);
        latent.channels_images.forEach((url, i) => {
            const {mean, std, min, max, not_finite: broken = 0} = statistics[i];
            const {element, pane} = tile(host, url, say("channel {n}", {n: i + 1}), `${number(mean)} ± ${number(std)} · ${number(min)} … ${number(max)}`, say("mean ± standard deviation · least … greatest value"));
            if (broken) element.append(make("span", "vaewb-note", `⚠ ${say("{n} values are no finite numbers", {n: broken})}`));
            tiles.append(element);
            if (beside && beside !== latent) differ(host, element, pane, beside, latent, i);
        });
        made.append(tiles);
        return made;
    }

    function tile(host, url, name, text, help = "") {
        const made = make("figure", "vaewb-figure");
        const pane = host.pane(url, name);
        const caption = make("figcaption");
        caption.append(make("strong", "", name), make("span", "vaewb-hint", text, help ? {title: help} : {}));
        made.append(pane.frame, caption);
        return {element: made, pane};
    }

    async function differ(host, element, pane, beside, latent, channel) {
        const urls = [beside, latent].map(({channels_images}) => channels_images[channel]);
        if (!urls[0] || beside.width !== latent.width || beside.height !== latent.height) return void element.append(make("span", "vaewb-note", say("of another size: it cannot be compared")));
        const [one, other] = await Promise.all(urls.map((url) => host.pixels(url)));
        const value = ({low, high}, byte) => low + ((high - low) * byte) / 255;
        const apart = Float32Array.from({length: one.width * one.height}, (_, i) => Math.abs(value(latent, other.data[4 * i]) - value(beside, one.data[4 * i])));
        if (!element.isConnected) return;
        const rms = Math.sqrt(apart.reduce((sum, v) => sum + v * v, 0) / apart.length);
        element.querySelector("figcaption").append(make("span", "vaewb-measure", say("apart by {value}", {value: number(rms)}), {title: say("root of the mean square")}));
        pane.add(await viewer.heat(apart, one.width, one.height, most(beside)), "vaewb-heat");
    }
})();
