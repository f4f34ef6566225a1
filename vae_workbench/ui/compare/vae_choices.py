"""The VAEs that can be chosen, with what the library knows of each: what fits, what is of another family, what is no use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from ...choice.fit import defect, misfit, title, vae_traits
from ...compare.decoding.candidate import Candidate
from ...identity.evidence import SPACE_NAMES
from ...identity.unfinished import download_warning
from ...lazy_dataclass import dataclass
from ...library.collection import Collection
from ...library.entry import Entry
from ...printable import printable
from ..shared.file_table import Badge
from ..shared.file_words import badges
from ..workbench import Workbench

Group = Literal["usable", "other", "unusable"]


@dataclass(frozen=True)
class VaeChoice:
    """A VAE that is listed.

    Attributes:
        candidate: the file.
        entry: what the library knows of it; ``None``: it was not looked at yet.
        group: ``usable``; ``other``: it does not fit the checkpoint in use; ``unusable``: it cannot be chosen.
        why: it is not in the first group, as a sentence.
        copies: names of the other candidates that hold the same VAE, and so are not listed.
    """

    candidate: Candidate
    entry: Entry | None = None
    group: Group = "usable"
    why: str = ""
    copies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """By which it is chosen."""
        return self.candidate.name

    @property
    def encodes(self) -> bool:
        """Whether it can encode, as far as that is known."""
        return self.entry is None or self.entry.verdict.halves != ("decoder",)

    @property
    def family(self) -> str:
        """What VAEs have in common that can decode each other's latents; empty where that is not known."""
        verdict = self.entry.verdict if self.entry else None
        return (verdict and (verdict.latent_space or verdict.architecture)) or ""


def candidates(workbench: Workbench) -> list[Candidate]:
    """The VAE files under names that every page and browser can show."""
    found: dict[str, Candidate] = {}
    for candidate in workbench.list_vaes():
        name = printable(candidate.name)
        found[name if name not in found else printable(str(candidate.path))] = candidate
    return [replace(candidate, name=name) for name, candidate in found.items()]


def vae_choices(found: Iterable[Candidate], collection: Collection, checkpoint: Entry | None) -> list[VaeChoice]:
    """All that is listed: copies once, those of another family and those that are no use last.

    Args:
        found: the VAE files.
        collection: the library.
        checkpoint: the one in use, which decides what is of another family.
    """
    choices = [_choice(candidate, collection.by_path(candidate.path), checkpoint) for candidate in found]
    order = ("usable", "other", "unusable")
    return sorted(_copies_once(choices), key=lambda choice: order.index(choice.group))


def _choice(candidate: Candidate, entry: Entry | None, checkpoint: Entry | None) -> VaeChoice:
    if entry is None:
        return VaeChoice(candidate)
    if why := _no_use(entry):
        return VaeChoice(candidate, entry, "unusable", _sentence(why))
    traits = vae_traits(entry)
    fault = misfit(checkpoint, traits) if checkpoint and traits else None
    if fault and checkpoint:
        return VaeChoice(candidate, entry, "other", _sentence(f"does not fit {title(checkpoint)}: {fault.why}"))
    return VaeChoice(candidate, entry)


def _no_use(entry: Entry) -> str:
    traits = vae_traits(entry)
    if traits is None:
        return defect(entry)
    if traits.halves == ("encoder",):
        return "it is only the encoder of a VAE, which makes no pictures"
    return next(iter(download_warning(entry.path)), "")


def _sentence(why: str) -> str:
    return f"{why[:1].upper()}{why[1:].rstrip('.')}."


def _copies_once(choices: Sequence[VaeChoice]) -> list[VaeChoice]:
    """Of several files with the same VAE the best one: safetensors before torch files, exact weights before rounded ones."""
    first: dict[str, str] = {}
    copies: dict[str, list[str]] = {}
    for choice in sorted(choices, key=_preference):
        listed = first.get(choice.entry.name, "") if choice.entry and choice.group != "unusable" else ""
        copies.setdefault(listed or choice.name, []).extend([choice.name] if listed else [])
        if choice.entry and not listed:
            first.update(dict.fromkeys(choice.entry.verdict.copies_of, choice.name))
    return [replace(choice, copies=tuple(copies[choice.name])) for choice in choices if choice.name in copies]


def _preference(choice: VaeChoice) -> tuple[bool, bool, int]:
    if choice.entry is None or choice.group == "unusable":
        return True, True, 0
    verdict = choice.entry.verdict
    exact = ("fp32", "bf16", "fp16")
    place = exact.index(verdict.dtype) if verdict.dtype in exact else len(exact)
    return verdict.kind != "vae", verdict.container != "safetensors", place


def family_badge(choice: VaeChoice) -> Badge | None:
    """The family of a VAE in a word or two."""
    verdict = choice.entry.verdict if choice.entry else None
    if verdict is None or not (verdict.latent_space or verdict.architecture):
        return None
    space = SPACE_NAMES.get(verdict.latent_space or "", "")
    kind = verdict.architecture or ""
    text = f"TAESD {space}".strip() if kind.startswith("tae") else space or kind
    return text, "info", ", ".join(filter(None, (kind, verdict.dtype)))


def row(choice: VaeChoice, picture: str, more: Sequence[Badge] = ()) -> Mapping[str, object]:
    """A choice as ``javascript/vae_workbench_picker.js`` takes it.

    Args:
        choice: what is shown.
        picture: address of its thumbnail, or empty.
        more: badges beside those that the file itself tells.
    """
    entry = choice.entry
    told = badges(entry) if entry and choice.group != "unusable" else ()
    family = family_badge(choice) if choice.group != "unusable" else None
    return {
        "name": choice.name,
        "picture": picture,
        "known": (entry and entry.verdict.known_as) or "",
        "badges": [*([family] if family else []), *told, *more],
        "group": choice.group,
        "why": choice.why,
        "copies": choice.copies,
        "family": choice.family,
        "unknown": entry is None,
    }
