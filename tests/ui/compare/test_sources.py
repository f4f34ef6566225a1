"""The sources of a comparison, as a person gathers them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from vae_workbench.compare.sources.generations import KeptGenerations
from vae_workbench.compare.sources.sources import keep_source, load_sources
from vae_workbench.errors import InvalidInput
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.compare.sources import Chosen, add_own, chosen_from, gather

ID = "0123456789abcdef" * 2


@pytest.fixture
def comparisons(tmp_path: Path) -> Comparisons:
    return Comparisons(tmp_path / "comparisons")


def picture(path: Path, colour: str = "teal") -> Path:
    Image.new("RGB", (32, 16), colour).save(path, "PNG")
    return path


def test_own_files_are_kept_until_they_are_compared(comparisons: Comparisons, tmp_path: Path) -> None:
    (record,) = add_own(comparisons, ID, picture(tmp_path / "upload"), "../of mine?.png", 1024)
    assert record.name == "of mine_.png"
    assert comparisons.known(ID) is None, "nothing of it is compared yet"
    again = Comparisons(comparisons.folder)  # another process
    (source,), complaints = gather([Chosen("own", record.id, record.name)], again, ID, None, 1024)
    assert (source.record.id, source.picture and source.picture.size, complaints) == (record.id, (32, 16), [])


def test_a_larger_one_is_scaled_down_and_the_same_content_is_kept_once(
    comparisons: Comparisons, tmp_path: Path
) -> None:
    (first,) = add_own(comparisons, ID, picture(tmp_path / "a"), "a.png", 16)
    (second,) = add_own(comparisons, ID, picture(tmp_path / "b"), "b.png", 16)
    assert (first.width, first.height) == (16, 8) and first.id == second.id
    assert len(comparisons.added(ID).sources) == 1


def test_the_longest_side_counts_when_it_is_compared_not_when_it_was_added(
    comparisons: Comparisons, tmp_path: Path
) -> None:
    """One comparison had a built-in picture of 256 pixels beside an own one of 1024, added before the limit was changed."""
    (record,) = add_own(comparisons, ID, picture(tmp_path / "a"), "a.png", 32)
    chosen = [Chosen("own", record.id, record.name)]
    for side in (16, 32):
        (source,), _ = gather(chosen, comparisons, ID, None, side)
        assert source.picture is not None and source.picture.size == (side, side // 2)
        assert source.record.name == "a.png"


def test_one_of_an_opened_comparison_is_kept_in_full_when_it_is_scaled_down(
    comparisons: Comparisons, tmp_path: Path
) -> None:
    """Its folder lets go of it, since the smaller one takes its place."""
    (source,) = load_sources([picture(tmp_path / "a.png")])
    folder = comparisons.open(ID)
    keep_source(folder, source)
    chosen = [Chosen("own", source.record.id, "a.png")]
    gather(chosen, comparisons, ID, None, 16)
    folder.remove([source.record.id])
    (again,), _ = gather(chosen, comparisons, ID, None, 64)
    assert again.record.id == source.record.id


def test_one_that_is_gone_is_told_and_the_others_go_on(comparisons: Comparisons) -> None:
    chosen = [Chosen("own", "0" * 12, "lost.png"), Chosen("built-in", "face", "face"), Chosen("generation", "1", "cat")]
    sources, complaints = gather(chosen, comparisons, ID, KeptGenerations(1 << 20), 64)
    assert [source.record.name for source in sources] == ["face"]
    assert len(complaints) == 2 and "lost.png" in complaints[0] and "cat" in complaints[1]


@pytest.mark.parametrize("chosen", [[], [Chosen("own", "0" * 12, "lost.png")], [Chosen("built-in", "cat", "cat")]])
def test_without_any_it_is_said(comparisons: Comparisons, chosen: list[Chosen]) -> None:
    with pytest.raises(InvalidInput):
        gather(chosen, comparisons, ID, None, 64)


def test_what_the_script_tells_is_read() -> None:
    told = [{"kind": "built-in", "id": "face", "name": "face"}]
    assert chosen_from(json.dumps(told)) == [Chosen("built-in", "face", "face")]


@pytest.mark.parametrize("text", ["", "{", "7", "[7]", '[{"kind": "own"}]'])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="did not arrive"):
        chosen_from(text)
