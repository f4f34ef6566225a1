"""A web UI that keeps generations."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.webui.world import REAL, World


@pytest.fixture
def keeping(world: World) -> Iterator[World]:
    """With a checkpoint and a VAE in use, and nothing kept yet."""
    from vae_workbench.webui.generations.keep import KEPT
    from vae_workbench.webui.generations.script import patch_generations

    if REAL:
        from modules import modelloader

        modelloader.load_upscalers()
    patch_generations()
    KEPT.clear()
    world.load("tiny.safetensors")
    yield world
    KEPT.clear()
