"""What a person prefers: a VAE for a checkpoint, for checkpoints of a name, or for a latent space."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field, replace
from fnmatch import translate
from functools import cached_property, lru_cache
from pathlib import PurePath
from typing import Any

from ..autoencoder.latent_space import LATENT_SPACES
from ..errors import InvalidInput
from ..lazy_dataclass import dataclass
from ..library.entry import Entry
from ..printable import printable
from .fit import vae_traits

OWN = "None"
"""The web UI's name for a checkpoint's own VAE."""


@dataclass(frozen=True)
class PreferredVae:
    """A VAE as a preference names it, or the checkpoint's own.

    Attributes:
        name: as in the library's lists, or :data:`OWN`.
        sketch_id: of its weights, by which it is found after it was renamed.
        force: whether the person confirmed it although it probably does not fit.
    """

    name: str
    sketch_id: str | None = None
    force: bool = False

    @classmethod
    def of(cls, vae: Entry, *, force: bool = False) -> PreferredVae:
        """The one in this file."""
        held = vae_traits(vae)
        return cls(vae.name, held.sketch_id if held else None, force)

    def to_plain(self) -> dict[str, Any]:
        optional = {"sketch_id": self.sketch_id, "force": self.force}
        return {"vae": self.name, **{key: value for key, value in optional.items() if value}}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> PreferredVae:
        sketch_id = plain.get("sketch_id")
        return cls(_text(plain["vae"]), None if sketch_id is None else _text(sketch_id), plain.get("force") is True)


@dataclass(frozen=True)
class Override:
    """The VAE for one checkpoint.

    Attributes:
        checkpoint: its name when it was set.
        vae: the preferred one.
    """

    checkpoint: str
    vae: PreferredVae


@dataclass(frozen=True)
class Rule:
    """The VAE for all checkpoints whose names fit a pattern.

    Attributes:
        pattern: as in a shell, ``*`` for anything; upper and lower case are the same. One with ``/`` is compared with the end
            of the path, one without with the file's name with or without its ending, both as they are shown.
        vae: the preferred one.

    Raises:
        InvalidInput: the pattern is empty or cannot be understood.
    """

    pattern: str
    vae: PreferredVae

    def __post_init__(self) -> None:
        _compiled(self.pattern)

    def fits(self, checkpoint: Entry) -> bool:
        """Whether it is meant for this checkpoint."""
        if "/" in self.pattern:
            path = printable(PurePath(checkpoint.path).as_posix())
            return _compiled(f"*/{self.pattern.lstrip('/')}").match(path.lower()) is not None
        name = printable(os.path.basename(checkpoint.path)).lower()  # noqa: PTH119  # many, and quick
        return any(_compiled(self.pattern).match(it) for it in (name, os.path.splitext(name)[0]))  # noqa: PTH122


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        if pattern.strip():
            return re.compile(translate(pattern.lower()))
    except re.error:
        pass
    raise InvalidInput(f"“{pattern}” is no pattern of names", "Write a name with * for what may differ, such as AOM3*")


@dataclass(frozen=True)
class Preferences:
    """All preferences of a person. Never changes; the methods give changed copies.

    Attributes:
        overrides: by the fingerprint of the checkpoint.
        rules: the first that fits counts.
        defaults: by latent space.
        dismissed: fingerprints of the checkpoints for which no hint is wanted.
    """

    overrides: Mapping[str, Override] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    defaults: Mapping[str, PreferredVae] = field(default_factory=dict)
    dismissed: frozenset[str] = frozenset()

    def override_of(self, checkpoint: Entry, others: Iterable[Entry] = ()) -> Override | None:
        """The override of a checkpoint, by its content; or by its name, if it was replaced by a new version.

        Args:
            others: all checkpoints. An override whose content is among them under a new name is that one's.
        """
        keys = self._keys(checkpoint, others)
        return self.overrides[keys[-1]] if keys else None

    def _keys(self, checkpoint: Entry, others: Iterable[Entry]) -> list[str]:
        """The overrides that count for a checkpoint, the most important last."""
        exact = checkpoint.fingerprint
        named = [key for key in self._by_name.get(checkpoint.name, ()) if key != exact]
        present = {other.fingerprint for other in others} if named else set()
        gone = [key for key in named if key not in present]
        return [*gone, exact] if exact in self.overrides else gone

    @cached_property
    def _by_name(self) -> Mapping[str, list[str]]:
        """The overrides of each name of a checkpoint; there may be thousands, asked for thousands of checkpoints."""
        found: dict[str, list[str]] = {}
        for key, override in self.overrides.items():
            found.setdefault(override.checkpoint, []).append(key)
        return found

    def with_overrides(
        self, checkpoints: Iterable[Entry], vae: PreferredVae | None, others: Collection[Entry]
    ) -> Preferences:
        """With this VAE for these checkpoints; ``None`` takes their overrides away.

        Args:
            others: as in :meth:`override_of`.

        Raises:
            InvalidInput: a file could not be read, so that it would not be known again.
        """
        overrides = dict(self.overrides)
        for checkpoint in checkpoints:
            if not checkpoint.fingerprint:
                raise InvalidInput(f"{checkpoint.name} could not be read", "Choose a checkpoint that can be read")
            for key in self._keys(checkpoint, others):
                overrides.pop(key, None)
            if vae:
                overrides[checkpoint.fingerprint] = Override(checkpoint.name, vae)
        return replace(self, overrides=overrides)

    def with_default(self, latent_space: str, vae: PreferredVae | None) -> Preferences:
        """With this VAE as the default for a latent space; ``None`` takes the default away.

        Raises:
            InvalidInput: there is no such latent space.
        """
        if latent_space not in LATENT_SPACES:
            raise InvalidInput(f"{latent_space} is no latent space", f"Name one of {', '.join(LATENT_SPACES)}")
        defaults = {space: it for space, it in self.defaults.items() if space != latent_space}
        return replace(self, defaults={**defaults, latent_space: vae} if vae else defaults)

    def with_rules(self, rules: Iterable[Rule]) -> Preferences:
        """With these rules instead of the old ones."""
        return replace(self, rules=tuple(rules))

    def with_dismissed(self, checkpoint: Entry, dismissed: bool = True) -> Preferences:
        """Without hints for a checkpoint, or with them again."""
        one = {checkpoint.fingerprint}
        return replace(self, dismissed=self.dismissed | one if dismissed else self.dismissed - one)

    def merged(self, other: Preferences) -> Preferences:
        """Both; where they differ, the other's. Its rules come first."""
        rules = tuple(rule for rule in self.rules if rule not in other.rules)
        return Preferences(
            {**self.overrides, **other.overrides},
            (*other.rules, *rules),
            {**self.defaults, **other.defaults},
            self.dismissed | other.dismissed,
        )

    def to_plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "overrides": {
                key: {"checkpoint": it.checkpoint, **it.vae.to_plain()} for key, it in self.overrides.items()
            },
            "rules": [{"pattern": rule.pattern, **rule.vae.to_plain()} for rule in self.rules],
            "defaults": {space: vae.to_plain() for space, vae in self.defaults.items()},
            "dismissed": sorted(self.dismissed),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Preferences:
        """What :meth:`to_plain` gave, also by way of JSON; parts that are missing are empty.

        Raises:
            ValueError: it is something else.
        """
        try:
            return cls(
                {
                    key: Override(_text(it["checkpoint"]), PreferredVae.from_plain(it))
                    for key, it in plain.get("overrides", {}).items()
                },
                tuple(Rule(_text(it["pattern"]), PreferredVae.from_plain(it)) for it in plain.get("rules", [])),
                {space: PreferredVae.from_plain(it) for space, it in plain.get("defaults", {}).items()},
                frozenset(map(_text, _list(plain.get("dismissed", [])))),
            )
        except (KeyError, TypeError, AttributeError, InvalidInput) as error:
            raise ValueError("these are no preferences") from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _list(value: object) -> Collection[object]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value
