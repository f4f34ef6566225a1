"""What a comparison is made on."""

from __future__ import annotations

import weakref
from pathlib import Path

import pytest
import torch
from PIL import Image

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.compare.sources.sources import Source, each_source, keep_source, kept_sources, load_sources
from vae_workbench.errors import InvalidInput, UnwritableTarget

PIXELS = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1)).mul(255).round() / 255


def latents(seed: int = 3) -> torch.Tensor:
    return torch.randn(1, 4, 2, 3, generator=torch.Generator().manual_seed(seed))


def test_a_generation_is_kept_and_opened_again(tmp_path: Path) -> None:
    source = Source.of_latents(
        latents(), "cat", "generation", space=LATENT_SPACES["sd1"], are_scaled=True,
        picture=Picture("cat", PIXELS, (24, 16)), infotext="a cat", made_by="mse.pt", checkpoint="sd.safetensors",
        notes=("It was made to tile.",),
    )  # fmt: skip
    folder = ComparisonFolder(tmp_path)
    keep_source(folder, source)
    record = folder.sources[source.record.id]
    assert (record.width, record.height, record.made_by, record.infotext) == (24, 16, "mse.pt", "a cat")
    assert (tmp_path / str(record.latent)).is_file() and (tmp_path / str(record.image)).is_file()
    (again,) = kept_sources(ComparisonFolder(tmp_path))
    assert again.record == source.record and again.latents is not None and again.picture is not None
    assert torch.equal(again.latents.values, latents()) and torch.equal(again.picture.pixels, PIXELS)
    assert (again.latents.space, again.latents.are_scaled, again.latents.downscale) == (LATENT_SPACES["sd1"], True, 8)
    assert again.latents.notes == ("It was made to tile.",)
    folder.remove([source.record.id])
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.json"]


def test_a_kept_source_whose_latent_is_damaged_is_left_out(tmp_path: Path) -> None:
    folder = ComparisonFolder(tmp_path)
    sources = [Source.of_latents(latents(seed), "l", "latent", space=None, are_scaled=False) for seed in (1, 2, 3)]
    for source in sources:
        keep_source(folder, source)
    (tmp_path / str(sources[0].record.latent)).write_bytes(b"junk")
    (tmp_path / str(sources[1].record.latent)).unlink()
    assert [source.record for source in kept_sources(folder)] == [sources[2].record]


def test_units_and_numbers_tell_latents_apart() -> None:
    ids = {
        Source.of_latents(latents(seed), "l", "latent", space=space, are_scaled=scaled).record.id
        for seed in (1, 2)
        for space in (None, LATENT_SPACES["sdxl"])
        for scaled in (True, False)
    }
    assert len(ids) == 8


@pytest.mark.parametrize("shape", [(4, 8, 8), (2, 4, 8, 8), (1, 4, 0, 8)])
def test_latents_of_no_or_many_pictures_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="no latent of one picture"):
        Source.of_latents(torch.zeros(shape), "l", "latent", space=None, are_scaled=True)


def test_one_bad_picture_of_a_folder_is_told_and_the_others_are_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Image.new("RGB", (16, 8), "red").save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"junk")
    failed: list[str] = []
    assert [source.record.name for source in load_sources([tmp_path], failed=failed)] == ["good.png"]
    assert len(failed) == 1 and failed[0].startswith("bad.png")
    load_sources([tmp_path])
    assert "bad.png" in caplog.text
    (tmp_path / "good.png").unlink()
    with pytest.raises(InvalidInput, match=r"bad\.png"):
        load_sources([tmp_path])


def test_kept_pictures_are_read_when_they_are_needed_and_only_the_newest_stays(tmp_path: Path) -> None:
    """All pictures of a comparison were in memory as float32 at once: 3 GB for 60 of 2048²."""
    folder = ComparisonFolder(tmp_path)
    for seed in range(4):
        pixels = torch.full((1, 3, 8, 12), seed / 255)
        keep_source(folder, Source.of(Picture(f"{seed}", pixels, (12, 8)), "picture"))
    kept = kept_sources(folder)
    held = []
    for seed, source in enumerate(kept):
        assert source.picture is not None and source.picture.size == (12, 8)
        assert source.picture.pixels is source.picture.pixels and source.picture.pixels.max() == seed / 255
        held.append(weakref.ref(source.picture.pixels))
    assert [known() is None for known in held] == [True, True, True, False]


def test_a_kept_picture_that_is_cut_off_is_left_out(tmp_path: Path) -> None:
    folder = ComparisonFolder(tmp_path)
    for pixels in (PIXELS, 1 - PIXELS):
        keep_source(folder, Source.of(Picture("p", pixels, (24, 16)), "picture"))
    first, second = folder.sources.values()
    file = tmp_path / str(first.image)
    file.write_bytes(file.read_bytes()[:-40])
    assert [source.record.id for source in kept_sources(folder)] == [second.id]
    assert [source.record.id for source in kept_sources(folder, [first.id])] == []


def test_sources_are_given_one_after_the_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (16, 8), "red" if name == "one" else "blue").save(tmp_path / name / "p.png")
    sources = each_source([tmp_path / "one", tmp_path / "two", tmp_path / "one"])
    assert next(sources).record.kind == "picture"
    Image.new("RGB", (48, 8)).save(tmp_path / "two" / "p.png")  # it has not been read yet
    assert [source.record.width for source in sources] == [48]


def test_latents_on_a_full_disk_are_told_as_all_files_are(tmp_path: Path) -> None:
    """The writer of safetensors has an error of its own, which was told as one that should not have happened."""
    resource = pytest.importorskip("resource")
    folder = ComparisonFolder(tmp_path / "c")
    source = Source.of_latents(torch.randn(1, 4, 64, 64), "x", "latent", space=None, are_scaled=True)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(UnwritableTarget, match="there is space"):
            keep_source(folder, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(folder.path.glob("*latent*")) and not list(folder.path.glob(".*.part"))
