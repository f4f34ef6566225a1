"""Names of checkpoints and VAEs that are not UTF-8, as the web UI's lists, its caches and its API can hold them.

The web UI writes names into JSON and into databases as they are, and fails as a whole on one that is not UTF-8: its list of
checkpoints cannot be refreshed any more, and its API cannot list the VAEs. Paths stay as they are, so that the files are found.
"""

from __future__ import annotations

from typing import Any

from modules import cache, hashes, sd_models, shared

from ...printable import printable
from ..patching import Function, replace

READ_WHOLE = "disable_mmap_load_safetensors"
"""Option of the web UI."""

ROUTES = ("/sdapi/v1/sd-vae", "/sdapi/v1/sd-models")
NAMES = ("name", "name_for_extra", "model_name", "title", "short_title")
"""Attributes of the web UI's ``CheckpointInfo`` that are shown, and by which it is asked for."""


def patch_checkpoint_names() -> None:
    """Has checkpoints be listed by names that can be written, and loaded from their files all the same."""
    replace(hashes, "sha256", _with_printable_title)
    replace(hashes, "sha256_from_cache", _with_printable_title)
    replace(cache, "cached_data_for_file", _with_printable_title)
    replace(sd_models.CheckpointInfo, "register", _register)
    replace(sd_models, "read_state_dict", _read_state_dict)


def patch_routes(app: Any) -> None:
    """Has the web UI's API list files whose paths are not UTF-8; called once the routes are there."""
    for route in getattr(app, "routes", ()):
        if getattr(route, "path", None) in ROUTES:
            replace(route.dependant, "call", _printable_answer)


def _with_printable_title(original: Function) -> Function:
    """For functions that keep something under a title, their second argument, in a database."""

    def function(first: Any, title: str, *args: Any, **kwargs: Any) -> Any:
        return original(first, _writable(title), *args, **kwargs)

    return function


def _register(original: Function) -> Function:
    def register(self: Any) -> Any:
        if _writable(self.filename) != self.filename:
            for name in filter(self.__dict__.__contains__, NAMES):
                setattr(self, name, printable(getattr(self, name)))
            self.ids = [one and printable(one) for one in getattr(self, "ids", ())]
        return original(self)

    return register


def _read_state_dict(original: Function) -> Function:
    """The safetensors library takes paths in UTF-8 alone; the web UI has an option to hand it the file's content."""

    def read_state_dict(checkpoint_file: str, *args: Any, **kwargs: Any) -> Any:
        if _writable(checkpoint_file) == checkpoint_file:
            return original(checkpoint_file, *args, **kwargs)
        before = dict(shared.opts.data)
        shared.opts.data[READ_WHOLE] = True
        try:
            return original(checkpoint_file, *args, **kwargs)
        finally:
            shared.opts.data.pop(READ_WHOLE)
            shared.opts.data.update({READ_WHOLE: before[READ_WHOLE]} if READ_WHOLE in before else {})

    return read_state_dict


def _printable_answer(original: Function) -> Function:
    def listed() -> Any:
        return [
            {key: _writable(value) if isinstance(value, str) else value for key, value in one.items()}
            for one in original()
        ]

    return listed


def _writable(text: str) -> str:
    """The same text; with escapes if it holds bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return printable(text)
    return text
