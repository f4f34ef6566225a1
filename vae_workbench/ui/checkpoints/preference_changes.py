"""What a person can change about the VAEs of checkpoints, and what is said of it. All take effect at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...choice.assign import LikelyMisfit, preferred_vae
from ...choice.decide import Source
from ...choice.fit import ARCHITECTURES, network_fault, title, vae_traits
from ...choice.mirror import copies_sentence, mirror
from ...choice.preferences import OWN, Preferences, PreferredVae, Rule
from ...errors import InvalidInput
from ...identity.evidence import SPACE_NAMES
from ...library.collection import Collection
from ...library.entry import Entry
from ...progress import Progress
from ..shared.messages import message, order_button
from ..shared.scan import counted
from ..workbench import Workbench
from .decisions import Decisions

OWN_LABEL = "the checkpoint's own"
"""What :data:`..choice.preferences.OWN` is called here."""

MOST_PROBLEMS = 3


class PreferenceChanges:
    """Each method changes the preferences and returns what is said of it, as HTML; wrong input raises a WorkbenchError."""

    def __init__(self, workbench: Workbench, decisions: Decisions) -> None:
        self._workbench = workbench
        self._store = workbench.preferences
        self._decisions = decisions

    @property
    def _library(self) -> Collection:
        return self._workbench.library.collection()

    def use(self, progress: Progress, names: Sequence[str], vae: str, force: bool = False) -> str:
        """Sets the override of these checkpoints. What probably does not fit is asked about first."""
        library = self._library
        checkpoints = _checkpoints(names, library)
        try:
            preferred = preferred_vae(vae, checkpoints, library, force=force)
        except LikelyMisfit as doubt:
            order = {"do": "use", "names": list(names), "vae": vae, "force": True}
            return message(f"{doubt.what}.", "warning", order_button("Use it all the same", order))
        problems = self._override(progress, checkpoints, preferred)
        choices = self._decisions.of(library)
        overruled = [choice for it in checkpoints if (choice := choices[it.path]).source is not Source.OVERRIDE]
        verb = "uses" if len(checkpoints) == 1 else "use"
        told = message(f"{_these(checkpoints)} {verb} {called(vae)} from now on.")
        if overruled:
            many = f"For {len(overruled)} of them something else" if len(checkpoints) > 1 else "But something else"
            told = message(f"It is set. {many} comes first: {overruled[0].reason}.", "warning")
        return told + _copies(checkpoints, library) + problems

    def clear(self, progress: Progress, names: Sequence[str]) -> str:
        """Takes the overrides of these checkpoints away."""
        library = self._library
        checkpoints = _checkpoints(names, library)
        problems = self._override(progress, checkpoints, None)
        have = "has no override" if len(checkpoints) == 1 else "have no overrides"
        return message(f"{_these(checkpoints)} {have} any more.") + _copies(checkpoints, library) + problems

    def dismiss(self, progress: Progress, names: Sequence[str]) -> str:
        """Gives no hints for these checkpoints any more."""
        checkpoints = _checkpoints(names, self._library)

        def dismiss(now: Preferences) -> Preferences:
            for checkpoint in checkpoints:
                now = now.with_dismissed(checkpoint)
            return now

        problems = self._change(progress, lambda: self._store.change(dismiss))
        return message(f"There will be no hint for {_these(checkpoints)} any more.") + problems

    def add_rule(self, progress: Progress, pattern: str, vae: str) -> str:
        """Adds a rule at the end, or gives the rule of this pattern another VAE."""
        library = self._library
        rule = Rule(pattern.strip(), preferred_vae(vae, [], library))
        meant = [checkpoint for checkpoint in library.checkpoints if rule.fits(checkpoint)]

        def add(now: Preferences) -> Preferences:
            if any(it.pattern == rule.pattern for it in now.rules):
                return now.with_rules(rule if it.pattern == rule.pattern else it for it in now.rules)
            return now.with_rules((*now.rules, rule))

        problems = self._change(progress, lambda: self._store.change(add), follow=meant)
        if not meant:
            return message(f"It is kept, but no checkpoint is called {rule.pattern} so far.", "warning") + problems
        choices = self._decisions.of(library)
        others = [choice for it in meant if (choice := choices[it.path]).reason != f"rule for {rule.pattern}"]
        told = f"The rule for {rule.pattern} fits {counted(len(meant), 'checkpoint')}."
        if others:
            told += f" For {len(others)} of them something else comes first: {others[0].reason}."
        return message(told) + problems

    def move_rule(self, progress: Progress, place: int, by: int) -> str:
        """Lets a rule count before another one; the first that fits counts."""

        def move(now: Preferences) -> Preferences:
            rules = list(now.rules)
            if 0 <= place < len(rules) and 0 <= place + by < len(rules):
                rules.insert(place + by, rules.pop(place))
            return now.with_rules(rules)

        problems = self._change(progress, lambda: self._store.change(move), follow=self._library.checkpoints)
        return message("The rules are asked from top to bottom; the first that fits counts.") + problems

    def remove_rule(self, progress: Progress, pattern: str) -> str:
        """Takes a rule away."""

        def remove(now: Preferences) -> Preferences:
            return now.with_rules(rule for rule in now.rules if rule.pattern != pattern)

        problems = self._change(progress, lambda: self._store.change(remove), follow=self._library.checkpoints)
        return message(f"There is no rule for {pattern} any more.") + problems

    def set_default(self, progress: Progress, space: str, vae: str | None) -> str:
        """Sets the VAE for all checkpoints of a latent space; ``None`` takes it away."""
        library, name = self._library, SPACE_NAMES[space]
        if vae not in (None, OWN, *(entry.name for entry in fitting(space, library))):
            raise InvalidInput(f"{vae} is no VAE for {name}", "Choose one of the list")
        preferred = None if vae is None else preferred_vae(vae, [], library)
        meant = [checkpoint for checkpoint in library.checkpoints if checkpoint.verdict.latent_space == space]
        change = partial(self._store.change, lambda now: now.with_default(space, preferred))
        problems = self._change(progress, change, follow=meant)
        told = f"There is no default for {name} any more." if vae is None else f"Default for {name}: {called(vae)}."
        return message(told) + problems

    def undo(self, progress: Progress) -> str:
        """Takes the last change back."""
        problems = self._change(progress, self._store.undo, mirrored=self._library.checkpoints)
        return message("The last change was taken back.") + problems

    def import_from(self, progress: Progress, exported: bytes | None) -> str:
        """Adds exported preferences to those here."""
        try:
            text = (exported or b"").decode("utf-8-sig")
        except UnicodeDecodeError:
            text = ""  # refused like any other file that is none of ours
        change = partial(self._store.import_from, text)
        problems = self._change(progress, change, mirrored=self._library.checkpoints)
        now = self._store.read()
        here = (len(now.overrides), "override"), (len(now.rules), "rule"), (len(now.defaults), "default")
        return message(f"Imported. There are {', '.join(counted(*it) for it in here)} now.") + problems

    def heed(self, progress: Progress) -> str:
        """Follows what was set in the web UI's own metadata meanwhile."""
        return self._change(progress, lambda: None, mirrored=self._library.checkpoints)

    def _override(self, progress: Progress, checkpoints: Sequence[Entry], vae: PreferredVae | None) -> str:
        def change(now: Preferences) -> Preferences:
            return now.with_overrides(checkpoints, vae, self._library.checkpoints)

        return self._change(progress, lambda: self._store.change(change), mirrored=checkpoints)

    def _change(
        self,
        progress: Progress,
        change: Callable[[], object],
        *,
        mirrored: Sequence[Entry] = (),
        follow: Sequence[Entry] = (),
    ) -> str:
        """Makes a change, then has everything else follow; returns what did not, as HTML.

        Args:
            mirrored: checkpoints whose overrides are changed. What was set in the web UI meanwhile is older than that.
            follow: checkpoints that may get another VAE by it otherwise.
        """
        progress(0.0, "storing it")
        mirror(self._store, mirrored, self._library)
        change()
        problems = mirror(self._store, mirrored, self._library)
        problems = (*problems, *self._workbench.follow((*mirrored, *follow), progress))
        told = [message(problem, "error") for problem in problems[:MOST_PROBLEMS]]
        more = len(problems) - len(told)
        return "".join(told) + (message(f"And {counted(more, 'more problem')}.", "error") if more else "")


def fitting(space: str, library: Collection) -> list[Entry]:
    """The VAEs that may be the default of a latent space: those of it, and those of which nobody can tell."""
    held = ((entry, vae_traits(entry)) for entry in library.vaes)
    return [
        entry
        for entry, vae in held
        if vae
        and vae.architecture == ARCHITECTURES[space]
        and vae.latent_space in (space, None)
        and not network_fault(vae)
    ]


def called(vae: str) -> str:
    """A VAE of the preferences, as people call it."""
    return OWN_LABEL + " VAE" if vae == OWN else vae


def _checkpoints(names: Sequence[str], library: Collection) -> list[Entry]:
    if not names:
        raise InvalidInput("No checkpoint is chosen", "Choose one in the table, or mark several")
    found = []
    for name in names:
        entry = library.by_name(name)
        if entry is None:
            raise InvalidInput(f"{name} is no longer there", "Scan again")
        if entry.verdict.kind != "checkpoint":
            raise InvalidInput(f"{name} is not a checkpoint", "Choose one in the table")
        found.append(entry)
    return found


def _copies(checkpoints: Sequence[Entry], library: Collection) -> str:
    sentence = copies_sentence(checkpoints, library)
    return message(sentence) if sentence else ""


def _these(checkpoints: Sequence[Entry]) -> str:
    return title(checkpoints[0]) if len(checkpoints) == 1 else counted(len(checkpoints), "checkpoint")
