/* The loupe of <vaewb-viewer>: the same place in all pictures, with suggestions of where they differ most. */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.loupe) return;
    const PLACES = {brightness: "brightness", edge: "edge", detail: "fine detail", light: "highlight", dark: "shadow", colour: "colour", plain: "plain area"};
    /** Of how many screen pixels to a pixel it begins with, at least. */
    const NEAR = 4;
    /** More pictures than these are drawn smaller, so that all are in view. */
    const MANY = 8;

    views.loupe = {
        order: 2,
        title: "Loupe",
        key: "L",
        help: "The same place in all of them; N goes to the next place where they differ most",
        build(host, stage) {
            const {make, say} = viewer;
            const many = make("div", "vaewb-loupes");
            const {source} = host.state;
            for (let vae = -1; vae < host.comparison.vaes.length; vae++) if (vae >= 0 || host.address(source, -1)) many.append(new viewer.Figure(host, source, vae).element);
            many.classList.toggle("vaewb-dense", many.childElementCount > MANY);
            const places = make("div", "vaewb-spots", "", {role: "group", "aria-label": say("Where they differ most")});
            stage.append(places, many);
            places.append(make("span", "vaewb-hint", say("looking for where they differ most …")));
            viewer.holdSource(host);
            host.clicked = (pane) => host.choose({mode: "ab", a: pane.vae < 0 ? 0 : -1, b: pane.vae});
            const before = {...host.view};
            let own = null; // what this view chose to look at; who moves no further has the view from before back afterwards
            host.left = () => own && own.x === host.view.x && own.y === host.view.y && own.zoom === host.view.zoom && Object.assign(host.view, before);
            const suggest = async () => {
                const url = host.address(source, host.there()[0] ?? -1);
                const spots = url ? await host.spots().catch(() => null) : null;
                if (!places.isConnected || !spots) return;
                const hint = spots.length ? say("they differ most here (N):") : say("there is nothing to compare yet, or no difference");
                places.replaceChildren(make("span", "vaewb-hint", hint), ...spots.slice(0, 8).map((spot, index) => {
                    const kind = say(PLACES[spot.kind] ?? "");
                    const button = viewer.button("vaewb-spot", "", say("place {n}: {kind}", {n: index + 1, kind}), () => host.lookAtSpot(spots, index));
                    button.append(make("span", "", kind));
                    button.ariaPressed = String(index === host.state.spot);
                    button.style.backgroundImage = `url("${url}")`;
                    button.style.backgroundPosition = `${spot.x * 112.5 - 6.25}% ${spot.y * 112.5 - 6.25}%`;
                    return button;
                }));
                if (spots.length && host.state.spot < 0 && host.view.zoom < NEAR) {
                    host.lookAtSpot(spots, 0);
                    own = {...host.view};
                }
            };
            suggest();
            host.updated = () => (suggest(), true);
        },
    };
})();
