"""The one entry: what is this file?"""

from __future__ import annotations

import os
from dataclasses import replace

from ..errors import FileProblem, MissingHalf, UnknownArchitecture
from ..progress import Progress, part, silent
from .colour_probe import probe_file
from .examine import Examination, examine
from .hashes import sha256_of
from .judge import judge
from .relatives.references import References
from .verdict import Certainty, Verdict


def identify(
    path: str | os.PathLike[str],
    references: References | None = None,
    *,
    sha256: str | None = None,
    probe: bool = False,
    progress: Progress = silent,
) -> Verdict:
    """What a file is, how sure that is, and why.

    Reads the header and the sketch of the VAE, a few tens of KB; see ``sha256`` and ``probe`` for more. Files that cannot be
    read are a verdict too (``broken``), not an error.

    Args:
        path: any file.
        references: the VAEs that are known; none by default. They are not changed: see :func:`.judge.taught`.
        sha256: of the whole file if the caller knows it, or ``compute`` to read the file for it. That of a small VAE, see
            :data:`.hashes.SMALL`, is computed in any case.
        probe: whether to run the colour probe (a second or so) if the latent space is not certain without it.
        progress: called while the file is hashed or probed.

    Raises:
        Cancelled: ``progress`` raised it.
    """
    known = References() if references is None else references
    found = examine(path)
    if sha256 == "compute" and not found.sha256:
        found = with_sha256(found, part(progress, 0.0, 0.5 if probe else 1.0))
    elif sha256 and sha256 != "compute":
        found = replace(found, sha256=sha256)
    verdict = judge(found, known)
    if probe and verdict.kind == "vae" and verdict.certainty < Certainty.CERTAIN:
        verdict = judge(with_probe(found, part(progress, 0.5, 1.0)), known)
    return verdict


def with_sha256(found: Examination, progress: Progress = silent) -> Examination:
    """The same, with the sha256 of the whole file; unchanged if it cannot be read.

    Raises:
        Cancelled: ``progress`` raised it.
    """
    try:
        return replace(found, sha256=sha256_of(found.path, progress))
    except FileProblem:
        return found


def with_probe(found: Examination, progress: Progress = silent) -> Examination:
    """The same, with the colour probe's evidence or the reason why there is none.

    Raises:
        Cancelled: ``progress`` raised it.
    """
    try:
        probe = probe_file(found.path, progress)
    except (FileProblem, MissingHalf, UnknownArchitecture) as error:
        return replace(found, reasons=(*found.reasons, f"The colour probe was not possible: {error.what}."))
    if probe.evidence is None:
        told = " and ".join(f"{cosine:.2f} with {space}" for space, cosine in probe.cosines.items())
        why = f"The colour probe did not tell: its cosines are {told} (it took {probe.seconds:.1f} s)."
        return replace(found, reasons=(*found.reasons, why))
    return replace(found, evidence=(*found.evidence, probe.evidence))
