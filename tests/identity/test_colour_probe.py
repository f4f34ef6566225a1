from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.identity.files import TAESD, save, small_kl
from vae_workbench.autoencoder.autoencoder import Autoencoder
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.errors import Cancelled, MissingHalf, UnknownArchitecture
from vae_workbench.identity.colour_probe import FACTORS, Probe, chart, probe, probe_file
from vae_workbench.identity.verdict import Certainty

DEMO = Path(__file__).resolve().parents[2] / "demo" / "demo-vae-sd1.safetensors"


class Linear(Autoencoder):
    """An encoder that is exactly the inverse of a latent space's published factors, in other units."""

    latents_are_scaled = False
    latent_channels, image_channels, downscale = 4, (3,), 8  # type: ignore[assignment]
    has_encoder, has_decoder = True, False  # type: ignore[assignment]

    def __init__(self, space: str) -> None:
        super().__init__()
        self.inverse = torch.nn.Parameter(torch.linalg.pinv(torch.tensor(FACTORS[space])) * 7)

    def _encode(self, images: torch.Tensor, progress: object) -> torch.Tensor:
        pooled = torch.nn.functional.avg_pool2d(images, 8)
        noise = 0.05 * torch.randn(1, 4, *pooled.shape[2:], generator=torch.Generator().manual_seed(0))
        return torch.einsum("bchw,cz->bzhw", pooled, self.inverse) + noise + 3

    def _decode(self, latents: torch.Tensor, progress: object) -> torch.Tensor:
        raise AssertionError


@pytest.mark.parametrize("space", FACTORS)
def test_an_encoder_made_of_the_published_factors(space: str) -> None:
    measured = Probe(probe(Linear(space)), 0.0)
    assert max(measured.cosines, key=measured.cosines.__getitem__) == space
    assert measured.evidence is not None
    assert (measured.evidence.space, measured.evidence.certainty) == (space, Certainty.LIKELY)


@pytest.mark.skipif(not TAESD.exists(), reason="no shared data: TAESD and TAESDXL were not probed")
@pytest.mark.parametrize(("name", "space"), [("taesd", "sd1"), ("taesdxl", "sdxl")])
def test_distilled_encoders(name: str, space: str) -> None:
    measured = probe_file(TAESD / f"{name}_encoder.safetensors")
    assert measured.evidence is not None and measured.evidence.space == space, measured.cosines
    assert measured.seconds > 0 and "it took" in measured.evidence.reason


@pytest.mark.skipif(not DEMO.exists(), reason="the demo VAE is not there: it was not probed")
def test_the_demo_vae_was_distilled_for_sd1() -> None:
    measured = probe_file(DEMO)
    assert measured.cosines["sd1"] > measured.cosines["sdxl"], measured.cosines


@pytest.mark.parametrize(
    "cosines", [{"sd1": 0.9, "sdxl": 0.75}, {"sd1": 0.6, "sdxl": 0.1}, {"sd1": float("nan"), "sdxl": float("nan")}]
)
def test_close_or_weak_results_tell_nothing(cosines: dict[str, float]) -> None:
    assert Probe(cosines, 1.0).evidence is None


def test_random_weights_tell_nothing(tmp_path: Path) -> None:
    assert probe_file(save(tmp_path / "m", small_kl())).evidence is None


def test_a_latent_that_is_no_number_tells_nothing(tmp_path: Path) -> None:
    broken = small_kl() | {"encoder.conv_out.bias": torch.full((8,), float("inf"))}
    assert probe_file(save(tmp_path / "m", broken)).evidence is None


def test_the_chart_is_always_the_same() -> None:
    picture = chart()
    assert picture.shape == (1, 3, 128, 128)
    assert -1 <= picture.min() < -0.9 and 0.9 < picture.max() <= 1
    assert torch.equal(picture, chart())


def test_what_cannot_be_probed(tmp_path: Path) -> None:
    with pytest.raises(UnknownArchitecture, match="16 channels"):
        probe(load_autoencoder(small_kl(latent_channels=16)))
    decoder = {name: it for name, it in small_kl().items() if name.startswith(("decoder.", "post_quant_conv."))}
    with pytest.raises(MissingHalf):
        probe_file(save(tmp_path / "m", decoder))


def test_cancel(tmp_path: Path) -> None:
    def cancel(fraction: float, what: str) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        probe_file(save(tmp_path / "m", small_kl()), cancel)
