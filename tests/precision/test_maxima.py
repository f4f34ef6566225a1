"""Activation maxima, part by part."""

from __future__ import annotations

import math

import pytest
import torch

from tests.host_vaes import LdmVae
from tests.small_vaes import small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.precision.maxima import first_not_finite, first_over, measuring
from vae_workbench.precision.structure import HALVES, Half, parts_of

LATENTS = torch.randn(2, 4, 4, 6, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(2)) * 2 - 1


def run(vae: torch.nn.Module, half: Half) -> None:
    with torch.no_grad():
        vae.decode(LATENTS) if half == "decoder" else vae.encode(IMAGES)


@pytest.mark.parametrize("half", HALVES)
def test_both_networks_have_the_same_maxima(half: Half) -> None:
    measured = []
    for vae in (load_autoencoder(small_kl()), LdmVae(small_kl(), torch.float32)):
        with measuring(parts_of(vae, half)) as maxima:
            run(vae, half)
        measured.append(maxima)
    ours, theirs = measured
    assert set(theirs) - set(ours) <= {f"decoder.up.{i}.upsample.conv" for i in (1, 2, 3)}  # computed by phases
    assert all(math.isclose(ours[name], theirs[name], rel_tol=1e-3) for name in ours)


def test_a_part_that_runs_twice_keeps_its_largest_value() -> None:
    layer = torch.nn.Conv2d(1, 1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, -2.0)
    vae = LdmVae(small_kl())
    part = parts_of(vae, "decoder")[0].__class__("p", layer, "layer")
    with torch.no_grad(), measuring([part]) as maxima:
        for value in (1.0, 3.0, 2.0):
            layer(torch.full((1, 1, 2, 2), value))
    assert maxima == {"p": 6.0}


def test_the_hooks_are_gone_afterwards_also_after_an_error() -> None:
    vae = LdmVae(small_kl(), torch.float32)
    with pytest.raises(ZeroDivisionError), measuring(parts_of(vae, "decoder")):
        raise ZeroDivisionError
    with measuring(parts_of(vae, "decoder")) as maxima:
        pass
    run(vae, "decoder")
    assert maxima == {} and not any(module._forward_hooks for module in vae.modules())


def test_where_it_began() -> None:
    assert first_not_finite({"a": 1.0, "b": math.inf, "c": math.nan}) == "b"
    assert first_not_finite({"a": 1.0}) is None
    assert first_over({"a": 1.0, "b": 65505.0, "c": 1e6}) == ("b", 65505.0)
    assert first_over({"a": 65504.0}) is None
