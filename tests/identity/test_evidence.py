from __future__ import annotations

import json
from pathlib import Path

import pytest

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.identity.evidence import (
    SPACE_NAMES,
    Evidence,
    combine_evidence,
    of_config,
    of_file_name,
    of_metadata,
)
from vae_workbench.identity.verdict import Certainty

GUESS, LIKELY, CERTAIN = Certainty.GUESS, Certainty.LIKELY, Certainty.CERTAIN


def found(spaces: tuple[str, ...], *evidence: tuple[str, Certainty]) -> tuple[str | None, str, str]:
    finding = combine_evidence(
        spaces, [Evidence(space, certainty, f"{space} {certainty}.") for space, certainty in evidence]
    )
    return finding.space, str(finding.certainty), " ".join(finding.reasons)


def test_the_strongest_evidence_counts_and_the_weaker_is_not_told() -> None:
    assert found(("sd1", "sdxl"), ("sd1", CERTAIN), ("sdxl", GUESS)) == ("sd1", "certain", "sd1 certain.")
    assert found(("sd1", "sdxl"), ("sdxl", LIKELY), ("sd1", GUESS)) == ("sdxl", "likely", "sdxl likely.")
    assert found(("sd1", "sdxl"), ("sd1", GUESS)) == ("sd1", "guess", "sd1 guess.")
    assert found(("sd1", "sdxl"), ("sd1", LIKELY), ("sd1", LIKELY))[2] == "sd1 likely."


def test_without_evidence_nothing_is_told() -> None:
    space, certainty, why = found(("sd1", "sdxl"))
    assert (space, certainty) == (None, "unknown")
    assert "Cannot tell whether it is for SD1 and SD2 or SDXL" in why


def test_equally_strong_evidence_that_disagrees_is_none() -> None:
    space, certainty, why = found(("sd1", "sdxl"), ("sd1", CERTAIN), ("sdxl", CERTAIN))
    assert (space, certainty) == (None, "unknown")
    assert "disagrees" in why and "sd1 certain." in why and "sdxl certain." in why


def test_shapes_overrule() -> None:
    space, certainty, why = found(("sd1", "sdxl"), ("flux1", CERTAIN), ("sdxl", GUESS))
    assert (space, certainty) == ("sdxl", "guess")
    assert "flux1 certain. But its shapes do not fit Flux.1." in why
    assert found(("flux2",), ("sd1", CERTAIN))[:2] == ("flux2", "certain")
    assert found((), ("sd1", CERTAIN))[:2] == (None, "unknown")


def test_all_latent_spaces_have_names() -> None:
    assert SPACE_NAMES.keys() == LATENT_SPACES.keys()


@pytest.mark.parametrize(
    ("value", "space"),
    [
        ("stable-diffusion-v1/vae", "sd1"),
        ("stable-diffusion-v2-512/vae", "sd1"),
        ("stable-diffusion-xl-v1-base/vae", "sdxl"),
        ("stable-diffusion-3-medium", "sd3"),
        ("Flux.1-dev/vae", "flux1"),
        ("flux-2", "flux2"),
        ("something else", None),
    ],
)
def test_metadata(value: str, space: str | None) -> None:
    evidence = of_metadata({"modelspec.architecture": value})
    assert (evidence and (evidence.space, evidence.certainty)) == (space and (space, LIKELY))
    assert of_metadata({}) is None


@pytest.mark.parametrize(
    ("config", "space"),
    [
        ({"_class_name": "AutoencoderKL", "scaling_factor": 0.18215}, "sd1"),
        ({"_class_name": "AutoencoderKL", "scaling_factor": 0.13025}, "sdxl"),
        ({"_class_name": "AutoencoderKL", "scaling_factor": 1.5305, "shift_factor": 0.0609}, "sd3"),
        ({"_class_name": "AutoencoderKL", "scaling_factor": 0.3611}, "flux1"),
        ({"_class_name": "AutoencoderTiny", "scaling_factor": 1.0}, None),
        ({"_class_name": "Transformer", "scaling_factor": 0.18215}, None),
        ({"scaling_factor": "0.18215"}, None),
        ([1, 2], None),
        ("no JSON", None),
        ("[" * 50_000, None),
    ],
)
def test_configurations(tmp_path: Path, config: object, space: str | None) -> None:
    (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    evidence = of_config(str(tmp_path / "diffusion_pytorch_model.safetensors"))
    assert (evidence and (evidence.space, evidence.certainty)) == (space and (space, LIKELY))


def test_no_configuration(tmp_path: Path) -> None:
    assert of_config(str(tmp_path / "vae.safetensors")) is None


@pytest.mark.parametrize(
    ("name", "space"),
    [
        ("vae-ft-mse-840000-ema-pruned.safetensors", "sd1"),
        ("kl-f8-anime2.ckpt", "sd1"),
        ("my_sd15_vae.pt", "sd1"),
        ("sd-v1-5.vae.pt", "sd1"),
        ("sdxl_vae.safetensors", "sdxl"),
        ("ponyXL_vae.safetensors", "sdxl"),
        ("sd35_vae.safetensors", "sd3"),
        ("flux2-vae.safetensors", "flux2"),
        ("ae.safetensors", "flux1"),
        ("FluxVAE.safetensors", "flux1"),
        ("diffusion_pytorch_model.safetensors", None),
        ("galaxy.safetensors", None),
        ("mine.vae.pt", None),
    ],
)
def test_file_names(name: str, space: str | None) -> None:
    evidence = of_file_name(f"/models/SDXL/{name}")
    assert (evidence and (evidence.space, evidence.certainty)) == (space and (space, GUESS))
    assert evidence is None or "guess" in evidence.reason
