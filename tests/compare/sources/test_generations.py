"""The newest pictures, and the memory that they may take."""

from __future__ import annotations

import re
import threading

import torch
from PIL import Image

from vae_workbench.compare.sources.generations import Generation, KeptGenerations

LATENTS = torch.zeros(1, 4, 8, 8)
SIZE = 4 * 8 * 8 * 4 + 64 * 64 * 3


def made(name: str = "") -> Generation:
    return Generation(LATENTS, picture=Image.new("RGB", (64, 64)), name=name)


def names(kept: KeptGenerations) -> list[str]:
    return [one.name for one in kept.newest()]


def test_the_newest_come_first_and_the_oldest_go() -> None:
    kept = KeptGenerations(2 * SIZE)
    for name in "abc":
        kept.add(made(name))
    assert names(kept) == ["c", "b"]


def test_each_is_found_by_its_id_as_long_as_it_is_kept() -> None:
    kept = KeptGenerations(SIZE)
    first, second = made(), made()
    kept.add(first)
    assert kept.get(first.id) is first and re.fullmatch("[0-9a-f]{12}", first.id)
    kept.add(second)
    assert kept.get(first.id) is None and kept.get(second.id) is second


def test_what_takes_memory_is_the_picture_too() -> None:
    assert made().size_in_bytes == SIZE
    assert Generation(LATENTS.half()).size_in_bytes == LATENTS.numel() * 2


def test_none_are_kept_without_memory() -> None:
    kept = KeptGenerations(0)
    kept.add(made())
    assert kept.newest() == []


def test_one_that_is_too_large_leaves_the_others() -> None:
    kept = KeptGenerations(SIZE)
    kept.add(made("small"))
    kept.add(Generation(torch.zeros(1, 4, 80, 80), name="large"))
    assert names(kept) == ["small"]


def test_less_memory_drops_the_oldest() -> None:
    kept = KeptGenerations(4 * SIZE)
    for name in "abc":
        kept.add(made(name))
    kept.set_limit(SIZE)
    assert names(kept) == ["c"]
    kept.clear()
    assert names(kept) == []


def test_many_threads_may_add_at_once() -> None:
    kept = KeptGenerations(50 * SIZE)
    threads = [threading.Thread(target=lambda: [kept.add(made()) for _ in range(25)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.id for one in kept.newest()}) == 50
