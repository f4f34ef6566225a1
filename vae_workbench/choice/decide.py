"""The one decision: which VAE for this checkpoint, and why. Knows no host, and reads no weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from itertools import takewhile

from ..identity.evidence import SPACE_NAMES
from ..lazy_dataclass import dataclass
from ..library.collection import Collection
from ..library.entry import Entry
from ..printable import printable
from .best_match import Network
from .fit import defect, misfit, title, vae_traits
from .preferences import Preferences
from .proposals import LAST_RESORT, TOP_BAR, Proposal, Question, Rung, Source, ladder

__all__ = ["Choice", "VaeSettings", "Source", "Step", "decide", "to_json"]


@dataclass(frozen=True)
class VaeSettings:
    """What was chosen beside the preferences, as :func:`decide` takes it.

    Attributes:
        setting: of the top bar.
        command_line: the file of ``--vae-path``.
        setting_overrides: "Selected VAE overrides per-model preferences".
        networks: checkpoint file → ``network``, as :func:`decide` takes it.
        refusals: checkpoint file → ``refused``, as :func:`decide` takes it.
    """

    setting: str = "Automatic"
    command_line: Entry | str | None = None
    setting_overrides: bool = True
    networks: Mapping[str, Network] = field(default_factory=dict)
    refusals: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What one of the places where a VAE may be named had to say.

    Attributes:
        source: which place.
        found: the VAE that it named, ``None`` if it named none.
        taken: whether that is the one in use.
        why: why it was taken or not, as a sentence.
    """

    source: Source
    found: str | None
    taken: bool
    why: str


@dataclass(frozen=True)
class Choice:
    """A VAE for a checkpoint, and why.

    Attributes:
        vae: its file; ``None`` for the checkpoint's own.
        source: where it comes from. ``NOTHING`` if the checkpoint has none and none fits it: it cannot be used as it is.
        reason: that in a few words, such as ``override for AOM3``.
        warnings: what was overruled, passed over or guessed, in sentences.
        steps: the whole decision, place by place.
    """

    vae: Entry | None
    source: Source
    reason: str
    warnings: tuple[str, ...]
    steps: tuple[Step, ...]


def to_json(choice: Choice) -> dict[str, object]:
    """The choice as JSON has it, for the terminal and the API."""
    return {
        "vae": choice.vae and choice.vae.name,
        "path": choice.vae and printable(choice.vae.path),
        "source": choice.source.value,
        "reason": choice.reason,
        "warnings": list(choice.warnings),
        "steps": [
            {"source": step.source.value, "found": step.found, "taken": step.taken, "why": step.why}
            for step in choice.steps
        ],
    }


def decide(
    checkpoint: Entry,
    setting: str,
    preferences: Preferences,
    library: Collection,
    command_line: Entry | str | None = None,
    *,
    setting_overrides: bool = True,
    force: bool = False,
    refused: Mapping[str, str] | None = None,
    network: Network | None = None,
    setting_from: str = TOP_BAR,
) -> Choice:
    """Which VAE a checkpoint gets.

    In this order: ``--vae-path``, the top bar, the checkpoint's override, a rule for its name, the default for its latent
    space, a VAE file with exactly its stem (beside it, then elsewhere), its own, the best match in the library. What is
    missing, broken or does not fit is passed over with a warning, and so is what probably does not fit unless it was
    confirmed.

    Args:
        checkpoint: a file of the library.
        setting: of the top bar: ``Automatic``, ``None`` for the checkpoint's own, or a name.
        preferences: of the person.
        library: the files to choose from.
        command_line: the path given by ``--vae-path``; the file itself where it may lie outside the library.
        setting_overrides: "Selected VAE overrides per-model preferences". If not, the top bar is asked after the preferences
            and the files named like the checkpoint.
        force: whether the person confirmed the choice of the top bar or the command line although it probably does not fit.
        refused: path → why that file cannot be used after all, as was found when it was tried; the checkpoint's for its own.
            See :class:`.refusals.Refusals`.
        network: the network that a checkpoint without a VAE gets, as far as the caller knows.
        setting_from: where ``setting`` comes from, if not from the top bar.
    """
    question = Question(checkpoint, setting, preferences, library, command_line, force, network, setting_from)
    refused = refused or {}
    rungs = [_asked(question, rung, refused) for rung in ladder(setting_overrides)]
    if all(one.objection for _, ones in rungs for one in ones):
        rungs.append(_asked(question, LAST_RESORT, refused))
    weighed = [one for _, ones in rungs for one in ones]
    passed = list(takewhile(lambda one: one.objection, weighed))
    taken = next(iter(weighed[len(passed) :]), None)
    steps = tuple(step for rung, ones in rungs for step in _steps(rung, ones, passed, taken))
    warnings = _complaints(passed)
    if taken is None:
        return Choice(None, Source.NOTHING, "no VAE fits", (*warnings, _nothing(checkpoint)), steps)
    warnings += [*filter(None, [taken.caution]), *_suspicions(taken.proposal.vae or checkpoint)]
    for one in weighed[len(passed) :]:
        if one.source is Source.SETTING and one.proposal.vae != taken.proposal.vae:
            told = f"{setting_from[:1].upper()}{setting_from[1:]} says {one.proposal.name}"
            warnings.append(f"{told}, but this comes first: {taken.proposal.reason}.")
    return Choice(taken.proposal.vae, taken.source, taken.proposal.reason, tuple(warnings), steps)


@dataclass(frozen=True)
class _Weighed:
    """A proposal, and what speaks against it.

    Attributes:
        source: where it comes from.
        found: what it is called in sentences.
        objection: why it cannot be used, to be read after a colon; empty if it can.
        caution: what to be warned of if it is used.
    """

    source: Source
    proposal: Proposal
    found: str
    objection: str = ""
    caution: str = ""


def _asked(question: Question, rung: Rung, refused: Mapping[str, str]) -> tuple[Rung, list[_Weighed]]:
    ones = []
    for proposal in rung.propose(question):
        ones.append(_weigh(question, rung.source, proposal, refused))
        if rung is LAST_RESORT and not ones[-1].objection:
            break  # there may be hundreds more
    return rung, ones


def _weigh(question: Question, source: Source, proposal: Proposal, refused: Mapping[str, str]) -> _Weighed:
    checkpoint = question.checkpoint
    own = proposal.vae is None and not proposal.problem
    one = _Weighed(source, proposal, f"{title(checkpoint)}'s own VAE" if own else proposal.name, proposal.problem)
    if one.objection:
        return one
    file = proposal.vae or checkpoint
    if file.path in refused:
        return replace(one, objection=refused[file.path].rstrip("."))
    if own and checkpoint.verdict.kind != "checkpoint":
        return replace(one, caution=f"It cannot be told whether {title(checkpoint)} holds a VAE.")
    vae = vae_traits(file)
    if vae is None:
        return replace(one, objection=defect(file))
    fault = None if own else misfit(checkpoint, vae)
    if fault is None:
        return one
    if fault.certain:
        return replace(one, objection=fault.why)
    if proposal.force:
        return replace(one, caution=f"{one.found} was confirmed, although {fault.why}.")
    return replace(one, objection=f"{fault.why}; confirm it if you want it all the same")


def _steps(rung: Rung, ones: list[_Weighed], passed: list[_Weighed], taken: _Weighed | None) -> Iterator[Step]:
    if not ones:
        yield Step(rung.source, None, False, rung.silence)
    for one in ones:
        if one is taken:
            reason = "nothing above gives another one" if one.source is Source.OWN else one.proposal.reason
            yield Step(one.source, one.found, True, f"It is used: {reason}.")
        elif one in passed:
            yield Step(one.source, one.found, False, f"It cannot be used: {one.objection}.")
        else:
            yield Step(one.source, one.found, False, "Something above comes first.")


def _complaints(passed: list[_Weighed]) -> list[str]:
    """What was passed over, in sentences. That a checkpoint has no VAE is said once."""
    told: list[str] = []
    for one in passed:
        if one.source is not Source.OWN:
            told.append(f"{one.found} ({one.proposal.reason}) is not used: {one.objection}.")
        elif not any(one.objection in sentence for sentence in told):
            told.append(f"{one.found} cannot be used: {one.objection}.")
    return told


def _suspicions(file: Entry) -> list[str]:
    """What is to be warned of about a file that is used."""
    return [f"{file.name}: {warning}" for warning in file.verdict.warnings]


def _nothing(checkpoint: Entry) -> str:
    space = checkpoint.verdict.latent_space
    of = f" for {SPACE_NAMES[space]}" if space else ""
    return f"No VAE fits {title(checkpoint)}: put one{of} into the folder of VAEs and refresh the list."
