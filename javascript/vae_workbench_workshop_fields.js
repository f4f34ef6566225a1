/*
 * The fields of the recipe of the page "Workshop": lists of files, boxes, sliders. Adds to the global vaewbWorkshop.
 */
(() => {
    "use strict";
    const workshop = (globalThis.vaewbWorkshop ??= {});
    if (workshop.labelled) return;

    const {make, say} = globalThis.vaewbViewer;
    const GROUPS = {vae: "VAEs", checkpoint: "Checkpoints", broken: "Broken files"};

    function labelled(id, text, input, info = "") {
        const label = make("label", "vaewb-field", "", {"data-field": id});
        label.append(make("span", "", say(text)), input);
        if (info) label.append(make("small", "", say(info)));
        return label;
    }

    function box(id, text, value, act, info = "") {
        const label = make("label", "vaewb-field vaewb-flag", "", {"data-field": id});
        const checkbox = Object.assign(make("input", "", "", {type: "checkbox", id: `vaewb_recipe_${id}`}), {checked: value});
        checkbox.addEventListener("change", () => {
            act(checkbox.checked);
            workshop.changed();
        });
        label.append(checkbox, make("span", "", say(text)));
        if (info) label.append(make("small", "", say(info)));
        return label;
    }

    /** A list of files of some kinds, the kinds apart. */
    function files(all, id, value, kinds, act) {
        const made = make("select", "", "", {id: `vaewb_recipe_${id}`});
        made.append(new Option(say("Choose a file"), ""));
        for (const kind of kinds) {
            const found = all.filter((file) => file.kind === kind);
            if (!found.length) continue;
            const group = make("optgroup", "", "", {label: say(GROUPS[kind])});
            group.append(...found.map(({name, about}) => new Option(about ? `${name} · ${about}` : name, name)));
            made.append(group);
        }
        made.value = value;
        made.addEventListener("change", () => {
            act(made.value);
            workshop.changed();
        });
        return made;
    }

    /** A slider with its number; a double click puts it back. A share that is not set follows the whole. */
    function slider(id, field, value, set) {
        const middle = field.kind === "share" ? 0.5 : field.value;
        const input = make("input", "", "", {type: "range", id: `vaewb_recipe_${id}`, min: field.low, max: field.high, step: field.step, "aria-label": say(field.label)});
        const number = make("input", "vaewb-number-field", "", {type: "number", step: field.step, "aria-label": say(field.label), placeholder: "–"});
        if (field.kind === "share") number.title = say("Empty: as above");
        const show = (next) => {
            input.value = next === "" ? middle : next;
            number.value = next;
        };
        const take = (next) => {
            set(next);
            workshop.changed(false);
        };
        show(value);
        input.addEventListener("input", () => {
            number.value = input.value;
            take(Number(input.value));
        });
        number.addEventListener("input", () => {
            const next = number.value === "" ? field.value : Number(number.value);
            input.value = next === "" ? middle : next;
            take(next);
        });
        input.addEventListener("dblclick", () => {
            show(field.value);
            take(field.value);
        });
        input.title = say("A double click puts it back");
        const label = labelled(id, field.label, input, field.info);
        label.classList.add("vaewb-slider");
        input.before(number);
        return label;
    }

    /** Pictures, each of them on or off; one at least. */
    function choosePictures(id, field, value, set) {
        const named = (item) => (item.kind === "built-in" ? item.id : workshop.pictureKey(item));
        const made = make("div", "vaewb-thumbnails", "", {role: "group", "aria-label": say(field.label)});
        for (const item of workshop.pictures()) {
            const button = make("button", "vaewb-thumbnail-choice", "", {type: "button", title: item.name, "aria-label": item.name, "aria-pressed": value.includes(named(item)), "data-source": item.id});
            button.append(window.vaewbSources.thumbnail(item));
            button.addEventListener("click", () => {
                const next = value.includes(named(item)) ? value.filter((name) => name !== named(item)) : [...value, named(item)];
                if (!next.length) return;
                set(next);
                workshop.changed();
            });
            made.append(button);
        }
        const group = make("div", "vaewb-field vaewb-wide", "", {"data-field": id});
        group.append(make("span", "", say(field.label)), made, make("small", "", say(field.info)));
        return group;
    }

    Object.assign(workshop, {labelled, box, files, slider, choosePictures});
})();
