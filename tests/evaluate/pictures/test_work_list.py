"""The pictures of an evaluation."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from vae_workbench.errors import DamagedFile, InvalidInput
from vae_workbench.evaluate.pictures.work_list import WorkList, pictures_of, sampled, write_work_list


def test_a_folder_gives_its_pictures_sorted_with_those_of_its_subfolders(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "sub/z.webp", "c.txt", ".hidden.png", ".git/x.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "loop").symlink_to(tmp_path)
    root, names = pictures_of(tmp_path)
    assert root == tmp_path and list(names) == ["a.JPG", "b.png", "sub/z.webp"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_what_is_no_file_is_left_out_and_links_to_nothing_are_counted(tmp_path: Path) -> None:
    """A pipe that was called like a picture let the evaluation wait for ever, and a link to itself let the folder count as one
    that cannot be read."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "p.png").touch()
    (tmp_path / "link.png").symlink_to("p.png")
    assert list(pictures_of(tmp_path)[1]) == ["gone.png", "link.png", "loop.png", "p.png"]


def test_a_list_gives_its_lines(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("\ufeffz.png\n\n  sub/ä b.png \n/else/where.png\n".encode())
    root, names = pictures_of(tmp_path / "list.txt")
    assert root == tmp_path and list(names) == ["z.png", "sub/ä b.png", "/else/where.png"]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="neither a folder nor a list"):
        pictures_of(tmp_path / "nothing")


def test_a_sample_depends_on_the_seed_and_the_names_alone() -> None:
    names = [f"{number}.png" for number in range(1000)]
    shuffled = random.Random(0).sample(names, len(names))
    drawn = sampled(names, 100, seed=1)
    assert len(drawn) == 100 and drawn == sorted(drawn, key=names.index)
    assert set(sampled(shuffled, 100, seed=1)) == set(drawn) != set(sampled(names, 100, seed=2))
    assert sampled(names, 5000, seed=1) == names


def test_more_pictures_change_little_of_a_sample() -> None:
    names = [f"{number}.png" for number in range(1000)]
    before, after = (set(sampled(names[:count], 100, seed=1)) for count in (900, 1000))
    assert len(before & after) > 75


def test_batches_are_read_one_by_one(tmp_path: Path) -> None:
    names = ["a.png", 'quo"te.png', "line\nbreak.png", os.fsdecode(b"not-\xff-utf8.png"), "e.png"]
    write_work_list(names, tmp_path / "list")
    pictures = WorkList(tmp_path / "list", batch=2)
    assert (pictures.count, pictures.batches) == (5, 3)
    assert [pictures.names(number) for number in range(3)] == [names[:2], names[2:4], names[4:]]
    assert [pictures.name(number) for number in range(5)] == names
    (tmp_path / "list").write_bytes(b"x" * 100)
    with pytest.raises(DamagedFile):
        pictures.names(1)
