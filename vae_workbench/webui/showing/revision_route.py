"""The route by which every open page learns that what is in use has changed, whoever changed it.

``javascript/vae_workbench_active.js`` asks it every other second. It is there without ``--api``, tells nothing but that, and is
behind the same login as the page itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from modules import sd_models, shared

from ..library import data_folder
from ..switching import revision
from ..switching.loaded_vae import find_loaded_vae

ROUTE = "/vae-workbench/revision"
STORED = ("preferences.json", "plans.json", "names.json")
"""What the terminal may change as well."""


def add_route(demo: object, app: FastAPI) -> None:
    """Adds it to the web UI's server; without pages nobody asks."""
    if demo is not None:
        app.add_api_route(ROUTE, _answer, methods=["GET"], dependencies=[Depends(_login)], include_in_schema=False)


def revision_in_use() -> str:
    """Another text whenever the line may tell something else. Reads no file, waits for nobody and loads nothing."""
    model = sd_models.model_data.sd_model
    loaded = find_loaded_vae(model) if model is not None else None
    told = loaded and (loaded.checkpoint, loaded.origin, loaded.reason, loaded.warnings, loaded.error, loaded.offer)
    stored = [_stamp(data_folder() / name) for name in STORED]
    seen = repr((revision.current(), shared.opts.sd_vae, told, stored))
    return hashlib.blake2b(seen.encode(errors="surrogatepass"), digest_size=8).hexdigest()


async def _answer() -> JSONResponse:
    return JSONResponse({"revision": revision_in_use()})


def _login(request: Request) -> None:
    """Refuses who is not logged in, where the web UI has ``--gradio-auth``: its pages carry gradio's cookie."""
    app = request.app
    if getattr(app, "auth", None) is None:
        return
    token = request.cookies.get("access-token") or request.cookies.get("access-token-unsecure")
    if token not in app.tokens:
        raise HTTPException(401, "Log in on the page first.")


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
