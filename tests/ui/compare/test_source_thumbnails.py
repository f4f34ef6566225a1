"""Small pictures of what can be compared."""

from __future__ import annotations

import io
from pathlib import Path

import fastapi
import torch
from fastapi.testclient import TestClient
from PIL import Image
from starlette.middleware.gzip import GZipMiddleware

from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.folder.folder import ComparisonFolder
from vae_workbench.compare.sources.sources import Source, keep_source
from vae_workbench.ui.compare.source_thumbnails import BUILT_IN_ADDRESS, add_thumbnail_routes, source_thumbnail


def test_a_built_in_picture_is_the_same_each_time() -> None:
    """The web UI compresses answers, and writes the new length into their headers. One answer was kept and given again and
    again, so that from the second time on its length was wrong and no browser showed it."""
    app = fastapi.FastAPI()
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    add_thumbnail_routes(app, None)
    answers = [TestClient(app).get(BUILT_IN_ADDRESS.format(name="face")) for _ in range(3)]
    for answer in answers:
        assert "content-encoding" in answer.headers
        assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    assert len({answer.headers["content-length"] for answer in answers}) == 1
    assert TestClient(app).get(BUILT_IN_ADDRESS.format(name="cat")).status_code == 404


def test_a_latent_without_a_picture_is_shown_as_colours(tmp_path: Path) -> None:
    """Latent files and generations of which only the latent is kept had no thumbnail, and the browser told of a missing file."""
    values = torch.zeros(1, 4, 16, 24)
    values[:, 0] = 4.0  # brightness, by the published factors of this space
    source = Source.of_latents(values, "bright", "latent", space=LATENT_SPACES["sd1"], are_scaled=True)
    folder = ComparisonFolder(tmp_path / "comparison")
    keep_source(folder, source)
    answer = source_thumbnail(folder, source.record.id)
    drawn = Image.open(io.BytesIO(answer.body))
    assert drawn.size == (144, 96)
    assert min(drawn.resize((1, 1)).getpixel((0, 0))) > 200  # type: ignore[arg-type]
    assert source_thumbnail(folder, "0" * 12).status_code == 404
