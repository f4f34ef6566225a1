"""The user's VAEs and checkpoints: found, told apart, remembered."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import InvalidInput, WorkbenchError
from ..identity.hashes import sha256_of
from ..lazy_dataclass import dataclass
from ..printable import printable
from ..progress import Progress, silent
from ..stored import StoredJson
from .collection import Collection, collect
from .entry import Entry
from .examine_file import examine_file, without_ctime
from .index import Index, Record
from .walk import FoundFiles, Stamp, stamp_of, walk

KEPT_EVERY = 2.0
"""Seconds between two writings of what was found so far. Nothing more than that is lost when a scan is cancelled or killed."""

NAMES = "names"


@dataclass(frozen=True)
class ScanReport:
    """What a scan found.

    Attributes:
        files: how many there are now.
        examined: how many of them were new or changed, and so were opened.
        gone: how many are no longer there.
        complaints: a sentence for each folder or file that could not be read, for the index or the names if they could not be
            used, and for kinds of files that are not read.
        seconds: how long it took.
    """

    files: int
    examined: int
    gone: int
    complaints: tuple[str, ...]
    seconds: float


class Library:
    """The user's files and what is known of them. Safe for threads; several processes may share its files.

    No trouble with one file, with the index or with the names keeps it from telling of all the others: it is told in
    :attr:`ScanReport.complaints`.

    Args:
        database: the index; it is made when it is needed.
        names: the JSON file with the names that the user gave.
    """

    def __init__(self, database: str | os.PathLike[str], names: str | os.PathLike[str]) -> None:
        self.index = Index(database)
        self.report: ScanReport | None = None
        self._names = StoredJson(names, 1, {})
        self._writing = threading.Lock()  # one scan, or one other change, at a time
        self._records: Mapping[str, Record] = {}
        self._collection: Collection | None = None

    def collection(self) -> Collection:
        """All files as the last scan found them."""
        collection = self._collection
        if collection is None:
            collection = self._collection = collect(self._records, self._titles()[0])
        return collection

    def scan(self, folders: Iterable[str | os.PathLike[str]], progress: Progress = silent) -> ScanReport:
        """Looks at all files below these folders; only those that are new or changed are opened.

        Files that were known from other folders are not part of the library any more. If it is cancelled, what was found
        until then stays, and the next scan goes on from there.

        Raises:
            Cancelled: ``progress`` raised it.
        """
        with self._writing:
            start = time.perf_counter()
            found = walk(folders, progress)
            known = self.index.records()
            gone = _gone(known, found)
            same = _unchanged(known, found.files)
            fresh = {path: stamp for path, stamp in found.files.items() if path not in same}
            try:
                self._examine(fresh, same, _hashes(known, found), progress)
            finally:
                self.index.put({}, gone)
                self._show(same)
            complaints = (*found.complaints, *found.remarks, *self.complaints())
            report = ScanReport(len(found.files), len(fresh), len(gone), complaints, time.perf_counter() - start)
            self.report = report
            progress(1.0, "done")
            return report

    def complaints(self) -> tuple[str, ...]:
        """A sentence for the index and for the names, if they could not be used."""
        return tuple(filter(None, (self.index.complaint, self._titles()[1])))

    def entry(self, path: str | os.PathLike[str]) -> Entry:
        """One file, which need not have been scanned: if it is new or changed, it is opened now."""
        collection = self.collection()
        entry = collection.by_path(path)
        where = os.path.abspath(path)  # noqa: PTH100  # resolve() would follow links
        stamp = stamp_of(where)
        if entry is not None and entry.stamp == stamp:
            return entry
        return collection.judged(where, examine_file(where, stamp or (0, 0, 0), {}))

    def among(self, paths: Iterable[str | os.PathLike[str]]) -> Collection:
        """A collection of these files alone, for when they are needed before the folders were scanned. New ones are opened."""
        with self._writing:
            known = self.index.records()
            asked = {where: stamp_of(where) for where in (os.path.abspath(path) for path in paths)}  # noqa: PTH100
            stamps = {path: stamp for path, stamp in asked.items() if stamp}
            records = _unchanged(known, stamps)
            fresh = {path: stamp for path, stamp in stamps.items() if path not in records}
            self._examine(fresh, records, {}, silent)
            return collect(records, self._titles()[0])

    def same_content(self, entry: Entry) -> list[str]:
        """Paths of the other files with the content of this one, among all that any scan has found."""
        return [
            path
            for path, record in self.index.records().items()
            if entry.fingerprint and record.fingerprint == entry.fingerprint and path != entry.path
        ]

    def entitle(self, sketch_id: str, title: str | None) -> None:
        """Gives a VAE, and so all its copies, a name; ``None`` takes it back.

        Raises:
            InvalidInput: the name is empty, or longer than 100 characters.
            FileProblem: it cannot be stored.
        """
        if title is not None and not 0 < len(title.strip()) <= 100:
            raise InvalidInput("This is no name for a VAE", "Give one of 1 to 100 characters")

        def change(content: dict[str, object]) -> None:
            names = content.setdefault(NAMES, {})
            assert isinstance(names, dict)
            names.pop(sketch_id, None)
            if title is not None:
                names[sketch_id] = title.strip()

        self._names.update(change)
        self._collection = None

    def compute_sha256(self, path: str | os.PathLike[str], progress: Progress = silent) -> str:
        """The sha256 of a file of the library, which is then known and may tell its name.

        Args:
            path: a file that was found.
            progress: called every few MB; it may wait, so that pictures are not disturbed.

        Raises:
            InvalidInput: the file is not in the library.
            UnreadableFile: it is gone, or was changed meanwhile.
            Cancelled: ``progress`` raised it.
        """
        where = os.path.abspath(path)  # noqa: PTH100
        if where not in self._records:
            raise InvalidInput(f"{printable(Path(where).name)} is not in the library", "Scan again")
        digest = sha256_of(where, progress)
        with self._writing:
            record = self._records.get(where)
            if record is not None and record.stamp == stamp_of(where):
                told = replace(record, examination=replace(record.examination, sha256=digest))
                self.index.put({where: told})
                self._show({**self._records, where: told})
        return digest

    def unhashed(self) -> list[str]:
        """Paths of the VAE files whose sha256 is not known, the smallest first."""
        waiting = [entry for entry in self.collection().vaes if not entry.sha256 and entry.verdict.kind == "vae"]
        return [entry.path for entry in sorted(waiting, key=lambda entry: entry.size)]

    def thumbnail(self, sketch_id: str, space: str | None) -> bytes | None:
        """The picture kept for these weights in this latent space, as PNG."""
        return self.index.thumbnail(sketch_id, space)

    def keep_thumbnail(self, sketch_id: str, space: str | None, png: bytes) -> None:
        """Keeps a picture for these weights in this latent space."""
        self.index.keep_thumbnail(sketch_id, space, png)

    def thumbnails(self) -> set[tuple[str, str | None]]:
        """Of which weights, by the id of their sketch, in which latent space there is a picture."""
        return self.index.thumbnails()

    def _examine(
        self,
        fresh: Mapping[str, Stamp],
        records: dict[str, Record],
        hashes: Mapping[tuple[Stamp, str], str],
        progress: Progress,
    ) -> None:
        """Examines files and adds them to ``records``; what was done is kept when it is cancelled."""
        unkept: dict[str, Record] = {}
        kept = time.monotonic()
        try:
            for number, (path, stamp) in enumerate(fresh.items()):
                progress(number / len(fresh), f"Examining {printable(Path(path).name)}")
                record, before = examine_file(path, stamp, hashes), self._records.get(path)
                if before and not record.fingerprint and before.examination == record.examination:
                    record = before  # still unreadable, so that nothing has changed
                records[path] = unkept[path] = record
                if time.monotonic() - kept > KEPT_EVERY:
                    self.index.put(unkept)
                    unkept, kept = {}, time.monotonic()
        finally:
            self.index.put(unkept)

    def _show(self, records: Mapping[str, Record]) -> None:
        before = self._records
        if records.keys() != before.keys() or any(before[path] is not record for path, record in records.items()):
            self._records, self._collection = records, None

    def _titles(self) -> tuple[dict[str, str], str]:
        """The names that the user gave, and a sentence if they cannot be read."""
        try:
            names = self._names.read().get(NAMES, {})
        except WorkbenchError as error:
            return {}, f"The names that you gave are not shown: {error}"
        return {str(key): str(value) for key, value in names.items()} if isinstance(names, dict) else {}, ""


def _unchanged(known: Mapping[str, Record], stamps: Mapping[str, Stamp]) -> dict[str, Record]:
    """The files that are as they were when they were examined."""
    return {
        path: known[path]
        for path, stamp in stamps.items()
        if path in known and known[path].stamp == stamp and known[path].fingerprint
    }


def _hashes(known: Mapping[str, Record], found: FoundFiles) -> dict[tuple[Stamp, str], str]:
    """The sha256 of files that are no longer where they were, by what tells them again. A file that changed where it is gets
    none of these: another one of its size and date may have taken its place, and differ in a few bytes only."""
    return {
        (without_ctime(record.stamp), record.fingerprint): record.examination.sha256
        for path, record in known.items()
        if path not in found.files and record.examination.sha256 and record.fingerprint
    }


def _gone(known: Mapping[str, Record], found: FoundFiles) -> list[str]:
    """Known files that are no longer there. Below folders that could not be read, such as those of a drive that is not
    plugged in, nothing is gone."""
    unread = tuple(folder.rstrip(os.sep) + os.sep for folder in found.unread)
    return [
        path
        for path in known
        if path not in found.files and not path.startswith(unread) and not os.path.exists(path)  # noqa: PTH110
    ]
