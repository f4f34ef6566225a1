"""One walk over all networks with LDM's modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.host_vaes import LdmVae, SD3Vae
from tests.small_vaes import small_kl
from vae_workbench.autoencoder.build import build, load_autoencoder
from vae_workbench.autoencoder.kl_shape import KLShape
from vae_workbench.errors import UnknownArchitecture
from vae_workbench.precision.structure import HALVES, LAYER, NORM, Half, has_replaced_forward, parts_of

WITH_ATTENTION = KLShape.standard(width=32, blocks=2, attention=(2, 3))


def sd3_tensors() -> dict[str, torch.Tensor]:
    return {name: value for name, value in small_kl(latent_channels=16).items() if "quant_conv" not in name}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    "shape", [KLShape.standard(), WITH_ATTENTION, KLShape.standard(multipliers=(1, 2), quant_convs=False)]
)
def test_every_tensor_belongs_to_one_part(half: Half, shape: KLShape) -> None:
    network = build(shape)
    names = [part.name for part in parts_of(network, half)]
    own = {"encoder": ("encoder.", "quant_conv."), "decoder": ("decoder.", "post_quant_conv.")}[half]
    tensors = {name.rpartition(".")[0] for name in network.state_dict() if name.startswith(own)}
    assert len(names) == len(set(names))
    assert tensors == {part.name for part in parts_of(network, half) if part.kind in (LAYER, NORM)}
    assert all(network.get_submodule(part.name) is part.module for part in parts_of(network, half))


@pytest.mark.parametrize("half", HALVES)
def test_ours_and_the_hosts_have_the_same_parts(half: Half) -> None:
    for ours, theirs in [
        (load_autoencoder(small_kl()), LdmVae(small_kl())),
        (load_autoencoder(sd3_tensors()), SD3Vae(sd3_tensors())),
    ]:
        mine, others = ([(p.name, p.kind, p.reads, p.writes) for p in parts_of(v, half)] for v in (ours, theirs))
        assert mine == others


def test_the_stream_goes_on_where_nothing_changes_its_width() -> None:
    parts = {part.name: part for part in parts_of(build(KLShape.standard()), "decoder")}
    assert parts["decoder.mid.attn_1"].writes == parts["decoder.up.3.block.2"].writes == "decoder.conv_in"
    assert parts["decoder.up.3.upsample.conv"].reads == "decoder.conv_in"
    assert parts["decoder.up.1.block.0.nin_shortcut"].reads == "decoder.up.2.upsample"
    assert (
        parts["decoder.up.1.block.0.conv2"].writes
        == parts["decoder.up.1.block.1.norm1"].reads
        == "decoder.up.1.block.0"
    )
    assert parts["decoder.norm_out"].reads == "decoder.up.0.block.0"
    assert parts["decoder.conv_out"].writes is None


def test_something_else_is_no_kl_autoencoder() -> None:
    with pytest.raises(UnknownArchitecture, match="decoder is not that of a KL"):
        parts_of(nn.Sequential(nn.Conv2d(3, 3, 1)), "decoder")


@pytest.mark.parametrize("module", ["decoder", "decoder.up.1.block.0", "decoder.mid.attn_1"])
def test_a_replaced_forward_is_seen(module: str) -> None:
    vae = LdmVae(small_kl())
    replaced = vae.get_submodule(module)
    assert not has_replaced_forward(vae, "decoder")
    replaced.forward = replaced.forward
    assert has_replaced_forward(vae, "decoder") and not has_replaced_forward(vae, "encoder")
    del replaced.forward
    assert not has_replaced_forward(vae, "decoder")
