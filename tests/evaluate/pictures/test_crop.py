"""Squares of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vae_workbench.errors import InvalidInput
from vae_workbench.evaluate.pictures.crop import load_square


def saved(path: Path, width: int, height: int) -> Path:
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    Image.fromarray(np.stack([across, down, 0 * down], -1).astype(np.uint8)).save(path)
    return path


def test_the_middle_is_scaled_to_fit(tmp_path: Path) -> None:
    square = load_square(saved(tmp_path / "p.png", 200, 100), 50, "center", 7)
    assert square.shape == (50, 50, 3)
    assert abs(int(square[25, 25, 0]) - 100) <= 2 and abs(int(square[25, 25, 1]) - 50) <= 2
    assert square[0, 0, 0] > 45 and square[-1, -1, 0] < 155


def test_a_window_has_the_pictures_own_pixels_at_a_place_that_was_drawn(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.png", 200, 100)
    places = set()
    for draw in (0, (149 << 32) + 49, (3 << 32) + 5, (1 << 64) - 1):
        square = load_square(path, 51, "random", draw)
        left, top = int(square[0, 0, 0]), int(square[0, 0, 1])
        assert (square[..., 0] == np.arange(left, left + 51)).all() and square[-1, 0, 1] == top + 50
        places.add((left, top))
    assert places >= {(0, 0), (149, 49), (3, 5)}


@pytest.mark.parametrize("size", [(30, 90), (90, 30), (1, 1)])
def test_a_picture_that_is_smaller_is_scaled_up(tmp_path: Path, size: tuple[int, int]) -> None:
    assert load_square(saved(tmp_path / "p.png", *size), 64, "random", 12345).shape == (64, 64, 3)


def test_a_broken_picture_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG")
    with pytest.raises(InvalidInput, match=r"bad\.png"):
        load_square(tmp_path / "bad.png", 64, "center", 0)
