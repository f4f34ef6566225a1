"""Names of VAEs as people write them: in override settings, in the API's options and in X/Y/Z plots alike."""

from __future__ import annotations

from typing import Any

from ...choice.proposals import AUTOMATIC as UNSET
from ..choosing import vae_list
from ..patching import Function, carry_on
from ..switching.switch import AUTOMATIC, NONE, OPTION

WORDS = {"auto": AUTOMATIC, "automatic": AUTOMATIC, "none": NONE}


def as_setting(text: str) -> str | None:
    """What a person wrote, as the option ``sd_vae`` has it: ``None`` if there is no such VAE, also after a look on disk."""
    name = text.strip()
    if name in UNSET:
        return AUTOMATIC
    if name.lower() in WORDS:
        return WORDS[name.lower()]
    path = vae_list.find(text) or vae_list.find(name)
    return vae_list.name_of(path) if path else None


def written(value: object) -> str:
    """What a program sent for that option, which may be no text: ``null`` leaves the choice to the web UI."""
    return AUTOMATIC if value is None else str(value)


def set_option(original: Function) -> Function:
    """Around the web UI's ``Options.set``: the name of a VAE is stored as it is in the list, however it was written.

    It is stored as text, whatever a program sent: everything that asks for it takes it for a name.
    """

    def set_(self: Any, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        if key == OPTION:
            value = written(value)
            with carry_on("Looking for the VAE that is meant"):
                value = as_setting(value) or value
        return original(self, key, value, *args, **kwargs)

    return set_
