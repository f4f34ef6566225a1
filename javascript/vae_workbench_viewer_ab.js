/* A/B of <vaewb-viewer>: two pictures in one place, under a divider, in turn, or one while a key is held. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.ab) return;
    const say = (...given) => viewer.say(...given);
    /** How close, in pixels, the pointer takes hold of the divider. */
    const NEAR = 24;

    /** Both sides show something that is there and is of this source. */
    function settle(host) {
        const {state} = host;
        const there = host.there();
        for (const side of ["a", "b"]) if (typeof state[side] === "object" && state[side].source !== state.source) state[side] = side === "a" ? -1 : 0;
        if (typeof state.a === "number" && !there.includes(state.a)) state.a = there.find((vae) => vae !== state.b) ?? state.a;
        return there;
    }

    views.ab = {
        order: 1,
        title: "A / B",
        key: "A",
        help: "Two under a divider; Space shows the other one in place",
        build(host, stage) {
            const {make, button} = viewer;
            const {state} = host;
            const there = settle(host);
            const address = (side) => host.address(state.source, state[side]);
            if (!there.length) return void stage.append(viewer.absent(host.cell(state.source, Math.max(0, state.b)), host.comparison.running), strip(host));
            const fallback = host.address(state.source, there[0]);
            const pane = host.pane(address("a") ?? fallback, say("two pictures under a divider"));
            pane.frame.classList.add("vaewb-ab");
            const over = Object.assign(make("div", "vaewb-over"), {shift: 0});
            pane.frame.append(over);
            const [under, upper] = [pane.pictures[0], pane.add(address("b") ?? fallback, "", over)];
            const handle = make("div", "vaewb-divider", "", {role: "slider", tabindex: "0", "aria-label": say("divider"), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * state.divider)});
            const chips = ["a", "b"].map((side) => make("div", side === "a" ? "vaewb-left" : "vaewb-right"));
            const none = make("div", "vaewb-missing");
            pane.frame.append(handle, ...chips, none);

            let alone = ""; // the side that is shown alone, while a key is held or in turn
            const divide = () => {
                over.shift = alone === "b" ? 0 : alone === "a" ? pane.box.width : Math.round(state.divider * pane.box.width);
                over.style.transform = `translateX(${over.shift}px)`;
                handle.style.transform = `translateX(${Math.round(state.divider * pane.box.width)}px)`;
                handle.hidden = alone !== "";
                chips[0].classList.toggle("vaewb-away", alone === "b");
                chips[1].classList.toggle("vaewb-away", alone === "a");
            };
            const only = (side) => {
                alone = side;
                divide();
                pane.place();
            };
            const label = () => {
                ["a", "b"].forEach((side, i) => chips[i].replaceChildren(viewer.named(host.name(state[side])), ...(typeof state[side] === "number" ? [viewer.more(host, state.source, state[side])] : [])));
                const missing = ["a", "b"].filter((side) => !address(side)).map((side) => `${host.name(state[side])}: ${host.cell(state.source, state[side])?.error ?? say("not decoded yet")}`);
                none.textContent = missing.join("\n");
            };
            const blink = blinking(only, () => alone);
            const rate = viewer.select("", blink.rate, [1, 2, 3].map((n) => [n, say("{n} × a second", {n})]), (value) => blink.at(Number(value)));
            rate.querySelector("select").ariaLabel = say("Blink");
            const controls = make("div", "vaewb-controls");
            controls.append(
                button("", say("Change sides"), "Tab", () => host.choose({a: state.b, b: state.a})),
                blink.button,
                rate,
                make("span", "vaewb-hint", say("Drag the divider. Numbers pick the VAE, hold Space for the other one.")),
            );
            stage.append(pane.frame, strip(host), controls);

            host.moved = divide;
            host.left = blink.stop;
            host.updated = () => {
                if (["a", "b"].some((side) => !address(side) && !none.textContent)) return false;
                pane.show(address("a") ?? fallback, under);
                pane.show(address("b") ?? fallback, upper);
                label();
                stage.querySelector(".vaewb-strip").replaceWith(strip(host));
                return true;
            };
            host.held = (down) => {
                blink.stop();
                only(down ? "a" : "");
            };
            host.keyed = (event, down) => event.key.toLowerCase() === "x" && (down && !event.repeat && blink.toggle(), true);
            host.grabs = (event) => host.view.zoom <= 1 || Math.abs(event.clientX - pane.frame.getBoundingClientRect().left - state.divider * pane.box.width) < NEAR;
            const divideAt = (place) => {
                state.divider = Math.min(1, Math.max(0, place));
                handle.setAttribute("aria-valuenow", Math.round(state.divider * 100));
                host.redraw();
            };
            host.dragged = (event) => {
                const {left, width} = pane.frame.getBoundingClientRect();
                divideAt((event.clientX - left) / width);
            };
            host.clicked = (_, event) => host.view.zoom <= 1 && host.dragged(event);
            handle.addEventListener("keydown", (event) => {
                const step = {ArrowLeft: -0.02, ArrowRight: 0.02}[event.key];
                if (!step) return;
                event.stopPropagation();
                event.preventDefault();
                divideAt(state.divider + step);
            });
            label();
        },
    };

    /** The two in turn, in one place. */
    function blinking(only, alone) {
        let [timer, times] = [0, 2];
        const button = viewer.button("vaewb-blink", viewer.say("Blink"), viewer.say("The two in turn, in one place (X)"), () => toggle());
        const start = () => (timer = setInterval(() => only(alone() === "a" ? "b" : "a"), 1000 / times));
        const stop = () => {
            clearInterval(timer);
            if (timer) only("");
            timer = 0;
            button.ariaPressed = "false";
        };
        const toggle = () => {
            if (timer) return void stop();
            only("a");
            start();
            button.ariaPressed = "true";
        };
        const at = (rate) => {
            times = rate;
            if (timer) {
                clearInterval(timer);
                start();
            }
        };
        return {button, toggle, stop, at, rate: times};
    }

    /** Small buttons to choose the VAE to look at, and the one it is compared with. */
    function strip(host) {
        const {make} = viewer;
        const {a, b, source} = host.state;
        const made = make("div", "vaewb-strip", "", {role: "radiogroup", "aria-label": "VAE"});
        for (let vae = -1; vae < host.comparison.vaes.length; vae++) {
            const url = host.address(source, vae);
            if (vae < 0 && !url) continue;
            const help = `${host.name(vae)} (${vae < 0 ? "0" : vae + 1}; ${say("with Shift: on the left")})`;
            const choice = viewer.button("vaewb-choice", "", help, (event) => host.choose({[event.shiftKey ? "a" : "b"]: vae}));
            Object.assign(choice, {role: "radio", ariaChecked: vae === b});
            choice.dataset.vae = vae;
            choice.classList.toggle("vaewb-other", vae === a);
            choice.append(url ? make("img", "", "", {src: url, alt: ""}) : make("i", "", host.cell(source, vae)?.state === "failed" ? "⚠" : "…"), viewer.named(host.name(vae), "span"));
            if (vae === a || vae === b) choice.append(make("b", "vaewb-side-of", vae === a && vae === b ? "A B" : vae === a ? "A" : "B"));
            made.append(choice);
        }
        return made;
    }
})();
