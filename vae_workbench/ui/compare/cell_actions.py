"""What can be done with a cell of a comparison beside looking at it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from ...errors import InvalidInput
from ...lazy_dataclass import dataclass
from ...progress import Progress
from ..shared.messages import message, text_html
from ..shared.work_line import WorkLine
from ..workbench import Workbench


@dataclass(frozen=True)
class CellAction:
    """An entry of a cell's menu.

    Attributes:
        id: by which the viewer and the page's scripts know it.
        label: what it says.
        title: what it does, in a sentence.
        needs: what a cell must have for it.
        is_offered: whether a workbench can do it.
    """

    id: str
    label: str
    title: str
    needs: Literal["vae", "picture"]
    is_offered: Callable[[Workbench], bool]


def _makes_pictures(workbench: Workbench) -> bool:
    return workbench.use_now is not None


ACTIONS = (
    CellAction(
        "use-for-checkpoint",
        "Use for this checkpoint",
        "The checkpoint in use gets this VAE from now on",
        "vae",
        lambda workbench: workbench.use_for_checkpoint is not None,
    ),
    CellAction(
        "use-now", "Use now", "Pictures are made with this VAE until another one is chosen", "vae", _makes_pictures
    ),
    CellAction("send-img2img", "Send to img2img", "Opens this picture there", "picture", _makes_pictures),
    CellAction("send-extras", "Send to Extras", "Opens this picture there", "picture", _makes_pictures),
    CellAction("show-in-library", "Show in Library", "What is known of this VAE", "vae", lambda _: True),
)

PUT_BACK = "put-back"
"""The order to put back what the top bar said before."""


def offered(workbench: Workbench) -> Sequence[Mapping[str, str]]:
    """What the viewer offers."""
    return [
        {"id": action.id, "label": action.label, "title": action.title, "needs": action.needs}
        for action in ACTIONS
        if action.is_offered(workbench)
    ]


def wire_actions(workbench: Workbench, line: WorkLine, order: gr.Textbox) -> None:
    """Lets what ``javascript/vae_workbench_actions.js`` writes into a hidden field be done, and told in the line."""
    line.wire_event(
        order.input,
        lambda progress, text: act(workbench, progress, text),
        [order],
        title="Use a VAE",
        owner=comparison_of,
    )


def comparison_of(values: Sequence[Any]) -> str:
    """The id of the comparison that an order of the viewer's is for, which is whose the work is."""
    try:
        return str(json.loads(values[0])["comparison"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""  # the work itself says what is wrong with the order


def act(workbench: Workbench, progress: Progress, order: str) -> str:
    """Takes a VAE of a comparison into use, or puts back what the top bar said before that.

    Args:
        workbench: what can be done.
        progress: told how far it is.
        order: JSON with ``action`` and the ids of ``comparison`` and ``vae``, whose file the comparison knows; or with ``action``
            and ``before``, a name of the list of the top bar.

    Raises:
        InvalidInput: that cannot be done, or the file is gone.
    """
    uses = {"use-now": workbench.use_now, "use-for-checkpoint": workbench.use_for_checkpoint}
    try:
        given = json.loads(order)
        before = str(given["before"]) if given["action"] == PUT_BACK else None
        use, comparison_id, vae = uses.get(given["action"]), str(given["comparison"]), str(given.get("vae"))
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidInput("The choice did not arrive", "Load the page anew") from error
    if before is not None and workbench.put_back is not None:
        return message(workbench.put_back(before, progress))
    if use is None:
        raise InvalidInput("That cannot be done here")
    folder = workbench.comparisons.known(comparison_id)
    record = folder.vaes.get(vae) if folder else None
    if record is None or not record.path or not Path(record.path).is_file():
        raise InvalidInput("This VAE is no longer there", "Compare again")
    done = use(Path(record.path), progress)
    return message(done.told, more=_put_back(done.before) if done.before else "")


def _put_back(before: str) -> str:
    """HTML for a button; ``javascript/vae_workbench_actions.js`` knows it."""
    return f"<button type='button' class='vaewb-button' data-vaewb-put-back='{text_html(before)}'>Put the top bar back</button>"
