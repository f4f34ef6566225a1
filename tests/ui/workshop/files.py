"""A workbench with a folder of VAEs and one of checkpoints."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file

from tests.identity.files import checkpoint
from tests.small_vaes import save_small_kl, small_kl
from tests.ui.workbenches import workbench
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.sources.picture import load_picture
from vae_workbench.compare.sources.sources import Source, keep_source
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.compare.sources import Chosen
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.look import Place

OWN = "a" * 32
SHOWN = "b" * 32


def bench_in(folder: Path) -> Workbench:
    """With ``vae.safetensors``, ``other.safetensors``, ``old.pt`` and ``model.safetensors``, scanned."""
    vaes, models = folder / "vaes", folder / "models"
    vaes.mkdir()
    models.mkdir()
    save_small_kl(vaes / "vae.safetensors", 1)
    save_small_kl(vaes / "other.safetensors", 2)
    torch.save(small_kl(3), vaes / "old.pt")
    save_file(checkpoint("sd1", small_kl(4)), models / "model.safetensors")
    made = workbench(
        folder / "data",
        vaes,
        models,
        target_folders=lambda: {"vae": vaes, "checkpoint": models},
        comparisons=Comparisons(folder / "comparisons"),
    )
    object.__setattr__(made, "list_vaes", lambda: [Candidate(it.name, it) for it in sorted(vaes.iterdir())])
    made.library.scan(made.library_folders())
    return made


def place_in(bench: Workbench, folder: Path) -> Place:
    """A small picture of a person's own."""
    Image.linear_gradient("L").resize((32, 24)).convert("RGB").save(folder / "p.png")
    source = Source.of(load_picture(folder / "p.png"), "picture")
    keep_source(bench.comparisons.open(OWN), source)
    return Place(SHOWN, Chosen("own", source.record.id, "p.png"), OWN)
