"""Saving a checkpoint's metadata."""

from __future__ import annotations

import pytest
from modules import sd_vae
from modules import ui_extra_networks_checkpoints_user_metadata as editor
from modules.call_queue import queue_lock

from tests.webui.world import STOCK, World
from vae_workbench.webui.choosing.metadata_editor import patch_editor


def test_d26_the_vae_is_switched_while_no_picture_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was switched under the feet of a generation."""
    if not STOCK:
        patch_editor()
    world.load("tiny.safetensors")
    locked: list[bool] = []

    def reload() -> None:
        free = queue_lock.acquire(blocking=False)
        if free:
            queue_lock.release()
        locked.append(not free)

    monkeypatch.setattr(sd_vae, "reload_vae_weights", reload)
    editing = editor.CheckpointUserMetadataEditor.__new__(editor.CheckpointUserMetadataEditor)
    editing.update_vae("tiny")
    assert locked == [True]
