"""What is seen of one job of the web UI: which latent each of its pictures was decoded from, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from typing import Any

import numpy as np
from modules import processing
from PIL import Image
from torch import Tensor

from ...compare.decoding.candidate import Candidate
from ...lazy_dataclass import dataclass
from ..patching import Function, carry_on, replace
from .finish import Finish, as_pixels
from .infotext import infotext_of
from .model_vae import ModelVae, model_vae

Pixels = np.ndarray[Any, Any]

SOME_ROWS = 8
"""Of this many rows of pixels, one is looked at."""


@dataclass(frozen=True)
class Decode:
    """One call by which the web UI decoded the latents of a batch: B×C×h×w, scaled, and what came of them."""

    latents: Tensor
    samples: Any
    vae: ModelVae


@dataclass(frozen=True)
class Made:
    """A picture that was made.

    Attributes:
        latents: 1×C×h×w in main memory, scaled, as the sampler left them; ``None``: it is not known which they were.
        vae: what decoded them.
        decoded: what it gave, H×W×3 in 0..255, where that is a part of the picture or of another size.
        is_changed: whether the picture is another one than it gave.
        result: whose ``image`` is the picture as it is saved and shown, also where a script replaces it.
        finish: what the web UI did to it after it was decoded.
        seed: its seed.
        prompt: its prompt.
        infotexts: as if each of the job's other VAEs had decoded it.
    """

    latents: Tensor | None
    vae: ModelVae | None
    decoded: Pixels | None
    is_changed: bool
    result: Any
    finish: Finish
    seed: int
    prompt: str
    infotexts: tuple[str, ...]


@dataclass
class Job:
    """A job at work.

    Attributes:
        p: what the web UI knows of it; ``None`` for one that nobody is to look at.
        others: VAEs that are to decode its pictures, too.
        decode: its latest decode.
        sampled: what the web UI hands to scripts as the samples of the batch; they may put others there.
        batch: the same of the batch's decoded pictures.
        overlay: the same of what the next picture is laid below.
        made: its pictures until now.
    """

    p: Any
    others: Sequence[Candidate] = ()
    decode: Decode | None = None
    sampled: Any = None
    batch: Any = None
    overlay: Any = None
    made: list[Made] = field(default_factory=list)

    def decode_of_batch(self) -> Decode | None:
        """How the batch was decoded; ``None`` where a script put other samples or pictures in its place."""
        decode = self.decode
        if decode is None or self.batch is None or len(self.batch.images) != len(decode.latents):
            return None
        if self.sampled is None or self.sampled.samples is decode.latents or self.sampled.samples is decode.samples:
            return decode
        return None


_job: ContextVar[Job | None] = ContextVar("vaewb_job", default=None)
"""The innermost job of this thread."""


def current(p: Any) -> Job | None:
    """The job of ``p`` if it is one to look at: none of those by which scripts work on a picture of another job."""
    job = _job.get()
    return job if job is not None and job.p is p else None


def patch_jobs(look: Callable[[Any], Job | None]) -> None:
    """Looks at the jobs to come.

    Args:
        look: called with what the web UI knows of a job at its beginning; ``None``: nobody is to look at it. It may refuse
            the job with a ``WorkbenchError``.
    """

    def watch(original: Function) -> Function:
        def process_images_inner(p: Any) -> Any:
            with _at_work(p, look):
                return original(p)

        return process_images_inner

    replace(processing, "process_images_inner", watch)
    replace(processing, "decode_latent_batch", _decode_latent_batch)


@contextmanager
def _at_work(p: Any, look: Callable[[Any], Job | None]) -> Iterator[None]:
    job = None
    if _job.get() is None:
        with carry_on("Looking at what is to become of a picture's latent"):
            job = look(p)
    token = _job.set(job or Job(None))
    try:
        yield
    finally:
        _job.reset(token)


def _decode_latent_batch(original: Function) -> Function:
    """The latest decode before a picture is shown is that of the picture: in hires. fix an earlier one is of the first pass."""

    def decode_latent_batch(model: Any, batch: Any, *args: Any, **kwargs: Any) -> Any:
        samples = original(model, batch, *args, **kwargs)
        job = _job.get()
        if job is not None and job.p is not None:
            with carry_on("Keeping the latent of a picture"):
                job.decode = Decode(batch, samples, model_vae(model))
        return samples

    return decode_latent_batch


def picture_made(p: Any, result: Any) -> None:
    """Notes a picture that is done, but for what further scripts do to ``result.image``."""
    job = current(p)
    if job is None:
        return
    index = int(p.batch_index)
    decode = job.decode_of_batch()
    image = job.batch.images[index] if decode else None
    finish = Finish.of(p, index, job.overlay)
    job.overlay = None
    job.made.append(
        Made(
            decode.latents[index : index + 1].detach().cpu() if decode else None,
            decode.vae if decode else None,
            as_pixels(image) if image is not None and (finish.place or not _same_size(image, result.image)) else None,
            image is None or _is_changed(image, result.image),
            result,
            finish,
            int(p.seeds[index]),
            str(p.prompts[index]),
            tuple(infotext_of(p, index, other) for other in job.others),
        )
    )


def _same_size(decoded: Tensor, picture: Image.Image) -> bool:
    return tuple(decoded.shape[1:]) == (picture.height, picture.width)


def _is_changed(decoded: Tensor, picture: Image.Image) -> bool:
    """Whether a picture is another one than was decoded, 3×H×W in 0..1; some of the rows tell, at a fraction of the time."""
    if not _same_size(decoded, picture):
        return True
    shown = np.asarray(picture.convert("RGB"))[::SOME_ROWS]
    return not np.array_equal(as_pixels(decoded[:, ::SOME_ROWS]), shown)
