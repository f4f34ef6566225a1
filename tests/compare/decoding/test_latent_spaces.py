"""Which latent space each VAE of a comparison works in."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.autoencoder.tiny import TinyAutoencoder, TinyShape
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.comparison import Result, Settings, compare
from vae_workbench.compare.decoding.latent_spaces import KnownSpace, identified, mismatch, space_of
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.identity.verdict import Certainty, Verdict

SHARED = Path(os.environ.get("VAEWB_SHARED", Path(__file__).parents[3] / "shared"))
SD1, SDXL = (KnownSpace(LATENT_SPACES[name], Certainty.CERTAIN, "It is.") for name in ("sd1", "sdxl"))


def verdict(space: str | None, certainty: Certainty = Certainty.CERTAIN) -> Verdict:
    return Verdict("v", "vae", certainty, ("A reason.",), latent_space=space)


def picture() -> Picture:
    return Picture("noise", torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(5)), (40, 32))


@pytest.fixture
def taesd(tmp_path: Path) -> Path:
    """The published files under names that tell nothing."""
    source = SHARED / "data" / "taesd"
    if not source.is_dir():
        pytest.skip(f"needs the TAESD files in {source}")
    for number, name in enumerate(("taesd_encoder", "taesd_decoder", "taesdxl_encoder", "taesdxl_decoder")):
        shutil.copy(source / f"{name}.safetensors", tmp_path / f"{number}.safetensors")
    return tmp_path


def decoded(folder: Path, encoder: int, decoder: int, settings: Settings | None = None) -> Result:
    one, other = (Candidate(f"file {number}", folder / f"{number}.safetensors") for number in (encoder, decoder))
    return compare(picture(), [other], encoder=one, settings=settings).results[0]


@pytest.mark.parametrize(("encoder", "decoder", "noted"), [(0, 1, False), (2, 3, False), (0, 3, True), (2, 1, True)])
def test_a_renamed_taesd_is_known_by_its_content(taesd: Path, encoder: int, decoder: int, noted: bool) -> None:
    """``taesdxl`` decoded latents of SD1 to rubbish, and no word was said of it."""
    result = decoded(taesd, encoder, decoder)
    assert result.error is None
    assert any("SDXL" in note and "SD1 and SD2" in note for note in result.notes) == noted


def test_a_raw_latent_gets_the_scale_of_the_published_taesd_that_decodes_it(taesd: Path) -> None:
    save_small_kl(taesd / "4.safetensors")
    tensors = load_file(taesd / "3.safetensors")
    result = decoded(taesd, 4, 3)
    with torch.inference_mode():
        raw = load_autoencoder(load_file(taesd / "4.safetensors")).encode(picture().pixels * 2 - 1)
        expected = load_autoencoder(tensors).decode(raw * LATENT_SPACES["sdxl"].scale)[0]
    assert result.image is not None
    difference = torch.from_numpy(result.image).permute(2, 0, 1) - (expected / 2 + 0.5).clamp(0, 1)
    assert difference.abs().max() < 1e-3
    assert any("Nothing tells the latent space of the latent for sure" in note for note in result.notes)


def test_a_space_that_was_named_counts(taesd: Path) -> None:
    result = decoded(taesd, 2, 3, Settings(latent_space=LATENT_SPACES["sd1"]))
    assert any("This VAE is of SDXL, and the latent is of SD1 and SD2" in note for note in result.notes)


def test_what_the_caller_knows_is_not_looked_for(tmp_path: Path) -> None:
    gone = Candidate("gone", tmp_path / "gone.safetensors", verdict("sdxl"))
    broken = Candidate("broken", tmp_path)
    assert identified([gone, broken])[os.fspath(gone.path)].latent_space == "sdxl"


def test_a_copy_beside_a_checkpoint_is_of_its_latent_space(tmp_path: Path) -> None:
    """Files of one comparison explain each other, as those of a library do."""
    tensors = {
        "model.diffusion_model.input_blocks.0.0.weight": torch.zeros(320, 4, 3, 3),
        "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight": torch.zeros(77, 768),
        "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": torch.zeros(320, 768),
    }
    weights = small_kl(1)
    save_file(tensors | {f"first_stage_model.{k}": v for k, v in weights.items()}, tmp_path / "c.safetensors")
    vae = save_small_kl(tmp_path / "v.safetensors", 1)
    candidates = [Candidate(name, tmp_path / name) for name in ("c.safetensors", "v.safetensors")]
    assert identified(candidates)[os.fspath(vae)].latent_space == "sd1"


def test_a_likely_verdict_is_not_probed_and_a_guess_is_the_last_resort() -> None:
    network = TinyAutoencoder(TinyShape(4, width=8, encoder=None)).eval()
    assert space_of(None, network) == KnownSpace()
    assert space_of(verdict("sd1", Certainty.GUESS), network).certainty is Certainty.GUESS
    assert space_of(verdict("sdxl", Certainty.LIKELY), network).title == "SDXL"


def test_colours_tell_where_the_file_does_not(taesd: Path) -> None:
    """An encoder that was trained on, so that nothing of it is known by content."""
    tensors = {
        name: value + 1e-4 * torch.randn_like(value) for name, value in load_file(taesd / "2.safetensors").items()
    }
    found = space_of(None, load_autoencoder(tensors))
    assert (found.title, found.certainty) == ("SDXL", Certainty.LIKELY)


def test_a_note_only_where_both_are_known() -> None:
    guess = replace(SDXL, certainty=Certainty.GUESS)
    assert mismatch(SD1, SD1) == mismatch(SD1, guess) == mismatch(guess, SD1) == mismatch(KnownSpace(), SD1) == ()
    assert "This VAE is of SDXL" in mismatch(SD1, SDXL)[0]
    assert "This VAE is likely of SDXL" in mismatch(SD1, replace(SDXL, certainty=Certainty.LIKELY))[0]
