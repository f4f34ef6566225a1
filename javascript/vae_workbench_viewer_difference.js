/* Differences of <vaewb-viewer>: maps of ꟻLIP and ΔE2000 with their scale, and areas where one picture leaves all the others. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.difference) return;
    const make = (...given) => viewer.make(...given);
    const say = (...given) => viewer.say(...given);

    /** Black over violet and orange to yellow: dark where nothing differs. After matplotlib's magma, five of its colours. */
    const MAGMA = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];
    const DIFFERENCES = {
        flip: {title: "ꟻLIP", help: "what the eye notices when the two alternate in place: 0 nothing, 1 everything", most: 1, longest: 768},
        deltaE: {title: "ΔE2000", help: "difference of colour: 1 is just visible, 10 is plain to see", most: 20, longest: 1024},
    };

    /** Values as an address of a picture in false colours, 0 to `most`. */
    function heat(values, width, height, most) {
        const canvas = Object.assign(make("canvas"), {width, height});
        const context = canvas.getContext("2d");
        const image = context.createImageData(width, height);
        values.forEach((value, i) => {
            const place = Math.min(1, value / most) * (MAGMA.length - 1);
            const step = Math.min(MAGMA.length - 2, Math.floor(place));
            for (let k = 0; k < 3; k++) image.data[4 * i + k] = MAGMA[step][k] + (MAGMA[step + 1][k] - MAGMA[step][k]) * (place - step);
            image.data[4 * i + 3] = 255;
        });
        context.putImageData(image, 0, 0);
        return new Promise((resolve) => canvas.toBlob((blob) => resolve(URL.createObjectURL(blob))));
    }

    function legend(title, help, most, write = String) {
        const made = make("div", "vaewb-legend", "", {title: say(help)});
        const scale = make("div", "vaewb-scale");
        scale.style.background = `linear-gradient(to right, ${MAGMA.map((colour) => `rgb(${colour})`)})`;
        const end = most === 1 ? write(most) : say("{most} and more", {most: write(most)});
        made.append(make("span", "", `${title} 0`), scale, make("span", "", end), make("span", "vaewb-hint", `${say(help)}. ${say("Hold Space to see the picture.")}`));
        return made;
    }

    /** What the others are compared with: the source or a VAE. */
    function against(host) {
        const {state} = host;
        const others = host.comparison.vaes.map(({name}, index) => [index, name]);
        if (host.address(state.source, -1)) others.unshift([-1, say("the source")]);
        else if (state.against < 0) state.against = 0;
        return viewer.select(say("against"), state.against, others, (value) => host.choose({against: Number(value)}));
    }

    views.difference = {
        order: 3,
        title: "Difference",
        key: "D",
        help: "Where each one differs from the source, or from another VAE",
        build(host, stage) {
            const {source, kind} = host.state;
            const {title, help, most} = DIFFERENCES[kind];
            const controls = make("div", "vaewb-controls");
            controls.append(against(host), viewer.select(say("as"), kind, Object.entries(DIFFERENCES).map(([key, {title}]) => [key, title]), (value) => host.choose({kind: value})), legend(title, help, most));
            const many = make("div", "vaewb-loupes");
            stage.append(controls, many);
            const theirs = host.address(source, host.state.against);
            host.comparison.vaes.forEach((_, vae) => {
                if (vae === host.state.against) return;
                const figure = new viewer.Figure(host, source, vae);
                many.append(figure.element);
                if (figure.pane && theirs) draw(host, figure, theirs);
            });
            host.clicked = (pane) => host.choose({mode: "ab", a: host.state.against, b: pane.vae});
            host.held = (down) => stage.classList.toggle("vaewb-bare", down);
        },
    };

    async function draw(host, figure, theirs) {
        const {kind} = host.state;
        const {most, longest} = DIFFERENCES[kind];
        const mine = host.address(figure.source, figure.vae);
        const note = figure.extra.appendChild(make("span", "vaewb-hint", say("comparing …")));
        const found = await host.computed([mine, theirs], kind, () => compare(host, mine, theirs, kind, most, longest)).catch(() => null);
        if (!figure.element.isConnected || !found) return;
        note.remove();
        if (!found.map) return void figure.extra.append(make("span", "vaewb-note", say("of another size: it cannot be compared")));
        figure.extra.append(make("span", "vaewb-measure", say("mean {value}", {value: found.mean.toPrecision(3)})));
        figure.pane.add(found.map, "vaewb-heat");
        host.redraw();
        const spots = await blotches(host, figure, longest).catch(() => []);
        if (!spots.length || !figure.element.isConnected) return;
        figure.extra.append(make("span", "vaewb-note", `⚠ ${spots.length === 1 ? say("1 blotch: it leaves all the others there") : say("{n} blotches: it leaves all the others there", {n: spots.length})}`));
        outline(host, figure.pane, spots.slice(0, 40));
    }

    async function compare(host, mine, theirs, kind, most, longest) {
        const [one, other] = await Promise.all([mine, theirs].map((url) => host.pixels(url, longest)));
        if (one.width !== other.width || one.height !== other.height) return {};
        const values = await viewer.measures.compute(kind, other, one);
        return {mean: values.reduce((sum, value) => sum + value, 0) / values.length, map: await heat(values, one.width, one.height, most)};
    }

    /** Areas where a picture leaves all the others, in 0..1. */
    async function blotches(host, {source, vae}, longest) {
        const urls = [vae, ...host.there(source).filter((other) => other !== vae)].map((other) => host.address(source, other));
        return host.computed(urls, "blotches", async () => {
            const [one, ...others] = await Promise.all(urls.map((url) => host.pixels(url, longest)));
            const same = others.filter(({width, height}) => width === one.width && height === one.height);
            const found = same.length ? await viewer.measures.compute("blotches", one, same) : [];
            return found.map(({left, top, right, bottom}) => ({left: left / one.width, top: top / one.height, right: right / one.width, bottom: bottom / one.height}));
        });
    }

    /** Frames around parts of the picture, which move with it. */
    function outline(host, pane, boxes) {
        const frames = boxes.map(() => pane.frame.appendChild(make("div", "vaewb-outline")));
        const before = host.moved;
        host.moved = () => {
            before?.();
            const {placed, size} = pane;
            if (!placed) return;
            const [width, height] = size.map((side) => side * placed.scale);
            boxes.forEach(({left, top, right, bottom}, i) => Object.assign(frames[i].style, {
                transform: `translate(${placed.left + left * width}px, ${placed.top + top * height}px)`, width: `${(right - left) * width}px`, height: `${(bottom - top) * height}px`,
            }));
        };
        host.redraw();
    }

    Object.assign(viewer, {heat, legend, against});
})();
