"""A picture made anew from its infotext, with the checkpoint that is wanted: its latent is then what VAEs are compared on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from modules import infotext_utils, processing, script_callbacks, sd_models, shared

from ...compare.sources.generations import Generation
from ...errors import Cancelled, InvalidInput
from ...printable import printable
from ...progress import Progress
from .. import callbacks
from ..exclusive import exclusive
from .job import Job
from .keep import KEPT, is_kept

ANOTHER = "Choose a picture that txt2img made"
NOT_TAKEN = frozenset(("VAE", "Model hash"))
"""Settings in an infotext that are not taken from it: the latent does not depend on the VAE, and the checkpoint is chosen."""

HIRES = ("Hires upscale", "Hires resize")
"""What only infotexts of hires. fix hold, which have a denoising strength as those of img2img do."""

SAME = "Use same "
"""What the web UI's fields hold where hires. fix has no sampler, schedule or checkpoint of its own."""

REFINER = {"refiner_checkpoint": "Refiner", "refiner_switch_at": "Refiner switch at"}

CASTS: Mapping[str, Callable[[Any], Any]] = {
    "int": lambda value: int(float(value)),
    "float": float,
    "bool": bool,
    "str": str,
}


def generate(infotext: str, checkpoint: str, progress: Progress) -> Generation:
    """Makes a picture anew, between two others. The checkpoint from before is in use again at the next picture.

    Args:
        infotext: of a picture of txt2img.
        checkpoint: its name in the list of checkpoints, or the path of its file; empty for the one in use.
        progress: told how far the sampling is.

    Returns:
        the latent and the picture that the VAE of that checkpoint makes of it, with the infotext of this one; it is kept among
        the newest.

    Raises:
        InvalidInput: the infotext does not tell enough, or there is no such checkpoint.
        Cancelled: passed on from ``progress``.
    """
    fields = fields_of(infotext)
    info = _checkpoint(checkpoint)
    settings = {name: value for _, name, value in _overrides(infotext)}
    settings["sd_model_checkpoint"] = info.title
    with exclusive(progress):
        made = processing.StableDiffusionProcessingTxt2Img(
            **fields, override_settings=settings, do_not_save_samples=True, do_not_save_grid=True
        )
        with closing(made) as p, _at_work(progress, f"sampling with {info.name_for_extra}"):
            p.vaewb_job = Job(p)
            processed = processing.process_images(p)
    return _kept(p.vaewb_job, processed, int(fields["seed"]))


def fields_of(infotext: str) -> dict[str, Any]:
    """What the web UI's API would take from an infotext for txt2img, by the names of its processing.

    Raises:
        InvalidInput: it does not tell enough, or the picture was made from another one.
    """
    told = infotext_utils.parse_generation_parameters(infotext, []) if infotext.strip() else {}
    if not told.get("Steps") or not str(told.get("Seed", "")).isdigit():
        raise InvalidInput("This picture does not say how it was made", ANOTHER)
    types = {field.name: str(field.type) for field in dataclasses.fields(processing.StableDiffusionProcessingTxt2Img)}
    if "Denoising strength" in told and not any(sign in infotext for sign in HIRES):
        raise InvalidInput("This picture was made from another one, which it does not hold", ANOTHER)
    given = {**_pasted(told), **{name: told.get(key) for name, key in REFINER.items()}}
    known = {name: value for name, value in given.items() if name in types and value is not None}
    return {
        name: CASTS.get(types[name], lambda as_it_is: as_it_is)(value)
        for name, value in known.items()
        if not str(value).startswith(SAME)
    }


def _pasted(told: dict[str, Any]) -> dict[str, Any]:
    """The values that pasting gives the fields of txt2img, by the names that the API has for those."""
    values = {}
    for field in infotext_utils.paste_fields["txt2img"]["fields"]:
        if name := getattr(field, "api", None):
            value = field.function(told) if field.function else told.get(field.label)
            values[name] = value.get("value") if isinstance(value, dict) else value  # gradio's form of an update
    return values


def _overrides(infotext: str) -> list[tuple[str, str, Any]]:
    told = infotext_utils.parse_generation_parameters(infotext, [])
    return list(infotext_utils.get_override_settings(told, skip_fields=NOT_TAKEN))


def _checkpoint(name: str) -> Any:
    by_path = {info.filename: info for info in sd_models.checkpoints_list.values()}
    if not name and by_path:
        return sd_models.select_checkpoint()
    info = by_path.get(name) or sd_models.checkpoint_aliases.get(name)
    if info is None:
        raise InvalidInput(f"There is no checkpoint {printable(name)}", "Choose one of the list")
    return info


@contextmanager
def _at_work(progress: Progress, told: str) -> Iterator[None]:
    """As the web UI's state has it while a picture is made; a cancel interrupts the sampling."""
    cancelled: list[Cancelled] = []

    def step(params: Any) -> None:
        try:
            progress(min(1.0, params.sampling_step / max(1, params.total_sampling_steps)), told)
        except Cancelled as error:
            cancelled.append(error)
            shared.state.interrupt()

    progress(0.0, told)
    shared.state.begin(job="vae-workbench")
    callbacks.on("cfg_denoiser", step)
    try:
        yield
    finally:
        script_callbacks.remove_callbacks_for_function(step)
        interrupted = bool(shared.state.interrupted)
        shared.state.end()
    if interrupted:
        raise cancelled[0] if cancelled else Cancelled


def _kept(job: Job, processed: Any, seed: int) -> Generation:
    if job.decode is None or not processed.images:
        raise Cancelled
    generation = Generation(
        job.decode.latents[:1].detach().cpu(),
        space=job.decode.vae.space,
        picture=processed.images[processed.index_of_first_image],
        infotext=processed.infotexts[processed.index_of_first_image],
        made_by=job.decode.vae.name,
        made_by_path=job.decode.vae.path,
        checkpoint=job.decode.vae.checkpoint,
        name=f"seed {seed}, {job.decode.vae.checkpoint}",
    )
    if is_kept():
        KEPT.add(generation)
    return generation
