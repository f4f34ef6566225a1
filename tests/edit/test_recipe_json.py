"""Recipes as JSON has them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.edit.adjust import ColourChange
from vae_workbench.edit.colour_presets import PRESETS
from vae_workbench.edit.recipe_json import STEPS, Names, gives_checkpoint, recipe_from, told_steps
from vae_workbench.edit.steps.tone import Tone
from vae_workbench.errors import InvalidInput

PICTURE = torch.zeros(1, 3, 64, 64)


def names(folder: Path) -> Names:
    def file(name: str) -> Path:
        if not (folder / name).is_file():
            raise InvalidInput(f"There is no {name}")
        return folder / name

    return Names(file, lambda _name: PICTURE)


@pytest.fixture
def vae(tmp_path: Path) -> Path:
    save_small_kl(tmp_path / "other.safetensors", 2)
    return save_small_kl(tmp_path / "vae.safetensors", 1)


def test_steps_are_combined_in_one_file(vae: Path, tmp_path: Path) -> None:
    orders = [
        {"merge": {"with": ["other.safetensors"], "weights": [0.25, 0.75]}},
        {"tone": {"preset": "paler"}},
        {"convert": {"dtype": "fp16"}},
    ]
    saved = recipe_from(vae, orders, names(tmp_path)).save(tmp_path / "made.safetensors")
    assert [step["step"] for step in saved.done] == ["merge", "tone", "dtype"]  # type: ignore[index]
    made = load_file(saved.path)
    mid = 0.25 * small_kl(1)["decoder.conv_in.bias"] + 0.75 * small_kl(2)["decoder.conv_in.bias"]
    assert made["decoder.conv_in.bias"].dtype == torch.float16
    assert torch.allclose(made["decoder.conv_in.bias"].float(), mid, atol=1e-3)


def test_a_repair_with_nothing_to_repair_keeps_no_later_step_from_being_written(vae: Path, tmp_path: Path) -> None:
    """A file without faults was to be repaired and toned, and nothing was written."""
    orders = [{"repair": {}}, {"tone": {"contrast": 1.1}}]
    saved = recipe_from(vae, orders, names(tmp_path)).save(tmp_path / "made.safetensors")
    assert saved.written and saved.path.is_file()
    alone = recipe_from(vae, [{"repair": {}}], names(tmp_path)).save(tmp_path / "none.safetensors")
    assert not alone.written and not alone.path.exists()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_the_same_as_its_numbers(vae: Path, tmp_path: Path, name: str) -> None:
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in PRESETS[name].items()}
    by_name, by_number = (
        recipe_from(vae, [{"tone": fields}], names(tmp_path)).steps[-1] for fields in ({"preset": name.upper()}, told)
    )
    assert isinstance(by_name, Tone) and isinstance(by_number, Tone) and by_name.gamma == by_number.gamma
    expected = ColourChange.of(**PRESETS[name])
    for change in (by_name.change, by_number.change):
        assert torch.allclose(change.matrix, expected.matrix) and torch.allclose(change.offset, expected.offset)


def test_what_comes_out_is_known_before_it_is_made() -> None:
    def of(is_checkpoint: bool, *kinds: str) -> bool:
        return gives_checkpoint(is_checkpoint, [(kind, {}) for kind in kinds])

    assert of(True) and of(True, "convert") and of(False, "tone", "bake") and of(False, "bake", "convert")
    assert not of(True, "extract") and not of(True, "tone") and not of(False, "convert")


@pytest.mark.parametrize(
    ("orders", "words"),
    [
        ({}, "The steps are no list"),
        ([{"convert": {}}] * 17, "up to 16"),
        (["tone"], "A step names one thing"),
        ([{"tone": {}, "bake": {}}], "A step names one thing"),
        ([{"polish": {}}], "polish is no step"),
        ([{"tone": 3}], "is no object"),
        ([{"tone": {"glow": 1}}], "tone knows no glow"),
        ([{"tone": {"contrast": "much"}}], "contrast of tone is to be a finite number"),
        ([{"tone": {"contrast": float("nan")}}], "a finite number"),
        ([{"tone": {"matrix": [1, 2]}}], "a list of 9 or 12"),
        ([{"tone": {"preset": "nobody"}}], "There is no preset"),
        ([{"tone": {"undo": True, "contrast": 1.1}}], "nothing else at once"),
        ([{"convert": {"dtype": "int4"}}], "dtype of convert is to be one of"),
        ([{"merge": {}}], "merge does not say with"),
        ([{"merge": {"with": ["nobody"]}}], "There is no nobody"),
        ([{"merge": {"with": ["other.safetensors"], "blocks": [1]}}], "blocks of merge"),
        ([{"match": {"like": ""}}], "match does not say like"),
        ([{"bake": {"into": 4}}], "into of bake is to be a text"),
        ([{"tone": {}}, {"repair": {}}], "Put it first"),
        ([{"bake": {"into": "other.safetensors"}}, {"tone": {}}], "After a VAE was baked"),
    ],
)
def test_what_is_no_recipe_is_refused_in_a_sentence(vae: Path, tmp_path: Path, orders: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        recipe_from(vae, orders, names(tmp_path))


def test_every_step_can_be_told() -> None:
    assert [kind for kind, _ in told_steps([{kind: {}} for kind in ("repair", *(set(STEPS) - {"repair", "bake"}))])]
