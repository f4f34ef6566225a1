"""How latents look."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.build import load_autoencoder
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.decoding.cells import Source, keep_source, vae_record
from vae_workbench.compare.decoding.settings import Settings
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.compare.views.latent_view import add_latents, statistics, value_range
from vae_workbench.errors import Cancelled

PIXELS = torch.rand(1, 3, 22, 40, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255
LATENT = torch.randn(1, 4, 3, 5, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def source() -> Source:
    return Source.of(Picture("noise", PIXELS, (40, 22)), "picture")


@pytest.fixture
def folder(tmp_path: Path, source: Source) -> ComparisonFolder:
    made = ComparisonFolder(tmp_path / "comparison")
    keep_source(made, source)
    return made


@pytest.fixture
def vaes(tmp_path: Path) -> list[Candidate]:
    """Two of which the latent space is told by their metadata."""
    for seed in (1, 2):
        told = {"modelspec.architecture": "stable-diffusion-v1/vae"}
        save_file(small_kl(seed), tmp_path / f"{seed}.safetensors", told)
    return [Candidate(f"vae {seed}", tmp_path / f"{seed}.safetensors") for seed in (1, 2)]


def channels_of(folder: ComparisonFolder, view: dict[str, object]) -> np.ndarray:
    """C×h×w as the pictures tell it."""
    drawn = [np.asarray(Image.open(folder.path / name), np.float64) for name in view["channels_images"]]
    return np.stack(drawn) / 255 * (view["high"] - view["low"]) + view["low"]


def test_the_channels_are_what_the_encoder_makes_in_the_units_of_the_model(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate]
) -> None:
    add_latents(folder, [source], vaes[:1])
    (view,) = folder.latents
    assert (view["width"], view["height"], view["channels"], view["downscale"]) == (5, 3, 4, 8)
    assert (view["encoder"], view["space"], view["are_scaled"]) == (vae_record(vaes[0]).id, "sd1", True)
    padded = torch.nn.functional.pad(PIXELS * 2 - 1, (0, 0, 0, 2), mode="replicate")
    expected = load_autoencoder(small_kl(1)).encode(padded)[0] * 0.18215
    step = (view["high"] - view["low"]) / 255
    assert np.abs(channels_of(folder, view) - expected.numpy().clip(view["low"], view["high"])).max() <= step
    assert view["statistics"][2]["mean"] == pytest.approx(float(expected[2].mean()), rel=1e-4)
    with Image.open(folder.path / view["preview"]) as preview:
        assert preview.size == (5, 3) and preview.mode == "RGB" and view["preview_colours"]


def test_all_latents_of_a_source_have_one_range_whenever_they_were_added(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate], tmp_path: Path
) -> None:
    add_latents(folder, [source], vaes[:1])
    before, alone = folder.latents[0], channels_of(folder, folder.latents[0])
    wide = small_kl(3)
    wide = {name: value * 9 if name == "quant_conv.weight" else value for name, value in wide.items()}
    save_file(wide, tmp_path / "wide.safetensors", {"modelspec.architecture": "stable-diffusion-v1/vae"})
    add_latents(folder, [source], [Candidate("wide", tmp_path / "wide.safetensors")])
    one, other = folder.latents
    assert (one["low"], one["high"]) == (other["low"], other["high"]) != (before["low"], before["high"])
    assert np.abs(channels_of(folder, one) - alone).max() <= (one["high"] - one["low"]) / 255


def test_latents_of_other_channels_do_not_widen_the_range(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate], tmp_path: Path
) -> None:
    add_latents(folder, [source], [*vaes, Candidate("sd3", save_small_kl(tmp_path / "16.safetensors", 1, 16))])
    four, also_four, sixteen = folder.latents
    assert (four["low"], four["high"]) == (also_four["low"], also_four["high"])
    assert sixteen["channels"] == 16 == len(sixteen["statistics"]) and sixteen["space"] is None
    assert not sixteen["preview_colours"] and not sixteen["are_scaled"]


@pytest.mark.parametrize(("space", "colours"), [("sdxl", True), (None, False)])
def test_a_latent_that_a_source_brought_is_shown_without_any_vae(
    tmp_path: Path, space: str | None, colours: bool
) -> None:
    known = LATENT_SPACES[space] if space else None
    brought = Source.of_latents(LATENT, "latent", "latent", space=known, are_scaled=True)
    folder = ComparisonFolder(tmp_path)
    keep_source(folder, brought)
    add_latents(folder, [brought], [Candidate("unused", tmp_path / "nowhere")])
    (view,) = folder.latents
    assert (view["encoder"], view["preview_colours"], view["error"]) == (None, colours, None)
    assert ComparisonFolder(tmp_path).to_json() == folder.to_json()


def test_what_is_there_is_not_made_again_and_what_fails_fails_alone(
    folder: ComparisonFolder, source: Source, vaes: list[Candidate], tmp_path: Path
) -> None:
    broken = Candidate("broken", tmp_path / "broken.safetensors")
    Path(broken.path).write_bytes(b"junk")
    add_latents(folder, [source], [broken, *vaes])
    failed, *good = folder.latents
    assert failed["error"] and failed["channels_images"] == [] and not any(view["error"] for view in good)
    told: list[str] = []
    add_latents(folder, [source], vaes, progress=lambda _, what: told.append(what))
    assert told == ["done"] and folder.latents[1:] == good
    add_latents(folder, [source], vaes, Settings(precision="bf16"), lambda _, what: told.append(what))
    assert len(told) > 2 and folder.latents[1] != good[0]
    assert json.loads(json.dumps(folder.to_json(), allow_nan=False)) == folder.to_json()


def test_cancelling_keeps_what_is_done(folder: ComparisonFolder, source: Source, vaes: list[Candidate]) -> None:
    def cancel(fraction: float, _what: str) -> None:
        if fraction > 0.6:
            raise Cancelled

    with pytest.raises(Cancelled):
        add_latents(folder, [source], vaes, progress=cancel)
    assert [view["encoder_name"] for view in folder.latents] == ["vae 1"]


def test_statistics_leave_out_what_is_no_number_and_count_it() -> None:
    told = statistics(torch.tensor([[1.0, 3.0, float("nan")], [float("inf"), -float("inf"), 2.0]]))
    assert told == {"mean": 2.0, "std": pytest.approx(0.8165), "min": 1.0, "max": 3.0, "not_finite": 3}
    assert statistics(torch.full((2, 2), float("nan")))["mean"] is None


def test_the_range_leaves_out_spikes_and_is_never_empty() -> None:
    values = torch.linspace(-1, 1, 10_000)
    values[5000] = 1000.0
    low, high = value_range(values)
    assert low == pytest.approx(-1, abs=0.01) and high == pytest.approx(1, abs=0.01)
    assert value_range(torch.full((4,), 7.0)) == (6.5, 7.5)
    assert value_range(torch.full((4,), float("nan"))) == (0.0, 1.0)


@pytest.mark.parametrize("value", [0.0, 1e20, -3e38])
def test_a_range_is_one_also_where_all_values_are_the_same(value: float) -> None:
    """Far from 0, a half on either side is lost in rounding."""
    low, high = value_range(torch.full((1, 1, 2, 2), value))
    assert low < value < high or (value == 0 and low < high)
