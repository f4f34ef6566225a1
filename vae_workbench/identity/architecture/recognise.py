"""Which architecture names and shapes tell, and whether all of its tensors are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from ...autoencoder.build import build
from ...autoencoder.kl_shape import KLShape
from ...autoencoder.names import Shape, diffusers_names
from ...autoencoder.tiny import TinyShape
from ...lazy_dataclass import dataclass
from .completion import HALVES, MISSING
from .other_models import other_model
from .signature import Signature
from .table import ARCHITECTURES, Answer


@dataclass(frozen=True)
class Recognised:
    """What names and shapes tell.

    Attributes:
        answer: a VAE, a VAE with missing or wrong tensors, cannot tell, or no VAE.
        reason: why, as a sentence.
        name: of the architecture; empty if none fits.
        halves: ``encoder``, ``decoder``: those that are there.
        spaces: the latent spaces that it may have.
        image_channels: see :class:`.verdict.Verdict`; so is ``middle_attention``.
        remarks: more sentences, on what sets it apart from the VAEs that the web UI knows.
    """

    answer: Answer
    reason: str
    name: str = ""
    halves: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    image_channels: tuple[int, ...] = ()
    middle_attention: bool = True
    remarks: tuple[str, ...] = ()


def recognise(signature: Signature) -> Recognised:
    """The architecture of the first row that fits, and whether all of its tensors are there."""
    row = next((row for row in ARCHITECTURES if row.tell(signature)), None)
    if row is None:
        return _unlisted(signature)
    sizes = {"factor": signature.factor or "?", "channels": signature.channels or "?"}
    name, what = (text.format(**sizes) for text in (row.name, row.what))
    if row.answer == "none":
        return Recognised("none", f"This is {what}.", name)
    if row.answer == "unclear":
        return Recognised("unclear", f"Cannot tell: this is {what}.")
    halves, pictures = signature.halves, signature.image_channels
    if len(halves) == 1:
        what += f", the {halves[0]} only"
    found = Recognised(
        "vae",
        f"This is {what}.",
        "" if "?" in name else name,
        halves,
        row.spaces if 3 in pictures or not pictures else (),
        pictures,
        signature.middle_attention,
        (*_on_pictures(halves, pictures), *_on_attention(signature)),
    )
    return _checked(signature, found) if row.runs else found


def _on_pictures(halves: Sequence[str], channels: Sequence[int]) -> tuple[str, ...]:
    """A sentence on the channels of its pictures if they are not red, green and blue."""
    if all(count == 3 for count in channels):
        return ()
    if len(set(channels)) == 1 and len(channels) == 2:
        return (f"It is for pictures of {_channels(channels[0])}, not for those of red, green and blue.",)
    verbs = {"encoder": "takes pictures of", "decoder": "gives"}
    told = " and ".join(
        f"its {half} {verbs[half]} {_channels(count)}" for half, count in zip(halves, channels, strict=True)
    )
    scale = {12: 2, 27: 3, 48: 4}.get(channels[-1]) if halves[-1] == "decoder" else None
    enlarges = f", as one does that enlarges pictures ×{scale}" if scale else ""
    return (f"It is not for pictures of red, green and blue: {told}{enlarges}.",)


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def _on_attention(signature: Signature) -> tuple[str, ...]:
    if signature.middle_attention:
        return ()
    return ("It has no attention in its middle, where the network of the web UI has it.",)


def _unlisted(signature: Signature) -> Recognised:
    other = other_model(signature.file_shapes)
    if other:
        return Recognised("none", f"This is not a VAE: it is {other}.")
    if any(f"{half}.conv_{end}.weight" in signature.shapes for half in HALVES for end in ("in", "out")):
        return Recognised("unclear", "Cannot tell: it has an encoder or decoder, but of no architecture known here.")
    if not signature.file_shapes:
        return Recognised("none", "This is not a VAE: it holds no tensors.")
    return Recognised("unclear", "Cannot tell: its tensors have no names of a VAE, nor of another model known here.")


FEWEST_ODD = 3
MOST_ODD = 0.05
FEWEST_KNOWN = 0.25
"""Of an architecture's tensors, by number and as shares: with more that are unknown to it or of other shapes, or fewer of its
own, the file is of another architecture rather than a broken one of this."""

MOST_TOLD = 6
"""Names of tensors in one sentence."""


def _checked(signature: Signature, found: Recognised) -> Recognised:
    """``found``, or why it is broken or not of this architecture after all."""
    measured, shapes = signature.sizes, signature.shapes
    resembles = f"Cannot tell: it resembles {found.name or 'a tiny autoencoder'}, but"
    if isinstance(measured, str):
        # A tiny autoencoder without the layer at its latent is one for all that: which one cannot be told.
        if signature.is_tiny and measured.startswith(MISSING):
            return _changed(found, "broken", f"This is a tiny autoencoder, but broken: {measured}.")
        return _changed(found, "unclear", f"{resembles} {measured}.")
    try:
        expected = _expected(measured)
    except RuntimeError:  # torch cannot even count the elements
        return _changed(found, "unclear", f"{resembles} its shapes are larger than any tensor.")
    if signature.is_tiny and any(count != 3 for count in found.image_channels):
        expected = expected | _picture_layers(signature)
    strangers = [name for name in shapes if name not in expected]
    missing = [name for name in expected if name not in shapes]
    misshaped = [name for name, shape in expected.items() if shapes.get(name, shape) != shape]
    known = len(expected) - len(missing) - len(misshaped)
    if len(strangers) + len(misshaped) > max(FEWEST_ODD, MOST_ODD * len(expected)) or known < FEWEST_KNOWN * len(
        expected
    ):
        odd = [*strangers, *misshaped]
        example = f", for example {signature.names[odd[0]]}" if odd else ""
        count = f"{known} of its {len(expected)} tensors and {len(odd)} others{example}"
        return _changed(found, "unclear", f"{resembles} has {count}.")
    faults = [
        f"{len(names)} {one if len(names) == 1 else many}: {_listed(names, signature)}"
        for names, one, many in (
            (missing, "of its tensors is missing", "of its tensors are missing"),
            (misshaped, "of its tensors has another shape", "of its tensors have other shapes"),
            (strangers, "tensor does not belong to it", "tensors do not belong to it"),
        )
        if names
    ]
    return _changed(found, "broken", f"This is a VAE, but broken: {'; '.join(faults)}.") if faults else found


def _changed(found: Recognised, answer: Answer, reason: str) -> Recognised:
    return replace(found, answer=answer, reason=reason, name=found.name if answer == "broken" else "", remarks=())


def _listed(names: Sequence[str], signature: Signature) -> str:
    """Names of tensors, in the naming of the file."""
    told = diffusers_names(signature.shapes.keys() | set(names)) if signature.scheme == "diffusers" else {}
    shown = ", ".join(told.get(name, name) for name in names[:MOST_TOLD])
    return shown if len(names) <= MOST_TOLD else f"{shown} and {len(names) - MOST_TOLD} more"


def _picture_layers(signature: Signature) -> dict[str, Shape]:
    """The layers of a tiny autoencoder that meet the picture, as the file has them: its network here is for RGB only."""
    last = max((int(name.split(".")[1]) for name in signature.shapes if name.startswith("decoder.")), default=0)
    layers = "encoder.0.weight", f"decoder.{last}.weight", f"decoder.{last}.bias"
    return {name: signature.shapes[name] for name in layers if name in signature.shapes}


@lru_cache(maxsize=32)
def _expected(shape: KLShape | TinyShape) -> dict[str, Shape]:
    """All tensors of a network. Building one takes 0.1 s, and hundreds of checkpoints have the same."""
    return {name: tuple(tensor.shape) for name, tensor in build(shape).state_dict().items()}
