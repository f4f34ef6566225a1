"""Hundreds of things that people and programs do, in a random order. After each, what is in memory is what the status names."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from modules import script_callbacks, sd_models, sd_vae, shared
from modules.call_queue import queue_lock
from safetensors.torch import save_file

from tests.webui.switching.test_trouble import TROUBLES, break_it
from tests.webui.world import BAD, GOOD, NOT_UTF8, REAL, World, digest, digest_of, small_vae, xyz_script
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.recipe import Recipe
from vae_workbench.edit.steps.tone import Tone
from vae_workbench.errors import WorkbenchError
from vae_workbench.library.walk import Stamp, stamp_of
from vae_workbench.printable import printable
from vae_workbench.progress import silent
from vae_workbench.ui.checkpoints.decisions import Decisions
from vae_workbench.ui.checkpoints.preference_changes import PreferenceChanges
from vae_workbench.webui import options
from vae_workbench.webui.host import workbench
from vae_workbench.webui.register import register, unregister
from vae_workbench.webui.showing.active_vae import active
from vae_workbench.webui.switching import swap, switch, try_on

STEPS = int(os.environ.get("VAEWB_WALK_STEPS") or (100 if REAL else 500))
"""The real web UI takes seconds for some steps."""
CHECKPOINTS = ("tiny", "tiny2", "pair", "pairnv", "novae")
CHANGED = ("a.safetensors", "b.safetensors", printable(NOT_UTF8))
"""Files that are replaced and broken on the way."""
PASSING = [trouble for name, trouble in TROUBLES.items() if name != "identity"]
"""Without one that a guard put up meanwhile would keep."""
WRITTEN = ("a", "A.SAFETENSORS", "fp16", "Named.sft", "prefixed")
"""Names as people write them."""


class Walk:
    """One walk, and what it knows of the files."""

    def __init__(self, world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.world, self.random = world, random.Random(seed)
        self.known: dict[tuple[str, Stamp | None], str] = {}
        self.rests: dict[str, object] = {}
        listed = sorted(info.name for info in sd_models.checkpoints_list.values())
        self.checkpoints = [name for name in listed if Path(name).stem in CHECKPOINTS]
        self.written = 100

    def any_vae(self) -> str:
        return self.random.choice((*GOOD, *GOOD, *BAD, *WRITTEN, "None", "Automatic", "no such.pt"))

    def load(self) -> None:
        self.world.load(self.random.choice(self.checkpoints))

    def select(self) -> None:
        self.world.select(self.any_vae())

    def select_by_api(self) -> None:
        with suppress(WorkbenchError), queue_lock:
            switch.select(self.world.model, self.any_vae(), force=self.random.random() < 0.3)

    def try_on(self) -> None:
        change = ColourChange.of(brightness=self.random.uniform(-0.2, 0.2))
        with suppress(WorkbenchError):
            try_on.try_on(Recipe(self.world.vae_path(self.any_vae()), (Tone(change),)), silent)
            now = active()
            assert now is not None and now.tried_on

    def take_off(self) -> None:
        with suppress(WorkbenchError):
            try_on.take_off()
            now = active()
            assert now is not None and not now.tried_on

    def note(self) -> None:
        text = self.random.choice(("[]", "{", json.dumps({"vae": self.any_vae()}), json.dumps({"vae": "Automatic"})))
        self.world.note(self.random.choice(self.checkpoints), text)
        with queue_lock:
            sd_vae.reload_vae_weights()

    def generate(self) -> None:
        overrides = self.random.choice(
            (
                {},
                {"sd_vae": self.any_vae()},
                {"sd_vae": self.any_vae()},
                {"sd_model_checkpoint": self.random.choice(self.checkpoints)},
                {"sd_vae": self.any_vae(), "sd_model_checkpoint": self.random.choice(self.checkpoints)},
            )
        )
        before = shared.opts.sd_vae
        with suppress(WorkbenchError):
            self.world.generate(**overrides)
        assert shared.opts.sd_vae == before

    def replace_file(self) -> None:
        path, new = self.world.vae_path(self.random.choice(CHANGED)), self.world.vaes / "new.tmp"
        self.written += 1
        if self.random.random() < 0.3:
            new.write_bytes(b"half a file")
        else:
            save_file(small_vae(self.written), new)
        if self.random.random() < 0.5 and path.exists():
            os.utime(new, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        new.replace(path)
        if self.random.random() < 0.2:
            path.unlink()

    def prefer(self) -> None:
        """What is set on the page "Checkpoints"."""
        bench = workbench()
        changes = PreferenceChanges(bench, Decisions(bench.preferences, bench.vae_settings))
        names = self.random.sample(self.checkpoints, self.random.choice((1, 1, 2)))
        act = self.random.choice(
            (
                lambda: changes.use(silent, names, self.any_vae(), self.random.random() < 0.3),
                lambda: changes.use(silent, names, self.any_vae()),
                lambda: changes.clear(silent, names),
                lambda: changes.add_rule(silent, self.random.choice(("tiny*", "pair*")), self.any_vae()),
                lambda: changes.remove_rule(silent, self.random.choice(("tiny*", "pair*"))),
                lambda: changes.set_default(silent, "sd1", self.random.choice((None, self.any_vae()))),
                lambda: changes.undo(silent),
            )
        )
        with suppress(WorkbenchError):
            act()

    def plot_xyz(self) -> None:
        """Some cells, as the script makes them: settings overridden for each, and put back once at the end."""
        before = shared.opts.sd_vae
        with xyz_script() as script, getattr(script, "SharedSettingsStackHelper", nullcontext)():
            axis = next(axis for axis in script.axis_options if axis.label == "VAE")
            for _ in range(2):
                cell, name = SimpleNamespace(override_settings={}), self.any_vae()
                with suppress(WorkbenchError):
                    axis.apply(cell, name, [name])
                    self.world.generate(**cell.override_settings)
        assert shared.opts.sd_vae == before

    def go_through_trouble(self) -> None:
        """Something fails while a checkpoint is loaded, a VAE is chosen, or a picture is made."""
        with self.monkeypatch.context() as broken:
            break_it(broken, *self.random.choice(PASSING))
            self.random.choice((self.load, self.select, self.generate))()
        with queue_lock:
            sd_vae.reload_vae_weights()

    def look_again(self) -> None:
        sd_vae.refresh_vae_list()
        with queue_lock:
            sd_vae.reload_vae_weights()

    def set_option(self) -> None:
        key, values = self.random.choice(
            (
                ("sd_checkpoints_limit", (1, 2, 3)),
                ("sd_checkpoint_cache", (0, 2)),
                ("sd_vae_overrides_per_model_preferences", (True, False)),
                (options.WRONG_OVERRIDE, (options.STOPS, options.WARNS)),
                (options.CACHE_MEGABYTES, (0, 3, 700)),
            )
        )
        shared.opts.data[key] = self.random.choice(values)
        self.monkeypatch.setattr(swap, "SMALL", self.random.choice((0, 50_000_000)))

    def reload_ui(self) -> None:
        script_callbacks.script_unloaded_callback()
        script_callbacks.clear_callbacks()
        register()

    def take(self) -> str:
        """One step; its name."""
        acts: dict[Callable[[], None], int] = {
            self.load: 5, self.select: 6, self.select_by_api: 2, self.note: 2, self.generate: 5, self.replace_file: 3,
            self.prefer: 3, self.plot_xyz: 2, self.look_again: 2, self.set_option: 2, self.reload_ui: 1,
            self.go_through_trouble: 2, self.try_on: 3, self.take_off: 1,
        }  # fmt: skip
        (act,) = self.random.choices(list(acts), list(acts.values()))
        act()
        self.remember()
        return act.__name__

    def remember(self) -> None:
        """What is in each state of each file."""
        for name in (*GOOD, *CHANGED):
            path = str(self.world.vae_path(name))
            key = (path, stamp_of(path))
            if key[1] is not None and key not in self.known:
                with suppress(WorkbenchError):
                    self.known[key] = digest_of(path)

    def check(self) -> None:
        now, model = active(), self.world.model
        assert now is not None
        checkpoint = model.sd_checkpoint_info
        assert now.checkpoint == checkpoint.name
        origin = switch.loaded_vae(model).origin
        assert origin is not None and (origin.path is None) == (now.vae is None or bool(now.tried_on))
        if origin.trial:
            assert (now.tried_on, checkpoint.filename) == (origin.trial.name, origin.trial.checkpoint)
            assert self.world.vae == digest(origin.trial.weights.tensors)
            assert sd_vae.loaded_vae_file is None
            return
        expected = self.world.baked(checkpoint.name) if now.vae is None else self.known[now.path, origin.stamp]
        assert self.world.vae == expected, f"{now.line()} is not what is in memory"
        assert sd_vae.loaded_vae_file == origin.path
        assert self.rests.setdefault(checkpoint.name, self.world.rest[1]) == self.world.rest[1]


@pytest.fixture
def extended(world: World) -> Iterator[World]:
    """The web UI with all of the extension in it, the guard as well; no metadata of checkpoints are left behind."""
    world.notes += [Path(info.filename).with_suffix(".json") for info in sd_models.checkpoints_list.values()]
    register()
    yield world
    unregister()


@pytest.mark.parametrize("seed", [1])
def test_what_is_in_memory_is_what_the_status_names(
    extended: World, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, walk = extended, Walk(extended, seed, monkeypatch)
    walk.remember()
    world.load("tiny.safetensors")
    for number in range(STEPS):
        before = world.model, world.checkpoint, world.rest
        step = walk.take()
        print(number, step)  # noqa: T201  # shown if it fails
        walk.check()
        if (world.model, world.checkpoint) == before[:2] and step not in ("generate", "load"):
            assert world.rest == before[2], "the rest of the model was touched"
