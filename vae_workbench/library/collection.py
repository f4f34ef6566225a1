"""All files of the library at one moment, each judged in the light of all others."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from ..identity.examine import Examination
from ..identity.judge import judge, taught
from ..identity.relatives.kinship import Relations, relate
from ..identity.relatives.lineage import Vae, is_published
from ..identity.relatives.references import References
from ..identity.sketch import Sketch
from ..identity.verdict import Certainty, Verdict
from ..lazy_dataclass import dataclass
from ..printable import printable
from .entry import Entry
from .index import Record
from .naming import NameIndex, distinct_names

logger = logging.getLogger("vae_workbench")

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
        """The files that are VAEs, or were one before they were damaged: what is counted as a VAE file, wherever files are
        counted. Halves of VAEs are among them. Files of which nobody can tell what they were are :attr:`unreadable`."""
        return tuple(entry for entry in self.entries if is_vae(entry))

    @cached_property
    def unreadable(self) -> tuple[Entry, ...]:
        """The broken files of which cannot be told whether they were VAEs."""
        return tuple(entry for entry in self.entries if entry.verdict.kind == "broken" and not is_vae(entry))

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
        try:
            return self._by_path.get(plain) or self._by_real_path.get(os.path.realpath(plain))
        except (OSError, ValueError):  # a name that no file can have
            return None

    def judged(self, path: str, record: Record) -> Entry:
        """A file that is not in the library, or was changed since, judged in its light."""
        return _entry(printable(Path(path).name), path, record, self.references)

    def called(self, name: str) -> tuple[Entry, ...]:
        """The files that may be meant by a name: exactly so in the lists, or else as :class:`.naming.NameIndex` finds them."""
        listed = self.by_name(name)
        return (listed,) if listed else self._names.find(name)

    @cached_property
    def relations(self) -> tuple[tuple[Entry, ...], Relations]:
        """The VAE files whose weights can be compared, and how they are related. Takes up to a second."""
        compared = {
            entry: _vae(entry, told.sketch)
            for entry in self.vaes
            if (told := self.examinations[entry.path]).sketch and not told.sketch.blank
        }
        return tuple(compared), relate(list(compared.values()))

    @cached_property
    def _names(self) -> NameIndex[Entry]:
        """Each file by its name in the lists, and by its own."""
        own = ((os.path.basename(entry.path), entry) for entry in self.entries)  # noqa: PTH119  # many, and quick
        return NameIndex((*((entry.name, entry) for entry in self.entries), *own))

    @cached_property
    def _by_name(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    @cached_property
    def _by_path(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.entries}

    @cached_property
    def _by_real_path(self) -> dict[str, Entry]:
        return {os.path.realpath(entry.path): entry for entry in self.entries}


def _vae(entry: Entry, sketch: Sketch) -> Vae:
    known = entry.verdict.known_as
    return Vae(known or entry.name, sketch, is_published(known), entry.mtime_ns)


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
    try:
        verdict = judge(told, references, name)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one file, the others are told
        logger.warning("%s could not be judged", printable(path), exc_info=error)
        why = f"{name} could not be judged ({type(error).__name__}: {printable(str(error))})."
        verdict = Verdict(path, "broken", Certainty.UNKNOWN, (why,), error=why)
    size, mtime_ns, ctime_ns = record.stamp
    return Entry(name, path, size, mtime_ns, record.fingerprint, verdict, told.sha256, ctime_ns)


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
