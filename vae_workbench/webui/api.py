"""Routes for programs, below ``/vae-workbench/v1``; only with the web UI's ``--api``, behind its ``--api-auth``.

The web UI guards only routes of its own, so these bring a guard with the same credentials. They take names from the lists
that they give, never paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from secrets import compare_digest
from typing import Any

from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from modules import shared

from ..library.entry import to_json
from .api_switch import active_vae, switch_vae
from .checkpoint_api import chosen, clear_override, scanned, set_override

BASE = "/vae-workbench/v1"


def add_routes(_demo: object, app: FastAPI) -> None:
    """Adds the routes to the web UI's server, which is another one after each Reload UI."""
    options = shared.cmd_opts
    if not (options.api or options.nowebui):
        return
    guard = [Depends(_guard(_credentials(options.api_auth)))] if options.api_auth else []
    for (method, path), endpoint in ROUTES.items():
        app.add_api_route(BASE + path, endpoint, methods=[method], dependencies=guard, tags=["VAE Workbench"])


def vaes() -> list[dict[str, object]]:
    """All VAE files, and what they are."""
    return [to_json(entry) for entry in scanned().vaes]


def vae(name: str) -> dict[str, object]:
    """One VAE file by its name in the list."""
    found = scanned()
    entry = found.by_name(name)
    if entry is None or entry not in found.vaes:
        raise HTTPException(404, f"There is no VAE named {name}. Ask {BASE}/vaes for the names.")
    return to_json(entry)


def checkpoints() -> list[dict[str, object]]:
    """All checkpoints, and what is baked into them."""
    return [to_json(entry) for entry in scanned().checkpoints]


ROUTES: dict[tuple[str, str], Callable[..., Any]] = {
    ("GET", "/vaes"): vaes,
    ("GET", "/vaes/{name:path}"): vae,
    ("GET", "/checkpoints"): checkpoints,
    ("GET", "/checkpoints/{name:path}/vae"): chosen,
    ("PUT", "/checkpoints/{name:path}/vae"): set_override,
    ("DELETE", "/checkpoints/{name:path}/vae"): clear_override,
    ("GET", "/active"): active_vae,
    ("POST", "/switch"): switch_vae,
}


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
