""" "Also decode with …": each picture of a job is decoded by other VAEs too, and shown and saved beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modules import devices, images, shared
from PIL import Image

from ...compare.decoding.candidate import Candidate
from ...errors import InvalidInput, WorkbenchError
from ...printable import printable
from ..choosing import vae_list
from ..guarding import options as guard_options
from ..guarding.guard import PRECISION
from ..log import logger
from ..patching import described
from .job import Job, Made
from .other_vae import OtherVae

UNKNOWN_LATENT = "A picture was not decoded by other VAEs: a script put it in place of what was decoded."


class CannotAlsoDecode(InvalidInput):
    """A job asks for VAEs that there are not. The API answers 422 with the sentence."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.status_code = 422
        self.detail = str(self)


def chosen(asked: Any) -> list[Candidate]:
    """The VAEs that a job names, each once.

    Args:
        asked: a list of names as in the list of VAEs; one name; or nothing.

    Raises:
        CannotAlsoDecode: one cannot be found, or it is something else.
    """
    names = [asked] if isinstance(asked, str) else (asked or [])
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise CannotAlsoDecode('"Also decode with" takes a list of names', "Send the names of VAEs as they are listed")
    try:
        paths = dict.fromkeys(vae_list.file_called(name) for name in names if name)
    except InvalidInput as error:
        raise CannotAlsoDecode(f'"Also decode with": {error.what}', error.remedy) from error
    return [Candidate(vae_list.name_of(path), path) for path in paths]


def also_decode(job: Job, processed: Any) -> None:
    """Adds what the job's other VAEs make of its pictures, behind all that is shown already."""
    if any(made.latents is None for made in job.made):
        _tell(processed, UNKNOWN_LATENT)
    found = [shown for number, vae in enumerate(job.others) for shown in _pictures_of(job, number, vae, processed)]
    missing = len(processed.images) - len(processed.infotexts)
    processed.infotexts += (
        processed.infotexts[-1:] * missing
    )  # masks have none, and the page counts on one for each picture
    for _, image, infotext in sorted(found, key=lambda shown: shown[0]):
        processed.images.append(image)
        processed.infotexts.append(infotext)


def _pictures_of(job: Job, number: int, vae: Candidate, processed: Any) -> Iterator[tuple[int, Image.Image, str]]:
    """What one VAE makes of each picture: the picture's number in the job, the other one and its infotext."""
    try:
        if _is_interrupted():
            return
        shared.state.textinfo = f"Decoding with {vae.name}"
        other = OtherVae(vae, bool(job.p.tiling))
        for index, made in enumerate(job.made):
            if made.latents is not None and made.vae is not None and not _is_interrupted():
                image = made.finish.applied(other.decoded(made.latents, made.vae.space))
                yield index, *_labelled(job.p, image, made, made.infotexts[number], other, vae)
        if not guard_options.quiet():
            _tell(processed, *other.told)
    except WorkbenchError as error:
        _tell(processed, str(error))
    except Exception as error:  # noqa: BLE001  # one VAE fails alone, and the web UI's own pictures are done
        logger.debug("", exc_info=error)
        _tell(processed, f"{vae.name} could not decode: {described(error)}.")
    finally:
        devices.torch_gc()


def _labelled(
    p: Any, image: Image.Image, made: Made, infotext: str, other: OtherVae, vae: Candidate
) -> tuple[Image.Image, str]:
    """The picture, saved as the web UI saves its own, and its infotext."""
    if other.precision:
        infotext = f"{infotext}, {PRECISION['decoder']}: {other.precision}"
    if p.save_samples():
        images.save_image(
            image,
            p.outpath_samples,
            "",
            made.seed,
            made.prompt,
            shared.opts.samples_format,
            info=infotext,
            p=p,
            suffix=f"-{_label(vae)}",
        )
    if shared.opts.enable_pnginfo:
        image.info["parameters"] = infotext
    return image, infotext


def _label(vae: Candidate) -> str:
    """The name of a VAE as part of a file's name."""
    stem = vae_list.stem(printable(Path(os.fspath(vae.path)).name))
    return str(images.sanitize_filename_part(stem, replace_spaces=False))


def _is_interrupted() -> bool:
    return bool(shared.state.interrupted or getattr(shared.state, "stopping_generation", False))


def _tell(processed: Any, *sentences: str) -> None:
    """Below the pictures, and in the log."""
    for sentence in sentences:
        logger.warning("%s", sentence)
        processed.comments += f"{sentence}\n"
