"""From what a file tells and what is known of others to a verdict. Reads no file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .evidence import SPACE_NAMES, Evidence, LatentSpaceVerdict, combine_evidence
from .examine import Examination
from .known import by_sha256
from .relatives.references import Kin, Match, Reference, References
from .verdict import Baked, Certainty, Relative, Verdict


def judge(found: Examination, references: References, called: str | None = None) -> Verdict:
    """What a file is, from what it tells itself and from the VAEs that are known. Its own reference is left out.

    Args:
        found: what it tells itself.
        references: the VAEs that are known.
        called: the name of its own reference, if that is not its path.
    """
    if found.kind in ("other", "broken"):
        return _unusable(found)
    own = called or found.path
    matches = references.matches(found.sketch, but=own) if found.sketch else []
    kin = references.kin(found.sketch, taught(found, own), but=own) if found.sketch else Kin()
    name = _known_as(found, references.get(own), kin)
    return _vae(found, matches, kin, name) if found.kind == "vae" else _checkpoint(found, matches, kin, name)


def taught(found: Examination, called: str | None = None) -> Reference | None:
    """What a file teaches of its VAE: its weights, and its name and latent space if the file itself is proof of them.

    What was concluded from other references is not taught, so that a mistake goes when its cause goes.

    Args:
        found: what the file tells.
        called: what the reference is called in sentences, if that is not the file's path.
    """
    name = called or found.path
    if found.sketch is None or found.sketch.blank or found.kind not in ("vae", "checkpoint"):
        return None
    known = by_sha256(found.sha256) if found.sha256 else None
    if known and found.kind == "vae":
        source = "the sha256 of that file is known"
        return Reference(name, found.sketch, known.latent_space, known.name, source, found.modified_ns)
    if found.kind == "checkpoint" and found.evidence and found.baked == "complete":
        space = found.evidence[0].space
        if space in found.spaces:
            source = f"that is a checkpoint of {SPACE_NAMES[space]}"
            return Reference(name, found.sketch, space, None, source, found.modified_ns)
    return Reference(name, found.sketch, modified_ns=found.modified_ns)


def _unusable(found: Examination) -> Verdict:
    known = by_sha256(found.sha256) if found.sha256 else None
    reasons = (f"Its sha256 is that of {known.name}.", *found.reasons) if known else found.reasons
    return Verdict(
        found.path,
        found.kind,
        found.certainty,
        reasons,
        found.container,
        found.architecture,
        found.names,
        found.dtype,
        sketch_id=found.sketch.id if found.sketch else None,
        known_as=known.name if known else None,
        error=found.error,
        widths=found.widths,
        halves=found.halves,
        image_channels=found.image_channels,
        middle_attention=found.middle_attention,
        shapes_id=found.shapes_id,
        warnings=found.warnings,
        code=found.code,
        latent_channels=found.latent_channels,
    )


DISTANT = {"similar", "similar encoder", "similar decoder", "same encoder", "same decoder"}
"""Relations that a merge with something else would explain."""

Name = tuple[str | None, tuple[str, ...]]
"""The name of a VAE, and the sentence that says why it is called so."""


def _vae(found: Examination, matches: Sequence[Match], kin: Kin, name: Name) -> Verdict:
    known_as, told = name
    relatives, merge, parentage = _relatives(kin)
    finding = combine_evidence(found.spaces, (*_of_sha256(found), *_of_weights(matches), *parentage, *found.evidence))
    return Verdict(
        found.path,
        "vae",
        finding.certainty,
        (*finding.reasons, *told, *found.reasons, *merge),
        found.container,
        found.architecture,
        found.names,
        found.dtype,
        finding.space,
        found.sketch.id if found.sketch else None,
        known_as,
        _copies(kin),
        relatives,
        widths=found.widths,
        halves=found.halves,
        image_channels=found.image_channels,
        middle_attention=found.middle_attention,
        shapes_id=found.shapes_id,
        warnings=found.warnings,
        code=found.code,
        latent_channels=found.latent_channels,
    )


def _checkpoint(found: Examination, matches: Sequence[Match], kin: Kin, name: Name) -> Verdict:
    assert found.baked is not None  # every examination of a checkpoint says
    space = found.evidence[0].space if found.evidence else None
    known_as, told = name
    relatives, merge, _ = _relatives(kin)
    return Verdict(
        found.path,
        "checkpoint",
        Certainty.CERTAIN if space else Certainty.UNKNOWN,
        (*found.reasons, *_misfit(space, found, matches), *told, *merge),
        found.container,
        found.family,
        found.names,
        found.dtype,
        space,
        copies_of=_copies(kin),
        relatives=relatives,
        baked=Baked(
            found.baked,
            known_as,
            found.sketch.id if found.sketch else None,
            found.architecture,
            found.widths,
            found.halves,
            found.image_channels,
            found.middle_attention,
            found.shapes_id,
        ),
        warnings=found.warnings,
        code=found.code,
        latent_channels=found.latent_channels,
    )


def _misfit(space: str | None, found: Examination, matches: Sequence[Match]) -> Iterator[str]:
    """A warning when the VAE baked into a checkpoint is not of its latent space."""
    if space is None or found.architecture is None:
        return
    finding: LatentSpaceVerdict = combine_evidence(found.spaces, _of_weights(matches))
    if space not in found.spaces:
        yield f"But the architecture of this VAE does not fit {SPACE_NAMES[space]}."
    elif finding.space not in (None, space):
        yield f"But this VAE is not one of {SPACE_NAMES[space]}. {' '.join(finding.reasons)}"


def _of_sha256(found: Examination) -> Iterator[Evidence]:
    known = by_sha256(found.sha256) if found.sha256 else None
    if known and known.latent_space:
        yield Evidence(known.latent_space, Certainty.CERTAIN, f"Its sha256 is that of {known.name}.")


def _of_weights(matches: Sequence[Match]) -> Iterator[Evidence]:
    """One sentence for each latent space that equal weights speak for; whole copies come first."""
    spaces: set[str] = set()
    for match in matches:
        space, likeness = match.reference.latent_space, match.likeness
        equal = likeness.equal_halves
        if space is None or space in spaces or not equal:
            continue
        spaces.add(space)
        what = "weights" if likeness.copy else equal[0]
        why = f"It has the same {what} as {match.reference.name}, and {match.reference.source}."
        yield Evidence(space, Certainty.CERTAIN, why)


def _known_as(found: Examination, own: Reference | None, kin: Kin) -> Name:
    known = by_sha256(found.sha256) if found.sha256 and found.kind == "vae" else None
    if own and own.known_as:
        return own.known_as, (f"It is {own.known_as}: {own.source}.",)
    if known:
        return known.name, ()
    copy = next((copy for copy in kin.copies if copy.known_as), None)
    if copy is None:
        return None, ()
    return copy.known_as, (f"It is {copy.known_as}: it has the same weights as {copy.name}, and {copy.source}.",)


def _copies(kin: Kin) -> tuple[str, ...]:
    return tuple(copy.name for copy in kin.copies)


def _relatives(kin: Kin) -> tuple[tuple[Relative, ...], tuple[str, ...], tuple[Evidence, ...]]:
    """The nearest that are no copies, with the merge that it may be; a sentence on merges; and what the parents of a merge tell
    of its latent space."""
    if kin.merge:
        made, _ = kin.merge
        return (made, *kin.relatives), (made.text,), _of_parents(kin.parents)
    if len(kin.relatives) < 2 or not {it.relation for it in kin.relatives} <= DISTANT:
        return kin.relatives, (), ()
    told = "It is no merge of two or three of the VAEs known here; other kinds of merges cannot be told."
    return kin.relatives, (told,), ()


def _of_parents(parents: Sequence[Sequence[Reference]]) -> tuple[Evidence, ...]:
    """A merge of VAEs of one latent space is of that space."""
    known = [{copy.latent_space for copy in copies if copy.latent_space} for copies in parents]
    spaces = {next(iter(found)) if len(found) == 1 else None for found in known}
    space = spaces.pop() if len(spaces) == 1 else None
    return (Evidence(space, Certainty.CERTAIN, f"It is a merge of VAEs of {SPACE_NAMES[space]}."),) if space else ()
