"""What a generation has to know of the VAE: that the one it asks for is used, and what its infotext says of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from modules import processing, sd_models, sd_vae, shared

from ...choice.decide import Choice, Source
from ...choice.fit import misfit, vae_traits
from ...choice.proposals import AUTOMATIC
from ...errors import WorkbenchError
from ...printable import printable
from .. import options
from ..choosing import vae_list
from ..choosing.choose import candidates
from ..choosing.current_choice import choice_for, objection
from ..library import library
from ..patching import Function, carry_on, replace
from ..switching.loaded_vae import BAKED_ORIGIN, LoadedVae
from ..switching.switch import NONE, OPTION, loaded_vae, select, switch
from ..switching.trial import no_trial, trial_for
from ..switching.vae_hash import find_by_hash
from .setting_names import set_option

_added = False  # whether the setting is in the stored ones because of us
_generation: ContextVar[Any] = ContextVar("vaewb_generation", default=None)
"""What this thread makes pictures of."""

NAME, HASH, BAKED, WARNING = "VAE", "VAE hash", "Baked VAE", "VAE warning"
CONFIRM = f'Add "{options.FORCE}": true to override_settings if you want it all the same'


class UnusableOverride(WorkbenchError):
    """The settings of one generation ask for a VAE that cannot be used. The API answers 422 with the sentence.

    Attributes:
        cell: the same for a person who did not write those settings, as in the cell of a grid.
    """

    def __init__(self, name: str, why: str, remedy: str = "Choose another VAE there") -> None:
        name, why = printable(name), printable(why).rstrip(".")
        super().__init__(f"override_settings asks for {name}, which cannot be used: {why}", remedy)
        self.cell = f"{name} cannot be used: {why}."
        self.status_code = 422
        self.detail = str(self)


def patch_generation() -> None:
    """Checks each generation after its override settings were applied, and has them taken back when it is over.

    The web UI takes back only what is in its stored settings, which a new installation has none of: a VAE that one picture
    asked for would stay selected.
    """
    global _added
    replace(type(shared.opts), "set", set_option)
    replace(processing, "process_images_inner", _process_images_inner)
    replace(processing, "decode_latent_batch", _decode_latent_batch)
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
            with carry_on("Looking at the VAE of a picture"):
                _check_override(p, model)
                _note_baked(p, model)
        before = _generation.set(p)
        try:
            return original(p)
        finally:
            _generation.reset(before)

    return process_images_inner


def _decode_latent_batch(original: Function) -> Function:
    """After a refiner and in the second pass of hires. fix, another model's VAE decodes; it is that one that is named then."""

    def decode_latent_batch(model: Any, *args: Any, **kwargs: Any) -> Any:
        p = _generation.get()
        if p is not None:
            with carry_on("Noting the VAE of a picture"):
                p.sd_vae_name, p.sd_vae_hash = sd_vae.get_loaded_vae_name(), sd_vae.get_loaded_vae_hash()
                _note_baked(p, model)
        return original(model, *args, **kwargs)

    return decode_latent_batch


def _check_override(p: Any, model: Any) -> None:
    p.extra_generation_params.pop(WARNING, None)  # of the cell before in a grid, which shares them
    if p.override_settings.get(OPTION) is None:
        return
    problem = _problem(p, model)
    if problem and options.wrong_override_is_an_error():
        raise problem
    if problem:
        p.comment(str(problem))
        p.extra_generation_params[WARNING] = str(problem)


def _problem(p: Any, model: Any) -> UnusableOverride | None:
    """Why the VAE that this generation asks for is not the one in use; ``None`` if it is."""
    name = str(shared.opts.sd_vae)
    if trial_for(loaded_vae(model).checkpoint):  # the picture asks for a file
        with no_trial():
            switch(model)
    if p.override_settings.get(options.FORCE) is True:
        try:
            select(model, name, force=True)
        except WorkbenchError as error:
            return UnusableOverride(name, error.what)
    loaded = loaded_vae(model)
    choice = choice_for(loaded.checkpoint)
    why = _why_not(loaded, choice)
    if not why:
        return None
    likely = _likely_misfit(loaded.checkpoint, name)
    return UnusableOverride(name, likely, CONFIRM) if likely else UnusableOverride(name, why)


def _why_not(loaded: LoadedVae, choice: Choice) -> str:
    """Why what is selected is not in use, to be read after a colon; empty if it is."""
    if told := objection(choice):
        return told.split("cannot be used: ")[-1]
    if choice.source is not Source.SETTING or choice.vae is None:
        return ""
    if loaded.origin is not None and loaded.origin.path == choice.vae.path:
        return ""
    return (" ".join(loaded.warnings) or loaded.error).split("is not used: ")[-1]


def _likely_misfit(checkpoint: str, name: str) -> str:
    """Why a VAE probably does not fit, to be read after a colon; empty where no confirmation would help, or none is needed."""
    found, target = candidates(checkpoint)
    path = vae_list.find(name)
    file = found.by_path(path) if path else None
    vae = vae_traits(file) if file else None
    fault = misfit(target, vae) if vae else None
    return "" if fault is None or fault.certain else fault.why


def _note_baked(p: Any, model: Any) -> None:
    """Names the checkpoint's own VAE: as it was published, or by the checkpoint that holds it."""
    p.extra_generation_params.pop(BAKED, None)
    loaded = loaded_vae(model)
    if loaded.origin == BAKED_ORIGIN and shared.opts.add_vae_name_to_info:
        entry = library().entry(loaded.checkpoint)
        vae = vae_traits(entry)
        p.extra_generation_params[BAKED] = (vae and vae.known_as) or entry.name


def infotext_pasted(_infotext: str, params: dict[str, Any]) -> None:
    """Lets the VAE of a pasted infotext be the file that is meant, and asks for none that would be used anyway."""
    if NAME in shared.opts.infotext_skip_pasting:
        return
    if _is_tried_on(params):
        del params[NAME]
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


def _is_tried_on(params: dict[str, Any]) -> bool:
    """Whether the picture was made with what is tried on now."""
    checkpoint = _checkpoint(params) if NAME in params else None
    trial = trial_for(checkpoint) if checkpoint else None
    return trial is not None and params[NAME] == trial.label


def _used_anyway(params: dict[str, Any]) -> bool:
    checkpoint = _checkpoint(params)
    if checkpoint is None or trial_for(checkpoint):
        return False
    choice = choice_for(checkpoint)
    name, used = params[NAME], choice.vae.path if choice.vae else None
    return bool(used is None if name == NONE else used is not None and used == vae_list.find(name))


def _checkpoint(params: dict[str, Any]) -> str | None:
    """The file of the checkpoint that the pasted generation would run with."""
    model = sd_models.model_data.sd_model
    if not shared.opts.disable_weights_auto_swap and params.get("Model hash"):
        info = sd_models.get_closet_checkpoint_match(params["Model hash"])
        return info.filename if info else None
    return model.sd_checkpoint_info.filename if model is not None else None
