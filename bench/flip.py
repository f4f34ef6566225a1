"""ꟻLIP beside the authors' own program, ``flip-evaluator``: what it takes, and how far a pixel is from theirs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import flip_evaluator
import numpy as np
import torch
from numpy.typing import NDArray

from vae_workbench.compare.measuring.flip import flip_map
from vae_workbench.compare.sources.builtin.pictures import built_in

from .figure import Figure

SIDE = 1024
ROUNDS = 3

Image = NDArray[np.float32]


def figures() -> list[Figure]:
    """Time and exactness at 1024²."""
    one, other = _pictures()
    mine, theirs = flip_map(one, other), _reference(one, other)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    ours, reference = _seconds(lambda: flip_map(one, other)), _seconds(lambda: _reference(one, other))
    torch.set_num_threads(threads)
    note = f"{ours:.2f} s beside {reference:.2f} s, CPU time of one thread, median of {ROUNDS}"
    return [
        Figure("ꟻLIP at 1024², beside `flip-evaluator`", ours / reference, 0.5, "×", note),
        Figure("the same, largest difference of a pixel", float(np.abs(mine - theirs).max()), 1e-3, "of 1"),
        Figure("the same, CPU time of one thread", ours, 1.0, "s"),
    ]


def _pictures() -> tuple[Image, Image]:
    """The built-in face, and the same with noise and other colours."""
    one = np.asarray(built_in("face").resize((SIDE, SIDE)), np.float32) / 255
    noise = np.random.default_rng(0).normal(0, 0.05, one.shape)
    return one, (0.9 * one + noise).clip(0, 1).astype(np.float32)


def _reference(one: Image, other: Image) -> Image:
    return np.asarray(flip_evaluator.evaluate(one, other, "LDR", applyMagma=False)[0], np.float32).squeeze()


def _seconds(work: Callable[[], object]) -> float:
    """CPU time: that other work runs on the machine changes it least."""

    def once() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return statistics.median(once() for _ in range(ROUNDS))
