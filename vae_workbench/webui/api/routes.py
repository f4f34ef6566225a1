"""Routes for programs, below ``/vae-workbench/v1``; only with the web UI's ``--api``, behind its ``--api-auth``.

The web UI guards only routes of its own, so these bring a guard with the same credentials. They take names from the lists
that they give, never paths.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from secrets import compare_digest
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from modules import shared

from ...library.entry import to_json
from ...printable import printable
from .active import active_vae, switch_vae
from .checkpoints import choice_for, clear_override, scanned, set_override
from .compare import comparison, comparison_file, delete_comparison, start_comparison
from .refusals import refusal
from .sentence_route import SentenceRoute
from .try_on import take_off, try_on
from .workshop import cancel_workshop, start_workshop, workshop_state

BASE = "/vae-workbench/v1"


class PrintableResponse(JSONResponse):
    """JSON in which names of files are as they are in every list, whatever bytes the files are called by."""

    def render(self, content: Any) -> bytes:
        return json.dumps(_printable(content), ensure_ascii=False, allow_nan=False).encode("utf-8")


def add_routes(_demo: object, app: FastAPI) -> None:
    """Adds the routes to the web UI's server, which is another one after each Reload UI."""
    options = shared.cmd_opts
    if not (options.api or options.nowebui):
        return
    guard = [Depends(_guard(_credentials(options.api_auth)))] if options.api_auth else []
    for (
        method,
        path,
    ), endpoint in ROUTES.items():  # a router of their own would make each route twice, and that takes long
        app.router.add_api_route(
            BASE + path,
            endpoint,
            methods=[method],
            status_code=STATUS.get(endpoint),
            response_class=PrintableResponse,
            dependencies=guard,
            tags=["VAE Workbench"],
            route_class_override=SentenceRoute,
        )


def vaes() -> list[dict[str, object]]:
    """All VAE files, and what they are."""
    return [to_json(entry) for entry in scanned().vaes]


def vae(name: str) -> dict[str, object]:
    """One VAE file by its name in the list."""
    found = scanned()
    entry = found.by_name(name)
    if entry is None or entry not in found.vaes:
        raise refusal(404, f"There is no VAE named {name}. Ask {BASE}/vaes for the names.")
    return to_json(entry)


def checkpoints() -> list[dict[str, object]]:
    """All checkpoints, and what is baked into them."""
    return [to_json(entry) for entry in scanned().checkpoints]


ROUTES: dict[tuple[str, str], Callable[..., Any]] = {
    ("GET", "/vaes"): vaes,
    ("GET", "/vaes/{name:path}"): vae,
    ("GET", "/checkpoints"): checkpoints,
    ("GET", "/checkpoints/{name:path}/vae"): choice_for,
    ("PUT", "/checkpoints/{name:path}/vae"): set_override,
    ("DELETE", "/checkpoints/{name:path}/vae"): clear_override,
    ("GET", "/active"): active_vae,
    ("POST", "/switch"): switch_vae,
    ("POST", "/try-on"): try_on,
    ("DELETE", "/try-on"): take_off,
    ("POST", "/compare"): start_comparison,
    ("GET", "/compare/{comparison_id}"): comparison,
    ("DELETE", "/compare/{comparison_id}"): delete_comparison,
    ("GET", "/compare/{comparison_id}/{name}"): comparison_file,
    ("POST", "/workshop"): start_workshop,
    ("GET", "/workshop/{job_id}"): workshop_state,
    ("DELETE", "/workshop/{job_id}"): cancel_workshop,
}

STATUS: dict[Callable[..., Any], int] = {
    start_comparison: 202,
    delete_comparison: 204,
    start_workshop: 202,
    cancel_workshop: 204,
}
"""What is answered in place of 200."""


def _printable(content: Any) -> Any:
    if isinstance(content, str):
        return printable(content)
    if isinstance(content, dict):
        return {_printable(key): _printable(value) for key, value in content.items()}
    return list(map(_printable, content)) if isinstance(content, (list, tuple)) else content


def _credentials(text: str) -> Mapping[bytes, bytes]:
    """User → password, of a list such as ``user:password,other:password``. A password may hold colons."""
    pairs = (pair.partition(":") for pair in text.split(","))
    return {user.encode(): password.encode() for user, _, password in pairs}


def _guard(known: Mapping[bytes, bytes]) -> Callable[..., None]:
    def check(credentials: HTTPBasicCredentials = Depends(HTTPBasic())) -> None:  # noqa: B008  # fastapi's way
        password = known.get(credentials.username.encode())
        if password is None or not compare_digest(password, credentials.password.encode()):
            raise HTTPException(401, "Wrong user or password.", {"WWW-Authenticate": "Basic"})

    return check
