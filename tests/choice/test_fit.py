"""Whether a VAE can serve a checkpoint."""

from __future__ import annotations

import pytest

from tests.choice.files import C, broken, checkpoint, vae
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.choice.fit import ARCHITECTURES, STOCK, defect, held_vae, misfit
from vae_workbench.identity import architecture
from vae_workbench.identity.known import known_vaes
from vae_workbench.library.entry import Entry

WIDE = (128, 256, 512, 512)


def test_every_latent_space_has_its_architecture() -> None:
    rows = {row.name: row for row in architecture.ARCHITECTURES}
    assert ARCHITECTURES.keys() == LATENT_SPACES.keys()
    assert all(space in rows[name].spaces for space, name in ARCHITECTURES.items())


def test_stock_vaes_are_in_the_table_of_known_ones() -> None:
    assert {known.name for known in known_vaes()} >= STOCK


@pytest.mark.parametrize(
    ("model", "file", "fits"),
    [
        (checkpoint(space="sd1"), vae("a", "sd1"), "yes"),
        (checkpoint(space="sd1"), vae("a", None), "yes"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.CERTAIN), "no"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.LIKELY), "perhaps"),
        (checkpoint(space="sd1"), vae("a", "sdxl", C.GUESS), "perhaps"),
        (checkpoint(space="sdxl"), vae("a", "sd1", C.CERTAIN), "no"),
        (checkpoint(space="sd1"), vae("a", "sd1", architecture="taesd"), "no"),
        (checkpoint(space="sd1"), vae("a", None, architecture="asymmetric-kl-f8"), "no"),
        (checkpoint(space="sd3"), vae("a", "sd1"), "no"),
        (checkpoint(widths=WIDE), vae("a", widths=WIDE), "yes"),
        (checkpoint(widths=WIDE), vae("a", widths=(64, 128, 256, 256)), "no"),
        (checkpoint(baked="none"), vae("a", widths=(64, 128, 256, 256)), "yes"),
        (checkpoint(space="sd3"), vae("a", "sd3", architecture="kl-f8-16ch"), "yes"),
        (checkpoint(space="sd3"), vae("a", "flux1", C.GUESS, architecture="kl-f8-16ch"), "perhaps"),
        (checkpoint(space=None), vae("a", "sdxl"), "yes"),
        (checkpoint(space=None, architecture="sd-x4-upscaler"), vae("a", "sd1"), "no"),
        (checkpoint(space=None, architecture="sd-x4-upscaler"), vae("a", None, architecture="sd-x4-upscaler"), "yes"),
        (checkpoint(space=None, baked="none"), vae("a", "sd1"), "yes"),
        (checkpoint(space="sd1"), checkpoint("other", "sd1"), "yes"),
        (checkpoint(space="sd1"), checkpoint("other", "sdxl"), "no"),
    ],
)
def test_which_fits_which(model: Entry, file: Entry, fits: str) -> None:
    held = held_vae(file)
    assert held
    fault = misfit(model, held)
    assert ("yes" if fault is None else "no" if fault.certain else "perhaps") == fits, fault


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (vae("a"), ""),
        (checkpoint(), ""),
        (checkpoint("m.ckpt", baked="none"), "m holds no VAE"),
        (checkpoint("m.ckpt", baked="partial"), "m holds an incomplete VAE"),
        (checkpoint("m.ckpt", baked="damaged"), "m holds a damaged VAE"),
        (broken("a"), "3 tensors are missing"),
        (broken("a", error="This is a VAE, but broken: it is cut off."), "it is a VAE, but broken: it is cut off"),
    ],
)
def test_files_without_a_vae_say_why(file: Entry, why: str) -> None:
    assert defect(file) == why and (held_vae(file) is None) == bool(why)
