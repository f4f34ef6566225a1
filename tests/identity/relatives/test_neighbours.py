"""Leaving pairs out must change no answer."""

from __future__ import annotations

import pytest
import torch

from tests.identity.files import Tensors, cast, finetune, mixed, sketch_of, small_kl
from vae_workbench.edit.adjust import ColourChange, adjust_decoder
from vae_workbench.identity.relatives import kinship, merges
from vae_workbench.identity.relatives.lineage import Vae
from vae_workbench.identity.relatives.neighbours import Neighbours
from vae_workbench.precision.rescale import scale_stream


def near(amount: float, seed: int) -> Tensors:
    noise = torch.Generator().manual_seed(seed)
    return {name: it * (1 + amount * torch.randn(it.shape, generator=noise)) for name, it in small_kl().items()}


def collection() -> list[Vae]:
    """More of every kind than are told as the closest."""
    base = small_kl()
    half = {"encoder.": 1.0, "quant_conv.": 1.0, "": 0.0}
    made = {
        "base": base,
        "fp16": cast(base, torch.float16),
        "fp8": cast(base, torch.float8_e4m3fn),
        "empty": {name: torch.zeros_like(it) for name, it in base.items()},
        "decoder": {name: it for name, it in base.items() if name.startswith(("decoder.", "post_quant_conv."))},
        "16 channels": small_kl(latent_channels=16),
        "block": mixed({"encoder.": 0.3, "decoder.mid": 0.9, "": 0.5}, finetune(1), finetune(2)),
        "sum": mixed(0.3, finetune(3), finetune(4)),
    }
    made |= {f"tune {seed}": finetune(seed) for seed in range(9)}
    made |= {f"near {seed}": near(10.0**-seed, seed) for seed in range(1, 7)}
    made |= {f"same encoder {seed}": mixed(half, base, finetune(20 + seed)) for seed in range(3)}
    made |= {f"stranger {seed}": small_kl(seed) for seed in (1, 2)}
    made |= {f"scaled {power}": scale_stream(base, "decoder", 2.0**power) for power in (-10, 3)}
    made["toned"] = adjust_decoder(base, ColourChange.of(saturation=1.3))
    return [Vae(name, sketch_of(it), modified_ns=place) for place, (name, it) in enumerate(made.items())]


def test_the_answers_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    vaes = collection()
    told = kinship.relate(vaes)
    assert len(told.groups) == len(vaes) - 2 and told.merges, "the copies in fp16 and fp8 joined the base"

    def everything(neighbours: Neighbours, one: int, *_: object) -> list[int]:
        return [other for other in range(neighbours._count) if other != one]

    monkeypatch.setattr(Neighbours, "equal", everything)
    monkeypatch.setattr(Neighbours, "close", everything)
    monkeypatch.setattr(merges._Fit, "is_hopeless", False)
    assert kinship.relate(vaes) == told


def test_what_is_merely_similar_is_left_out_but_for_the_nearest() -> None:
    neighbours = Neighbours([sketch_of(near(0.002 * (seed + 1), seed)) for seed in range(12)])
    close = neighbours.close(0, 3, 0.7)
    assert close == [1, 2, 3]
    assert neighbours.close(0, 3, 1e-4) == [] and neighbours.equal(0) == []
