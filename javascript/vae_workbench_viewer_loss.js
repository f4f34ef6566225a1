/* Generation loss in <vaewb-viewer>: what is left of a picture after it was encoded and decoded again and again. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.loss) return;
    const make = (...given) => viewer.make(...given);
    const say = (...given) => viewer.say(...given);

    const MEASURES = {
        psnr: {title: "PSNR", help: "closeness to the source in dB: higher is closer", places: 1},
        delta_e: {title: "ΔE2000", help: "mean difference of colour: about 1 is just visible, lower is closer", places: 2},
        flip: {title: "ꟻLIP", help: "what the eye notices when the two alternate in place: 0 nothing, lower is closer", places: 3},
    };
    /** Colours, dashes and signs, so that lines are told apart without colours; after Okabe and Ito. */
    const LINES = [["#0072b2", "", "●"], ["#d55e00", "6 3", "■"], ["#009e73", "2 2", "▲"], ["#cc79a7", "8 2 2 2", "◆"], ["#e69f00", "4 4", "▼"], ["#56b4e9", "1 3", "★"]];

    views.loss = {
        order: 6,
        title: "Generation loss",
        key: "R",
        help: "Encoded and decoded again and again: what is left, as a curve and as pictures",
        build(host, stage) {
            const source = host.comparison.sources[host.state.source];
            const all = (host.comparison.losses ?? []).filter((loss) => loss.source === source.id);
            if (!all.length) return void stage.append(viewer.wanted(host, "loss", say("What is left of the picture when each VAE encodes and decodes it again and again, as many times of img2img would. It takes as long as that many comparisons."), say("In the terminal: compare … --views loss --rounds 10")));
            const {measure} = host.state;
            const controls = make("div", "vaewb-controls");
            controls.append(viewer.select(say("measure"), measure, Object.entries(MEASURES).map(([key, {title}]) => [key, title]), (value) => host.choose({measure: value})), make("span", "vaewb-hint", say(MEASURES[measure].help)));
            if (isPart(host, all)) stage.append(viewer.rest(host, "loss", say("Not all rounds of all VAEs are there.")));
            stage.append(controls, curve(all, measure), ...all.map((loss, i) => strip(host, loss, i)));
        },
    };

    /** Whether some VAE, or some rounds, are missing, as after it was cancelled. */
    function isPart(host, losses) {
        const isThere = ({id}) => losses.some(({decoder, rounds, wanted = 0, error}) => decoder === id && (error || rounds.length >= wanted));
        return !host.comparison.vaes.every(isThere);
    }

    const pair = (host, {encoder, decoder, encoder_name: encoderName, decoder_name: decoderName}) => {
        const name = (id, told) => (host.comparison.vaes.find((vae) => vae.id === id)?.name ?? told ?? id).replace(/\.(safetensors|ckpt|pth?|bin)$/, "");
        return encoder === decoder ? name(encoder, encoderName) : `${name(encoder, encoderName)} → ${name(decoder, decoderName)}`;
    };

    function curve(losses, measure) {
        const {title, places} = MEASURES[measure];
        const [svg, draw] = viewer.drawing("0 0 600 220", say("{measure} over the rounds", {measure: title}));
        svg.classList.add("vaewb-rounds");
        const values = losses.flatMap(({rounds}) => rounds.map((round) => round[measure])).filter(Number.isFinite);
        if (!values.length) return svg;
        const last = Math.max(2, ...losses.map(({rounds, wanted = 0}) => Math.max(wanted, ...rounds.map(({round}) => round))));
        const [low, high] = [Math.min(...values), Math.max(...values)];
        const place = (round, value) => [50 + ((round - 1) / (last - 1)) * 530, 190 - ((value - low) / Math.max(1e-9, high - low)) * 170];
        for (let i = 0; i <= 4; i++) {
            const value = low + ((high - low) * i) / 4;
            const [, y] = place(1, value);
            draw("line", {class: "vaewb-rule", x1: 50, x2: 580, y1: y, y2: y});
            draw("text", {x: 44, y: y + 4, "text-anchor": "end"}, value.toFixed(places));
        }
        for (let round = 1; round <= last; round += Math.ceil(last / 10)) draw("text", {x: place(round, low)[0], y: 210, "text-anchor": "middle"}, String(round));
        losses.forEach(({rounds}, index) => {
            const [colour, dash, sign] = LINES[index % LINES.length];
            const points = rounds.filter((round) => Number.isFinite(round[measure])).map((round) => place(round.round, round[measure]));
            if (points.length) draw("path", {class: "vaewb-line", stroke: colour, "stroke-dasharray": dash, d: `M${points.map((at) => at.join(" ")).join("L")}`});
            for (const [x, y] of points) draw("text", {x, y: y + 4, fill: colour, "text-anchor": "middle", class: "vaewb-sign"}, sign);
        });
        return svg;
    }

    function strip(host, loss, index) {
        const made = make("section", "vaewb-loss");
        const [colour, , sign] = LINES[index % LINES.length];
        const head = make("h4");
        const mark = make("span", "", `${sign} `);
        mark.style.color = colour;
        head.append(mark, pair(host, loss));
        made.append(head);
        if (loss.error) made.append(make("p", "vaewb-note", `⚠ ${loss.error}`));
        if (!loss.rounds.length) return made;
        const pictures = make("div", "vaewb-strip");
        const {source, measure} = host.state;
        const {title, places} = MEASURES[measure];
        for (const round of loss.rounds) {
            const name = say("{pair}, round {n}", {pair: pair(host, loss), n: round.round});
            const value = Number.isFinite(round[measure]) ? round[measure].toFixed(places) : "–";
            const look = () => host.choose({mode: "ab", a: host.address(source, -1) ? -1 : 0, b: {image: round.image, name, source}});
            const choice = viewer.button("vaewb-choice", "", say("{name}: under a divider with the source", {name}), look);
            choice.append(round.image ? make("img", "", "", {src: round.image, alt: ""}) : make("i", "", "–"), make("span", "", `${round.round}: ${title} ${value}`));
            pictures.append(choice);
        }
        made.append(pictures);
        return made;
    }
})();
