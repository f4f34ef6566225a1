"""What the entries of the VAE selector mean for the checkpoint in use. Their values are the web UI's own and stay so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from modules import sd_models, sd_vae, shared

from ...choice.fit import defect, misfit, vae_traits
from ...errors import WorkbenchError
from ...identity.evidence import SPACE_NAMES
from ...library.entry import Entry
from ..choosing import vae_list
from ..choosing.choose import candidates, choose
from ..options import groups_list
from ..patching import Function, falls_back, replace
from ..switching.switch import AUTOMATIC, NONE, OPTION, loaded_vae

NO_VAE = "no VAE fits"


@dataclass(frozen=True)
class Meaning:
    """What an entry comes to with a checkpoint.

    Attributes:
        words: in a few words; empty where nothing is to say.
        fits: whether the VAE can be used with it, as far as that can be told; ``Automatic`` and ``None`` always can.
    """

    words: str
    fits: bool = True


def meanings(checkpoint: str) -> dict[str, Meaning]:
    """Entry of the selector → what it means for a checkpoint file, in the order in which they are of use: ``Automatic`` and
    ``None``, what fits, the rest.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    found, entry = candidates(checkpoint)
    listed = ((name, found.by_path(path)) for name, path in list(sd_vae.vae_dict.items()))
    told = {name: _of_file(entry, vae) if vae else Meaning("") for name, vae in listed}
    ordered = dict(sorted(told.items(), key=lambda item: not item[1].fits))
    return {name: Meaning(f"→ {_of_choice(entry, name)}") for name in (AUTOMATIC, NONE)} | ordered


def meanings_now() -> dict[str, Meaning]:
    """The same for the model in use; empty where there is none. What cannot be read is told where the VAE is chosen."""
    model = sd_models.model_data.sd_model
    try:
        return meanings(loaded_vae(model).checkpoint) if model is not None else {}
    except WorkbenchError:
        return {}


def patch_list() -> None:
    """Has the selector list what fits first, also after its list was refreshed."""
    replace(shared.opts.data_labels[OPTION], "component_args", _grouped)


def _grouped(original: Function | None) -> Function:
    if not callable(original):  # another extension has a list of its own, once for all
        return cast(Function, original)

    def grouped() -> dict[str, Any]:
        arguments: dict[str, Any] = original()
        places = {name: place for place, name in enumerate(meanings_now() if groups_list() else ())}
        choices = arguments.get("choices", ())
        return {**arguments, "choices": sorted(choices, key=lambda name: places.get(name, len(places)))}

    return falls_back(grouped, original, "Grouping the list of VAEs")


def _of_choice(checkpoint: Entry, setting: str) -> str:
    choice = choose(checkpoint.path, setting=setting)
    if choice.vae:
        return vae_list.name_of(choice.vae.path)
    baked = vae_traits(checkpoint)
    if baked is None:
        return NO_VAE
    return f"baked: {baked.known_as}" if baked.known_as else "baked"


def _of_file(checkpoint: Entry, file: Entry) -> Meaning:
    vae = vae_traits(file)
    if vae is None:
        return Meaning("cannot be used", fits=False) if defect(file) else Meaning("")
    fault = misfit(checkpoint, vae)
    if fault is None:
        return Meaning(vae.known_as or "")
    space = SPACE_NAMES.get(vae.latent_space or "")
    if vae.latent_space in (None, checkpoint.verdict.latent_space) or not space:
        return Meaning("does not fit", fits=False)
    return Meaning(f"for {space}" if fault.certain else f"probably for {space}", fits=False)
