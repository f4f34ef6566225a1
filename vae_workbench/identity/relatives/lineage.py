"""Who was made from whom, where the weights alone do not tell: by what is published, by precision and by the files' times."""

from __future__ import annotations

from collections.abc import Sequence

from ...lazy_dataclass import dataclass
from ..known import known_vaes
from ..sketch import Sketch

FEWER_DIGITS = 2.0
"""Binary digits: what has so many fewer was rounded, and is not what the other was made from."""


@dataclass(frozen=True, eq=False)
class Vae:
    """A VAE and all its copies.

    Attributes:
        name: what it is called in sentences.
        sketch: its weights, of the most precise of the copies.
        published: whether it is a published one. These are not made from the files of a user.
        modified_ns: the earliest time of change of its files in nanoseconds since 1970, or ``None``.
    """

    name: str
    sketch: Sketch
    published: bool = False
    modified_ns: int | None = None


def united(copies: Sequence[Vae]) -> Vae:
    """Copies as one, the most precise of them first."""
    times = [copy.modified_ns for copy in copies if copy.modified_ns is not None]
    titled = next((copy for copy in copies if copy.published), copies[0])
    return Vae(titled.name, copies[0].sketch, titled.published, min(times, default=None))


def is_published(name: str | None) -> bool:
    """Whether this is the name of a published VAE, and not one that a user gave."""
    return name is not None and any(vae.name == name for vae in known_vaes())


def is_derived(one: Vae, other: Vae) -> bool | None:
    """Of two VAEs one of which is an edit of the other: whether it is the one. ``None``: that cannot be told."""
    if one.published != other.published:
        return other.published
    if abs(one.sketch.digits - other.sketch.digits) >= FEWER_DIGITS:
        return one.sketch.digits < other.sketch.digits
    if one.modified_ns is None or other.modified_ns is None or one.modified_ns == other.modified_ns:
        return None
    return one.modified_ns > other.modified_ns


def contradicted(child: Vae, parents: Sequence[Vae]) -> bool:
    """Whether a VAE cannot have been made from these: it is published and they are not, or one of them is newer."""
    if child.published and not all(parent.published for parent in parents):
        return True
    newest = max((parent.modified_ns or 0 for parent in parents), default=0)
    return child.modified_ns is not None and newest > child.modified_ns


def fits_digits(child: Vae, rivals: Sequence[Vae], residual: float) -> bool:
    """Whether the digits of a VAE speak for it having been made from others, and not one of its rivals.

    A sum that is exact to more digits than some of the VAEs have was not rounded to those; otherwise it was.

    Args:
        residual: what the sum leaves of the weights.
    """
    own, fewest = child.sketch.digits, min(vae.sketch.digits for vae in (child, *rivals))
    most = max(vae.sketch.digits for vae in (child, *rivals))
    if most - fewest < FEWER_DIGITS:
        return True
    exact = residual < 2.0 ** -(fewest + 3)
    return own > most - FEWER_DIGITS if exact else own < fewest + FEWER_DIGITS
