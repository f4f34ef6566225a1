"""Small pictures of what can be compared, at addresses of their own: sources, built-in pictures, generations."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import fastapi
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from PIL import Image

from ...errors import WorkbenchError

if TYPE_CHECKING:
    from torch import Tensor

    from ...autoencoder.latent_space import LatentSpace
    from ...compare.folder.folder import ComparisonFolder
    from ...compare.sources.generations import KeptGenerations

BUILT_IN_ADDRESS = "/vae-workbench/built-in/{name}.jpg"
GENERATION_ADDRESS = "/vae-workbench/generations/{generation_id}.jpg"
SIDE = 160
"""Pixels of the longer side."""

FOREVER = {"Cache-Control": "max-age=31536000, immutable"}
"""An id is of a content, and the built-in pictures never change."""


def add_thumbnail_routes(app: fastapi.FastAPI, generations: KeptGenerations | None) -> None:
    """Adds the addresses of the built-in pictures and of the generations, for whoever knows an id that cannot be guessed."""

    async def built_in_picture(name: str) -> Response:
        jpeg = await run_in_threadpool(_built_in, name)
        return _jpeg_response(jpeg) if jpeg else _nothing()

    async def generation(generation_id: str) -> Response:
        made = generations.get(generation_id) if generations else None
        if made is None:
            return _nothing()
        return _jpeg_response(_jpeg(made.picture) if made.picture else _of_latent(made.latents, made.space))

    for address, answer in ((BUILT_IN_ADDRESS, built_in_picture), (GENERATION_ADDRESS, generation)):
        app.add_api_route(address, answer, methods=["GET"], response_model=None, include_in_schema=False)


def source_thumbnail(folder: ComparisonFolder | None, source_id: str) -> Response:
    """The thumbnail of a source that a folder keeps; of one without a picture, what its latent shows without a VAE."""
    from ...compare.sources.sources import kept_latents

    record = folder.sources.get(source_id) if folder else None
    if folder is None or record is None:
        return _nothing()
    if record.image is not None:
        with Image.open(folder.path / record.image) as picture:
            return _jpeg_response(_jpeg(picture))
    latents = kept_latents(folder, record.latent) if record.latent else None
    if latents is None:
        return _nothing()
    return _jpeg_response(_of_latent(latents.values, latents.space if latents.are_scaled else None))


@lru_cache(maxsize=16)
def _built_in(name: str) -> bytes:
    """A built-in picture as JPEG; empty if there is none. Not the response: middleware writes into the headers of one."""
    from ...compare.sources.builtin.pictures import built_in

    try:
        return _jpeg(built_in(name))
    except WorkbenchError:
        return b""


def _of_latent(values: Tensor, space: LatentSpace | None) -> bytes:
    """The latent as colours, its places as large as fit."""
    from ...compare.views.latent_rgb import preview

    small = preview(values, space)
    times = max(1, SIDE // max(small.size))
    return _jpeg(small.resize((small.width * times, small.height * times), Image.Resampling.BICUBIC))


def _jpeg(picture: Image.Image) -> bytes:
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _jpeg_response(jpeg: bytes) -> Response:
    return Response(jpeg, media_type="image/jpeg", headers=FOREVER)


def _nothing() -> Response:
    return JSONResponse({"detail": "There is no such picture."}, status_code=404)
