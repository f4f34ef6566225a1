"""On the published TAESD files, beside a plain script of diffusers and scikit-image."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from tests.identity.files import TAESD
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.sources.builtin.pictures import built_in
from vae_workbench.evaluate.compute import compute
from vae_workbench.evaluate.evaluation import begin
from vae_workbench.evaluate.job import Job

SIZE = 128


@pytest.mark.skipif(not TAESD.is_dir(), reason=f"needs the TAESD files in {TAESD}")
@pytest.mark.parametrize(("name", "channels"), [("taesd", 4), ("taesdxl", 4), ("taesd3", 16), ("taef1", 16)])
def test_the_numbers_are_those_of_diffusers_and_scikit_image(tmp_path: Path, name: str, channels: int) -> None:
    (tmp_path / "p").mkdir()
    for picture in ("face", "foliage", "text"):
        built_in(picture).crop((60, 100, 420, 380)).save(tmp_path / "p" / f"{picture}.png")
    halves = {half: load_file(TAESD / f"{name}_{half}.safetensors") for half in ("encoder", "decoder")}
    both = {f"{half}.{key}": value for half, tensors in halves.items() for key, value in tensors.items()}
    save_file(both, tmp_path / "vae.safetensors")
    job = Job("", (Candidate("vae", tmp_path / "vae.safetensors"),), size=SIZE)
    evaluation = begin(tmp_path / "p", job, tmp_path / "o")
    compute(evaluation, workers=1)
    lines = sorted(evaluation.results().lines(), key=lambda line: line["picture"])
    assert len(lines) == 3
    for line, path in zip(lines, sorted((tmp_path / "p").iterdir()), strict=True):
        psnr, ssim, delta_e = plainly(halves, channels, path)
        assert (
            abs(line["psnr"] - psnr) < 1e-3
            and abs(line["ssim"] - ssim) < 1e-4
            and abs(line["delta_e"] - delta_e) < 1e-3
        )


def plainly(halves: dict[str, dict[str, torch.Tensor]], channels: int, path: Path) -> tuple[float, float, float]:
    """As anybody would write it down."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import AutoencoderTiny
    from skimage.color import deltaE_ciede2000, rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    vae = AutoencoderTiny(latent_channels=channels)
    weights = {f"encoder.layers.{key}": value for key, value in halves["encoder"].items()}
    for key, value in halves["decoder"].items():  # diffusers does not count the clamp at its begin
        number, rest = key.split(".", 1)
        weights[f"decoder.layers.{int(number) - 1}.{rest}"] = value
    vae.load_state_dict(weights)
    image = Image.open(path)
    scale = SIZE / min(image.size)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    original = np.asarray(image.crop((left, top, left + SIZE, top + SIZE)), np.float32) / 255
    with torch.inference_mode():
        pixels = torch.from_numpy(original).permute(2, 0, 1)[None] * 2 - 1
        decoded = vae.decode(vae.encode(pixels).latents).sample
    result = (decoded[0].permute(1, 2, 0).numpy() / 2 + 0.5).clip(0, 1)
    return (
        peak_signal_noise_ratio(original, result, data_range=1.0),
        structural_similarity(original, result, data_range=1.0, channel_axis=2),
        float(deltaE_ciede2000(rgb2lab(original), rgb2lab(result)).mean()),
    )
