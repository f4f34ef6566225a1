"""Tells the web UI's own pages which of their pictures has a kept latent."""

from __future__ import annotations

from fastapi import FastAPI

from .keep import SAVED

ADDRESS = "/vae-workbench/generation"


def add_route(_demo: object, app: FastAPI) -> None:
    """Adds the address to the web UI's server, which is another one after each Reload UI."""
    app.get(ADDRESS, include_in_schema=False)(generation_of)


def generation_of(file: str) -> dict[str, str]:
    """The generation that a picture of a gallery is.

    Args:
        file: the picture's address within the gallery. It is only compared with those of kept generations, and never opened.

    Returns:
        its id and name; nothing if its latent is not kept.
    """
    kept = SAVED.get(file)
    return {"generation": kept.id, "name": kept.name} if kept else {}
