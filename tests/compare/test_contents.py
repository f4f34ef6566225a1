"""What is put into a comparison's folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.small_vaes import save_small_kl
from vae_workbench.compare.contents import add_contents, complete, distinct
from vae_workbench.compare.decoding.candidate import Candidate
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.picture import Picture
from vae_workbench.compare.sources.sources import Source


def source(seed: int, name: str) -> Source:
    pixels = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(seed))
    return Source.of(Picture(name, (pixels * 255).round() / 255, (24, 16)), "picture")


@pytest.fixture
def folder(tmp_path: Path) -> ComparisonFolder:
    return ComparisonFolder(tmp_path / "comparison")


@pytest.fixture
def vaes(tmp_path: Path) -> list[Candidate]:
    return [Candidate(f"{seed}.st", save_small_kl(tmp_path / f"{seed}.safetensors", seed)) for seed in (1, 2)]


def test_each_content_is_there_once_under_a_name_of_its_own(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    add_contents(folder, [source(1, "p.png"), source(2, "P.png"), source(1, "again.png")], vaes)
    add_contents(folder, [source(2, "P.png")], vaes)
    assert [record.name for record in folder.sources.values()] == ["p.png", "P.png (2)"]
    assert [record.name for record in folder.vaes.values()] == ["1.st", "2.st"]


def test_a_changed_file_takes_the_place_of_the_former(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    add_contents(folder, [source(1, "p.png")], vaes)
    complete(folder, vaes)
    first, second = folder.vaes
    save_small_kl(Path(vaes[0].path), 3)
    Path(vaes[0].path).touch()
    add_contents(folder, [], vaes)
    assert first not in folder.vaes and second in folder.vaes
    assert [record.name for record in folder.vaes.values()] == ["2.st", "1.st"]
    assert {vae for _, vae in folder.cells} == {second}


def test_a_folder_that_is_opened_again_is_completed(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    add_contents(folder, [source(1, "p.png")], vaes[:1])
    again = ComparisonFolder(folder.path)
    add_contents(again, [source(2, "q.png")], vaes[1:])
    complete(again, vaes)
    assert [cell.state for cell in again.cells.values()] == ["done"] * 4


def test_progress_goes_on_from_the_cells_to_the_views(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    add_contents(folder, [source(1, "p.png")], vaes)
    told: list[float] = []
    complete(folder, vaes, views=["loss", "latent"], rounds=1, progress=lambda fraction, _: told.append(fraction))
    assert told == sorted(told) and told[-1] == 1.0 and any(1 / 3 < fraction < 2 / 3 for fraction in told)
    assert len(folder.latents) == 2 and len(folder.losses) == 2


@pytest.mark.parametrize(("taken", "made"), [([], "a"), (["A"], "a (2)"), (["a", "a (2)"], "a (3)"), (["b"], "a")])
def test_names_are_distinct_where_upper_case_does_not_count_too(taken: list[str], made: str) -> None:
    assert distinct("a", taken) == made


def test_a_source_whose_picture_was_taken_away_is_put_in_again(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    """Naming it again changed nothing: it had no cells, and nothing told why."""
    add_contents(folder, [source(1, "p.png")], vaes)
    (record,) = folder.sources.values()
    (folder.path / str(record.image)).unlink()
    for opened in (folder, ComparisonFolder(folder.path)):
        add_contents(opened, [source(1, "other name.png")], vaes)
        assert list(opened.sources.values()) == [record]
        assert (folder.path / str(record.image)).is_file()
        (folder.path / str(record.image)).unlink()


def test_a_source_whose_picture_was_damaged_is_put_in_again(folder: ComparisonFolder, vaes: list[Candidate]) -> None:
    """The same command left its row empty for ever: the file was there, so that the source counted as whole."""
    add_contents(folder, [source(1, "one")], vaes)
    (record,) = folder.sources.values()
    file = folder.path / str(record.image)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    add_contents(folder, [source(1, "one")], vaes)
    assert file.read_bytes() == whole
