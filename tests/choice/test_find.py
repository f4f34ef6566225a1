"""Files found again by what people call them."""

from __future__ import annotations

from dataclasses import replace

from tests.choice.files import checkpoint, library, vae
from vae_workbench.choice.find import find_checkpoints, find_vaes

MODEL, TWIN = checkpoint("AOM3.safetensors"), vae("AOM3.vae.pt")
SHELF = library(
    MODEL, TWIN, vae("mse.pt"), replace(vae("a.pt", folder="/x"), name="x/a.pt"), replace(vae("a.pt"), name="y/a.pt")
)


def test_vaes_come_before_checkpoints_of_the_same_name() -> None:
    assert find_vaes(SHELF, "aom3") == (TWIN,) and find_checkpoints(SHELF, "aom3") == (MODEL,)
    assert find_vaes(SHELF, "AOM3.safetensors") == (MODEL,), "a checkpoint may be named for its VAE"


def test_several_are_told_and_an_exact_name_is_one() -> None:
    assert [entry.name for entry in find_vaes(SHELF, "A")] == ["x/a.pt", "y/a.pt"]
    assert [entry.name for entry in find_vaes(SHELF, "y/a")] == ["y/a.pt"]
    assert find_vaes(SHELF, "missing") == () == find_checkpoints(SHELF, "mse.pt")


def test_weights_count_more_than_names() -> None:
    assert find_vaes(SHELF, "missing", "sketch of mse.pt") == find_vaes(SHELF, "MSE")
