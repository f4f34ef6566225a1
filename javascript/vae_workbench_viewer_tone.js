/* Tone of <vaewb-viewer>: tone curve, histograms, and shift of hue and saturation, as small plots. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.tone) return;

    views.tone = {
        order: 4,
        title: "Tone",
        key: "T",
        help: "What each makes of light, dark and colours: pale, vivid, warm, in one small plot",
        build(host, stage) {
            const {make, say} = viewer;
            const {source} = host.state;
            const controls = make("div", "vaewb-controls");
            controls.append(viewer.against(host), make("span", "vaewb-hint", say("Curve: from dark to light; above the dashed line it is lighter. Below it the histograms: grey before, coloured after. Wheel: a dot outside of the circle is more vivid, a turned one has another hue.")));
            const many = make("div", "vaewb-plots");
            stage.append(controls, many);
            const theirs = host.address(source, host.state.against);
            host.comparison.vaes.forEach((vae, index) => {
                if (index === host.state.against) return;
                const mine = host.address(source, index);
                const made = make("figure", "vaewb-figure");
                const words = host.cell(source, index)?.words;
                const caption = make("figcaption");
                caption.append(viewer.heading(host, index), ...(words && host.state.against < 0 ? [make("span", "vaewb-words", words)] : []));
                made.append(mine && theirs ? make("div", "vaewb-plot") : viewer.absent(host.cell(source, index), host.comparison.running), caption);
                many.append(made);
                if (mine && theirs) plot(host, made.firstChild, theirs, mine);
            });
        },
    };

    async function plot(host, place, theirs, mine) {
        const {say} = viewer;
        const tone = await host.computed([theirs, mine], "tone", async () => {
            const [one, other] = await Promise.all([theirs, mine].map((url) => host.pixels(url, 512)));
            return one.width === other.width && one.height === other.height ? viewer.measures.compute("tone", one, other) : null;
        }).catch(() => null);
        if (!tone) return void (place.textContent = place.isConnected ? say("of another size: it cannot be compared") : "");
        const [svg, draw] = viewer.drawing("0 0 200 132", say("tone curve and histograms of lightness; shift of hue and saturation"));
        curve(draw, tone);
        wheel(draw, tone.hues);
        place.replaceChildren(svg);
    }

    function curve(draw, {curve, spread, histograms}) {
        const y = (value) => 100 - value;
        const top = Math.max(...histograms.flat(), 0.001);
        histograms.forEach((counted, which) => draw("path", {class: `vaewb-histogram vaewb-of-${which}`, d: `M0 132 ${counted.map((n, i) => `L${(i * 100) / 63} ${132 - (n / top) * 28}`).join(" ")} L100 132 Z`}));
        draw("rect", {class: "vaewb-frame", x: 0, y: 0, width: 100, height: 100});
        draw("path", {class: "vaewb-diagonal", d: "M0 100 L100 0"});
        const points = curve.map((value, i) => (value === null ? null : [(i + 0.5) / 0.64, value, spread[i]])).filter(Boolean);
        if (!points.length) return;
        const back = [...points].reverse();
        draw("path", {class: "vaewb-spread", d: `M${points.map(([x, v, s]) => `${x} ${y(Math.min(100, v + s))}`).join("L")}L${back.map(([x, v, s]) => `${x} ${y(Math.max(0, v - s))}`).join("L")}Z`});
        draw("path", {class: "vaewb-curve", d: `M${points.map(([x, v]) => `${x} ${y(v)}`).join("L")}`});
    }

    function wheel(draw, hues) {
        draw("circle", {class: "vaewb-wheel", cx: 152, cy: 60, r: 30});
        const most = Math.max(...hues.map(({count}) => count), 1);
        hues.forEach(({chroma, turn, count}, index) => {
            if (count < most / 400) return;
            const [from, to] = [(index + 0.5) * 15, (index + 0.5) * 15 + turn].map((degrees) => (-degrees * Math.PI) / 180);
            const [inner, outer] = [30, 30 * Math.min(1.55, chroma)];
            const line = {x1: 152 + inner * Math.cos(from), y1: 60 + inner * Math.sin(from), x2: 152 + outer * Math.cos(to), y2: 60 + outer * Math.sin(to)};
            const colour = `oklch(0.7 0.16 ${(index + 0.5) * 15 + 10})`;
            draw("line", {...line, class: "vaewb-hue", stroke: colour});
            draw("circle", {cx: line.x2, cy: line.y2, r: 2.2, fill: colour});
        });
    }
})();
