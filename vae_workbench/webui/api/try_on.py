"""Routes that try on what a recipe makes: it is in use for the next pictures, and no file is written."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from ...errors import InvalidInput, WorkbenchError
from ...progress import silent
from ...ui.workshop.order import Order, recipe_of
from ..host import workbench
from ..switching import try_on as trying
from .active import active_vae
from .checkpoints import scanned
from .refusals import refusal
from .workshop import without_folders


class WantedTrial(BaseModel):
    """What to try on.

    Attributes:
        source: name of ``/vaes`` or ``/checkpoints``.
        steps: as of ``/workshop``.
    """

    source: str
    steps: list[dict[str, Any]] = Field([], max_items=16)

    class Config:
        """Misspelt names are told."""

        extra = "forbid"


def try_on(wanted: WantedTrial) -> dict[str, Any]:
    """Takes what the steps make into use until it is taken off, or another VAE or checkpoint is chosen.

    Answered once it is in use, as ``/active`` is, with ``told`` for what was lost, left out or found.
    """
    found = scanned()
    try:
        told = trying.try_on(recipe_of(Order(wanted.source, wanted.steps), found), silent)
    except InvalidInput as error:
        raise refusal(422, without_folders(str(error), workbench())) from error
    except WorkbenchError as error:
        raise refusal(409, without_folders(str(error), workbench())) from error
    return {**active_vae(), "told": told}


def take_off() -> dict[str, Any]:
    """Brings back the VAE that was chosen; quiet if nothing is tried on."""
    try:
        told = trying.take_off()
    except WorkbenchError as error:
        raise refusal(409, without_folders(str(error), workbench())) from error
    return {**active_vae(), "told": told}
