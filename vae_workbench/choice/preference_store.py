"""The preferences in a file of the user's own: changed, undone, imported and exported."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from ..errors import InvalidInput, WorkbenchError
from ..stored import VERSION, Content, StoredJson, to_utf8
from .preferences import Preferences

LAYOUT = 1
MOST_UNDONE = 100
"""Changes that can be undone."""

MIRRORED = "mirrored"
"""The key, beside those of the preferences, of what the web UI's own files said when they were last looked at."""

Change = Callable[[Preferences], Preferences]
Value = TypeVar("Value")


class PreferenceStore:
    """A person's preferences in a file. Safe for threads; another program's change is seen at the next call.

    A file that holds no preferences is set aside, see :class:`..stored.StoredJson`.

    Args:
        path: the file; it and its folder need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = _PreferencesFile(path, LAYOUT, {})
        self._done: deque[tuple[Preferences, Preferences]] = deque(maxlen=MOST_UNDONE)

    def read(self) -> Preferences:
        """The preferences; empty ones if there is no file yet.

        Raises:
            UnsupportedFile: a newer version of this program wrote it.
            UnreadableFile: the system refuses.
        """
        return Preferences.from_plain(self._file.read())

    def read_or_none(self) -> tuple[Preferences, str]:
        """The preferences; or none, and a sentence on why they cannot be read. No trouble with them keeps anything else from
        working: what is chosen without them is what the web UI alone would choose."""
        try:
            return self.read(), ""
        except WorkbenchError as error:
            return Preferences(), f"Your preferences are not followed: {error}"

    def change(self, change: Change, *, undoable: bool = True) -> Preferences:
        """Replaces the preferences by what ``change`` makes of them, and returns them.

        Example: ``store.change(lambda now: now.with_overrides([checkpoint], vae, checkpoints))``

        Raises:
            UnwritableTarget: the system refuses; the file is as before.
            UnsupportedFile, UnreadableFile: as :meth:`read`; and what ``change`` raises.
        """
        before = after = Preferences()

        def apply(content: Content) -> None:
            nonlocal before, after
            before = Preferences.from_plain(content)
            after = change(before)
            content.update(after.to_plain())

        self._file.update(apply)
        if undoable and after != before:
            self._done.append((before, after))
        return after

    @property
    def can_undo(self) -> bool:
        """Whether this program has changed something that it has not undone."""
        return bool(self._done)

    def undo(self) -> Preferences:
        """Takes the last change back, and nothing that was changed otherwise since.

        Raises:
            InvalidInput: there is nothing to undo.
            UnwritableTarget, UnsupportedFile, UnreadableFile: as :meth:`change`.
        """
        if not self._done:
            raise InvalidInput("There is nothing to undo")
        before, after = self._done[-1]
        undone = self.change(lambda now: _taken_back(now, before, after), undoable=False)
        self._done.pop()
        return undone

    def export(self) -> str:
        """All preferences as JSON, for :meth:`import_from`."""
        return to_utf8(json.dumps({VERSION: LAYOUT, **self.read().to_plain()}, ensure_ascii=False, indent=1)).decode()

    def import_from(self, text: str) -> Preferences:
        """Adds exported preferences to those here; where they differ, the imported ones count. It can be undone.

        Raises:
            InvalidInput: this is no such JSON.
            UnwritableTarget, UnsupportedFile, UnreadableFile: as :meth:`change`.
        """
        try:
            content = json.loads(text)
            if not isinstance(content, dict) or content.get(VERSION) != LAYOUT:
                raise ValueError("another layout")
            imported = Preferences.from_plain(content)
        except (ValueError, RecursionError):
            raise InvalidInput("This file holds no preferences", "Choose one that was exported here") from None
        return self.change(lambda now: now.merged(imported))

    def mirrored(self) -> dict[str, str]:
        """Path of a file of the web UI → the VAE that it named when it was last looked at."""
        return dict(self._file.read().get(MIRRORED, {}))

    def keep_mirrored(self, mirrored: Mapping[str, str]) -> None:
        """Remembers that, unless it is what is remembered already."""
        if mirrored != self.mirrored():
            self._file.update(lambda content: content.update({MIRRORED: dict(mirrored)}))


def store_in(folder: str | os.PathLike[str]) -> PreferenceStore:
    """The preferences that lie in the folder of a user's data; nothing is made before it is used."""
    return PreferenceStore(Path(folder) / "preferences.json")


class _PreferencesFile(StoredJson):
    def _load(self) -> Content:
        content = super()._load()
        try:
            Preferences.from_plain(content)
            dict[str, str](content.get(MIRRORED, {}))
        except (ValueError, TypeError):
            return self._set_aside()
        return content


def _taken_back(now: Preferences, before: Preferences, after: Preferences) -> Preferences:
    return Preferences(
        _restored(now.overrides, before.overrides, after.overrides),
        now.rules if before.rules == after.rules else before.rules,
        _restored(now.defaults, before.defaults, after.defaults),
        now.dismissed - (after.dismissed - before.dismissed) | (before.dismissed - after.dismissed),
    )


def _restored(now: Mapping[str, Value], before: Mapping[str, Value], after: Mapping[str, Value]) -> dict[str, Value]:
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    kept = {key: value for key, value in now.items() if key not in changed}
    return {**kept, **{key: value for key, value in before.items() if key in changed}}
