"""Where in a torch file the weights lie: under any keys, and once however often they are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from vae_workbench.errors import UnsupportedFile
from vae_workbench.weights.inventory import read_inventory
from vae_workbench.weights.reader import load_tensors

Weights = dict[str, torch.Tensor]


def vae(value: float = 1.0) -> Weights:
    names = ("encoder.conv_in.weight", "decoder.conv_in.weight", "quant_conv.bias")
    return {name: torch.full((2,), value) for name in names}


NAMES = list(vae())


def listed(path: Path, value: Any) -> tuple[str, list[str]]:
    torch.save(value, path)
    inventory = read_inventory(path)
    assert list(load_tensors(path)) == list(inventory.tensors)
    return inventory.wrapper, list(inventory.tensors)


@pytest.mark.parametrize(
    "keys", ["vae", "ema", "net", "model", "params", "generator", "module", "weights", "state_dict", "état \x1b"]
)
def test_any_key(tmp_path: Path, keys: str) -> None:
    assert listed(tmp_path / "m.pt", {keys: vae(), "epoch": 1}) == (keys, NAMES)


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_without_names_are_numbered(tmp_path: Path, zipped: bool) -> None:
    ones = torch.ones(2, 3)
    for value, names in ((ones, ["0"]), ([ones, ones], ["0", "1"]), ((ones,), ["0"])):
        torch.save(value, tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
        loaded = load_tensors(tmp_path / "m.pt")
        assert list(loaded) == names and all(torch.equal(tensor, ones) for tensor in loaded.values())


def test_keys_in_keys(tmp_path: Path) -> None:
    assert listed(tmp_path / "m.pt", {"state_dict": {"vae": vae()}}) == ("state_dict.vae", NAMES)
    assert listed(tmp_path / "m.pt", {"a": {"b": {"c": {"d": vae()}}}}) == ("a.b.c.d", NAMES)
    assert listed(tmp_path / "m.pt", {"a": {"b": {"c": {"d": {"e": vae()}}}}}) == ("", [])


@pytest.mark.parametrize(("raw", "average"), [("params", "params_ema"), ("model", "ema"), ("net", "ema_state_dict")])
def test_averaged_weights_are_preferred(tmp_path: Path, raw: str, average: str) -> None:
    """They are those that were meant to be used."""
    for value in ({raw: vae(1), average: vae(2)}, {average: vae(2), raw: vae(1)}):
        assert listed(tmp_path / "m.pt", value) == (average, NAMES)
        assert load_tensors(tmp_path / "m.pt")[NAMES[0]].tolist() == [2, 2]


def test_an_average_of_a_part_hides_nothing(tmp_path: Path) -> None:
    part = {name: value for name, value in vae().items() if name.startswith("decoder")}
    _, names = listed(tmp_path / "m.pt", {"model": vae(), "ema": part})
    assert names == [*(f"model.{name}" for name in NAMES), "ema.decoder.conv_in.weight"]


def test_several_models_keep_their_keys(tmp_path: Path) -> None:
    value = {"unet": {"a": torch.ones(1)}, "first": {"vae": vae()}}
    assert listed(tmp_path / "m.pt", value) == ("", ["unet.a", *(f"first.vae.{name}" for name in NAMES)])


def test_tensors_beside_a_dictionary(tmp_path: Path) -> None:
    value = {"step": torch.ones(1), "model": vae()}
    assert listed(tmp_path / "m.pt", value) == ("", ["step", *(f"model.{name}" for name in NAMES)])


@pytest.mark.parametrize("parts", [("encoder", "decoder"), ("decoder",), ("encoder", "decoder", "quant_conv")])
def test_a_vae_that_was_saved_in_parts(tmp_path: Path, parts: tuple[str, ...]) -> None:
    halves = {part: {"conv_in.weight": torch.ones(1)} for part in parts}
    assert listed(tmp_path / "m.pt", {"vae": halves}) == ("vae", [f"{part}.conv_in.weight" for part in parts])


def test_what_training_leaves_beside_weights_is_not_listed(tmp_path: Path) -> None:
    state = {"state": {0: {"exp_avg": torch.ones(1)}}, "names": {"a": torch.ones(1)}}
    for key in ("optimizer", "optim_state", "lr_schedulers", "grad_scaler", "callbacks"):
        assert listed(tmp_path / "m.pt", {"model": vae(), key: state}) == ("model", NAMES)


def test_one_dictionary_under_two_keys_is_listed_once(tmp_path: Path) -> None:
    same = vae()
    assert listed(tmp_path / "m.pt", {"a": same, "b": same}) == ("a", NAMES)


def test_circles_end(tmp_path: Path) -> None:
    circle: dict[str, Any] = {"vae": vae()}
    circle["self"] = circle
    circle["vae"]["up"] = circle
    assert listed(tmp_path / "m.pt", circle) == ("vae", NAMES)


def test_doubling_dictionaries_are_looked_at_once(tmp_path: Path) -> None:
    """Thirty of them would otherwise be a thousand million."""
    value: dict[str, Any] = {"w": torch.ones(1)}
    for _ in range(30):
        value = {"a": value, "b": value}
    assert listed(tmp_path / "m.pt", value) == ("", [])


def test_more_tensors_than_any_model_has(tmp_path: Path) -> None:
    one = torch.ones(1)
    torch.save({"a": {str(number): one for number in range(60_001)}}, tmp_path / "m.pt")
    with pytest.raises(UnsupportedFile):
        read_inventory(tmp_path / "m.pt")
