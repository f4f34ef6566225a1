"""The places where a VAE for a checkpoint may be named, and what each of them proposes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

from ..identity.evidence import SPACE_NAMES
from ..lazy_dataclass import dataclass
from ..library.collection import Collection
from ..library.entry import Entry
from ..printable import printable
from .best_match import Network, best_matches
from .find import find_vaes
from .fit import title
from .preferences import OWN, Preferences, PreferredVae

AUTOMATIC = ("Automatic", "auto", "")
"""Settings of the web UI that choose nothing; ``auto`` is from old configurations."""

TOP_BAR = "the top bar"

BESIDE_ENDINGS = (".vae.safetensors", ".vae.sft", ".vae.pt", ".vae.ckpt")
FOLDER_ENDINGS = (*BESIDE_ENDINGS, ".safetensors", ".sft", ".pt", ".ckpt")
"""What the web UI takes for a VAE: beside checkpoints these endings after the checkpoint's stem, in the folders of VAEs the
plain ones too. ``.sft`` is another name of safetensors."""


class Source(Enum):
    """Where a choice comes from."""

    COMMAND_LINE = "command line"
    SETTING = "setting"
    OVERRIDE = "override"
    PATTERN = "pattern"
    DEFAULT = "default"
    BESIDE = "beside"
    OWN = "own"
    BEST_MATCH = "best match"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Question:
    """What is decided about. See :func:`.decide.decide`."""

    checkpoint: Entry
    setting: str
    preferences: Preferences
    library: Collection
    command_line: Entry | str | None
    force: bool
    network: Network | None
    setting_from: str


@dataclass(frozen=True)
class Proposal:
    """A VAE that one of the places names.

    Attributes:
        name: what it is called there.
        reason: why it would be taken, in a few words.
        vae: its file; ``None`` for the checkpoint's own.
        problem: why there is no such file, to be read after a colon.
        force: whether the person confirmed it although it probably does not fit.
    """

    name: str
    reason: str
    vae: Entry | None = None
    problem: str = ""
    force: bool = False


@dataclass(frozen=True)
class Rung:
    """One of the places.

    Attributes:
        source: which.
        propose: what it proposes, best first.
        silence: what is said when it proposes nothing.
    """

    source: Source
    propose: Callable[[Question], Iterator[Proposal]]
    silence: str


def ladder(setting_overrides: bool) -> tuple[Rung, ...]:
    """The places in their order, but for :data:`LAST_RESORT`; the top bar comes before the preferences, or after them."""
    preferences = (_OVERRIDE, _PATTERNS, _DEFAULT, _BESIDE)
    chosen = (_SETTING, *preferences) if setting_overrides else (*preferences, _SETTING)
    return (_COMMAND_LINE, *chosen, _OWN)


def _command_line(question: Question) -> Iterator[Proposal]:
    given = question.command_line
    if given:
        vae = given if isinstance(given, Entry) else question.library.by_path(given)
        name = vae.name if vae else printable(str(given))
        yield Proposal(name, "given by --vae-path", vae, "" if vae else "there is no such file", question.force)


def _setting(question: Question) -> Iterator[Proposal]:
    if question.setting not in AUTOMATIC:
        wanted = PreferredVae(question.setting, force=question.force)
        yield _proposal(question.library, wanted, f"chosen in {question.setting_from}")


def _override(question: Question) -> Iterator[Proposal]:
    override = question.preferences.override_of(question.checkpoint, question.library.checkpoints)
    if override:
        yield _proposal(question.library, override.vae, f"override for {title(question.checkpoint)}")


def _patterns(question: Question) -> Iterator[Proposal]:
    for rule in question.preferences.rules:
        if rule.fits(question.checkpoint):
            yield _proposal(question.library, rule.vae, f"rule for {rule.pattern}")


def _default(question: Question) -> Iterator[Proposal]:
    space = question.checkpoint.verdict.latent_space
    default = question.preferences.defaults.get(space or "")
    if space and default:
        yield _proposal(question.library, default, f"default for {SPACE_NAMES[space]}")


def _beside(question: Question) -> Iterator[Proposal]:
    """Files with exactly the checkpoint's stem: in its own folder, then elsewhere unless they belong to a namesake there."""
    library, path = question.library, Path(question.checkpoint.path)
    stem = path.stem
    for ending in BESIDE_ENDINGS:
        beside = library.by_path(path.with_name(stem + ending))
        if beside:
            yield Proposal(beside.name, "beside the checkpoint", beside)
    names = {stem + ending: rank for rank, ending in enumerate(FOLDER_ENDINGS)}
    namesakes = [vae for vae in library.vaes if stem in vae.path and Path(vae.path).name in names]
    rivals = library.checkpoints if namesakes else ()
    taken = {path.parent, *(Path(rival.path).parent for rival in rivals if Path(rival.path).stem == stem)}
    for vae in sorted(namesakes, key=lambda vae: (names[Path(vae.path).name], vae.path)):
        if Path(vae.path).parent not in taken:
            yield Proposal(vae.name, "named like the checkpoint", vae)


def _own(_: Question) -> Iterator[Proposal]:
    yield Proposal(OWN, "the checkpoint's own")


def _best_match(question: Question) -> Iterator[Proposal]:
    reason = f"the best match for {title(question.checkpoint)}, which has no VAE that can be used"
    for vae in best_matches(question.checkpoint, question.library, question.network):
        yield Proposal(vae.name, reason, vae)


def _proposal(library: Collection, wanted: PreferredVae, reason: str) -> Proposal:
    if wanted.name == OWN:
        return Proposal(OWN, reason)
    found = find_vaes(library, wanted.name, wanted.sketch_id)
    if len(found) == 1:
        return Proposal(found[0].name, reason, found[0], force=wanted.force)
    names = ", ".join(sorted(entry.name for entry in found))
    problem = f"several files are called so ({names})" if found else "there is no such file"
    return Proposal(printable(wanted.name), reason, problem=problem)


_COMMAND_LINE = Rung(Source.COMMAND_LINE, _command_line, "--vae-path was not given.")
_SETTING = Rung(Source.SETTING, _setting, "The top bar says Automatic.")
_OVERRIDE = Rung(Source.OVERRIDE, _override, "This checkpoint has no override.")
_PATTERNS = Rung(Source.PATTERN, _patterns, "No rule fits its name.")
_DEFAULT = Rung(Source.DEFAULT, _default, "There is no default for its latent space.")
_BESIDE = Rung(Source.BESIDE, _beside, "No VAE file has its name.")
_OWN = Rung(Source.OWN, _own, "")
LAST_RESORT = Rung(Source.BEST_MATCH, _best_match, "No VAE in the library fits it.")
"""Asked when all others have named nothing that can be used."""
