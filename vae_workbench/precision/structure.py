"""One walk over a KL autoencoder, whosever it is: ours, ``ldm``'s, ``sgm``'s or that of the web UI's SD3.

They all have the modules of the LDM code base under the same names. What matters for precision is which layers write a
*value* and which read it: the residual stream (one value up to where a convolution takes it on), what is inside a block, and
what lies between two convolutions without an activation. A value can be made smaller without changing what the network
computes, because all that reads it is a norm, which does not see its scale, or a linear layer. See :mod:`.scales`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from torch import nn

from ..errors import UnknownArchitecture
from ..lazy_dataclass import dataclass

Half = Literal["encoder", "decoder"]
HALVES: tuple[Half, Half] = ("encoder", "decoder")

LAYER, NORM, SUM = "layer", "norm", "sum"


@dataclass(frozen=True, eq=False)
class Part:
    """A module whose output is watched.

    Attributes:
        name: its path in the autoencoder, such as ``decoder.up.1.block.0.conv1``.
        module: the module.
        kind: ``layer`` (linear, has weight and bias), ``norm`` (has ``eps``), or ``sum``: a block that adds to the stream.
        reads: the value that it reads without anything between; ``None`` behind an activation, and for pictures and latents.
        writes: the value that its output is, or is added to; ``None`` if that cannot be scaled: pictures, latents, what goes
            into an activation or a product.
    """

    name: str
    module: nn.Module
    kind: str
    reads: str | None = None
    writes: str | None = None


def parts_of(vae: nn.Module, half: Half) -> list[Part]:
    """All parts of one half in the order of running.

    Raises:
        UnknownArchitecture: the modules are not those of a KL autoencoder.
    """
    root = getattr(vae, half, None)
    try:
        return list(_decoder(vae, root) if half == "decoder" else _encoder(vae, root))
    except (AttributeError, TypeError) as error:
        raise UnknownArchitecture(f"The {half} is not that of a KL autoencoder ({error})") from error


def has_replaced_forward(vae: nn.Module, half: Half) -> bool:
    """Whether somebody replaced ``forward`` of a module of this half, as extensions do that decode in tiles.

    Such a replacement may have its own idea of the norms, so that scaling would change what it computes.
    """
    root = getattr(vae, half, None)
    return isinstance(root, nn.Module) and any("forward" in vars(module) for module in root.modules())


def _decoder(vae: Any, root: Any) -> Iterator[Part]:
    before = getattr(vae, "post_quant_conv", None)
    if before is not None:
        yield Part("post_quant_conv", before, LAYER, writes="post_quant")
    levels = [(f"decoder.up.{i}", level) for i, level in reversed(list(enumerate(root.up)))]
    yield from _walk("decoder", root, [("decoder.mid", root.mid), *levels], before and "post_quant")
    yield Part("decoder.conv_out", root.conv_out, LAYER)


def _encoder(vae: Any, root: Any) -> Iterator[Part]:
    after = getattr(vae, "quant_conv", None)
    levels = [(f"encoder.down.{i}", level) for i, level in enumerate(root.down)]
    yield from _walk("encoder", root, [*levels, ("encoder.mid", root.mid)], None)
    yield Part("encoder.conv_out", root.conv_out, LAYER, writes=None if after is None else "encoder.moments")
    if after is not None:
        yield Part("quant_conv", after, LAYER, reads="encoder.moments")


def _walk(half: str, root: Any, stages: list[tuple[str, Any]], before: str | None) -> Iterator[Part]:
    """From ``conv_in`` to ``norm_out``."""
    stream = f"{half}.conv_in"
    yield Part(stream, root.conv_in, LAYER, reads=before or None, writes=stream)
    for stage, module in stages:
        for name, unit in _units(stage, module):
            parts = list(_unit(name, unit, stream))
            yield from parts
            stream = parts[-1].writes or stream
    yield Part(f"{half}.norm_out", root.norm_out, NORM, reads=stream)


def _units(stage: str, module: Any) -> Iterator[tuple[str, Any]]:
    if hasattr(module, "block_1"):
        found = [(f"{stage}.{name}", getattr(module, name)) for name in ("block_1", "attn_1", "block_2")]
    else:
        found = []
        for index, block in enumerate(module.block):
            found.append((f"{stage}.block.{index}", block))
            found += [
                (f"{stage}.attn.{index}", attention) for attention in getattr(module, "attn", [])[index : index + 1]
            ]
        found += [(f"{stage}.{name}", getattr(module, name, None)) for name in ("downsample", "upsample")]
    yield from ((name, unit) for name, unit in found if unit is not None and not isinstance(unit, nn.Identity))


def _unit(name: str, unit: Any, stream: str) -> Iterator[Part]:
    if hasattr(unit, "conv2"):
        return _block(name, unit, stream)
    if hasattr(unit, "proj_out"):
        return _attention(name, unit, stream)
    return _resampling(name, unit, stream)


def _block(name: str, unit: Any, stream: str) -> Iterator[Part]:
    inner, after = f"{name}.conv1", stream
    yield Part(f"{name}.norm1", unit.norm1, NORM, reads=stream)
    yield Part(inner, unit.conv1, LAYER, writes=inner)
    yield Part(f"{name}.norm2", unit.norm2, NORM, reads=inner)
    for shortcut in ("nin_shortcut", "conv_shortcut"):
        if getattr(unit, shortcut, None) is not None:
            after = name  # another width: a convolution takes the stream on, and may change its scale
            yield Part(f"{name}.{shortcut}", getattr(unit, shortcut), LAYER, reads=stream, writes=after)
    yield Part(f"{name}.conv2", unit.conv2, LAYER, writes=after)
    yield Part(name, unit, SUM, writes=after)


def _attention(name: str, unit: Any, stream: str) -> Iterator[Part]:
    values = f"{name}.v"
    yield Part(f"{name}.norm", unit.norm, NORM, reads=stream)
    for product in ("q", "k"):
        yield Part(f"{name}.{product}", getattr(unit, product), LAYER)
    yield Part(values, unit.v, LAYER, writes=values)
    yield Part(f"{name}.proj_out", unit.proj_out, LAYER, reads=values, writes=stream)
    yield Part(name, unit, SUM, writes=stream)


def _resampling(name: str, unit: Any, stream: str) -> Iterator[Part]:
    if getattr(unit, "conv", None) is None:  # pooling or repeating only
        yield Part(name, unit, SUM, writes=stream)
        return
    yield Part(f"{name}.conv", unit.conv, LAYER, reads=stream, writes=name)
    yield Part(name, unit, SUM, writes=name)
