"""Our network beside the web UI's own ``ldm``. Runs in the web UI's Python: see ``test_real_webui``."""

from __future__ import annotations

import os

import pytest
import torch

REAL = os.environ.get("VAEWB_REAL_HOST")
pytestmark = pytest.mark.skipif(not REAL, reason="needs the web UI's own Python and modules")


@pytest.mark.parametrize(("width", "size"), [(32, (72, 88)), (32, (64, 64)), (128, (64, 72))])
def test_equal_to_ldm(width: int, size: tuple[int, int]) -> None:
    from ldm.models.autoencoder import AutoencoderKL

    from vae_workbench.autoencoder.build import load_autoencoder

    shape = dict(double_z=True, z_channels=4, resolution=256, in_channels=3, out_ch=3, ch=width, ch_mult=[1, 2, 4, 4])
    rest = dict(num_res_blocks=2, attn_resolutions=[], dropout=0.0)
    torch.manual_seed(1)
    theirs = AutoencoderKL(ddconfig={**shape, **rest}, lossconfig={"target": "torch.nn.Identity"}, embed_dim=4).eval()
    ours = load_autoencoder(theirs.state_dict())
    images = torch.rand(1, 3, *size) * 2 - 1
    latents = torch.randn(1, 4, size[0] // 8, size[1] // 8)
    with torch.inference_mode():
        ours_told = [ours.encode(images), ours.decode(latents)]
        theirs_told = [theirs.encode(images).mode(), theirs.decode(latents)]
        theirs.double()
        truth = [theirs.encode(images.double()).mode(), theirs.decode(latents.double())]
    # No further from the truth than theirs, which depends on the processor; tests/autoencoder/peers.py tells of the factor.
    for got, peer, exact in zip(ours_told, theirs_told, truth, strict=True):
        assert (got - exact).norm() <= 3 * (peer - exact).norm()


@pytest.mark.parametrize(("width", "size"), [(32, (9, 11)), (128, (8, 9))])
def test_as_written_it_is_ldms_to_the_last_bit(width: int, size: tuple[int, int]) -> None:
    from ldm.models.autoencoder import AutoencoderKL
    from ldm.modules.diffusionmodules import model

    from vae_workbench.autoencoder.as_written import as_written
    from vae_workbench.autoencoder.build import load_autoencoder

    model.nonlinearity = torch.nn.functional.silu  # as the web UI's sd_hijack has it
    shape = dict(double_z=True, z_channels=4, resolution=256, in_channels=3, out_ch=3, ch=width, ch_mult=[1, 2, 4, 4])
    rest = dict(num_res_blocks=2, attn_resolutions=[], dropout=0.0)
    torch.manual_seed(1)
    theirs = AutoencoderKL(ddconfig={**shape, **rest}, lossconfig={"target": "torch.nn.Identity"}, embed_dim=4).eval()
    ours = load_autoencoder(theirs.state_dict())
    latents = torch.randn(1, 4, *size)
    with torch.inference_mode(), as_written(ours, latents):
        assert torch.equal(ours.decode(latents), theirs.decode(latents))
