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
        pairs = [(ours.encode(images), theirs.encode(images).mode()), (ours.decode(latents), theirs.decode(latents))]
    for got, expected in pairs:
        assert (got - expected).norm() / expected.norm() < 1e-5
