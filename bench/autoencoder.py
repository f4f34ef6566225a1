"""Decoding with a full-size KL autoencoder beside diffusers, with the same random weights."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from vae_workbench.autoencoder.build import load_autoencoder

from .figure import Figure

ROUNDS = 3
LATENT = (1, 4, 32, 32)


def figures() -> list[Figure]:
    """Time and exactness of a decode at 256² on the CPU in fp32.

    CPU time of one thread, runs in turn, median: other work on the machine disturbs that least.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return _figures()
    finally:
        torch.set_num_threads(threads)


def _figures() -> list[Figure]:
    torch.manual_seed(0)
    peer_network, ours = _networks()

    def theirs(latents: Tensor) -> Tensor:
        images: Tensor = peer_network.decode(latents).sample
        return images

    latents = torch.randn(LATENT)
    truth = deepcopy(peer_network).double().decode(latents.double()).sample
    mine_off, peer_off = (float((run(latents) - truth).norm() / truth.norm()) for run in (ours, theirs))
    times = [(_seconds(ours, latents), _seconds(theirs, latents)) for _ in range(ROUNDS)]
    mine, peer = (statistics.median(column) for column in zip(*times, strict=True))
    note = f"{mine:.2f} s beside {peer:.2f} s of one thread, median of {ROUNDS}"
    return [
        Figure("decode at 256², full-size KL, CPU fp32, beside diffusers", mine / peer, 0.7, "×", note),
        Figure(
            "distance from float64, beside diffusers",
            mine_off / peer_off,
            3,
            "×",
            f"{mine_off:.1e} beside {peer_off:.1e}",
        ),
    ]


def _networks() -> tuple[Any, Callable[[Tensor], Tensor]]:
    """diffusers' network, and our decode with the same weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from diffusers import AutoencoderKL

    peer = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
    ).eval()
    network = load_autoencoder(peer.state_dict())
    return peer, network.decode


def _seconds(decode: Callable[[Tensor], Tensor], latents: Tensor) -> float:
    start = time.process_time()
    decode(latents)
    return time.process_time() - start
