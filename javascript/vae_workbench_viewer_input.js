/* Pointer, wheel, fingers and keys of <vaewb-viewer>. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    if (viewer.listen) return;

    /** Milliseconds after which a turn of the wheel is no longer taken for the same scrolling of the page. */
    const SCROLLING = 300;

    function listen(host) {
        pointers(host, host.stage);
        wheel(host, host.stage);
        host.addEventListener("keydown", (event) => key(host, event, true));
        host.addEventListener("keyup", (event) => key(host, event, false));
        // Keys work as soon as the pointer is over the pictures, unless somebody is writing elsewhere.
        host.stage.addEventListener("pointerenter", () => {
            const at = document.activeElement;
            if (!at || at === document.body || (host.contains(at) && !at.closest("select, input, dialog, .vaewb-popover"))) host.stage.focus({preventScroll: true});
        });
    }

    function paneUnder(host, event) {
        return host.panes.find((pane) => pane.frame.contains(event.target));
    }

    function wheel(host, stage) {
        let scrolled = -Infinity;
        addEventListener("scroll", (event) => (scrolled = event.timeStamp), {capture: true, passive: true});
        stage.addEventListener("wheel", (event) => {
            const pane = paneUnder(host, event);
            const unzoomed = host.view.zoom <= 1;
            if (!pane || (unzoomed && (event.deltaY > 0 || event.timeStamp - scrolled < SCROLLING))) return; // the page scrolls
            event.preventDefault();
            host.zoomAt(1.0018 ** -(event.deltaMode ? event.deltaY * 30 : event.deltaY), pane, event.clientX, event.clientY);
        }, {passive: false});
    }

    function pointers(host, stage) {
        const fingers = new Map();
        let drag = null;
        stage.addEventListener("pointerdown", (event) => {
            const pane = paneUnder(host, event);
            if (!pane || event.button > 0 || event.target.closest("button")) return;
            fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
            stage.setPointerCapture(event.pointerId);
            if (fingers.size === 1) drag = {pane, moved: 0, grabbed: host.grabs?.(event) ?? false};
            else drag.moved = Infinity; // two fingers make no click
        });
        stage.addEventListener("pointermove", (event) => {
            const before = fingers.get(event.pointerId);
            if (!before) return void host.point(paneUnder(host, event), event);
            const [dx, dy] = [event.clientX - before.x, event.clientY - before.y];
            drag.moved += Math.abs(dx) + Math.abs(dy);
            if (fingers.size > 1) pinch(host, drag.pane, fingers, event);
            else if (drag.grabbed) host.dragged?.(event);
            else host.pan(dx, dy, drag.pane);
            fingers.set(event.pointerId, {x: event.clientX, y: event.clientY});
        });
        const end = (event) => {
            if (fingers.delete(event.pointerId) && event.type === "pointerup" && drag.moved < 5) host.clicked?.(drag.pane, event);
        };
        stage.addEventListener("pointerup", end);
        stage.addEventListener("pointercancel", end);
        stage.addEventListener("pointerleave", () => host.point(null));
        stage.addEventListener("dblclick", (event) => {
            const pane = paneUnder(host, event);
            if (!pane || event.target.closest("button")) return;
            if (host.view.zoom > 1) host.look(0.5, 0.5, 1);
            else host.zoomAt(4, pane, event.clientX, event.clientY);
        });
    }

    function pinch(host, pane, fingers, event) {
        const [one, other] = [...fingers.values()];
        const moved = {x: event.clientX, y: event.clientY};
        const still = fingers.get(event.pointerId) === one ? other : one;
        const before = fingers.get(event.pointerId);
        const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
        host.zoomAt(far(moved, still) / Math.max(1, far(one, other)), pane, (moved.x + still.x) / 2, (moved.y + still.y) / 2);
        host.pan((moved.x - before.x) / 2, (moved.y - before.y) / 2, pane);
    }

    function key(host, event, down) {
        const target = event.target;
        if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, dialog, .vaewb-popover")) return;
        if ([" ", "Enter"].includes(event.key) && target.closest("button, summary")) return;
        const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
        const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
        let taken = host.keyed?.(event, down);
        if (!taken && name === " ") taken = host.held && (host.held(down), true);
        else if (!taken && down && digit !== undefined) taken = pick(host, Number(digit) - 1, event.shiftKey ? "a" : "b");
        else if (!taken && down) taken = (event.shiftKey && moves(host)[name]?.()) || acts(host, event)[name]?.() || show(host, name);
        if (taken) event.preventDefault();
    }

    /** The VAE with a number: in A/B it changes in place, from elsewhere it is shown there. */
    function pick(host, vae, side) {
        if (vae >= host.comparison.vaes.length || host.state.mode === "blind") return false;
        host.choose({mode: "ab", [side]: vae});
        return true;
    }

    function show(host, name) {
        const found = Object.entries(viewer.views).find(([, view]) => view.key.toLowerCase() === name);
        if (!found || (found[1].fits && !found[1].fits(host))) return false;
        host.choose({mode: found[0]});
        return true;
    }

    function moves(host) {
        const step = 0.15 / host.view.zoom;
        const move = (dx, dy) => () => (host.look(host.view.x + dx * step, host.view.y + dy * step), true);
        return {ArrowLeft: move(-1, 0), ArrowRight: move(1, 0), ArrowUp: move(0, -1), ArrowDown: move(0, 1)};
    }

    function acts(host, event) {
        const {vaes, sources} = host.comparison;
        const {a, b, source, mode} = host.state;
        const did = (act) => () => (act(), true);
        const beside = (vae, step) => (typeof vae === "object" ? 0 : ((vae + 1 + step + vaes.length + 1) % (vaes.length + 1)) - 1);
        const nextVae = (step) => did(() => host.choose({b: beside(b, step) === a ? beside(a, step) : beside(b, step)}));
        const nextSource = (step) => did(() => host.choose({source: (source + step + sources.length) % sources.length}));
        return {
            Tab: () => mode === "ab" && !event.shiftKey && event.target === host.stage && (host.choose({a: b, b: a}), true),
            ArrowLeft: nextVae(-1), ArrowRight: nextVae(1), ArrowUp: nextSource(-1), ArrowDown: nextSource(1),
            "+": did(() => host.zoomAt(1.5)), "=": did(() => host.zoomAt(1.5)), "-": did(() => host.zoomAt(1 / 1.5)),
            f: did(() => host.look(0.5, 0.5, 1)), z: did(() => host.actualSize()), n: did(() => host.nextSpot(event.shiftKey ? -1 : 1)),
            "?": did(() => viewer.toolbar.help(host)),
            Escape: did(() => (host.classList.remove("vaewb-full"), host.stage.blur())),
        };
    }

    viewer.listen = listen;
})();
