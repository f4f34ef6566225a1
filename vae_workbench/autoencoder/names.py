"""From the names that files use to one canonical set of names, and back.

Canonical are the LDM names without a prefix (``encoder.down.0.block.1.conv1.weight``) for KL autoencoders, and
``encoder.<index>.…``, ``decoder.<index>.…`` with the indices of the published files for tiny ones. Names and shapes decide
everything, so that of a checkpoint of 7 GB only the tensors of its VAE need reading.

Attention weights are matrices in diffusers (C×C) and 1×1 convolutions in LDM (C×C×1×1): the same numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from torch import Tensor

from ..errors import UnknownArchitecture

Shape = tuple[int, ...]

PREFIXES = ("first_stage_model.", "vae.", "taesd_", "")
"""What precedes the names of a VAE in the files of most programs. Any other prefix is found too, see :func:`vae_prefixes`."""

FOREIGN_PREFIXES = ("model.diffusion_model.", "cond_stage_model.", "conditioner.", "control_model.", "loss.")
"""Parts of a checkpoint that may have layers called as a VAE's are, and hold none."""

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

OLDER_WORDS = {"query": "q", "key": "k", "value": "v", "proj_attn": "proj_out"}
"""Names that diffusers used before 0.14 for its attention layers, and LDM's."""

MISPLACED = {"encoder.quant_conv": "quant_conv", "decoder.post_quant_conv": "post_quant_conv"}
"""Where the published Flux.2 file has the quant convolutions."""

_TINY_LAYER = re.compile(r"(encoder|decoder)\.(layers\.)?(\d+)\.(.+)")
_TINY_PART = r"\d+\.(?:weight|bias|(?:conv|pool)\.\d+\.(?:weight|bias))"
_HALF_OF_A_TINY = re.compile(rf"(.*?)({_TINY_PART})")
_LAYER_OF_A_VAE = re.compile(
    r"(?:^|(?<=\.)|(?<=taesd_)|(?<=vae_))(?:encoder|decoder)\.(?:"
    r"(?:conv_in|conv_out|norm_out|conv_norm_out)\.|(?:down|up|down_blocks|up_blocks)\.\d+\.|(?:mid|mid_block)\.|"
    rf"(?:downsamples|upsamples|middle)\.\d+\.residual\.|(?:layers\.)?{_TINY_PART}$)"
)
_ATTENTION_MATRIX = re.compile(r".+\.(?:attn\.\d+|attn_1)\.(?:q|k|v|proj_out)\.weight")
_LEVEL_OF_DECODER = re.compile(r"decoder\.up(?:_blocks)?\.(\d+)\.")


def vae_prefixes(names: Iterable[str]) -> tuple[str, ...]:
    """What precedes the names of each VAE in a file, the one that counts first; most files hold one VAE or none.

    A whole VAE comes before a part of one, the prefixes of most programs before others, then the one with the most layers,
    and moving averages of weights ("ema"), which are what people make pictures with, before the weights themselves.
    """
    found = (_prefix_of(name) for name in names if "coder." in name)
    layers = Counter(prefix for prefix in found if prefix is not None)
    most = max(layers.values(), default=0)
    usual = {prefix: rank for rank, prefix in enumerate(PREFIXES)}

    def rank(prefix: str) -> tuple[bool, int, int, bool, str]:
        count = layers[prefix]
        return 2 * count <= most, usual.get(prefix, len(usual)), -count, "ema" not in prefix, prefix

    return tuple(sorted(layers, key=rank))


def _prefix_of(name: str) -> str | None:
    """What precedes the name of a VAE's layer; ``None`` if there is no such name in this."""
    if name.startswith(FOREIGN_PREFIXES):
        return None
    # There are thousands of names, and the plain search is quicker than that for the pattern.
    place = name.find("coder.") - 2
    while place >= 0:
        if _LAYER_OF_A_VAE.match(name, place):
            return name[:place]
        place = name.find("coder.", place + 3) - 2
    return None


def canonical_names(names: Iterable[str]) -> dict[str, str]:
    """Canonical name → name in the file, for every tensor of the VAE in a file; empty if there is none.

    Of several VAEs it is the first of :func:`vae_prefixes`. A quant convolution that was left over from a half that is not
    there does not count, nor does a second spelling beside an LDM name: the web UI's own loader reads the LDM name, and a
    script that renames layers may leave both.

    Args:
        names: all names of the file (a mapping by names will do), whatever else it holds.

    Raises:
        UnknownArchitecture: two names, neither of them LDM's, mean the same tensor.
    """
    in_file = _without_prefix(list(names))
    levels = _levels(in_file)
    canonical = {name: source for name, source in in_file.items() if _to_canonical(name, levels) == name}
    ldm = set(canonical)
    for name, source in in_file.items():
        clear = _to_canonical(name, levels)
        known = canonical.setdefault(clear, source)
        if known != source and clear not in ldm:
            raise UnknownArchitecture(
                f"Two tensors, {known} and {source}, are the same weight of one VAE", "Choose another copy of the file"
            )
    return _without_leftovers(canonical)


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
    if len(shape) in (2, 3) and _ATTENTION_MATRIX.fullmatch(name) and shape[2:] in ((), (1,)):
        return (*shape[:2], 1, 1)
    return shape


def _without_prefix(names: list[str]) -> dict[str, str]:
    """Names of the VAE's tensors without their prefix → names in the file."""
    for prefix in vae_prefixes(names)[:1] or PREFIXES:
        found = {
            name[len(prefix) :]: name
            for name in names
            if name.startswith(prefix) and name[len(prefix) :].startswith(HEADS)
        }
        if found:
            return found
    return _half_of_a_tiny(names)


def _half_of_a_tiny(names: list[str]) -> dict[str, str]:
    """The same for half of a tiny autoencoder, whose layers have numbers alone, whatever prefix all of them share."""
    layers = {name: match for name, match in zip(names, map(_HALF_OF_A_TINY.fullmatch, names), strict=True) if match}
    prefixes = {match[1] for match in layers.values()}
    parts = {match[2]: name for name, match in layers.items()}
    if len(layers) != len(names) or len(prefixes) != 1 or not any(".conv." in part for part in parts):
        return {}
    # The encoder begins with a convolution and a block, the decoder with a clamp without weights and a convolution.
    half = "encoder." if any(part.startswith(("0.", "1.conv.")) for part in parts) else "decoder."
    return {half + part: name for part, name in parts.items()}


def _without_leftovers(canonical: dict[str, str]) -> dict[str, str]:
    present = {half for half in ("encoder", "decoder") if any(name.startswith(half + ".") for name in canonical)}
    leftover = (
        {"encoder": "post_quant_conv.", "decoder": "quant_conv."}.get(present.pop()) if len(present) == 1 else None
    )
    return {name: source for name, source in canonical.items() if not (leftover and name.startswith(leftover))}


def _levels(names: Iterable[str]) -> int:
    return 1 + max((int(match[1]) for match in map(_LEVEL_OF_DECODER.match, names) if match), default=0)


def _to_canonical(name: str, levels: int) -> str:
    if tiny := _TINY_LAYER.fullmatch(name):
        half, diffusers, index, rest = tiny.groups()
        return f"{half}.{int(index) + _clamps(half) if diffusers else index}.{rest}"
    stem, dot, kind = name.rpartition(".")
    return _translated(MISPLACED.get(stem, stem), _to_ldm(), levels) + dot + kind


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
def _to_ldm() -> _Rules:
    """From LDM and diffusers alike, because scripts convert the names of layers and forget those inside of them."""
    words = {
        field: {spelling: ldm for ldm, diffusers in pairs.items() for spelling in (ldm, diffusers)}
        for field, pairs in WORDS.items()
    }
    words["attention"] |= OLDER_WORDS
    ldm = [(ldm.replace("{up}", "{level}"), ldm.replace("{up}", "{level}")) for ldm, _ in TEMPLATES]
    return _rules([*ldm, *((diffusers, ldm) for ldm, diffusers in TEMPLATES)], words)


def _translated(stem: str, rules: _Rules, levels: int) -> str:
    for pattern, target, words in rules:
        if match := pattern.fullmatch(stem):
            fields = match.groupdict()
            if "up" in fields:
                fields["up"] = str(levels - 1 - int(fields["up"]))
            return target.format(**{field: words.get(field, {}).get(word, word) for field, word in fields.items()})
    return stem
