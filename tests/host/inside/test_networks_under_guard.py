"""The web UI's own networks under guard. Runs in the web UI's Python: see ``test_real_webui``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.precision.guard.hooks import GuardHooks, Identity
from vae_workbench.precision.guard.vae_guard import VaeGuard
from vae_workbench.precision.plan import Plans
from vae_workbench.precision.scales import Rescaled
from vae_workbench.precision.structure import HALVES, Half, parts_of

REAL = os.environ.get("VAEWB_REAL_HOST")
pytestmark = pytest.mark.skipif(not REAL, reason="needs the web UI's own Python and modules")

SHAPE = dict(
    double_z=True, z_channels=4, resolution=256, in_channels=3, out_ch=3, ch=32, ch_mult=[1, 2], num_res_blocks=1
)
REST = dict(attn_resolutions=[], dropout=0.0)
LATENTS = 8 * torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(1))
IMAGES = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(2)) * 2 - 1


def ldm() -> Any:
    from ldm.models.autoencoder import AutoencoderKL

    return AutoencoderKL(ddconfig={**SHAPE, **REST}, lossconfig={"target": "torch.nn.Identity"}, embed_dim=4)


def sgm() -> Any:
    from sgm.models.autoencoder import AutoencoderKLInferenceWrapper

    loss = {"target": "torch.nn.Identity"}
    return AutoencoderKLInferenceWrapper(
        embed_dim=4, ddconfig={**SHAPE, **REST}, lossconfig=loss, monitor="val/rec_loss"
    )


def sd3() -> Any:
    from modules.models.sd3 import sd3_impls

    vae = sd3_impls.SDVAE()
    vae.encoder = sd3_impls.VAEEncoder(ch=32, ch_mult=(1, 2), num_res_blocks=1)
    vae.decoder = sd3_impls.VAEDecoder(ch=32, ch_mult=(1, 2), num_res_blocks=1)
    return vae


def made(network: Callable[[], Any]) -> Any:
    torch.manual_seed(0)
    return network().eval().requires_grad_(False)


def overflowing(vae: Any, half: Half) -> dict[str, Tensor]:
    """The weights of the network with a stream 2¹⁷ times as large."""
    parts = parts_of(vae, half)
    streams = {part.writes for part in parts if part.kind == "sum"} | {f"{half}.conv_in"}
    rescaled = Rescaled(vae, parts, dict.fromkeys(streams, -17))
    tensors = {name: parameter.clone() for name, parameter in vae.named_parameters()}
    rescaled.undo()
    return tensors


def latents_for(vae: Any) -> Tensor:
    return LATENTS[:, : 16 if getattr(vae, "post_quant_conv", None) is None else 4]


@pytest.mark.parametrize("network", [ldm, sgm, sd3])
@pytest.mark.parametrize("half", HALVES)
def test_the_same_parts_as_ours(network: Callable[[], Any], half: Half) -> None:
    theirs = made(network)
    ours = load_autoencoder(theirs.state_dict())
    names = [[(p.name, p.kind, p.reads, p.writes) for p in parts_of(vae, half)] for vae in (theirs, ours)]
    assert names[0] == names[1]


@pytest.mark.parametrize("network", [ldm, sgm, sd3])
@pytest.mark.parametrize("half", HALVES)
def test_repaired_and_then_rescaled(network: Callable[[], Any], half: Half, tmp_path: Path) -> None:
    vae = made(network)
    tensors = overflowing(vae, half)
    save_file(tensors, tmp_path / "vae.safetensors")
    vae.load_state_dict(tensors)
    vae.half()
    told: list[str] = []
    hooks = GuardHooks(report=lambda report: told.append(report.precision))
    identity = Identity("vae", str(tmp_path / "vae.safetensors"), "sketch")
    vae_guard = VaeGuard(vae, lambda: identity, Plans(tmp_path / "plans.json"), hooks)
    exact = load_autoencoder(tensors)
    z = latents_for(vae)
    expected = exact.decode(z) if half == "decoder" else exact.moments(IMAGES).chunk(2, dim=1)[0]
    for _ in range(2):
        with torch.no_grad():
            result = (
                vae_guard.decode(vae.decode, z.half())
                if half == "decoder"
                else vae_guard.encode(vae.encode, IMAGES.half())
            )
        if not isinstance(result, Tensor):
            result = result.mean
        sampled = half == "encoder" and network is not ldm
        assert result.isfinite().all() and (sampled or (result.float() - expected).norm() / expected.norm() < 0.02)
    assert told == ["fp32", "fp16 rescaled"]
    vae_guard.renew()
    assert all(torch.equal(value, tensors[name].half()) for name, value in vae.named_parameters())
