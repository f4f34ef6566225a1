"""A hint where a stock VAE is used although there is a better one."""

from __future__ import annotations

import pytest

from tests.choice.files import C, checkpoint, library, vae
from vae_workbench.choice.decide import decide
from vae_workbench.choice.hint import Hint, hint
from vae_workbench.choice.preferences import OWN, Preferences, PreferredVae
from vae_workbench.library.entry import Entry

STOCK = "stable-diffusion-v1-5 vae"
OLD = checkpoint("old.ckpt", known_as=STOCK)
MSE = vae("mse.pt", known_as="vae-ft-mse-840000-ema-pruned")


def told(
    *files: Entry, model: Entry = OLD, setting: str = "Automatic", preferences: Preferences | None = None
) -> Hint | None:
    preferences, present = preferences or Preferences(), library(model, *files)
    return hint(model, decide(model, setting, preferences, present), preferences, present)


@pytest.mark.parametrize("setting", ["Automatic", "None"])
def test_a_better_one_is_named(setting: str) -> None:
    found = told(vae("unknown.pt"), MSE, setting=setting)
    assert found and found.vae == MSE
    assert found.text == f"old uses a stock VAE ({STOCK}); mse.pt may give better pictures."


@pytest.mark.parametrize(
    "files",
    [
        (),
        (vae("stock.pt", known_as=STOCK),),
        (vae("xl.pt", "sdxl"),),
        (vae("maybe xl.pt", "sdxl", C.GUESS),),
        (vae("who knows.pt", None),),
        (vae("taesd.pt", architecture="taesd"),),
    ],
)
def test_not_without_a_better_one_of_its_latent_space(files: tuple[Entry, ...]) -> None:
    assert told(*files) is None


@pytest.mark.parametrize("known_as", [None, "kl-f8-anime2 (Waifu Diffusion VAE v2)"])
def test_not_where_the_checkpoint_has_another(known_as: str | None) -> None:
    assert told(MSE, model=checkpoint("new.ckpt", known_as=known_as)) is None


def test_not_where_somebody_chose() -> None:
    assert told(MSE, vae("stock.pt", known_as=STOCK), setting="stock.pt") is None
    assert told(MSE, preferences=Preferences().with_overrides([OLD], PreferredVae(OWN), ())) is None
    assert told(MSE, preferences=Preferences().with_default("sd1", PreferredVae.of(MSE))) is None


def test_not_where_it_was_dismissed() -> None:
    dismissed = Preferences().with_dismissed(OLD)
    assert told(MSE, preferences=dismissed) is None
    assert told(MSE, preferences=dismissed.with_dismissed(OLD, False))
