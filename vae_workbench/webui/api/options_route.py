"""The web UI's own ``POST /sdapi/v1/options``: where the VAE in it is refused, that is what is answered.

By itself the web UI answers 200 and keeps the VAE from before, without a word.
"""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from modules import shared

from ...errors import InvalidInput
from .. import options
from ..choosing import vae_list
from ..patching import Function
from ..showing.active_vae import active
from ..showing.setting_names import as_setting, written
from ..switching.switch import OPTION
from .refusals import refusal

ROUTE, SWITCH = "/sdapi/v1/options", "/vae-workbench/v1/switch"


def watch_options(_demo: object, app: FastAPI) -> None:
    """Puts ours around that route's function, which another server has after each Reload UI."""
    for route in app.routes:
        if isinstance(route, APIRoute) and route.path == ROUTE and "POST" in route.methods:
            route.dependant.call = _refusing(route.dependant.call)


def _refusing(original: Any) -> Function:
    @functools.wraps(original)
    def set_config(req: dict[str, Any]) -> Any:
        answer = original(
            dict(sorted(req.items(), key=lambda item: item[0] == OPTION))
        )  # after the checkpoint it is for
        if OPTION in req and options.refused_option_is_an_error():
            _check(written(req[OPTION]))
        return answer

    return set_config


def _check(wanted: str) -> None:
    name = as_setting(wanted)
    if shared.opts.sd_vae == (name or wanted):
        return
    now = active()
    why = now.error if name and now and now.error else _unknown(wanted)
    confirm = f' Send {{"vae": {name!r}, "force": true}} to {SWITCH} if you want it all the same.'
    hint = confirm if now and now.offer == name else ""
    raise refusal(409 if name else 422, f"{why}{hint} The other settings are as you sent them.")


def _unknown(wanted: str) -> str:
    try:
        vae_list.file_called(wanted)
    except InvalidInput as error:  # several are called so, perhaps
        return str(error)
    return f"{wanted} is not in use."
