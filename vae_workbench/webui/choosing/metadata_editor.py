"""The web UI's editor of checkpoint metadata: saving waits until no picture is made before the VAE is switched."""

from __future__ import annotations

from typing import Any

from modules import sd_models
from modules import ui_extra_networks_checkpoints_user_metadata as editor
from modules.call_queue import queue_lock

from ..patching import Function, replace
from ..switching.trial import note_trial


def patch_editor() -> None:
    """Called before the page is built: the web UI may load that module anew until then."""
    replace(editor.CheckpointUserMetadataEditor, "update_vae", _update_vae)


def _update_vae(original: Function) -> Function:
    def update_vae(self: Any, name: str) -> Any:
        with queue_lock:
            model = sd_models.model_data.sd_model
            if model is not None and model.sd_checkpoint_info.name_for_extra == name:
                note_trial(None)  # another VAE may have been chosen for the checkpoint in use
            return original(self, name)

    return update_vae
