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
from pathlib import Path
from typing import TypeVar

from ..identity.examine import Examination
from ..identity.sketch import Sketch
from ..lazy_dataclass import dataclass
from ..printable import printable
from .walk import Stamp

logger = logging.getLogger("vae_workbench")

T = TypeVar("T")

VERSION = 4
"""Of the tables and of what an examination tells. Databases of other versions are made anew."""

PATIENCE = 5.0
"""Seconds to wait for another process that is writing; it needs milliseconds."""

TABLES = """
CREATE TABLE files (
    path BLOB PRIMARY KEY, stamp TEXT, fingerprint TEXT, sha256 TEXT, examination TEXT, sketch TEXT
) WITHOUT ROWID;
CREATE INDEX content ON files (fingerprint);
CREATE TABLE sketches (id TEXT PRIMARY KEY, data BLOB);
CREATE TABLE thumbnails (sketch TEXT, space TEXT, png BLOB, PRIMARY KEY (sketch, space));
"""
"""Paths are bytes, because a file name need not be text (see :func:`_to_bytes`); stamps are JSON, because a time may lie
beyond SQLite's 64 bits (the year 2262)."""

CORRUPT, NOT_A_DATABASE = 11, 26
"""The result codes of SQLite that mean damage: ``SQLITE_CORRUPT`` and ``SQLITE_NOTADB`` (https://sqlite.org/rescode.html)."""

DAMAGE = ("malformed", "not a database")
"""What SQLite says with these codes, for Python 3.10, which does not tell them, and what :func:`_make` says."""


@dataclass(frozen=True)
class Record:
    """What is known of one file.

    Attributes:
        stamp: its size and times when it was examined.
        fingerprint: see :func:`.fingerprint.fingerprint`; empty for a file that could not be read.
        examination: what the file tells, its sha256 included.
    """

    stamp: Stamp
    fingerprint: str
    examination: Examination


class Index:
    """The database. Safe for threads. Whatever happens to it, nothing fails.

    A database that SQLite finds damaged is renamed and made anew. After any other trouble (a full disk, a lock that stays, a
    folder that may not be written to) it is left alone, and what is known is kept in memory until the program ends. Both are
    logged and kept in :attr:`complaint`.

    Args:
        path: the file; it and its folder need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.complaint = ""
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._usable = True
        self._records: Mapping[str, Record] | None = None
        self._version = 0  # of the data when they were read
        self._thumbnails: dict[tuple[str, str], bytes] = {}  # only where no database can be used

    def records(self) -> Mapping[str, Record]:
        """All files, by absolute path. Read again only when another process has changed the database."""

        def read(connection: sqlite3.Connection) -> Mapping[str, Record]:
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if self._records is None or version != self._version:
                self._records, self._version = _records(connection), version
            return self._records

        with self._lock:
            return self._with(read, self._records or {})

    def put(self, records: Mapping[str, Record], gone: Collection[str] = ()) -> None:
        """Adds or replaces these files, and forgets those that are gone."""
        sketches = {r.examination.sketch.id: r.examination.sketch for r in records.values() if r.examination.sketch}

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM files WHERE path = ?", [(_to_bytes(path),) for path in gone])
            connection.executemany(
                "INSERT OR REPLACE INTO sketches VALUES (?, ?)",
                [(identity, sketch.to_bytes()) for identity, sketch in sketches.items()],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)",
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
            self._with(write, None)
            if self._records is not None or not self._usable:
                kept = {path: record for path, record in (self._records or {}).items() if path not in gone}
                self._records = {**kept, **records}

    def thumbnail(self, sketch_id: str, space: str | None) -> bytes | None:
        """The picture kept for these weights in this latent space, as PNG."""
        key = (sketch_id, space or "")

        def read(connection: sqlite3.Connection) -> bytes | None:
            rows = connection.execute("SELECT png FROM thumbnails WHERE sketch = ? AND space = ?", key)
            return next((bytes(png) for (png,) in rows), None)

        return self._with(read, None) or self._thumbnails.get(key)

    def keep_thumbnail(self, sketch_id: str, space: str | None, png: bytes) -> None:
        """Keeps a picture for these weights in this latent space until their last file is gone."""
        key = (sketch_id, space or "")
        self._with(
            lambda connection: connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?)", (*key, png)),
            None,
        )
        if not self._usable:
            self._thumbnails[key] = png

    def thumbnails(self) -> set[tuple[str, str | None]]:
        """Of which weights in which latent space there is a picture."""

        def read(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            return connection.execute("SELECT sketch, space FROM thumbnails").fetchall()

        nothing: list[tuple[str, str]] = []
        return {(sketch, space or None) for sketch, space in (*self._with(read, nothing), *self._thumbnails)}

    def close(self) -> None:
        """Closes the database; the next use opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = self._records = None

    def _with(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """One transaction, tried once more with a new database if this one is damaged; ``otherwise`` where none can be used."""
        with self._lock:
            for _ in range(2):
                if not self._usable:
                    break
                try:
                    with self._open() as connection:
                        return work(connection)
                except Exception as error:  # noqa: BLE001  # the index only saves time: nothing may fail because of it
                    self._recover(error)
            return otherwise

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if self._connection is None:
            with contextlib.suppress(OSError):  # the database then cannot be opened, which is told
                self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connected(str(self.path))
        with self._connection:  # commits, or rolls back
            yield self._connection

    def _recover(self, error: Exception) -> None:
        """Makes way for a new database if this one is damaged; does without one otherwise, and if that has not helped."""
        damaged = _is_damage(error) and not self.complaint
        known = self._records
        self.close()
        if damaged:
            with contextlib.suppress(OSError):
                self._set_aside()
                self._records = None
                self._complain(
                    f"The library's index was damaged ({error}); it is made anew, which takes one scan.", error
                )
                return
        self._usable, self._records = False, known
        self._complain(
            f"The library's index cannot be used ({error}); what is found is forgotten when the program ends.", error
        )

    def _set_aside(self) -> None:
        stem = f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}"
        self.path.replace(self.path.with_name(stem))
        for ending in ("-wal", "-shm"):
            self.path.with_name(self.path.name + ending).unlink(missing_ok=True)

    def _complain(self, sentence: str, error: Exception) -> None:
        self.complaint = sentence
        unexpected = None if isinstance(error, sqlite3.OperationalError) or _is_damage(error) else error
        logger.warning("%s It is %s.", sentence, printable(str(self.path)), exc_info=unexpected)


def _is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file itself is damaged. Nothing else is a reason to set it aside."""
    if not isinstance(error, sqlite3.DatabaseError):
        return False
    code = getattr(error, "sqlite_errorcode", None)  # from Python 3.11 on
    if code is not None:
        return code & 0xFF in (CORRUPT, NOT_A_DATABASE)
    return any(words in str(error) for words in DAMAGE)


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
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        if version == 0 and tables:  # of another program, whose data are not ours to drop
            raise sqlite3.DatabaseError("it is not a database of this program")
        for (name,) in tables:
            connection.execute(f'DROP TABLE "{name}"')
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _to_bytes(path: str) -> bytes:
    """A path as it is stored. Unlike UTF-8 alone, this holds every path, whatever bytes its name is made of (PEP 383)."""
    return path.encode("utf-8", "surrogatepass")


def _row(path: str, record: Record) -> tuple[object, ...]:
    told = record.examination
    plain = {key: value for key, value in told.to_plain().items() if key not in ("path", "sha256")}
    sketch = told.sketch.id if told.sketch else None
    stamp = json.dumps(record.stamp)
    return (_to_bytes(path), stamp, record.fingerprint, told.sha256, json.dumps(plain), sketch)


def _records(connection: sqlite3.Connection) -> dict[str, Record]:
    """All files whose rows can be understood; the others are examined again."""
    sketches = dict(connection.execute("SELECT id, data FROM sketches"))
    read: dict[str, Sketch] = {}  # shared, because hundreds of checkpoints may hold the same VAE
    records = {}
    for row in connection.execute("SELECT * FROM files"):
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            path, stamp, fingerprint, sha256, examination, sketch = row
            path = path.decode("utf-8", "surrogatepass")
            if sketch and sketch not in read:
                read[sketch] = Sketch.from_bytes(sketches[sketch])
            plain = {**json.loads(examination), "path": path, "sha256": sha256}
            told = Examination.from_plain(plain, read[sketch] if sketch else None)
            size, mtime_ns, ctime_ns = json.loads(stamp)
            records[path] = Record((size, mtime_ns, ctime_ns), fingerprint, told)
    return records
