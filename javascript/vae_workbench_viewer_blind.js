/*
 * The blind choice of <vaewb-viewer>: two pictures without names, which is nicer? After some rounds, a ranking with its uncertainty
 * by the model of Bradley and Terry (Biometrika 39, 1952): the odds that one is preferred are the ratio of their strengths.
 */
(() => {
    "use strict";
    const viewer = (globalThis.vaewbViewer ??= {});
    const views = (viewer.views ??= {});
    if (views.blind) return;

    /**
     * Strengths of n things from choices between two of them. A tie counts as half a choice each way. Half a tie of everything with
     * an average one is added, so that who was never beaten does not become infinite.
     * @param {number} n how many
     * @param {[number, number, number][]} choices [one, other, outcome], outcome 1 if the first was chosen, 0 the second, ½ a tie
     * @returns {{strength: number, error: number}[]} logarithms of the strengths, their mean 0, with standard errors
     */
    function ranking(n, choices) {
        const prior = 0.5;
        const wins = Array.from({length: n}, () => prior);
        for (const [one, other, outcome] of choices) {
            wins[one] += outcome;
            wins[other] += 1 - outcome;
        }
        let strengths = Array.from({length: n}, () => 1);
        for (let round = 0; round < 500; round++) {
            const rivals = strengths.map((strength) => (2 * prior) / (strength + 1));
            for (const [one, other] of choices) {
                const share = 1 / (strengths[one] + strengths[other]);
                rivals[one] += share;
                rivals[other] += share;
            }
            strengths = wins.map((won, i) => won / rivals[i]);
        }
        const information = strengths.map((strength) => (2 * prior * strength) / (strength + 1) ** 2);
        for (const [one, other] of choices) {
            const amount = (strengths[one] * strengths[other]) / (strengths[one] + strengths[other]) ** 2;
            information[one] += amount;
            information[other] += amount;
        }
        const logs = strengths.map(Math.log);
        const mean = logs.reduce((sum, value) => sum + value, 0) / n;
        return logs.map((value, i) => ({strength: value - mean, error: 1 / Math.sqrt(information[i])}));
    }

    /** The pair that teaches most: of those seen least, the two whose strengths are nearest. */
    function nextPair(pairs, choices, random = Math.random) {
        const key = ({source, one, other}) => `${source} ${Math.min(one, other)} ${Math.max(one, other)}`;
        const seen = new Map(pairs.map((pair) => [key(pair), 0]));
        const vaes = 1 + Math.max(...pairs.flatMap(({one, other}) => [one, other]));
        const ranked = ranking(vaes, choices.map(({one, other, outcome}) => [one, other, outcome]));
        for (const choice of choices) seen.set(key(choice.pair), (seen.get(key(choice.pair)) ?? 0) + 1);
        const shown = Array.from({length: vaes}, () => 0);
        for (const {one, other} of choices) {
            shown[one]++;
            shown[other]++;
        }
        const cost = (pair) => 4 * seen.get(key(pair)) + shown[pair.one] + shown[pair.other] + Math.abs(ranked[pair.one].strength - ranked[pair.other].strength) + random();
        return [...pairs].sort((a, b) => cost(a) - cost(b))[0];
    }

    const ROUNDS = 10;

    /** Strengths that differ by no more share a rank. */
    const EQUAL = 0.005;
    const say = (...given) => viewer.say(...given);

    const blind = {
        order: 9,
        title: "Blind choice",
        key: "B",
        help: "Two without names: which is nicer? Then the ranking",
        fits: (host) => host.comparison.vaes.length > 1,
        build(host, stage) {
            const pairs = [];
            host.comparison.sources.forEach((_, source) => {
                const there = host.there(source).filter((vae) => vae >= 0);
                for (const one of there) for (const other of there) if (one < other) pairs.push({source, one, other});
            });
            if (!pairs.length) return void stage.append(viewer.make("p", "vaewb-empty", say("There are no two pictures of one source yet.")));
            const [names, sources] = [host.comparison.vaes.map(({id}) => id).join(" "), host.comparison.sources.map(({id}) => id)];
            // Choices count for the pictures on which they were made; more pictures may come.
            const goesOn = host.game?.names === names && host.game.sources.every((id, place) => id === sources[place]);
            host.game = goesOn ? {...host.game, sources} : {names, sources, choices: [], rounds: Math.max(ROUNDS, 2 * host.comparison.vaes.length)};
            host.updated = () => true; // a question stays as it is while more pictures come
            if (host.game.choices.length < host.game.rounds) ask(host, stage, pairs);
            else result(host, stage, pairs);
        },
    };

    function ask(host, stage, pairs) {
        const {make, button} = viewer;
        const {game} = host;
        const asked = nextPair(pairs, game.choices);
        const [left, right] = Math.random() < 0.5 ? [asked.other, asked.one] : [asked.one, asked.other];
        const answer = (outcome) => {
            game.choices.push({pair: asked, one: left, other: right, outcome});
            for (const pane of host.panes) host.unwatch(pane);
            if (game.choices.length < game.rounds) ask(host, stage, pairs);
            else result(host, stage, pairs);
        };
        const two = make("div", "vaewb-two");
        for (const [vae, label, key, outcome] of [[left, say("The left one is nicer"), "←", 1], [right, say("The right one is nicer"), "→", 0]]) {
            const pane = Object.assign(host.pane(host.address(asked.source, vae), label), {source: asked.source});
            const side = make("div", "vaewb-side");
            side.append(pane.frame, button("vaewb-pick", label, key, () => answer(outcome)));
            two.append(side);
        }
        const below = make("div", "vaewb-controls");
        below.append(
            button("vaewb-tie", say("No difference to me"), "↓", () => answer(0.5)),
            make("progress", "", "", {max: game.rounds, value: game.choices.length, "aria-label": say("rounds")}),
            make("span", "", say("{n} of {all}", {n: game.choices.length + 1, all: game.rounds})),
            make("span", "vaewb-hint", say("Keys: ← → ↓. Look closer with the wheel; the order is by chance.")),
        );
        if (game.choices.length > 2) below.append(button("vaewb-enough", say("Show the ranking now"), "", () => result(host, stage, pairs)));
        stage.replaceChildren(two, below);
        host.keyed = (event, down) => {
            const outcome = {ArrowLeft: 1, ArrowRight: 0, ArrowDown: 0.5}[event.key];
            if (outcome === undefined || event.shiftKey) return false;
            if (down && !event.repeat) answer(outcome);
            return true;
        };
        host.look(0.5, 0.5, 1);
    }

    function result(host, stage, pairs) {
        const {make, button} = viewer;
        const {game} = host;
        host.keyed = null;
        const ranked = ranking(host.comparison.vaes.length, game.choices.map(({one, other, outcome}) => [one, other, outcome]));
        const shown = new Set(pairs.flatMap(({one, other}) => [one, other]));
        const order = [...ranked.keys()].filter((vae) => shown.has(vae)).sort((a, b) => ranked[b].strength - ranked[a].strength);
        const [first, second] = order;
        const odds = Math.round(100 / (1 + Math.exp(ranked[second].strength - ranked[first].strength)));
        const apart = (ranked[first].strength - ranked[second].strength) / Math.hypot(ranked[first].error, ranked[second].error);
        const head = make("p", "vaewb-winner");
        const told = apart > 1.64
            ? [say("is your favourite: you would choose it over {other} in {odds} of 100 cases.", {other: host.name(second), odds}), say("You can tell it from the next one.")]
            : [say("is ahead so far. The next one, {other}, is too near to be sure: go on for some rounds, or take either.", {other: host.name(second)})];
        head.append(viewer.named(host.name(first)), ` ${told.join(" ")}`);
        const controls = make("div", "vaewb-controls");
        controls.append(
            ...viewer.forVae(host, pairs[0].source, first),
            button("", say("Look at the first two"), "", () => host.choose({mode: "ab", a: second, b: first})),
            button("", say("Go on"), "", () => {
                game.rounds = game.choices.length + ROUNDS;
                ask(host, stage, pairs);
            }),
            button("", say("Start again"), "", () => {
                host.game = null;
                host.build();
            }),
        );
        stage.replaceChildren(head, controls, list(host, ranked, order), make("p", "vaewb-hint", say("Dot: how much it is liked; line: how sure that is (standard error), by {n} choices.", {n: game.choices.length})));
    }

    function list(host, ranked, order) {
        const {make} = viewer;
        const made = make("ol", "vaewb-ranking");
        const low = Math.min(...order.map((vae) => ranked[vae].strength - ranked[vae].error));
        const high = Math.max(...order.map((vae) => ranked[vae].strength + ranked[vae].error));
        const place = (value) => (100 * (value - low)) / Math.max(1e-6, high - low);
        let rank = 0;
        for (const [number, vae] of order.entries()) {
            const {strength, error} = ranked[vae];
            if (!number || ranked[order[number - 1]].strength - strength > EQUAL) rank = number + 1;
            const line = make("li", "", "", {value: rank});
            const bar = make("div", "vaewb-range", "", {title: `${strength.toFixed(2)} ± ${error.toFixed(2)}`});
            const [whisker, dot] = [make("i"), make("b")];
            Object.assign(whisker.style, {left: `${place(strength - error)}%`, width: `${place(strength + error) - place(strength - error)}%`});
            dot.style.left = `${place(strength)}%`;
            bar.append(whisker, dot);
            line.append(viewer.named(host.name(vae)), bar);
            made.append(line);
        }
        return made;
    }

    viewer.ranking = ranking;
    views.blind = blind;
})();
