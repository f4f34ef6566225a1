"""What was found out about files, kept in a database so that an unchanged file is not opened again.

Nothing here is the user's own: the database can be thrown away at any time and costs one scan to make again. It may be shared
by several processes; what one writes, the others see at their next scan.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..identity.examine import Examination
from ..identity.sketch import Sketch
from .walk import Stamp

logger = logging.getLogger("vae_workbench")

T = TypeVar("T")

VERSION = 3
"""Of the tables and of what an examination tells. Databases of other versions are made anew."""

PATIENCE = 5.0
"""Seconds to wait for another process that is writing; it needs milliseconds."""

TABLES = """
CREATE TABLE files (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, fingerprint TEXT, sha256 TEXT, examination TEXT, sketch TEXT
) WITHOUT ROWID;
CREATE INDEX content ON files (fingerprint);
CREATE TABLE sketches (id TEXT PRIMARY KEY, data BLOB);
CREATE TABLE thumbnails (sketch TEXT, space TEXT, png BLOB, PRIMARY KEY (sketch, space));
"""


@dataclass(frozen=True)
class Record:
    """What is known of one file.

    Attributes:
        stamp: its size and time of change when it was examined.
        fingerprint: see :func:`.fingerprint.fingerprint`; empty for a file that cannot be read.
        examination: what the file tells, its sha256 included.
    """

    stamp: Stamp
    fingerprint: str
    examination: Examination


class Index:
    """The database. Safe for threads.

    A database that is damaged, or of another version, is renamed and made anew; where none can be used (locked for good, a
    folder that may not be written to), one in memory takes its place. Both are logged and kept in :attr:`complaint`.

    Args:
        path: the file; it and its folder need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.complaint = ""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._records: Mapping[str, Record] | None = None
        self._version = 0  # of the data when they were read

    def records(self) -> Mapping[str, Record]:
        """All files, by absolute path. Read again only when another process has changed the database."""

        def read(connection: sqlite3.Connection) -> Mapping[str, Record]:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if self._records is None or version != self._version:
                self._records, self._version = _records(connection), version
            return self._records

        return self._with(read)

    def put(self, records: Mapping[str, Record], gone: Collection[str] = ()) -> None:
        """Adds or replaces these files, and forgets those that are gone."""
        sketches = {r.examination.sketch.id: r.examination.sketch for r in records.values() if r.examination.sketch}

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
            connection.executemany(
                "INSERT OR IGNORE INTO sketches VALUES (?, ?)",
                [(identity, sketch.to_bytes()) for identity, sketch in sketches.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_row(path, record) for path, record in records.items()],
            )
            if gone:
                connection.execute(
                    "DELETE FROM sketches WHERE id NOT IN (SELECT sketch FROM files WHERE sketch NOT NULL)"
                )
                connection.execute("DELETE FROM thumbnails WHERE sketch NOT IN (SELECT id FROM sketches)")

        if not records and not gone:
            return
        with self._lock:
            self._with(write)
            if self._records is not None:
                kept = {path: record for path, record in self._records.items() if path not in gone}
                self._records = {**kept, **records}

    def thumbnail(self, sketch_id: str, space: str | None) -> bytes | None:
        """The picture kept for these weights in this latent space, as PNG."""

        def read(connection: sqlite3.Connection) -> bytes | None:
            rows = connection.execute(
                "SELECT png FROM thumbnails WHERE sketch = ? AND space = ?", (sketch_id, space or "")
            )
            return next((bytes(png) for (png,) in rows), None)

        return self._with(read)

    def keep_thumbnail(self, sketch_id: str, space: str | None, png: bytes) -> None:
        """Keeps a picture for these weights in this latent space until their last file is gone."""
        row = (sketch_id, space or "", png)
        self._with(lambda connection: connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", row))

    def thumbnails(self) -> set[tuple[str, str | None]]:
        """Of which weights in which latent space there is a picture."""
        return self._with(
            lambda connection: {
                (sketch, space or None) for sketch, space in connection.execute("SELECT sketch, space FROM thumbnails")
            }
        )

    def close(self) -> None:
        """Closes the database; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = self._records = None

    def _with(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """One transaction; tried once more with a new database if this one turns out to be unusable."""
        with self._lock:
            try:
                with self._open() as connection:
                    return work(connection)
            except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
                self._replace(error)
            with self._open() as connection:
                return work(connection)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            with contextlib.suppress(OSError):  # the database then cannot be opened, which is told
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connected(str(self.path))
        with self._connection:  # commits, or rolls back
            yield self._connection

    def _replace(self, error: Exception) -> None:
        """Puts a database in the place of one that cannot be used."""
        self.close()
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        if damaged or not isinstance(error, sqlite3.Error):
            with contextlib.suppress(OSError, sqlite3.Error):
                aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
                self.path.replace(aside)
                for ending in ("-wal", "-shm"):
                    self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
                self._connection = _connected(str(self.path))
                self._complain(f"The library's index was damaged ({error}); it is made anew, which takes one scan.")
                return
        self._connection = _connected(":memory:")
        self._complain(
            f"The library's index cannot be used ({error}); what is found is forgotten when the program ends."
        )

    def _complain(self, sentence: str) -> None:
        self.complaint = sentence
        logger.warning("%s It is %s.", sentence, self.path)


def _connected(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            _make(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: sqlite3.Connection) -> None:
    """Makes the tables, in place of those of another version."""
    with connection:
        connection.execute("BEGIN EXCLUSIVE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == VERSION:  # another process was quicker
            return
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            connection.execute(f'DROP TABLE "{name}"')
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _row(path: str, record: Record) -> tuple[object, ...]:
    told = record.examination
    plain = {key: value for key, value in told.to_plain().items() if key not in ("path", "sha256")}
    sketch = told.sketch.id if told.sketch else None
    return (path, *record.stamp, record.fingerprint, told.sha256, json.dumps(plain), sketch)


def _records(connection: sqlite3.Connection) -> dict[str, Record]:
    sketches = {
        identity: Sketch.from_bytes(data) for identity, data in connection.execute("SELECT id, data FROM sketches")
    }
    records = {}
    for path, size, mtime_ns, fingerprint, sha256, examination, sketch in connection.execute("SELECT * FROM files"):
        plain = {**json.loads(examination), "path": path, "sha256": sha256}
        told = Examination.from_plain(plain, sketches[sketch] if sketch else None)
        records[path] = Record((size, mtime_ns), fingerprint, told)
    return records
