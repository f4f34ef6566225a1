/*
 * What the recipe of the page "Workshop" means: its steps as the server takes them, the name and the folder of what it gives.
 * Adds to the global vaewbWorkshop.
 */
(() => {
    "use strict";
    const workshop = (globalThis.vaewbWorkshop ??= {});
    if (workshop.told) return;

    const ENDING = /(\.vae)?\.(safetensors|sft|pt|ckpt|bin|pth)$/i;
    /** What a step adds to the name of the file. */
    const SUFFIXES = {
        merge: ({b}) => (b ? ` + ${stem(b)}` : " merged"),
        tone: ({named, undo}) => (undo ? " untoned" : ` ${named || "toned"}`),
        match: ({like}) => (like ? ` like ${stem(like)}` : " matched"),
        "fp16-safe": () => " fp16-safe",
        convert: ({dtype, names}) => [dtype, names].filter(Boolean).map((part) => ` ${part}`).join(""),
        repair: () => " repaired",
    };

    const stem = (name) => name.split("/").pop().replace(ENDING, "");
    const clean = (name) => name.replace(/[\x00-\x1f<>:"/\\|?*]/g, "_").slice(0, 100).trim();

    const numbers = (text) => text.split(/[\s,;]+/).filter(Boolean).map(Number);

    /** Shares of blocks, as {"decoder.up.3": 0.5}. */
    function shares({encoder, decoder, blocks = ""}) {
        const made = Object.fromEntries(blocks.split(",").map((part) => part.split("=").map((word) => word.trim())).filter(([name]) => name).map(([name, share]) => [name, Number(share ?? NaN)]));
        if (typeof encoder === "number") made.encoder ??= encoder;
        if (typeof decoder === "number") made.decoder ??= decoder;
        return made;
    }

    /** How the server takes the fields of a step, where they are not its own. */
    const TOLD = {
        merge({b, c, method, weight = 0.5, weight_c = 0, ...rest}) {
            const weights = !c ? [1 - weight, weight] : method ? [weight] : [1 - weight - weight_c, weight, weight_c];
            const blocks = shares(rest);
            return {with: [b, c].filter(Boolean), weights, ...(c && method ? {method} : {}), ...(Object.keys(blocks).length ? {blocks} : {})};
        },
        tone({named, matrix, ...fields}) {
            return fields.undo ? {undo: true} : {...fields, ...(matrix?.trim() ? {matrix: numbers(matrix)} : {})};
        },
    };
    const told = ({kind, fields}) => ({[kind]: TOLD[kind]?.(fields) ?? fields});

    /** A name for what the recipe gives. */
    function suggested({source, steps}) {
        const baked = steps.find((step) => step.kind === "bake");
        const added = steps.map(({kind, fields}) => SUFFIXES[kind]?.(fields) ?? "").join("");
        const own = stem(source) + added + (steps.some(({kind}) => kind === "extract") ? ".vae" : "");
        return clean(baked?.fields.into ? `${stem(baked.fields.into)} + ${own}` : own);
    }

    /** Whether the recipe gives a checkpoint, as the server has it. */
    function givesCheckpoint({source, steps}, files) {
        const first = files.find(({name}) => name === source)?.kind === "checkpoint";
        return steps.reduce((is, {kind}) => kind === "bake" || (is && ["convert", "repair"].includes(kind)), first);
    }

    Object.assign(workshop, {told, suggested, givesCheckpoint});
})();
