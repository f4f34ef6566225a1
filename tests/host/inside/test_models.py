"""Refiner, hires checkpoint, several models in memory, and the flags for little video memory, with the web UI's own code: each
picture is decoded by the VAE that is named. Runs in the web UI's Python: see ``test_real_webui``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webui.world import World, clean_host, make_vaes, opened

REAL = os.environ.get("VAEWB_REAL_HOST")
pytestmark = pytest.mark.skipif(not REAL, reason="needs the web UI's own Python and modules")

A, B = "a.safetensors", "b.safetensors"
TINY, TINY2, PAIR, OTHER = "tiny.safetensors", "tiny2.safetensors", "pair.safetensors", "pair.ckpt"
"""The last two share one configuration, so that one model object serves both."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    from vae_workbench.webui.guarding import guard

    (tmp_path / "vaes").mkdir()
    with clean_host(), opened(make_vaes(tmp_path / "vaes"), None) as world:
        guard.register()
        yield world
        guard.unregister()


def in_use(world: World) -> tuple[str, str | None]:
    """The checkpoint, and the VAE that is named as in use (``None`` for its own), which is known to be in memory."""
    from vae_workbench.webui.showing.active_vae import active

    now = active()
    assert now is not None and now.checkpoint == world.checkpoint
    assert world.vae == (world.baked(world.checkpoint) if now.vae is None else world.file(now.vae))
    return now.checkpoint, now.vae


@pytest.fixture
def decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """What was in use whenever latents were decoded."""
    from modules import processing

    seen: list[tuple[str, str | None]] = []
    original = processing.decode_latent_batch

    def decode_latent_batch(*args: Any, **kwargs: Any) -> Any:
        seen.append(in_use(world))
        return original(*args, **kwargs)

    monkeypatch.setattr(processing, "decode_latent_batch", decode_latent_batch)
    return seen


def picture(world: World, decoded: list[tuple[str, str | None]], **more: Any) -> list[tuple[str, str | None]]:
    """Makes one; what it was decoded with, which its infotext names. Afterwards, memory holds what is named."""
    from modules import processing
    from modules.call_queue import queue_lock

    decoded.clear()
    small = {"prompt": "x", "steps": 2, "width": 64, "height": 64, "seed": 1, "sampler_name": "Euler"}
    unsaved = {"do_not_save_samples": True, "do_not_save_grid": True}
    p = processing.StableDiffusionProcessingTxt2Img(**{**small, **unsaved, "override_settings": {}, **more})
    with queue_lock:
        (text,) = processing.process_images(p).infotexts
    in_use(world)
    checkpoint, vae = decoded[-1]
    assert (f"VAE: {vae}" if vae else f"Baked VAE: {checkpoint}") in text
    assert ("VAE hash: " in text) == (vae is not None) == ("Baked VAE: " not in text)
    return list(decoded)


REFINED = {"refiner_switch_at": 0.5}
HIRES = {
    "enable_hr": True,
    "hr_scale": 1.5,
    "hr_second_pass_steps": 1,
    "denoising_strength": 0.7,
    "hr_upscaler": "Latent",
}


@pytest.mark.parametrize(("flag", "limit", "cache"), [(None, 2, 1), ("lowvram", 1, 0)])
def test_every_picture_is_decoded_with_what_is_named(
    world: World,
    decoded: list[tuple[str, str | None]],
    monkeypatch: pytest.MonkeyPatch,
    flag: str | None,
    limit: int,
    cache: int,
) -> None:
    from modules import shared

    if flag:
        monkeypatch.setattr(shared.cmd_opts, flag, True)
    shared.opts.data.update(sd_checkpoints_limit=limit, sd_checkpoint_cache=cache)
    assert world.load(TINY) and bool(world.model.lowvram) == bool(flag)
    assert picture(world, decoded) == [(TINY, None)]
    assert world.select(A)
    assert picture(world, decoded) == [(TINY, A)]
    assert picture(world, decoded, override_settings={"sd_vae": B}) == [(TINY, B)]
    assert picture(world, decoded, refiner_checkpoint=TINY2, **REFINED) == [(TINY2, A)]
    assert world.select("Automatic")
    assert picture(world, decoded, refiner_checkpoint=TINY2, **REFINED) == [(TINY2, None)]
    assert picture(world, decoded, hr_checkpoint_name=PAIR, **HIRES) == [(PAIR, None)]
    assert picture(world, decoded) == [(TINY, None)]
    assert world.load(PAIR)
    assert picture(world, decoded, refiner_checkpoint=OTHER, override_settings={"sd_vae": B}, **REFINED) == [(OTHER, B)]
    assert picture(world, decoded, hr_checkpoint_name=OTHER, **HIRES) == [(OTHER, None)]
    assert picture(world, decoded, override_settings={"sd_model_checkpoint": TINY2, "sd_vae": A}) == [(TINY2, A)]
    assert picture(world, decoded) == [(PAIR, None)]
