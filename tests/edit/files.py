"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.edit.recipe import Recipe, Step
from vae_workbench.edit.save import Saved

Tensors = dict[str, torch.Tensor]


def made(source: Path, *steps: Step, target: Path | None = None, forgiving: bool = False) -> Path:
    """The file that a recipe makes, beside its source."""
    return saved(source, *steps, target=target, forgiving=forgiving).path


def saved(source: Path, *steps: Step, target: Path | None = None, forgiving: bool = False) -> Saved:
    place = target or source.with_name(f"made-{len(list(source.parent.iterdir()))}.safetensors")
    return Recipe(source, steps, forgiving).save(place)


def same(one: Tensors, other: Tensors) -> bool:
    """Whether both have the same tensors, to the bit."""
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype
        and one[name].shape == other[name].shape
        and torch.equal(one[name].flatten().view(torch.uint8), other[name].flatten().view(torch.uint8))
        for name in one
    )


def metadata_of(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def decoded(path: Path, latents: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return load_autoencoder(load_file(path)).decode(latents)


def latents(channels: int = 4) -> torch.Tensor:
    return torch.randn(1, channels, 6, 5, generator=torch.Generator().manual_seed(1))
