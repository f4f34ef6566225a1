"""From the names that files use to one canonical set of names, and back.

Canonical are the LDM names without a prefix (``encoder.down.0.block.1.conv1.weight``) for KL autoencoders, and
``encoder.<index>.…``, ``decoder.<index>.…`` with the indices of the published files for tiny ones. Names and shapes decide
everything, so that of a checkpoint of 7 GB only the tensors of its VAE need reading.

Attention weights are matrices in diffusers (C×C) and 1×1 convolutions in LDM (C×C×1×1): the same numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from torch import Tensor

from ..errors import UnknownArchitecture

Shape = tuple[int, ...]

CONTAINERS = (
    {"first_stage_model.": ""},
    {"vae.": ""},
    {"taesd_encoder.": "encoder.", "taesd_decoder.": "decoder."},
    {"": ""},
)
"""What may precede the names of a VAE in its container, and what stands for it; the first that fits any name counts."""

HEADS = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.", "bn.running_", "quantize.", "decoder_unet.")
"""How the names of a VAE's tensors begin. Others are another model's, the training's (``loss.``, ``model_ema.``), or count
training steps (``bn.num_batches_tracked``)."""

TEMPLATES = (
    ("encoder.down.{level}.block.{block}.{resnet}", "encoder.down_blocks.{level}.resnets.{block}.{resnet}"),
    ("encoder.down.{level}.attn.{block}.{attention}", "encoder.down_blocks.{level}.attentions.{block}.{attention}"),
    ("encoder.down.{level}.downsample.conv", "encoder.down_blocks.{level}.downsamplers.0.conv"),
    ("decoder.up.{up}.block.{block}.{resnet}", "decoder.up_blocks.{up}.resnets.{block}.{resnet}"),
    ("decoder.up.{up}.attn.{block}.{attention}", "decoder.up_blocks.{up}.attentions.{block}.{attention}"),
    ("decoder.up.{up}.upsample.conv", "decoder.up_blocks.{up}.upsamplers.0.conv"),
    ("{half}.mid.block_1.{resnet}", "{half}.mid_block.resnets.0.{resnet}"),
    ("{half}.mid.block_2.{resnet}", "{half}.mid_block.resnets.1.{resnet}"),
    ("{half}.mid.attn_1.{attention}", "{half}.mid_block.attentions.0.{attention}"),
    ("{half}.norm_out", "{half}.conv_norm_out"),
)
"""LDM and diffusers names of the same layer. A field in braces is a word of :data:`WORDS` or a number; ``up`` counts the
levels from the other end. Layers that are not here have one name."""

WORDS = {
    "half": {"encoder": "encoder", "decoder": "decoder"},
    "resnet": {name: name for name in ("norm1", "conv1", "norm2", "conv2")} | {"nin_shortcut": "conv_shortcut"},
    "attention": {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"},
}
"""Words of the templates' fields, LDM to diffusers."""

OLDER_WORDS = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
"""Names that diffusers used before 0.14 for its attention layers."""

MISPLACED = {"encoder.quant_conv": "quant_conv", "decoder.post_quant_conv": "post_quant_conv"}
"""Where the published Flux.2 file has the quant convolutions."""

_TINY_LAYER = re.compile(r"(encoder|decoder)\.(layers\.)?(\d+)\.(.+)")
_ATTENTION_MATRIX = re.compile(r".+\.(?:attn\.\d+|attn_1)\.(?:q|k|v|proj_out)\.weight")
_LEVEL_OF_DECODER = re.compile(r"decoder\.up(?:_blocks)?\.(\d+)\.")


def canonical_names(names: Iterable[str]) -> dict[str, str]:
    """Canonical name → name in the file, for every tensor of the VAE in a file; empty if there is none.

    Args:
        names: all names of the file (a mapping by names will do), whatever else it holds.

    Raises:
        UnknownArchitecture: two names mean the same tensor.
    """
    in_file = _without_container(list(names))
    levels = _levels(in_file)
    canonical: dict[str, str] = {}
    for name, source in in_file.items():
        known = canonical.setdefault(_to_canonical(name, levels), source)
        if known != source:
            raise UnknownArchitecture(f"Two tensors, {known} and {source}, are the same weight of one VAE")
    return canonical


def diffusers_names(canonical: Iterable[str]) -> dict[str, str]:
    """Canonical name → name in diffusers' files. Attention weights are C×C there, without the trailing 1×1."""
    names = list(canonical)
    levels = _levels(names)
    return {name: _to_diffusers(name, levels) for name in names}


def canonical_shapes(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Shapes by canonical name, as the networks here have them."""
    names = canonical_names(shapes)
    return {name: _canonical_shape(name, tuple(shapes[source])) for name, source in names.items()}


def canonical_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors by canonical name, viewed in the shapes that the networks here have. Nothing is copied."""
    names = canonical_names(tensors)
    return {
        name: tensors[source].reshape(_canonical_shape(name, tuple(tensors[source].shape)))
        for name, source in names.items()
    }


def _canonical_shape(name: str, shape: Shape) -> Shape:
    return (*shape, 1, 1) if len(shape) == 2 and _ATTENTION_MATRIX.fullmatch(name) else shape


def _without_container(names: list[str]) -> dict[str, str]:
    """Names of the VAE's tensors as they are outside of any container → names in the file."""
    for container in CONTAINERS:
        found = {
            inner + name[len(outer) :]: name
            for outer, inner in container.items()
            for name in names
            if name.startswith(outer) and (inner + name[len(outer) :]).startswith(HEADS)
        }
        if found:
            return found
    if names and all(name.split(".")[0].isdecimal() for name in names):
        # Half of a tiny autoencoder. Its encoder begins with a convolution, its decoder with a clamp without weights.
        half = "encoder." if "0.weight" in names else "decoder."
        return {half + name: name for name in names}
    return {}


def _levels(names: Iterable[str]) -> int:
    return 1 + max((int(match[1]) for match in map(_LEVEL_OF_DECODER.match, names) if match), default=0)


def _to_canonical(name: str, levels: int) -> str:
    if tiny := _TINY_LAYER.fullmatch(name):
        half, diffusers, index, rest = tiny.groups()
        return f"{half}.{int(index) + _clamps(half) if diffusers else index}.{rest}"
    stem, dot, kind = name.rpartition(".")
    before, last_dot, last = stem.rpartition(".")
    stem = MISPLACED.get(stem, before + last_dot + OLDER_WORDS.get(last, last))
    return _translated(stem, _from_diffusers(), levels) + dot + kind


def _to_diffusers(name: str, levels: int) -> str:
    if tiny := _TINY_LAYER.fullmatch(name):
        half, _, index, rest = tiny.groups()
        return f"{half}.layers.{int(index) - _clamps(half)}.{rest}"
    stem, dot, kind = name.rpartition(".")
    return _translated(stem, _from_ldm(), levels) + dot + kind


def _clamps(half: str) -> int:
    """Layers before the first that diffusers numbers: the decoder's clamp is no layer there."""
    return 1 if half == "decoder" else 0


_Words = Mapping[str, Mapping[str, str]]
_Rules = list[tuple[re.Pattern[str], str, _Words]]


def _rules(pairs: Iterable[tuple[str, str]], words: _Words) -> _Rules:
    """Templates as patterns to recognise a name by, each with the template to fill in and the words to fill it with."""

    def pattern_of(part: str) -> str:
        field = part.strip("{}")
        if field == part:
            return re.escape(part)
        return f"(?P<{field}>{'|'.join(map(re.escape, words[field])) if field in words else '[0-9]+'})"

    def compiled(template: str) -> re.Pattern[str]:
        return re.compile("".join(pattern_of(part) for part in re.split(r"(\{\w+\})", template)))

    return [(compiled(source), target, words) for source, target in pairs]


@lru_cache(maxsize=1)
def _from_ldm() -> _Rules:
    return _rules(TEMPLATES, WORDS)


@lru_cache(maxsize=1)
def _from_diffusers() -> _Rules:
    return _rules(
        [(diffusers, ldm) for ldm, diffusers in TEMPLATES],
        {field: {diffusers: ldm for ldm, diffusers in words.items()} for field, words in WORDS.items()},
    )


def _translated(stem: str, rules: _Rules, levels: int) -> str:
    for pattern, target, words in rules:
        if match := pattern.fullmatch(stem):
            fields = match.groupdict()
            if "up" in fields:
                fields["up"] = str(levels - 1 - int(fields["up"]))
            return target.format(**{field: words.get(field, {}).get(word, word) for field, word in fields.items()})
    return stem
