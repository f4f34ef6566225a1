"""What the entries of the VAE selector mean for the checkpoint in use. Their values are the web UI's own and stay so."""

from __future__ import annotations

from modules import sd_models, sd_vae

from ...choice.fit import defect, misfit, vae_traits
from ...errors import WorkbenchError
from ...identity.evidence import SPACE_NAMES
from ...library.entry import Entry
from ..choosing import vae_list
from ..choosing.choose import candidates, choose
from ..switching.switch import AUTOMATIC, NONE, loaded_vae

NO_VAE = "no VAE fits"


def meanings(checkpoint: str) -> dict[str, str]:
    """Entry of the selector → what it comes to with a checkpoint file, in a few words; without those where nothing is to say.

    Raises:
        UnsupportedFile, UnreadableFile: the preferences cannot be read.
    """
    found, entry = candidates(checkpoint)
    listed = ((name, found.by_path(path)) for name, path in list(sd_vae.vae_dict.items()))
    told = {name: _of_file(entry, vae) for name, vae in listed if vae}
    told |= {name: f"→ {_of_choice(entry, name)}" for name in (AUTOMATIC, NONE)}
    return {name: words for name, words in told.items() if words}


def meanings_now() -> dict[str, str]:
    """The same for the model in use; empty where there is none. What cannot be read is told where the VAE is chosen."""
    model = sd_models.model_data.sd_model
    try:
        return meanings(loaded_vae(model).checkpoint) if model is not None else {}
    except WorkbenchError:
        return {}


def _of_choice(checkpoint: Entry, setting: str) -> str:
    choice = choose(checkpoint.path, setting=setting)
    if choice.vae:
        return vae_list.name_of(choice.vae.path)
    baked = vae_traits(checkpoint)
    if baked is None:
        return NO_VAE
    return f"baked: {baked.known_as}" if baked.known_as else "baked"


def _of_file(checkpoint: Entry, file: Entry) -> str:
    vae = vae_traits(file)
    if vae is None:
        return "cannot be used" if defect(file) else ""
    fault = misfit(checkpoint, vae)
    if fault is None:
        return vae.known_as or ""
    space = SPACE_NAMES.get(vae.latent_space or "")
    if vae.latent_space in (None, checkpoint.verdict.latent_space) or not space:
        return "does not fit"
    return f"for {space}" if fault.certain else f"probably for {space}"
