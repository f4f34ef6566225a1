"""The newest generations of this web UI, in main memory."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

from PIL import Image

from ...compare.sources.generations import Generation, KeptGenerations
from .. import options
from .job import Job, Made

KEPT = KeptGenerations(0)
"""They outlive Reload UI."""

SAVED: WeakValueDictionary[str, Generation] = WeakValueDictionary()
"""The same by the files that the web UI saved their pictures to."""

MEGABYTE = 2**20
PART = "Part of a picture was inpainted: this is that part, as the VAE decoded it."
COMPOSED = "Part of the picture was inpainted: the rest of it is that of before, and not what the VAE decoded."
TILES = "The picture was made to tile: the web UI's VAE saw its opposite edges side by side, which a comparison does not do."
CHANGED = "The picture was changed after the VAE had decoded it."


def is_kept() -> bool:
    """Whether any are to be kept, which the person may have changed since."""
    megabytes = options.kept_megabytes()
    KEPT.set_limit(int(megabytes * MEGABYTE))
    return megabytes > 0


def keep(job: Job, processed: Any) -> None:
    """Keeps the pictures of a job that is done, those whose latent is known."""
    if not is_kept():
        return
    for number, made in enumerate(job.made):
        if made.latents is not None and made.vae is not None:
            saved_as = str(getattr(made.result.image, "already_saved_as", "") or "")
            notes = (TILES,) if job.p.tiling else ()
            generation = _generation(made, infotext_in(made, processed, number), saved_as, notes)
            KEPT.add(generation)
            if saved_as:
                SAVED[saved_as] = generation


def infotext_in(made: Made, processed: Any, number: int) -> str:
    """The infotext that the web UI wrote for a picture of a job, by its number there."""
    written = made.result.image.info.get("parameters")
    place = processed.index_of_first_image + number
    return str(written or (processed.infotexts[place] if place < len(processed.infotexts) else ""))


def _generation(made: Made, infotext: str, saved_as: str, notes: tuple[str, ...]) -> Generation:
    assert made.latents is not None and made.vae is not None
    picture, inpainted = made.result.image, made.finish.around is not None
    note = (COMPOSED if inpainted else CHANGED) if made.is_changed else ""
    if made.decoded is not None:
        picture, note = Image.fromarray(made.decoded), PART if inpainted else CHANGED
    return Generation(
        made.latents,
        space=made.vae.space,
        picture=picture,
        infotext=infotext,
        made_by=made.vae.name,
        made_by_path=made.vae.path,
        checkpoint=made.vae.checkpoint,
        name=_name(saved_as) or f"seed {made.seed}",
        notes=(*notes, note) if note else notes,
    )


def _name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
