"""The part of the page "Checkpoints" where VAEs are set: for checkpoints, by rules, and as defaults."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ...choice.fit import network_fault, vae_traits
from ...choice.preferences import OWN, Preferences
from ...errors import InvalidInput, WorkbenchError
from ...identity.evidence import SPACE_NAMES
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...progress import Progress
from ..shared.messages import message
from ..shared.work_line import WorkLine
from ..workbench import Workbench
from .preference_changes import OWN_LABEL, PreferenceChanges, fitting
from .preference_words import rule_list

NO_DEFAULT = "no default"
NOT_SET = "not set"
"""Of a checkpoint: what the decision comes to is used."""

NOTHING_MARKED = "Choose a checkpoint in the table, or mark several, to set a VAE for it."
"""Said until the script of the table says whose VAE is set."""

EXPORTED = "vae-preferences.json"

Update = Sequence[Any]


@dataclass(frozen=True)
class PreferencesPanel:
    """The components and what they do. They are laid out in two places of the page."""

    workbench: Workbench
    changes: PreferenceChanges
    vae: gr.Dropdown
    use: gr.Button
    clear: gr.Button
    undo: gr.Button
    marked: gr.Textbox
    order: gr.Textbox
    rules: gr.HTML
    pattern: gr.Textbox
    rule_vae: gr.Dropdown
    add_rule: gr.Button
    defaults: Mapping[str, gr.Dropdown]
    export: gr.Button
    import_: gr.UploadButton
    exported: gr.File

    @classmethod
    def build(cls, workbench: Workbench, changes: PreferenceChanges, rest: gr.Column) -> PreferencesPanel:
        """Lays out what sets overrides where it is called, and everything else in ``rest``."""
        with gr.Column(elem_id="vaewb_preferences", elem_classes="vaewb-panel"):
            gr.HTML(f"<p class='vaewb-whose' data-nothing='{NOTHING_MARKED}'>{NOTHING_MARKED}</p>")
            vae = gr.Dropdown([], label="VAE that is set", elem_id="vaewb_preferences_vae")
            with gr.Row():
                use = gr.Button("Set", variant="primary", size="sm", elem_id="vaewb_preferences_use")
                clear = gr.Button("Clear", size="sm", elem_id="vaewb_preferences_clear")
                undo = gr.Button("Undo", size="sm", interactive=False, elem_id="vaewb_preferences_undo")
            marked = gr.Textbox("[]", elem_classes="vaewb-hidden vaewb-marked", show_label=False, container=False)
            order = gr.Textbox(elem_classes="vaewb-hidden vaewb-order", show_label=False, container=False)
        with rest:
            with gr.Accordion("Rules by name", open=False, elem_id="vaewb_rules"):
                gr.HTML(
                    _note(
                        "For checkpoints without an override. The first rule that fits counts; * stands for anything."
                    )
                )
                rules = gr.HTML(elem_id="vaewb_rules_list")
                with gr.Row(elem_classes="vaewb-form"):
                    pattern = gr.Textbox(label="Name", placeholder="AOM3*", max_lines=1, elem_id="vaewb_rules_pattern")
                    rule_vae = gr.Dropdown([], label="VAE", elem_id="vaewb_rules_vae")
                    add_rule = gr.Button("Add the rule", size="sm", elem_id="vaewb_rules_add")
            with gr.Accordion("Defaults", open=False, elem_id="vaewb_defaults"):
                gr.HTML(_note("For checkpoints without an override and without a rule that fits."))
                with gr.Row():
                    defaults = {
                        space: gr.Dropdown([], label=name, elem_id=f"vaewb_default_{space}", min_width=220)
                        for space, name in SPACE_NAMES.items()
                    }
            with gr.Accordion("Export and import", open=False, elem_id="vaewb_exchange"):
                with gr.Row():
                    export = gr.Button("Export", size="sm", elem_id="vaewb_export")
                    import_ = gr.UploadButton(
                        "Import", size="sm", type="bytes", file_types=[".json"], elem_id="vaewb_import"
                    )
                exported = gr.File(label="Preferences", visible=False, elem_id="vaewb_exported")
        return cls(
            workbench, changes, vae, use, clear, undo, marked, order, rules, pattern, rule_vae, add_rule,
            defaults, export, import_, exported,
        )  # fmt: skip

    @property
    def buttons(self) -> Sequence[gr.Button]:
        """Those that start work."""
        return self.use, self.clear, self.add_rule

    @property
    def outputs(self) -> Sequence[Any]:
        """What :meth:`shown` gives values for."""
        return self.vae, self.undo, self.order, self.rules, self.rule_vae, *self.defaults.values()

    def wire(self, line: WorkLine, chosen: gr.Textbox) -> None:
        """Connects everything; work is told of in ``line``."""
        line.wire(self.use, self._use, [self.vae, chosen, self.marked])
        line.wire(self.clear, self._clear, [chosen, self.marked])
        line.wire(self.undo, self.changes.undo)
        line.wire(self.add_rule, self._add_rule, [self.pattern, self.rule_vae])
        line.wire_event(self.pattern.submit, self._add_rule, [self.pattern, self.rule_vae], title=self.add_rule.value)
        line.wire_event(self.order.input, self._obey, [self.order], title="Change")
        line.wire_event(self.import_.upload, self.changes.import_from, [self.import_], title="Import")
        for space, dropdown in self.defaults.items():
            line.wire_event(dropdown.input, _Default(self.changes, space), [dropdown], title="Default")
        self.export.click(
            self._export, [], [self.exported, line.status], queue=False, show_progress="hidden", api_name=False
        )

    def shown(self, collection: Collection, chosen: str = "") -> Update:
        """New values for ``outputs``; ``chosen`` is the checkpoint whose VAE is shown.

        Raises:
            UnsupportedFile, UnreadableFile: the preferences cannot be read.
        """
        preferences = self.workbench.preferences.read()
        held = ((entry.name, vae_traits(entry)) for entry in collection.vaes)
        vaes = [OWN_LABEL, *(name for name, vae in held if vae and not network_fault(vae))]
        counts = [sum(map(rule.fits, collection.checkpoints)) for rule in preferences.rules]
        return [
            gr.update(choices=[NOT_SET, *vaes], **self._value(preferences, collection, chosen)),
            gr.update(interactive=self.workbench.preferences.can_undo),
            "",
            rule_list(preferences.rules, counts),
            gr.update(choices=vaes),
            *(_default(space, preferences, collection) for space in self.defaults),
        ]

    def set_now(self, chosen: str) -> Any:
        """A new value for the field: what is set for this checkpoint."""
        try:
            return gr.update(
                **self._value(self.workbench.preferences.read(), self.workbench.library.collection(), chosen)
            )
        except WorkbenchError:  # told where the page is brought up to date
            return gr.update()

    def _value(self, preferences: Preferences, collection: Collection, chosen: str) -> Mapping[str, str]:
        """What is set for a checkpoint, as the field takes it; nothing where none is chosen, so that it stays as it is."""
        entry = collection.by_name(chosen)
        if entry is None:
            return {}
        override = preferences.override_of(entry, collection.checkpoints)
        name = NOT_SET if override is None else override.vae.name
        return {"value": OWN_LABEL if name == OWN else name}

    def _use(self, progress: Progress, vae: str | None, chosen: str, marked: str) -> str:
        if vae == NOT_SET:
            return self._clear(progress, chosen, marked)
        return self.changes.use(progress, meant(chosen, marked), _vae(vae))

    def _clear(self, progress: Progress, chosen: str, marked: str) -> str:
        return self.changes.clear(progress, meant(chosen, marked))

    def _add_rule(self, progress: Progress, pattern: str, vae: str | None) -> str:
        return self.changes.add_rule(progress, pattern, _vae(vae))

    def _obey(self, progress: Progress, text: str) -> str:
        """Does what a button in the page's HTML says."""
        order = json.loads(text)
        match order.pop("do"):
            case "use":
                return self.changes.use(progress, **order)
            case "dismiss":
                return self.changes.dismiss(progress, **order)
            case "move":
                return self.changes.move_rule(progress, **order)
            case "remove":
                return self.changes.remove_rule(progress, **order)
        raise InvalidInput("This button is of another version", "Load the page again")

    def _export(self) -> tuple[Any, str]:
        try:
            text = self.workbench.preferences.export()
        except WorkbenchError as error:
            return gr.update(), message(str(error), "error")
        with tempfile.TemporaryDirectory(prefix="vaewb-") as folder:
            file = Path(folder) / EXPORTED
            file.write_text(text, encoding="utf-8")
            served = self.exported.make_temp_copy_if_needed(file)
        return gr.update(value=served, visible=True), message(f"Everything that is set here is in {EXPORTED}.")


@dataclass(frozen=True)
class _Default:
    """Work that sets the default of one latent space."""

    changes: PreferenceChanges
    space: str

    def __call__(self, progress: Progress, vae: str | None) -> str:
        return self.changes.set_default(progress, self.space, None if vae in (None, NO_DEFAULT) else _vae(vae))


def meant(chosen: str, marked: str) -> list[str]:
    """The names that a change is for: those marked, or else the one chosen."""
    names = [str(name) for name in json.loads(marked or "[]")]
    return names or ([chosen] if chosen else [])


def _note(sentence: str) -> str:
    return f"<p class='vaewb-note'>{sentence}</p>"


def _vae(name: str | None) -> str:
    if not name:
        raise InvalidInput("No VAE is chosen", "Choose one of the list")
    return OWN if name == OWN_LABEL else name


def _default(space: str, preferences: Preferences, collection: Collection) -> Any:
    default = preferences.defaults.get(space)
    needed = any(checkpoint.verdict.latent_space == space for checkpoint in collection.checkpoints)
    names = [entry.name for entry in fitting(space, collection)]
    value = NO_DEFAULT if default is None else OWN_LABEL if default.name == OWN else default.name
    return gr.update(choices=[NO_DEFAULT, OWN_LABEL, *names], value=value, visible=bool(needed or default))
