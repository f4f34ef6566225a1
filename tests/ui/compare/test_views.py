"""Views that are made when somebody asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.small_vaes import save_small_kl
from tests.ui.workbenches import workbench
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.settings import Settings
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.sources import load_sources
from vae_workbench.errors import InvalidInput
from vae_workbench.progress import silent
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.compare.page import set_up
from vae_workbench.ui.compare.views import CROSSED, OWN_PAIRS, PAIRINGS, make_view

ID = "0123456789abcdef" * 2


def asked(view: str, folder: ComparisonFolder) -> str:
    return json.dumps({"view": view, "comparison": ID, "source": next(iter(folder.sources))})


def test_latents_and_generation_loss_are_made_of_a_comparison(tmp_path: Path) -> None:
    comparisons = Comparisons(tmp_path / "comparisons")
    vae = Candidate("vae.safetensors", save_small_kl(tmp_path / "vae.safetensors"))
    Image.new("RGB", (32, 32), "teal").save(tmp_path / "p.png")
    folder = comparisons.open(ID)
    set_up(folder, load_sources([tmp_path / "p.png"]), [vae])
    bench = workbench(tmp_path, comparisons=comparisons)
    told = make_view(bench, silent, asked("latent", folder), [vae], Settings(), 2, CROSSED)
    assert "p.png" in told and len(folder.latents) == 1
    make_view(bench, silent, asked("loss", folder), [vae], Settings(), 2, CROSSED)
    assert [len(loss["rounds"]) for loss in folder.losses] == [2]
    other = Candidate("other.safetensors", save_small_kl(tmp_path / "other.safetensors", seed=2))
    set_up(folder, load_sources([tmp_path / "p.png"]), [vae, other])
    told = make_view(bench, silent, asked("loss", folder), [vae, other], Settings(), 7, OWN_PAIRS)
    assert "2 times" in told  # what is there is completed, whatever the slider says now
    assert [len(loss["rounds"]) for loss in folder.losses] == [2, 2]
    for order in ("", "{}", asked("grid", folder), asked("latent", folder).replace(ID, "f" * 32)):
        with pytest.raises(InvalidInput):
            make_view(bench, silent, order, [vae], Settings(), 2, CROSSED)


def test_pairs_are_crossed() -> None:
    one, other = Candidate("one", "one"), Candidate("other", "other")
    assert PAIRINGS[CROSSED]([one, other]) == [(one, one), (one, other), (other, one), (other, other)]
