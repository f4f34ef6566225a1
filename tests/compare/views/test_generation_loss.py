"""Pictures that are encoded and decoded again and again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.compare.decoding import opened
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.cells import Source, keep_source, vae_record
from vae_workbench.compare.decoding.settings import Settings
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.measuring.flip import flip
from vae_workbench.compare.measuring.measures import fidelity
from vae_workbench.compare.sources.picture import Picture, as_image
from vae_workbench.compare.views.generation_loss import Round, add_losses, loss
from vae_workbench.errors import Cancelled, InvalidInput, NotFinite

PIXELS = torch.rand(1, 3, 20, 32, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
PICTURE = Picture("noise", PIXELS, (32, 20))


@pytest.fixture
def vaes(tmp_path: Path) -> list[Candidate]:
    """Two of one latent space, told by their metadata."""
    for seed in (1, 2):
        told = {"modelspec.architecture": "stable-diffusion-v1/vae"}
        save_file(small_kl(seed), tmp_path / f"{seed}.safetensors", told)
    return [Candidate(f"vae {seed}", tmp_path / f"{seed}.safetensors") for seed in (1, 2)]


@pytest.fixture
def source() -> Source:
    return Source.of(PICTURE, "picture")


@pytest.fixture
def folder(tmp_path: Path, source: Source) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "comparison")
    keep_source(made, source)
    return made


@pytest.mark.parametrize("decoder", [0, 1])
def test_each_round_encodes_what_the_last_one_left_in_8_bits(vaes: list[Candidate], decoder: int) -> None:
    rounds = loss(PICTURE, vaes[0], vaes[decoder], 2)
    one, other = load_autoencoder(small_kl(1)), load_autoencoder(small_kl(decoder + 1))
    left = PIXELS
    for made in rounds:
        padded = torch.nn.functional.pad(left * 2 - 1, (0, 0, 0, 4), mode="replicate")
        decoded = other.decode(one.encode(padded))[..., :20, :] / 2 + 0.5
        left = (decoded.clamp(0, 1) * 255).round() / 255
        expected = as_image(left)
        assert np.abs(np.asarray(made.picture, int) - np.round(expected * 255)).max() <= 1
        close = fidelity(as_image(PIXELS), expected)
        assert (made.psnr, made.delta_e) == (
            pytest.approx(close.psnr, abs=0.05),
            pytest.approx(close.delta_e, abs=0.05),
        )
        assert made.flip == pytest.approx(flip(as_image(PIXELS), expected), abs=0.01)
    assert [made.number for made in rounds] == [1, 2] and rounds[0].delta_e != rounds[1].delta_e


@pytest.mark.parametrize("rounds", [0, -1, 21])
def test_other_numbers_of_rounds_are_refused(vaes: list[Candidate], folder: ComparisonFolder, rounds: int) -> None:
    with pytest.raises(InvalidInput, match="Choose 1 to 20"):
        loss(PICTURE, vaes[0], vaes[0], rounds)
    with pytest.raises(InvalidInput, match="Choose 1 to 20"):
        add_losses(folder, [], [], rounds)


def test_a_folder_keeps_the_rounds_of_each_pair(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate]
) -> None:
    add_losses(folder, [source], [(vaes[0], vaes[0]), (vaes[0], vaes[1])], 2)
    ids = [vae_record(vae).id for vae in vaes]
    assert [(one["encoder"], one["decoder"]) for one in folder.losses] == [(ids[0], ids[0]), (ids[0], ids[1])]
    for one in folder.losses:
        assert [step["round"] for step in one["rounds"]] == [1, 2] and one["error"] is None
        assert all(step.keys() == {"round", "psnr", "delta_e", "flip", "image"} for step in one["rounds"])
        with Image.open(folder.path / one["rounds"][1]["image"]) as kept:
            assert kept.size == (32, 20)
    assert ComparisonFolder(folder.path).to_json() == folder.to_json()


def test_more_rounds_go_on_from_the_last_and_fewer_take_nothing_away(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate]
) -> None:
    pair = (vaes[0], vaes[1])
    add_losses(folder, [source], [pair], 2)
    told: list[str] = []
    add_losses(folder, [source], [pair], 4, progress=lambda _, what: told.append(what))
    assert not any("round 2 of" in what for what in told) and any("round 3 of 4" in what for what in told)
    at_once = loss(PICTURE, *pair, 4)
    (kept,) = folder.losses
    for step, made in zip(kept["rounds"], at_once, strict=True):
        with Image.open(folder.path / step["image"]) as image:
            assert image.tobytes() == made.picture.tobytes()
    add_losses(folder, [source], [pair], 1)
    assert len(folder.losses[0]["rounds"]) == 4


def test_another_precision_begins_anew(folder: ComparisonFolder, source: Source, vaes: list[Candidate]) -> None:
    pair = (vaes[0], vaes[0])
    add_losses(folder, [source], [pair], 2)
    add_losses(folder, [source], [pair], 1, Settings(precision="bf16"))
    (kept,) = folder.losses
    assert kept["made_with"] == "bf16" and len(kept["rounds"]) == 1


def test_cancelling_keeps_the_rounds_that_are_done(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate]
) -> None:
    def cancel(_fraction: float, what: str) -> None:
        if "round 3" in what:
            raise Cancelled

    with pytest.raises(Cancelled):
        add_losses(folder, [source], [(vaes[0], vaes[0])], 5, progress=cancel)
    assert [step["round"] for step in folder.losses[0]["rounds"]] == [1, 2]


def test_pairs_of_different_latent_spaces_are_refused_and_the_others_go_on(
    folder: ComparisonFolder, source: Source, tmp_path: Path, vaes: list[Candidate]
) -> None:
    for name, architecture in (("sd1", "stable-diffusion-v1/vae"), ("xl", "stable-diffusion-xl-v1-base/vae")):
        save_file(small_kl(1), tmp_path / f"{name}.safetensors", {"modelspec.architecture": architecture})
    sd1, xl = (Candidate(name, tmp_path / f"{name}.safetensors") for name in ("sd1", "xl"))
    sd3 = Candidate("sd3", save_small_kl(tmp_path / "sd3.safetensors", 1, 16))
    add_losses(folder, [source], [(sd1, xl), (sd1, sd3), (vaes[0], vaes[1])], 1)
    crossed, wider, good = folder.losses
    assert "sd1 makes latents of SD1 and SD2, and xl takes those of SDXL." in crossed["error"]
    assert "4 channels at 1/8" in wider["error"] and "16 channels" in wider["error"]
    assert good["error"] is None and len(good["rounds"]) == 1


def test_a_latent_without_a_picture_has_no_loss(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    latent = Source.of_latents(torch.zeros(1, 4, 2, 2), "latent", "latent", space=None, are_scaled=True)
    add_losses(folder, [latent], [(vaes[0], vaes[0])], 1)
    assert folder.losses == []


def test_numbers_that_are_no_picture_end_it_with_a_sentence(tmp_path: Path) -> None:
    weights = small_kl(1)
    weights["decoder.conv_out.bias"] = torch.full_like(weights["decoder.conv_out.bias"], float("nan"))
    save_file(weights, tmp_path / "nan.safetensors")
    broken = Candidate("broken", tmp_path / "nan.safetensors")
    with pytest.raises(NotFinite, match="In round 1, broken gave"):
        loss(PICTURE, broken, broken, 3)


def test_a_pair_is_read_once_for_all_sources_and_rounds(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, read = opened.open_autoencoder, []

    def counted(path: Path, **keywords: object) -> object:
        read.append(path)
        return real(path, **keywords)

    monkeypatch.setattr(opened, "open_autoencoder", counted)
    second = Source.of(Picture("other", 1 - PIXELS, (32, 20)), "picture")
    add_losses(folder, [source, second], [(vaes[0], vaes[1]), (vaes[1], vaes[0])], 2)
    assert len(read) == 2 and len(folder.losses) == 4


def test_each_round_is_told_when_it_is_ready(vaes: list[Candidate]) -> None:
    told: list[Round] = []
    fractions: list[float] = []
    made = loss(PICTURE, vaes[0], vaes[0], 2, None, lambda fraction, _: fractions.append(fraction), told.append)
    assert told == made and fractions == sorted(fractions) and fractions[-1] < 1.001
