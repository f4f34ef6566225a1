"""The VAE axis of the X/Y/Z plot."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.webui.world import World, xyz_script


@pytest.fixture
def axis(world: World) -> Iterator[Any]:
    with xyz_script() as script:
        yield next(axis for axis in script.axis_options if axis.label == "VAE")


def applied(axis: Any, value: str) -> str:
    p = SimpleNamespace(override_settings={})
    axis.apply(p, value, [value])
    return str(p.override_settings["sd_vae"])


def test_d25_names_are_found_without_a_false_alarm(axis: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """It always printed that no VAE was found."""
    capsys.readouterr()
    found = [applied(axis, text) for text in ("a.safetensors", " A.SafeTensors ", "none", "AUTO", "Automatic")]
    assert found == ["a.safetensors", "a.safetensors", "None", "Automatic", "Automatic"]
    assert "No VAE found" not in capsys.readouterr().out


def test_d25_a_misspelt_name_stops_the_plot_before_it_starts(axis: Any) -> None:
    """It became Automatic, and the cell showed another VAE than its title said."""
    with pytest.raises(Exception, match=r"There is no VAE 'a\.safetensor'"):
        axis.confirm(None, ["b.safetensors", "a.safetensor"])
    axis.confirm(None, ["b.safetensors", "None", "auto"])


def test_each_cell_has_its_own_vae(axis: Any, world: World) -> None:
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    for name in ("a.safetensors", "c.pt", "none", "b.safetensors", "a.safetensors"):
        text = world.generate(sd_vae=applied(axis, name)).infotexts[0]
        assert (f"VAE: {name}" in text) == (name != "none")
        assert ("Baked VAE" in text) == (name == "none")
    assert world.vae == world.file("b.safetensors")
