"""The VAE axis of the X/Y/Z plot."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from modules import processing, shared

from tests.webui.world import REAL, World, xyz_script
from vae_workbench.webui.showing.xyz_plot import UnusableAxis


@pytest.fixture
def script(world: World) -> Iterator[Any]:
    with xyz_script() as script:
        yield script


@pytest.fixture
def axis(script: Any) -> Any:
    return next(axis for axis in script.axis_options if axis.label == "VAE")


def applied(axis: Any, value: str) -> str:
    p = SimpleNamespace(override_settings={})
    axis.apply(p, value, [value])
    return str(p.override_settings["sd_vae"])


def plot(script: Any, **values: list[str]) -> Any:
    """A plot of these axes by label, ``_`` for a space, in pictures of 256 × 256."""
    from modules.call_queue import queue_lock

    runner = script.Script()
    runner.current_axis_options = script.axis_options
    labels = [axis.label for axis in script.axis_options]
    args: list[Any] = []
    for label, chosen in [(label.replace("_", " "), chosen) for label, chosen in values.items()] + [
        ("Nothing", [])
    ] * 3:
        args += [labels.index(label), ", ".join(chosen), chosen]
    small = {"prompt": "x", "steps": 1, "width": 256, "height": 256, "seed": 1, "sampler_name": "Euler"}
    unsaved = {"do_not_save_samples": True, "do_not_save_grid": True}
    p = processing.StableDiffusionProcessingTxt2Img(sd_model=shared.sd_model, override_settings={}, **small, **unsaved)
    legend, lone, subgrids, fixed, vary, margin, csv_mode = False, True, False, True, [False] * 3, 0, False
    shared.opts.data["grid_save"] = False
    with queue_lock:
        return runner.run(p, *args[:9], legend, lone, subgrids, fixed, *vary, margin, csv_mode)


def test_d25_names_are_found_without_a_false_alarm(axis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It always printed that no VAE was found."""
    capsys.readouterr()
    found = [applied(axis, text) for text in ("a.safetensors", " A.SafeTensors ", "a", "none", "AUTO", "Automatic")]
    assert found == ["a.safetensors"] * 3 + ["None", "Automatic", "Automatic"]
    assert "No VAE found" not in capsys.readouterr().out


def test_d25_a_misspelt_name_stops_the_plot_before_it_starts(axis: Any) -> None:
    """It became Automatic, and the cell showed another VAE than its title said. The API answered 500 and no detail."""
    with pytest.raises(UnusableAxis, match=r"There is no VAE 'a\.safetensor'") as raised:
        axis.confirm(None, ["b.safetensors", "a.safetensor"])
    assert (raised.value.status_code, raised.value.detail) == (422, str(raised.value))
    axis.confirm(None, ["b.safetensors", "None", "auto"])


def test_each_cell_has_its_own_vae(axis: Any, world: World) -> None:
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    for name in ("a.safetensors", "c.pt", "none", "b.safetensors", "a.safetensors"):
        text = world.generate(sd_vae=applied(axis, name)).infotexts[0]
        assert (f"VAE: {name}" in text) == (name != "none")
        assert ("Baked VAE" in text) == (name == "none")
    assert world.vae == world.file("b.safetensors")


@pytest.mark.parametrize("name", ["bad wide.safetensors", "bad corrupt.safetensors", "bad nan.safetensors"])
def test_what_fits_no_checkpoint_is_refused_before_the_plot_starts(script: Any, world: World, name: str) -> None:
    """The cell was black, and the reason was in the console only."""
    world.load("tiny.safetensors")
    with pytest.raises(UnusableAxis, match=name):
        plot(script, VAE=["a.safetensors", name])
    with pytest.raises(UnusableAxis, match=name):
        plot(script, VAE=["a.safetensors", name], Checkpoint_name=["tiny.safetensors", "tiny2.safetensors"])
    with pytest.raises(UnusableAxis, match=name):
        plot(script, Checkpoint_name=["tiny.safetensors", "tiny2.safetensors"], VAE=["a.safetensors", name])


def test_a_cell_that_is_refused_tells_why(script: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is seen in the last moment only, as a file that was damaged since the plot began; also in the first cell."""
    world.load("tiny.safetensors")
    monkeypatch.setattr("vae_workbench.webui.showing.xyz_plot._refusal", lambda *_: "")
    result = plot(script, VAE=["bad wide.safetensors", "a.safetensors", "bad corrupt.safetensors"])
    cells = [text for text in result.infotexts if text][-3:]
    assert ["VAE warning" in text for text in cells] == [True, False, True]
    assert "bad wide.safetensors cannot be used: its layers have" in cells[0] and "override_settings" not in cells[0]
    assert "VAE: a.safetensors" in cells[1] and "cannot be used" not in cells[1]
    refused = result.images[-3 if REAL else 0]
    assert refused.size == (256, 256) and len(refused.getcolors(100_000)) > 1
