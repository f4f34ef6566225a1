"""Orders by the names of the lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.workshop.files import bench_in
from vae_workbench.errors import InvalidInput
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.order import Order, check_is_new, entry_called, recipe_of, target_of


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return bench_in(tmp_path)


def target(bench: Workbench, order: Order) -> Path:
    return target_of(order, bench.library.collection(), bench.target_folders())


@pytest.mark.parametrize(
    ("order", "place"),
    [
        (Order("vae.safetensors", [], "new"), "vaes/new.safetensors"),
        (Order("vae.safetensors", [], " new.SafeTensors "), "vaes/new.safetensors"),
        (Order("vae", [], "été 1.5"), "vaes/été 1.5.safetensors"),
        (Order("vae", [], "new", "checkpoint"), "models/new.vae.safetensors"),
        (Order("vae", [], "new.vae", "checkpoint"), "models/new.vae.safetensors"),
        (Order("model", [{"extract": {}}], "new"), "vaes/new.safetensors"),
        (Order("vae", [{"bake": {"into": "model"}}], "new", "checkpoint"), "models/new.safetensors"),
    ],
)
def test_a_name_becomes_a_file_that_the_web_ui_lists(
    bench: Workbench, tmp_path: Path, order: Order, place: str
) -> None:
    assert target(bench, order) == tmp_path / place


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", ".safetensors", ".hidden", "a/b", "a\\b", "../up", "/etc/x", "a\x00b", "a\nb", "C:x", "nul", "x" * 200,
     "\udc80"],
)  # fmt: skip
def test_what_is_no_plain_name_is_refused(bench: Workbench, name: str) -> None:
    with pytest.raises(InvalidInput):
        target(bench, Order("vae", [], name))


def test_folders_are_for_their_own_kind(bench: Workbench) -> None:
    with pytest.raises(InvalidInput, match="no file for the VAE folder"):
        target(bench, Order("model", [], "new"))
    with pytest.raises(InvalidInput, match="is no folder to save in"):
        target(bench, Order("vae", [], "new", "/tmp"))


def test_names_of_files_are_those_of_the_list_and_no_paths(bench: Workbench, tmp_path: Path) -> None:
    found = bench.library.collection()
    assert Path(entry_called("old", found).path) == tmp_path / "vaes/old.pt"
    for name in (str(tmp_path / "vaes/old.pt"), "../vaes/old.pt", "nobody", ""):
        with pytest.raises(InvalidInput):
            entry_called(name, found)
    with pytest.raises(InvalidInput, match="named /etc/passwd"):
        recipe_of(Order("vae", [{"match": {"like": "/etc/passwd"}}], "new"), found)


def test_nothing_is_replaced_unasked(bench: Workbench, tmp_path: Path) -> None:
    there = tmp_path / "vaes/other.safetensors"
    with pytest.raises(InvalidInput, match=r"other\.safetensors is there already"):
        check_is_new(there, Order("vae", [], "other"))
    check_is_new(there, Order("vae", [], "other", overwrite=True))
