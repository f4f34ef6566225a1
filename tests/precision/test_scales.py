"""Scaling changes no result, and is taken back to the last bit."""

from __future__ import annotations

import copy
import io

import pytest
import torch
from torch import Tensor

from tests.host_vaes import LdmVae, overflowing, shallow_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.precision.maxima import measuring
from vae_workbench.precision.scales import CEILING, Rescaled, exponents_for
from vae_workbench.precision.structure import HALVES, NORM, Half, Part, parts_of

LATENTS = 8 * torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1
DTYPES = [torch.float16, torch.bfloat16, torch.float32]


def run(vae: torch.nn.Module, half: Half) -> Tensor:
    dtype = next(vae.parameters()).dtype
    with torch.no_grad():
        if half == "decoder":
            return vae.decode(LATENTS.to(dtype))
        return vae.encode(IMAGES.to(dtype)).parameters


def all_values(parts: list[Part], exponent: int) -> dict[str, int]:
    return {part.writes: exponent + number % 3 for number, part in enumerate(parts) if part.writes}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("exponent", [-6, 3, 8])
def test_the_function_is_unchanged(half: Half, exponent: int) -> None:
    """Every value with a scale of its own; powers of two leave nothing but the rounding of scaled eps."""
    vae = LdmVae(shallow_kl(), torch.float32)
    expected = run(vae, half)
    parts = parts_of(vae, half)
    Rescaled(vae, parts, all_values(parts, exponent))
    got = run(vae, half)
    assert (got - expected).norm() / expected.norm() < 1e-5


@pytest.mark.parametrize("half", HALVES)
def test_activations_shrink_by_just_that(half: Half) -> None:
    vae = LdmVae(shallow_kl(), torch.float32)
    parts = parts_of(vae, half)
    maxima = []
    for scale in (False, True):
        if scale:
            Rescaled(vae, parts, all_values(parts, 5))
        with measuring(parts) as seen:
            run(vae, half)
        maxima.append(seen)
    exponents = all_values(parts, 5)
    for part in [part for part in parts if part.name in maxima[0]]:
        factor = 2.0 ** exponents.get(part.writes or "", 0)
        assert maxima[0][part.name] / maxima[1][part.name] == pytest.approx(factor, rel=1e-3), part.name


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("exponent", [1, 12, 40, -30])
def test_undoing_is_exact(dtype: torch.dtype, exponent: int) -> None:
    """Also for weights that fall below the smallest normal number, vanish or become infinite on the way, and for NaN."""
    tensors = {name: value.clone() for name, value in shallow_kl().items()}
    tensors["decoder.conv_in.weight"][0, 0] = float("nan")
    tensors["decoder.conv_in.weight"][1] = 6e-8
    tensors["decoder.mid.block_1.conv2.weight"][0] = -6e-5
    vae = LdmVae(tensors, dtype)
    before = {name: value.detach().clone() for name, value in vae.named_parameters()}
    parts = parts_of(vae, "decoder")
    rescaled = Rescaled(vae, parts, all_values(parts, exponent))
    assert rescaled.in_force and any(not torch.equal(value, before[name]) for name, value in vae.named_parameters())
    rescaled.undo()
    rescaled.undo()
    assert not rescaled.in_force
    assert all(
        torch.equal(value.view(-1).nan_to_num(7.0), before[name].view(-1).nan_to_num(7.0))
        for name, value in vae.named_parameters()
    )
    assert all(part.module.eps == 1e-6 for part in parts if part.kind == NORM)
    assert not vae._state_dict_hooks and not vae._load_state_dict_pre_hooks


def test_it_is_exact_after_a_journey_through_fp32() -> None:
    """Something may have moved the network meanwhile."""
    vae = LdmVae(shallow_kl())
    before = {name: value.detach().clone() for name, value in vae.named_parameters()}
    rescaled = Rescaled(vae, parts_of(vae, "decoder"), {"decoder.conv_in": 9})
    vae.float()
    vae.half()
    rescaled.undo()
    assert all(torch.equal(value, before[name]) for name, value in vae.named_parameters())


def test_nobody_saves_scaled_weights() -> None:
    vae = LdmVae(overflowing())
    before = {name: value.clone() for name, value in vae.state_dict().items()}
    parent = torch.nn.ModuleDict({"first_stage_model": vae})
    Rescaled(vae, parts_of(vae, "decoder"), {"decoder.conv_in": 9})
    saved = io.BytesIO()
    torch.save(parent.state_dict(), saved)
    saved.seek(0)
    for kept in (vae.state_dict(), copy.deepcopy(vae).state_dict()):
        assert all(torch.equal(kept[name], before[name]) for name in before)
    loaded = torch.load(saved, weights_only=True)
    assert all(torch.equal(loaded[f"first_stage_model.{name}"], before[name]) for name in before)


@pytest.mark.parametrize("through_parent", [False, True])
def test_loading_other_weights_ends_it(through_parent: bool) -> None:
    """Also when only some are loaded: the others are the originals again."""
    vae = LdmVae(shallow_kl(1))
    rescaled = Rescaled(vae, parts_of(vae, "decoder"), all_values(parts_of(vae, "decoder"), 4))
    other = shallow_kl(2)
    some = {name: value for name, value in other.items() if name.startswith("decoder.up.0")}
    if through_parent:
        parent = torch.nn.ModuleDict({"vae": vae})
        parent.load_state_dict({f"vae.{name}": value for name, value in some.items()}, strict=False)
    else:
        vae.load_state_dict(some, strict=False)
    assert not rescaled.in_force
    expected = LdmVae({**shallow_kl(1), **some})
    assert all(torch.equal(one, two) for one, two in zip(vae.parameters(), expected.parameters(), strict=True))
    assert all(part.module.eps == 1e-6 for part in parts_of(vae, "decoder") if part.kind == NORM)
    rescaled.undo()
    assert all(torch.equal(one, two) for one, two in zip(vae.parameters(), expected.parameters(), strict=True))


def test_handing_out_the_tensors_themselves_ends_it() -> None:
    """So that what is written to them is not taken for scaled weights."""
    vae = LdmVae(shallow_kl(1))
    rescaled = Rescaled(vae, parts_of(vae, "decoder"), {"decoder.conv_in": 5})
    for name, tensor in vae.state_dict(keep_vars=True).items():
        tensor.data.copy_(shallow_kl(2)[name])
    rescaled.undo()
    assert not rescaled.in_force and vae.decoder.mid.block_1.norm1.eps == 1e-6
    assert all(torch.equal(value, shallow_kl(2)[name].half()) for name, value in vae.state_dict().items())


def test_a_copy_is_undone_apart() -> None:
    vae = LdmVae(shallow_kl())
    rescaled = Rescaled(vae, parts_of(vae, "decoder"), {"decoder.conv_in": 3})
    other = copy.deepcopy(vae)
    scaled = vae.decoder.conv_in.weight.clone()
    other.load_state_dict(shallow_kl(1))
    assert rescaled.in_force and torch.equal(vae.decoder.conv_in.weight, scaled)
    norms = [vae.decoder.mid.block_1.norm1.eps, other.decoder.mid.block_1.norm1.eps]
    assert norms == [1e-6 * 2.0**-6, 1e-6]


@pytest.mark.parametrize("half", HALVES)
def test_a_network_that_overflows_in_fp16_does_not_when_rescaled(half: Half) -> None:
    """The error against fp32 stays at most a quarter of bf16's."""
    tensors = overflowing(half)
    exact = LdmVae(tensors, torch.float32)
    with measuring(parts_of(exact, half)) as maxima:
        expected = run(exact, half)
    assert not run(LdmVae(tensors), half).isfinite().any()
    vae = LdmVae(tensors)
    exponents = exponents_for(parts_of(vae, half), maxima)
    Rescaled(vae, parts_of(vae, half), exponents)
    with measuring(parts_of(vae, half)) as scaled:
        got = run(vae, half)
    error, bf16 = (
        (r.float() - expected).norm() / expected.norm() for r in (got, run(LdmVae(tensors, torch.bfloat16), half))
    )
    assert error <= bf16 / 4
    assert max(scaled.values()) <= 1.01 * CEILING


def test_only_what_is_too_large_is_scaled() -> None:
    parts = parts_of(LdmVae(shallow_kl()), "decoder")
    maxima = {"decoder.conv_in": 4096.0, "decoder.up.1.block.0.conv1": 4097.0, "decoder.up.0.block.0": 4096.0 * 33}
    assert exponents_for(parts, maxima) == {"decoder.up.1.block.0.conv1": 1, "decoder.up.0.block.0": 6}
    assert exponents_for(parts, {"decoder.conv_in": float("inf"), "decoder.conv_out": 1e6}) == {}


def test_our_own_network_is_scaled_the_same_way() -> None:
    ours = load_autoencoder({name: value.clone() for name, value in shallow_kl().items()})  # it takes them over
    with torch.no_grad():
        expected = ours.decode(LATENTS)
        Rescaled(ours, parts_of(ours, "decoder"), all_values(parts_of(ours, "decoder"), 4))
        assert (ours.decode(LATENTS) - expected).norm() / expected.norm() < 1e-5
