"""Which VAE each checkpoint gets, for pages that show thousands: decided anew only where something has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ...choice.decide import Choice, VaeSettings, decide
from ...choice.preference_store import PreferenceStore
from ...choice.preferences import Override
from ...library.collection import Collection


class Decisions:
    """The choices for all checkpoints of a library. Safe for threads."""

    def __init__(self, store: PreferenceStore, vae_settings: Callable[[Collection], VaeSettings]) -> None:
        self._store = store
        self._vae_settings = vae_settings
        self._lock = threading.Lock()
        self._collection: Collection | None = None
        self._around: Any = None
        self._made: dict[str, tuple[Override | None, Choice]] = {}

    def of(self, collection: Collection) -> Mapping[str, Choice]:
        """The choice for each checkpoint, by its path.

        Raises:
            UnsupportedFile, UnreadableFile: the preferences cannot be read.
        """
        preferences, vae_settings = self._store.read(), self._vae_settings(collection)
        around = (vae_settings, preferences.rules, preferences.defaults)
        with self._lock:
            before = self._made if self._collection is collection and self._around == around else {}
            made: dict[str, tuple[Override | None, Choice]] = {}
            for checkpoint in collection.checkpoints:
                override = preferences.override_of(checkpoint, collection.checkpoints)
                known = before.get(checkpoint.path)
                if known is None or known[0] != override:
                    known = (
                        override,
                        decide(
                            checkpoint,
                            vae_settings.setting,
                            preferences,
                            collection,
                            vae_settings.command_line,
                            setting_overrides=vae_settings.setting_overrides,
                            refused=vae_settings.refusals.get(checkpoint.path),
                            network=vae_settings.networks.get(checkpoint.path),
                        ),
                    )
                made[checkpoint.path] = known
            self._collection, self._around, self._made = collection, around, made
        return {path: choice for path, (_, choice) in made.items()}
