"""Edits of the last layer in words."""

from __future__ import annotations

import pytest
import torch

from tests.identity.files import sketch_of, small_kl
from vae_workbench.edit.adjust import ColourChange, adjust_decoder
from vae_workbench.identity.relatives.colour_edit import ColourEdit, colour_edit

SEPIA = [[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]]


def found(change: ColourChange, dtype: torch.dtype = torch.float32) -> ColourEdit:
    edited = {name: tensor.to(dtype) for name, tensor in adjust_decoder(small_kl(), change).items()}
    edit = colour_edit(sketch_of(edited).halves["decoder"], sketch_of(small_kl()).halves["decoder"])
    assert edit is not None
    return edit


def between(one: ColourChange, other: ColourChange) -> ColourEdit | None:
    first, second = (sketch_of(adjust_decoder(small_kl(), change)).halves["decoder"] for change in (one, other))
    return colour_edit(first, second)


def by(matrix: object, *offset: float) -> ColourChange:
    return ColourChange(torch.tensor(matrix, dtype=torch.float32), torch.tensor(offset or (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_matrix_and_offset_are_found_again(dtype: torch.dtype) -> None:
    change = by([[1.2, -0.1, 0.0], [0.1, 0.9, 0.05], [0.0, 0.2, 0.7]], 0.05, 0.0, -0.1)
    edit = found(change, dtype)
    tolerance = 1e-4 if dtype == torch.float32 else 5e-3
    assert edit.matrix.tolist() == pytest.approx(change.matrix.numpy(), abs=tolerance)
    assert edit.offset.tolist() == pytest.approx(change.offset.tolist(), abs=tolerance)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ColourChange.of(saturation=1.3), "more saturated (×1.30)"),
        (ColourChange.of(saturation=0.55, contrast=0.8), "less saturated (×0.55), less contrast (×0.80)"),
        (ColourChange.of(contrast=1.25, brightness=-0.1), "more contrast (×1.25), darker (−0.10)"),
        (ColourChange.of(brightness=0.1), "brighter (+0.10)"),
        (by([[1.1, 0, 0], [0, 1, 0], [0, 0, 0.9]]), "warmer"),
        (by([[0.9, 0, 0], [0, 1, 0], [0, 0, 1.1]]), "cooler"),
        (ColourChange.of(saturation=0.0), "black and white"),
        (by(SEPIA), "sepia"),
        (by([[0, 0, 1], [0, 1, 0], [1, 0, 0]]), "red and blue exchanged"),
        (by([[-1, 0, 0], [0, -1, 0], [0, 0, -1]], 1, 1, 1), "a negative"),
        (by([[0, 0, 0], [0, 0, 0], [0, 0, 0]]), "every picture is one colour"),
        (ColourChange.of(saturation=1.001), "a change too small to be seen"),
    ],
)
def test_words(change: ColourChange, words: str) -> None:
    assert found(change).words == words


def test_another_layer_is_no_edit() -> None:
    base, other = (sketch_of(small_kl(seed)).halves["decoder"] for seed in (0, 1))
    assert colour_edit(base, other) is None


@pytest.mark.parametrize("matrix", [[[-1, 0, 0], [0, -1, 0], [0, 0, -1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]])
def test_colours_that_are_gone_do_not_come_back(matrix: list[list[float]]) -> None:
    """Beside a sepia VAE, one with all colours was called sepia: the sepia matrix is rounded, so that it has an inverse."""
    assert between(by(matrix), by(SEPIA)) is None
    assert between(by(SEPIA), by(matrix)) is not None


def test_a_negative_of_other_colours_has_no_negative_saturation() -> None:
    """It was told as "less saturated (×-0.00), less contrast (×-1.00)"."""
    edit = between(by([[-1, 0, 0], [0, -1, 0], [0, 0, -1]], 1.0, 1.0, 1.0), by([[0, 0, 1], [0, 1, 0], [1, 0, 0]]))
    assert edit is not None
    assert edit.words == "a negative, other hues"
