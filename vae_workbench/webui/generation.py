"""What a generation has to know of the VAE: that the one it asks for is used, and what its infotext says of it."""

from __future__ import annotations

from typing import Any

from modules import processing, sd_models, shared

from ..choice.decide import Source
from ..choice.fit import held_vae
from ..choice.proposals import AUTOMATIC
from ..errors import WorkbenchError
from . import options, vae_list
from .library import library
from .own_vae import OWN
from .patching import Function, replace
from .switch import NONE, OPTION, chosen, held_in, objection
from .vae_hash import find_by_hash

_added = False  # whether the setting is in the stored ones because of us

NAME, HASH, BAKED, WARNING = "VAE", "VAE hash", "Baked VAE", "VAE warning"


class UnusableOverride(WorkbenchError):
    """The settings of one generation ask for a VAE that cannot be used. The API answers 422 with the sentence."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "Choose another VAE in the override settings")
        self.status_code = 422
        self.detail = str(self)


def patch_generation() -> None:
    """Checks each generation after its override settings were applied, and has them taken back when it is over.

    The web UI takes back only what is in its stored settings, which a new installation has none of: a VAE that one picture
    asked for would stay selected.
    """
    global _added
    replace(processing, "process_images_inner", _process_images_inner)
    if OPTION not in shared.opts.data:
        shared.opts.data[OPTION] = shared.opts.get_default(OPTION)
        _added = True


def unpatch_generation() -> None:
    """Takes the setting away again that :func:`patch_generation` added, unless somebody chose another since."""
    global _added
    if _added and shared.opts.data.get(OPTION) == shared.opts.get_default(OPTION):
        del shared.opts.data[OPTION]
    _added = False


def _process_images_inner(original: Function) -> Function:
    def process_images_inner(p: Any) -> Any:
        model = shared.sd_model
        if model is not None:
            _check_override(p, model)
            _note_baked(p, model)
        return original(p)

    return process_images_inner


def _check_override(p: Any, model: Any) -> None:
    p.extra_generation_params.pop(WARNING, None)  # of the cell before in a grid, which shares them
    if p.override_settings.get(OPTION) is None:
        return
    problem = _problem(model)
    if problem and options.wrong_override_is_an_error():
        raise UnusableOverride(problem)
    if problem:
        p.comment(problem)
        p.extra_generation_params[WARNING] = problem


def _problem(model: Any) -> str:
    """Why the VAE that is selected for this generation is not the one in use; empty if it is."""
    held = held_in(model)
    choice = chosen(held.checkpoint)
    problem = objection(choice)
    if not problem and choice.source is Source.SETTING and choice.vae:
        used = held.content is not None and held.content.path == choice.vae.path
        problem = "" if used else " ".join(held.warnings) or held.error
    return problem


def _note_baked(p: Any, model: Any) -> None:
    p.extra_generation_params.pop(BAKED, None)
    held = held_in(model)
    if held.content == OWN and shared.opts.add_vae_name_to_info:
        vae = held_vae(library().entry(held.checkpoint))
        name = vae and (vae.known_as or vae.sketch_id)
        if name:
            p.extra_generation_params[BAKED] = name


def infotext_pasted(_infotext: str, params: dict[str, Any]) -> None:
    """Lets the VAE of a pasted infotext be the file that is meant, and asks for none that would be used anyway."""
    if NAME in shared.opts.infotext_skip_pasting:
        return
    if NAME not in params and BAKED in params:
        params[NAME] = NONE
    if NAME not in params:
        return
    params[NAME] = _meant(str(params[NAME]), str(params.get(HASH, "")))
    if _used_anyway(params):
        del params[NAME]


def _meant(name: str, short: str) -> str:
    """The name in the list. The hash is asked only where the name fails: pictures of the web UI may carry another file's."""
    if name in (*AUTOMATIC, NONE):
        return name
    path = vae_list.find(name) or find_by_hash(short)
    return vae_list.name_of(path) if path else name


def _used_anyway(params: dict[str, Any]) -> bool:
    checkpoint = _checkpoint(params)
    if checkpoint is None:
        return False
    choice = chosen(checkpoint)
    name, used = params[NAME], choice.vae.path if choice.vae else None
    return bool(used is None if name == NONE else used is not None and used == vae_list.find(name))


def _checkpoint(params: dict[str, Any]) -> str | None:
    """The file of the checkpoint that the pasted generation would run with."""
    model = sd_models.model_data.sd_model
    if not shared.opts.disable_weights_auto_swap and params.get("Model hash"):
        info = sd_models.get_closet_checkpoint_match(params["Model hash"])
        return info.filename if info else None
    return model.sd_checkpoint_info.filename if model is not None else None
