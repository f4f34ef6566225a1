"""All files of the library at one moment, each judged in the light of all others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..identity.examine import Examination
from ..identity.judge import judge, taught
from ..identity.references import References
from ..identity.relations import Relations, relate
from .entry import Entry
from .index import Record
from .naming import distinct_names

MOST_TEACHERS = 20
"""Files with exactly the same VAE that are told of as its copies; hundreds of checkpoints may hold the same one."""


@dataclass(frozen=True)
class Collection:
    """A snapshot of the library. It never changes.

    Attributes:
        entries: all files, by name.
        examinations: what each of them tells by itself, by path.
        references: what they teach of each other.
    """

    entries: tuple[Entry, ...]
    examinations: Mapping[str, Examination]
    references: References

    @cached_property
    def vaes(self) -> tuple[Entry, ...]:
        """The files that are VAEs, or were one before they were damaged."""
        return tuple(entry for entry in self.entries if is_vae(entry))

    @cached_property
    def checkpoints(self) -> tuple[Entry, ...]:
        """The files that hold a diffusion model."""
        return tuple(entry for entry in self.entries if entry.verdict.kind == "checkpoint")

    def by_name(self, name: str) -> Entry | None:
        """The file that people see under this name."""
        return self._by_name.get(name)

    def by_path(self, path: str | os.PathLike[str]) -> Entry | None:
        """The file at this path, also by way of symbolic links."""
        plain = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
        return self._by_path.get(plain) or self._by_real_path.get(os.path.realpath(plain))

    def judged(self, path: str, record: Record) -> Entry:
        """A file that is not in the library, or was changed since, judged in its light."""
        return _entry(Path(path).name, path, record, self.references)

    @cached_property
    def relations(self) -> tuple[tuple[Entry, ...], Relations]:
        """The VAE files whose weights can be compared, and how they are related. Takes up to a second."""
        sketches = {entry: self.examinations[entry.path].sketch for entry in self.vaes}
        compared = {entry: sketch for entry, sketch in sketches.items() if sketch and not sketch.blank}
        names = [entry.verdict.known_as or entry.name for entry in compared]
        return tuple(compared), relate(names, list(compared.values()))

    @cached_property
    def _by_name(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    @cached_property
    def _by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def _by_real_path(self) -> dict[str, Entry]:
        return {os.path.realpath(entry.path): entry for entry in self.entries}


def is_vae(entry: Entry) -> bool:
    """Whether a file is a VAE, or was one before it was damaged."""
    verdict = entry.verdict
    return verdict.kind == "vae" or (verdict.kind == "broken" and verdict.architecture is not None)


def collect(records: Mapping[str, Record], titles: Mapping[str, str]) -> Collection:
    """Judges all files. In the sentences about them they are called as in the lists.

    Args:
        records: by absolute path.
        titles: the names that the user gave, by the id of the sketch.
    """
    paths = list(records)
    named = sorted(zip(distinct_names(paths), paths, strict=True), key=lambda pair: pair[0].lower())
    references = _references([(name, records[path].examination) for name, path in named], titles)
    entries = tuple(_entry(name, path, records[path], references) for name, path in named)
    return Collection(entries, {path: records[path].examination for path in paths}, references)


def _entry(name: str, path: str, record: Record, references: References) -> Entry:
    told = record.examination
    verdict = judge(told, references, name)
    return Entry(name, path, *record.stamp, record.fingerprint, verdict, told.sha256)


def _references(named: Iterable[tuple[str, Examination]], titles: Mapping[str, str]) -> References:
    """What all files teach. Of many with exactly the same VAE some are enough, those that teach the most."""
    groups: dict[str, list[tuple[str, Examination]]] = {}
    for name, told in named:
        if told.sketch is not None:
            groups.setdefault(told.sketch.id, []).append((name, told))
    references = References()
    for identity, group in groups.items():
        group.sort(key=lambda pair: (pair[1].kind != "vae", not pair[1].sha256))
        for reference in filter(None, (taught(told, name) for name, told in group[:MOST_TEACHERS])):
            references.add(reference)
            if identity in titles and references.get(reference.name):
                references.entitle(reference.name, titles[identity])
    return references
