"""Small files of JSON that belong to the user: versioned, written whole or not at all, set aside when they are damaged."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import UnreadableFile, UnsupportedFile, UnwritableTarget

logger = logging.getLogger("vae_workbench")

Content = dict[str, Any]
VERSION = "version"


def to_utf8(text: str) -> bytes:
    """JSON as it is written to files: in UTF-8, with ``\\udce9`` and the like, which JSON allows, for the lone surrogates that
    stand for bytes of file names (PEP 383) and that UTF-8 has no place for."""
    return text.encode("utf-8", "backslashreplace")


class StoredJson:
    """One JSON object in a file. Safe for threads; another program's change is seen at the next call.

    Args:
        path: the file; it and its folder need not exist yet.
        version: of the layout that this program writes.
        migrations: version → what turns that version's content into the next version's. All older versions have one.
    """

    def __init__(
        self, path: str | os.PathLike[str], version: int, migrations: Mapping[int, Callable[[Content], Content]]
    ) -> None:
        self.path = Path(path)
        self.version = version
        self._migrations = migrations
        self._lock = threading.RLock()
        self._stamp: tuple[int, int, int] | None = None
        self._content: Content = {}

    def read(self) -> Content:
        """The content, ``{}`` if there is no file. The caller must not change it.

        A file that is no JSON object is renamed to ``<name>.damaged-<time>`` and a warning is logged.

        Raises:
            UnsupportedFile: a newer version of this program wrote it.
            UnreadableFile: the system refuses.
        """
        with self._lock:
            stamp = self._current_stamp()
            if stamp != self._stamp or stamp is None:
                self._content = {} if stamp is None else self._load()
                self._stamp = self._current_stamp()
            return self._content

    def update(self, change: Callable[[Content], None]) -> Content:
        """Lets ``change`` modify a copy of the content, writes it, and returns it. What ``change`` raises is passed on.

        Raises:
            UnwritableTarget: the system refuses; the file is as before.
            UnsupportedFile, UnreadableFile: as :meth:`read`.
        """
        with self._lock:
            content: Content = json.loads(json.dumps(self.read()))
            change(content)
            self._write(content)
            self._content, self._stamp = content, self._current_stamp()
            return content

    def _current_stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _load(self) -> Content:
        try:
            content = json.loads(self.path.read_bytes())
        except OSError as error:
            raise self._unreadable(error) from error
        except (ValueError, RecursionError):
            content = None
        version = content.pop(VERSION, None) if isinstance(content, dict) else None
        if not isinstance(version, int) or isinstance(version, bool):
            return self._set_aside()
        if version > self.version:
            raise UnsupportedFile(
                self.path,
                f"{self.path.name} was written by a newer version of VAE Workbench",
                "Update VAE Workbench, or move that file away",
            )
        try:
            for old in range(version, self.version):
                content = self._migrations[old](content)
        except (KeyError, TypeError, ValueError, AttributeError):
            return self._set_aside()
        return dict(content)

    def _set_aside(self) -> Content:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}")
        try:
            self.path.rename(aside)
        except OSError as error:
            raise self._unreadable(error) from error
        logger.warning("%s was damaged. It was renamed to %s, and an empty one is used.", self.path, aside.name)
        return {}

    def _write(self, content: Content) -> None:
        temporary = self.path.with_name(f".{self.path.name}-{secrets.token_hex(8)}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(to_utf8(json.dumps({VERSION: self.version, **content}, ensure_ascii=False, indent=1)))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
        except OSError as error:
            raise UnwritableTarget(
                self.path,
                f"{self.path} cannot be written: {error.strerror or error}",
                "Check that its folder may be written to and that there is space",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _unreadable(self, error: OSError) -> UnreadableFile:
        return UnreadableFile(
            self.path, f"{self.path} cannot be read: {error.strerror or error}", "Check that you may read it"
        )
