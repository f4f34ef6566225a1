"""What each VAE needs, remembered with the evidence for it.

A VAE is known again by its sketch (:mod:`..identity.sketch`), so that a copy under another name, in another container or
inside a checkpoint needs nothing learned twice. Its halves are planned apart: most VAEs that overflow do it in one of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, field, replace
from enum import Enum
from typing import Any

from ..lazy_dataclass import dataclass
from ..stored import Content, StoredJson
from .structure import HALVES, Half

VERSION = 1


class Precision(str, Enum):
    """How a half of a VAE is run."""

    FP16 = "fp16"
    RESCALED = "fp16 rescaled"
    BF16 = "bf16"
    FP32 = "fp32"


LARGEST_EXPONENT = 128
"""float32 itself ends at 2^128."""

AUTO = "auto"
PINS = (AUTO, *(precision.value for precision in Precision))
"""What a person can pin a VAE to; ``auto`` means: what was learned."""

OVERFLOWING = frozenset(
    (
        "NAI animevae / Anything-V3.0.vae / orangemix",
        "kl-f8-anime (Waifu Diffusion VAE v1)",
        "sdxl_vae",
        "SDXL base 1.0 vae",
        "VAE inside sd_xl_base_1.0.safetensors",
        "sdxl vae_1_0",
        "SSD-1B vae",
    )
)
"""Published VAEs, by their names in ``known_vaes.json``, whose decoders are known to overflow in fp16."""


@dataclass(frozen=True)
class Evidence:
    """Why a plan is as it is.

    Attributes:
        when: local time, ``2026-01-31 12:00:00``.
        stage: the part of the network whose activation did not fit into fp16, or ``""`` if none was seen.
        maximum: the largest absolute value seen there in a run that was right.
    """

    when: str
    stage: str
    maximum: float

    @classmethod
    def now(cls, stage: str, maximum: float) -> Evidence:
        return cls(time.strftime("%Y-%m-%d %H:%M:%S"), stage, maximum)


@dataclass(frozen=True)
class HalfPlan:
    """What is known of one half.

    Attributes:
        precision: where to begin. ``fp16 rescaled`` without exponents means: known to overflow, its scales not yet measured.
        exponents: scales, see :mod:`.scales`; empty if there are none.
        widened: whether the scales were widened after another overflow.
        evidence: the oldest first.
    """

    precision: Precision = Precision.FP16
    exponents: Mapping[str, int] = field(default_factory=dict)
    widened: bool = False
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What is known of one VAE.

    Attributes:
        pinned: one of :data:`PINS`.
        encoder, decoder: what was learned.
        repairs: results that were mended so far.
    """

    pinned: str = AUTO
    encoder: HalfPlan = HalfPlan()
    decoder: HalfPlan = HalfPlan()
    repairs: int = 0

    def half(self, half: Half) -> HalfPlan:
        """What was learned of one half."""
        return self.encoder if half == "encoder" else self.decoder

    def start(self, half: Half) -> Precision:
        """Where to begin with one half: where it is pinned to, else what was learned."""
        return self.half(half).precision if self.pinned == AUTO else Precision(self.pinned)

    def learned(self, half: Half, what: HalfPlan) -> Plan:
        """The same with another plan for one half."""
        return replace(self, encoder=what) if half == "encoder" else replace(self, decoder=what)


def first_plan(known_as: str | None) -> Plan:
    """The plan for a VAE that was never seen to overflow here.

    Args:
        known_as: its published name, if it has one.
    """
    return Plan(decoder=HalfPlan(Precision.RESCALED)) if known_as in OVERFLOWING else Plan()


class Plans:
    """The plans of all VAEs by sketch, in a file that survives restarts.

    Args:
        path: of the JSON file; it need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._stored = StoredJson(path, VERSION, {})

    def of(self, sketch_id: str, known_as: str | None = None) -> Plan:
        """The plan for this VAE; if nothing was learned yet, :func:`first_plan`."""
        row = self._stored.read().get(sketch_id)
        return (_read(row) if row is not None else None) or first_plan(known_as)

    def all(self) -> dict[str, Plan]:
        """All remembered plans by sketch id. Rows that make no sense are left out."""
        read = {sketch_id: _read(row) for sketch_id, row in self._stored.read().items()}
        return {sketch_id: plan for sketch_id, plan in read.items() if plan}

    def keep(self, sketch_id: str, plan: Plan) -> None:
        """Remembers a plan.

        Raises:
            UnwritableTarget, UnreadableFile, UnsupportedFile: as :class:`..stored.StoredJson`.
        """
        self._stored.update(lambda content: content.update({sketch_id: asdict(plan)}))

    def pin(self, sketch_id: str, pinned: str, known_as: str | None = None) -> None:
        """Pins a VAE to one of :data:`PINS`. What was learned is kept.

        Raises:
            ValueError: ``pinned`` is none of them.
            UnwritableTarget, UnreadableFile, UnsupportedFile: as :class:`..stored.StoredJson`.
        """
        if pinned not in PINS:
            raise ValueError(f"{pinned} is none of {', '.join(PINS)}")
        self.keep(sketch_id, replace(self.of(sketch_id, known_as), pinned=pinned))

    def clear(self, sketch_id: str) -> None:
        """Forgets what was learned of a VAE, its pin and its counter.

        Raises:
            UnwritableTarget, UnreadableFile, UnsupportedFile: as :class:`..stored.StoredJson`.
        """

        def change(content: Content) -> None:
            content.pop(sketch_id, None)

        self._stored.update(change)


def _read(row: Any) -> Plan | None:
    """One row of the file; people may have edited it."""
    try:
        halves = {half: _read_half(row[half]) for half in HALVES}
        pinned = row["pinned"] if row["pinned"] in PINS else AUTO
        return Plan(pinned, halves["encoder"], halves["decoder"], int(row["repairs"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _read_half(row: Any) -> HalfPlan:
    exponents = {str(value): int(exponent) for value, exponent in row["exponents"].items()}
    if not all(0 < exponent <= LARGEST_EXPONENT for exponent in exponents.values()):
        raise ValueError("scales that make no sense")
    evidence = tuple(Evidence(str(e["when"]), str(e["stage"]), float(e["maximum"])) for e in row["evidence"])
    return HalfPlan(Precision(row["precision"]), exponents, bool(row["widened"]), evidence)
