/*
 * <vaewb-recipe>: the recipe of the page "Workshop" as a form: a file, steps in order, a name. The page sends the files and the
 * fields of each step as data; the element is replaced whenever the files changed. Uses the global vaewbWorkshop.
 */
(() => {
    "use strict";
    if (customElements.get("vaewb-recipe")) return;

    const workshop = globalThis.vaewbWorkshop;
    const {make, say} = globalThis.vaewbViewer;
    const {state, changed, add, tone, folder, pictures, picture, pictureKey, suggested, labelled, box, files, slider, choosePictures} = workshop;

    function button(text, act, more = {}) {
        const made = make("button", "vaewb-button", text, {type: "button", ...more});
        made.addEventListener("click", act);
        return made;
    }

    class Recipe extends HTMLElement {
        #form = make("div", "vaewb-recipe-form");
        #name;

        connectedCallback() {
            if (this.firstChild) return;
            this.given = JSON.parse(this.dataset.given);
            this.append(this.#form);
            if (this.given.files.length && !this.given.files.some(({name}) => name === state.source)) state.source = this.given.files.find(({kind}) => kind === "vae")?.name ?? "";
            this.draw();
            this.mark();
            workshop.lookAtPictures().then((own) => {
                if (own.length) this.draw();
                workshop.preview();
            });
        }

        draw() {
            const focused = this.#form.contains(document.activeElement) ? document.activeElement.id : "";
            const {folders} = this.given;
            const steps = make("ol", "vaewb-recipe-steps");
            steps.append(...state.steps.map((step, place) => this.#step(step, place)));
            const none = make("p", "vaewb-note", say("No step yet: the file is written as .safetensors."));
            this.#form.replaceChildren(
                labelled("source", "File", files(this.given.files, "source", state.source, ["vae", "checkpoint", "broken"], (name) => Object.assign(state, {source: name, name: "", folder: ""}))),
                this.#quick(),
                make("div", "vaewb-panel-title", say("Steps")),
                state.steps.length ? steps : none,
                this.#adding(),
                make("div", "vaewb-panel-title", say("New file")),
                this.#naming(),
                ...(new Set(folders.map(({path}) => path)).size > 1 ? [this.#folders()] : [make("p", "vaewb-note", folders[0]?.path ?? "")]),
                box("overwrite", "Replace a file of that name", state.overwrite, (is) => (state.overwrite = is)),
                labelled("picture", "Picture to look at", this.#pictures()),
            );
            if (focused) document.getElementById(focused)?.focus();
        }

        /** Brings what follows from the rest up to date: the name and the folder. */
        mark() {
            if (!state.name) this.#name.value = suggested(state);
            const choice = this.#form.querySelector("#vaewb_recipe_folder");
            if (choice && !state.folder) choice.value = folder();
        }

        #pictures() {
            const made = make("select", "", "", {id: "vaewb_recipe_picture"});
            made.append(...pictures().map((each) => new Option(each.name, pictureKey(each))));
            made.value = pictureKey(picture());
            made.addEventListener("change", () => {
                state.picture = made.value;
                changed(false);
            });
            return made;
        }

        /** What is one click: what the file needs, and changes of colours as people call them. */
        #quick() {
            const made = make("div", "vaewb-quick");
            const {offers, presets} = this.given;
            const file = this.given.files.find(({name}) => name === state.source);
            if (!file) return made;
            const faults = workshop.faults.get(file.name) ?? [];
            for (const kind of new Set([...file.offers, ...(faults.length ? ["repair"] : [])])) {
                if (state.steps.some((step) => step.kind === kind)) continue;
                const offer = button(say(offers[kind]), () => add(kind), {"data-offer": kind});
                offer.classList.add("vaewb-offer");
                made.append(offer);
            }
            const chosen = state.steps.findLast((step) => step.kind === "tone")?.fields.named;
            for (const [name, values] of Object.entries(presets)) made.append(button(say(name), () => tone(name, values), {"data-preset": name, "aria-pressed": chosen === name}));
            return made;
        }

        #adding() {
            const made = make("select", "vaewb-add", "", {id: "vaewb_recipe_add", "aria-label": say("Add a step")});
            made.append(new Option(say("Add a step"), ""), ...Object.entries(this.given.forms).map(([kind, {title, info}]) => new Option(`${say(title)}: ${say(info)}`, kind)));
            made.addEventListener("change", () => add(made.value));
            return made;
        }

        #step(step, place) {
            const {title, info, fields} = this.given.forms[step.kind];
            const item = make("li", "vaewb-step", "", {"data-step": step.kind});
            const head = make("div", "vaewb-step-head");
            const move = (by) => () => {
                state.steps.splice(place + by, 0, ...state.steps.splice(place, 1));
                changed();
            };
            const name = say(title);
            const [up, down, remove] = [
                button("↑", move(-1), {"aria-label": `${say("Earlier")}: ${name}`, title: say("Earlier")}),
                button("↓", move(1), {"aria-label": `${say("Later")}: ${name}`, title: say("Later")}),
                button("×", () => {
                    state.steps.splice(place, 1);
                    changed();
                }, {"aria-label": `${say("Remove")} ${name}`, title: say("Remove")}),
            ];
            up.disabled = !place;
            down.disabled = place === state.steps.length - 1;
            head.append(make("strong", "", `${place + 1}. ${name}`), up, down, remove);
            item.append(head, make("p", "vaewb-note", say(info)));
            // What is wrong is told before anything is written.
            if (step.kind === "repair") item.append(...(workshop.faults.get(state.source) ?? []).map((fault) => make("p", "vaewb-message vaewb-warning", fault)));
            item.append(...fields.filter(({needs}) => !needs || step.fields[needs]).map((field) => this.#field(step, field, place)));
            return item;
        }

        #field(step, field, place) {
            const id = `${place}_${field.name}`;
            const value = step.fields[field.name] ?? field.value;
            const set = (next) => {
                if (next === field.value || next === "") delete step.fields[field.name];
                else step.fields[field.name] = next;
                if (field.kind !== "flag") delete step.fields.named;
            };
            if (field.kind === "pictures") return choosePictures(id, field, value, set);
            if (field.kind === "flag") return box(id, field.label, value, set, field.info);
            if (["slider", "share"].includes(field.kind)) return slider(id, field, value, set);
            if (["vae", "checkpoint"].includes(field.kind)) {
                const kinds = field.kind === "vae" ? ["vae", "checkpoint"] : ["checkpoint"];
                return labelled(id, field.label, files(this.given.files, id, value, kinds, set), field.info);
            }
            const input = make(field.kind === "choice" ? "select" : "input", "", "", {id: `vaewb_recipe_${id}`});
            if (field.kind === "choice") input.append(...field.choices.map(([key, text]) => new Option(say(text), key)));
            input.value = value;
            input.addEventListener(field.kind === "choice" ? "change" : "input", () => {
                set(input.value);
                changed(false);
            });
            return labelled(id, field.label, input, field.info);
        }

        #naming() {
            this.#name = make("input", "", "", {type: "text", id: "vaewb_recipe_name", spellcheck: "false"});
            this.#name.value = state.name || suggested(state);
            this.#name.addEventListener("input", () => {
                state.name = this.#name.value;
                changed(false);
            });
            return labelled("name", "Name", this.#name);
        }

        #folders() {
            const made = make("select", "", "", {id: "vaewb_recipe_folder"});
            made.append(...this.given.folders.map(({id, title, path}) => Object.assign(new Option(say(title), id), {title: path})));
            made.value = folder();
            made.addEventListener("change", () => {
                state.folder = made.value;
                changed(false);
            });
            return labelled("folder", "Folder", made);
        }
    }

    customElements.define("vaewb-recipe", Recipe);
})();
