"""The files that a recipe can begin with, and what is offered for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...library.collection import is_vae
from ...library.entry import Entry
from ...precision.plan import Plan, Plans, first_plan
from ..library.plan_words import plan_badges
from ..shared.file_words import latent_space
from ..workbench import Workbench

OFFERS: Mapping[str, str] = {
    "convert": "Convert to safetensors",
    "repair": "Repair",
    "extract": "Extract the VAE",
    "fp16-safe": "Make fp16-safe",
}
"""Kind of step → what a button says that adds it."""


def files_json(workbench: Workbench) -> Sequence[Mapping[str, Any]]:
    """VAEs, then checkpoints, then what is broken, as the script takes them."""
    collection = workbench.library.collection()
    found = [(entry, kind) for entry in collection.entries if (kind := _kind(entry))]
    order = ("vae", "checkpoint", "broken")
    return [_told(workbench, entry, kind) for entry, kind in sorted(found, key=lambda pair: order.index(pair[1]))]


def _kind(entry: Entry) -> str:
    if entry.verdict.kind == "broken":
        return "broken"
    return "vae" if is_vae(entry) else "checkpoint" if entry.verdict.kind == "checkpoint" else ""


def _told(workbench: Workbench, entry: Entry, kind: str) -> Mapping[str, Any]:
    space, _ = latent_space(entry.verdict)
    about = ", ".join(filter(None, (space if entry.verdict.latent_space else "", entry.verdict.dtype)))
    return {"name": entry.name, "kind": kind, "about": about, "offers": _offers(entry, kind, workbench.plans)}


def _offers(entry: Entry, kind: str, plans: Plans | None) -> list[str]:
    """What the file seems to need."""
    verdict, baked = entry.verdict, entry.verdict.baked
    needs = {
        "convert": (verdict.container or "").startswith("torch"),
        "repair": kind == "broken",
        "extract": baked is not None and baked.state in ("complete", "damaged"),
        "fp16-safe": bool(plan_badges(_plan(entry, plans))),
    }
    return [offer for offer in OFFERS if needs[offer]]


def _plan(entry: Entry, plans: Plans | None) -> Plan:
    known = entry.verdict.baked or entry.verdict
    if plans is None or known.sketch_id is None:
        return first_plan(known.known_as)
    return plans.of(known.sketch_id, known.known_as)
