"""Routes for the VAE of a checkpoint: which one it gets and why; its override set and cleared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import Depends, Request

from ...choice.assign import LikelyMisfit, preferred_vae
from ...choice.decide import to_json
from ...choice.find import find_checkpoints
from ...choice.hint import hint
from ...choice.mirror import copies_sentence
from ...errors import InvalidInput, WorkbenchError
from ...library.collection import Collection
from ...library.entry import Entry
from ...printable import printable
from ..choosing.choose import choose, preferences
from ..library import folders, library
from ..switching.overrides import prefer
from .refusals import refusal

Answer = dict[str, Any]


async def body(request: Request) -> Any:
    """What a request brings along, as JSON has it; fastapi's own complaints are no sentences."""
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise refusal(400, 'The body is not JSON. Send {"vae": NAME}.') from None


def choice_for(name: str) -> Answer:
    """Which VAE a checkpoint gets, and why, place by place."""
    found = scanned()
    checkpoint = _checkpoint(name, found)
    with refused_in_a_sentence():
        return _answer(checkpoint, found)


def set_override(name: str, order: Any = Depends(body)) -> Answer:  # noqa: B008  # fastapi's way
    """Sets the VAE of a checkpoint: ``{"vae": NAME, "force": false}``, with ``"None"`` for its own."""
    found = scanned()
    checkpoint = _checkpoint(name, found)
    if not isinstance(order, dict) or not isinstance(order.get("vae"), str) or not order.keys() <= {"vae", "force"}:
        raise refusal(422, 'Send {"vae": NAME}, with "None" for the checkpoint\'s own, and "force" if need be.')
    force = order.get("force", False)
    if not isinstance(force, bool):
        raise refusal(422, "force is true or false.")
    with refused_in_a_sentence():
        vae = preferred_vae(order["vae"], [checkpoint], found, force=force)
        return _answer(checkpoint, found, prefer(checkpoint, vae, found))


def clear_override(name: str) -> Answer:
    """Takes the override of a checkpoint away; quiet if it has none."""
    found = scanned()
    checkpoint = _checkpoint(name, found)
    with refused_in_a_sentence():
        return _answer(checkpoint, found, prefer(checkpoint, None, found))


def scanned() -> Collection:
    """The library as the folders are now; unchanged files are not opened."""
    with refused_in_a_sentence():
        library().scan(folders())
        return library().collection()


@contextmanager
def refused_in_a_sentence() -> Iterator[None]:
    """Answers with the sentence of an error: 409 if it is done with ``force``, 422 if it cannot be done, otherwise 500."""
    try:
        yield
    except LikelyMisfit as error:
        raise refusal(409, f'{error.what}. Send "force": true if you want it all the same.') from error
    except InvalidInput as error:
        raise refusal(422, str(error)) from error
    except WorkbenchError as error:
        raise refusal(500, str(error)) from error


def _checkpoint(name: str, found: Collection) -> Entry:
    meant = find_checkpoints(found, name)
    if not meant:
        raise refusal(404, f"There is no checkpoint named {printable(name)}. Ask /checkpoints for the names.")
    if len(meant) > 1:
        names = ", ".join(entry.name for entry in meant)
        raise refusal(404, f"{printable(name)} may be any of {names}. Ask for one of those.")
    return meant[0]


def _answer(checkpoint: Entry, found: Collection, problems: Sequence[str] = ()) -> Answer:
    choice = choose(checkpoint.path)
    advice = hint(checkpoint, choice, preferences().read(), found)
    told = {"checkpoint": checkpoint.name, **to_json(choice), "hint": advice and advice.text}
    return {**told, "problems": list(problems), "also_for": copies_sentence([checkpoint], found)}
