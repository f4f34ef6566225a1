"""The sizes of a network whose file lacks some tensors: those that tell sizes are deduced from their neighbours.

So a VAE with a few tensors missing is still told as what it is, with their names. What is added here serves to measure the
network only; whether it is complete is found out by comparing the file with the network of that size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from ...autoencoder.build import build
from ...autoencoder.names import Shape
from ...autoencoder.tiny import TinyShape
from ...errors import UnknownArchitecture

HALVES = ("encoder", "decoder")

MOST_LEVELS = 16
MOST_BLOCKS = 64
"""Numbers in names beyond these are no levels and blocks."""

NEARLY_ALL = 0.8
"""The share of a published tiny autoencoder's tensors that makes a file one, though some are missing."""

MISSING = "tensors are missing"
"""How the reason begins for which a nearly complete tiny autoencoder cannot be measured."""

_LAYER = re.compile(r"(encoder\.down|decoder\.up)\.(\d+)\.(block|attn)\.(\d+)\.")

Shapes = Mapping[str, Shape]


def halves_of(names: Shapes) -> tuple[str, ...]:
    """Which of ``encoder`` and ``decoder`` these canonical names belong to."""
    return tuple(half for half in HALVES if any(name.startswith(half + ".") for name in names))


def kl_completed(shapes: Shapes) -> dict[str, Shape]:
    """The shapes of a KL autoencoder, with those that tell its sizes and are missing, as far as others tell them."""
    told = dict(shapes)
    _add_levels(told)
    halves = halves_of(shapes)
    for half in halves:
        if any(name.startswith(f"{half}.mid.attn_1.") for name in shapes):
            told.setdefault(f"{half}.mid.attn_1.q.weight", ())
    _add_quant_convs(told, halves)
    _add_ends(told, halves)
    if any(name.startswith("bn.") for name in shapes) and "bn.running_mean" not in shapes:
        told["bn.running_mean"] = (_first(told, ("bn.running_var", 0)),)
    return told


def _first(shapes: Shapes, *places: tuple[str, int]) -> int:
    """The first of these sizes, each of a tensor along an axis, that is there; 0 if none is."""
    return next((shapes[name][axis] for name, axis in places if axis < len(shapes.get(name, ()))), 0)


PARTS = {"encoder.down": "decoder.up", "decoder.up": "encoder.down"}
"""The levels of each half, and those of the other, which have the same widths."""


def _add_levels(told: dict[str, Shape]) -> None:
    blocks: dict[str, dict[int, int]] = {part: {} for part in PARTS}
    for part, level, kind, number in (match.groups() for match in map(_LAYER.match, list(told)) if match):
        if int(level) >= MOST_LEVELS or int(number) >= MOST_BLOCKS:
            continue
        if kind == "attn":
            told.setdefault(f"{part}.{level}.attn.0.q.weight", ())
        else:
            blocks[part][int(level)] = max(blocks[part].get(int(level), 0), int(number) + 1)
    levels = range(1 + max((max(counts) for counts in blocks.values() if counts), default=-1))
    widths = {
        (part, level): _width(told, part, level, blocks[part].get(level, 0)) for part in PARTS for level in levels
    }
    for part, counts in blocks.items():
        for level in levels if counts else ():
            width = widths[part, level] or widths[PARTS[part], level]
            for number in range(counts.get(level) or max(counts.values())):
                told.setdefault(f"{part}.{level}.block.{number}.conv1.weight", (width, width, 3, 3))


def _width(told: Shapes, part: str, level: int, blocks: int) -> int:
    layers = ("conv1.weight", "conv1.bias", "norm2.weight", "norm2.bias", "conv2.weight", "conv2.bias")
    return _first(
        told, *((f"{part}.{level}.block.{number}.{layer}", 0) for number in range(blocks) for layer in layers)
    )


def _add_quant_convs(told: dict[str, Shape], halves: tuple[str, ...]) -> None:
    present = [name for name in ("quant_conv", "post_quant_conv") if any(it.startswith(name + ".") for it in told)]
    if len(halves) == 2 and present:
        present = ["quant_conv", "post_quant_conv"]
    latent = _first(told, ("post_quant_conv.weight", 1), ("decoder.conv_in.weight", 1), ("post_quant_conv.bias", 0))
    moments = _first(
        told,
        ("quant_conv.weight", 0),
        ("quant_conv.bias", 0),
        ("encoder.conv_out.weight", 0),
        ("encoder.conv_out.bias", 0),
    )
    sizes = {"quant_conv": moments or 2 * latent, "post_quant_conv": latent or moments // 2}
    for name in present:
        told.setdefault(name + ".weight", (sizes[name], sizes[name], 1, 1))


def _add_ends(told: dict[str, Shape], halves: tuple[str, ...]) -> None:
    moments = _first(
        told,
        ("encoder.conv_out.weight", 0),
        ("encoder.conv_out.bias", 0),
        ("quant_conv.weight", 1),
        ("quant_conv.bias", 0),
    )
    z = _first(told, ("decoder.conv_in.weight", 1), ("post_quant_conv.weight", 0), ("post_quant_conv.bias", 0))
    picture_in = _first(told, ("encoder.conv_in.weight", 1))
    picture_out = _first(told, ("decoder.conv_out.weight", 0), ("decoder.conv_out.bias", 0))
    stem = ("encoder.conv_in.weight", 0), ("encoder.conv_in.bias", 0), ("encoder.down.0.block.0.norm1.weight", 0)
    ends: dict[str, tuple[int, int]] = {
        "encoder.conv_in.weight": (_first(told, *stem), picture_in or picture_out or 3),
        "encoder.conv_out.weight": (moments or 2 * z, 0),
        "decoder.conv_in.weight": (0, z or moments // 2),
        "decoder.conv_out.weight": (picture_out or picture_in or 3, 0),
    }
    for name, (rows, columns) in ends.items():
        if name.startswith(halves) and rows + columns:
            told.setdefault(name, (rows, columns, 3, 3))


def tiny_completed(shapes: Shapes) -> dict[str, Shape]:
    """The shapes of a tiny autoencoder, with the layers that are missing if it is nearly one of the published layout.

    Raises:
        UnknownArchitecture: the layers at its latent are missing, so that its channels cannot be told.
    """
    halves = halves_of(shapes)
    latent = _first(shapes, ("encoder.14.weight", 0), ("encoder.14.bias", 0), ("decoder.1.weight", 1))
    width = _first(
        shapes, ("encoder.0.weight", 0), ("encoder.0.bias", 0), ("decoder.1.weight", 0), ("decoder.1.bias", 0)
    )
    published = _published(halves, latent or 4, width or 64)
    missing = [name for name in published if name not in shapes]
    if not shapes.keys() <= published.keys() or len(missing) > (1 - NEARLY_ALL) * len(published):
        return dict(shapes)
    if not latent:
        raise UnknownArchitecture(f"Its latent channels cannot be told: {MISSING} ({', '.join(missing)})")
    return {**{name: published[name] for name in missing}, **shapes}


@lru_cache(maxsize=32)
def _published(halves: tuple[str, ...], latent: int, width: int) -> dict[str, Shape]:
    parts = {half: blocks for half, blocks in (("encoder", (1, 3, 3, 3)), ("decoder", (3, 3, 3, 1))) if half in halves}
    try:
        network = build(TinyShape(latent, width, parts.get("encoder"), parts.get("decoder")))
    except (RuntimeError, UnknownArchitecture):  # sizes beyond those of any tensor, or no half at all
        return {}
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
