"""The latents of the newest pictures: those that each was decoded from, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from modules import processing, sd_samplers_common, shared
from modules.scripts import Script
from PIL import Image

from tests.webui.generations.jobs import decoded, equal, generate, job, run
from tests.webui.world import World
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.webui import options
from vae_workbench.webui.generations.keep import CHANGED, COMPOSED, KEPT, PART, TILES
from vae_workbench.webui.generations.route import generation_of


def test_a_kept_latent_decodes_to_the_picture(keeping: World) -> None:
    made = generate()
    (kept,) = KEPT.newest()
    assert kept.picture is made.images[0] and equal(kept.picture, decoded(kept))
    assert kept.latents.shape == (1, 4, 8, 8) and kept.latents.device.type == "cpu"
    assert (kept.infotext, kept.space, kept.notes) == (made.infotexts[0], LATENT_SPACES["sd1"], ())
    assert (kept.made_by, kept.checkpoint) == ("baked in tiny.safetensors", "tiny.safetensors")
    assert kept.made_by_path == keeping.path("tiny.safetensors")


def test_the_vae_is_that_of_the_picture(keeping: World) -> None:
    """An override is taken back when the picture is done."""
    keeping.select("b.safetensors")
    generate(override_settings={"sd_vae": "a.safetensors"})
    (kept,) = KEPT.newest()
    assert kept.made_by == "a.safetensors" and kept.made_by_path == str(keeping.vae_path("a.safetensors"))
    assert equal(kept.picture, decoded(kept)) and "VAE: a.safetensors" in kept.infotext


def test_each_of_a_batch_has_its_own(keeping: World) -> None:
    made = generate(batch_size=2, n_iter=2, do_not_save_grid=False)
    kept = KEPT.newest()[::-1]
    pictures = made.images[made.index_of_first_image :]
    assert [one.picture for one in kept] == pictures and len(kept) == 4
    assert all(equal(one.picture, decoded(one)) for one in kept)
    assert [one.infotext for one in kept] == made.infotexts[made.index_of_first_image :]
    assert "Seed: 4" in kept[3].infotext


@pytest.mark.parametrize("upscaler", ["Latent", "None"])
def test_of_hires_fix_the_second_pass_is_kept(keeping: World, upscaler: str) -> None:
    generate(enable_hr=True, hr_scale=2, hr_upscaler=upscaler, denoising_strength=0.5)
    (kept,) = KEPT.newest()
    assert kept.latents.shape == (1, 4, 16, 16) and equal(kept.picture, decoded(kept))


def test_after_a_refiner_it_is_the_refiners(keeping: World) -> None:
    generate(steps=2, refiner_checkpoint="tiny2.safetensors", refiner_switch_at=0.5)
    (kept,) = KEPT.newest()
    assert kept.checkpoint == "tiny2.safetensors" and equal(kept.picture, decoded(kept))


def test_without_infotexts_in_pictures_it_is_known_all_the_same(keeping: World) -> None:
    shared.opts.data["enable_pnginfo"] = False
    made = generate(batch_size=2, do_not_save_grid=False)
    assert [one.infotext for one in KEPT.newest()[::-1]] == made.infotexts[-2:]
    assert "Seed: 2" in KEPT.newest()[0].infotext


def test_a_picture_of_a_gallery_is_found_again(keeping: World, tmp_path: Path) -> None:
    """The same file name in another folder is another picture."""
    for folder in ("one", "two"):
        generate(outpath_samples=str(tmp_path / folder))
    files = [str(next((tmp_path / folder).rglob("*.png"))) for folder in ("two", "one")]
    assert [generation_of(file)["generation"] for file in files] == [kept.id for kept in KEPT.newest()]
    assert generation_of(files[0])["name"] == Path(files[0]).name
    KEPT.clear()
    assert generation_of(files[0]) == {} == generation_of("/etc/passwd")


def test_none_are_kept_without_memory(keeping: World) -> None:
    generate()
    shared.opts.data[options.KEPT_MEGABYTES] = 0
    generate()
    assert KEPT.newest() == []


def test_an_approximation_is_told(keeping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its picture is not what the VAE in use makes of the latent."""
    monkeypatch.setitem(shared.opts.data, "sd_vae_decode_method", "Approx cheap")
    monkeypatch.setattr(sd_samplers_common, "approximation_indexes", {}, raising=False)
    generate()
    assert (KEPT.newest()[0].made_by, KEPT.newest()[0].made_by_path) == ("Approx cheap", "")


class Replaces(Script):
    """A script that gives pictures of its own in place of the latents."""

    def post_sample(self, p: Any, ps: Any, *_: object) -> None:
        ps.samples = processing.DecodedSamples([torch.zeros(3, 64, 64)])


class Multiplies(Script):
    """A script that changes how many pictures there are."""

    def postprocess_batch_list(self, p: Any, pp: Any, *_: object, **__: object) -> None:
        pp.images = [*pp.images, *pp.images]
        p.prompts, p.negative_prompts, p.seeds, p.subseeds = p.prompts * 2, p.negative_prompts * 2, p.seeds * 2, p.seeds


@pytest.mark.parametrize("script", [Replaces(), Multiplies()])
def test_pictures_of_unknown_latents_are_not_kept(keeping: World, script: object) -> None:
    assert generate(scripts=[script]).images
    assert KEPT.newest() == []


class MirrorsAtTheEnd(Script):
    """A script that works on pictures, as upscalers and face swappers do."""

    def postprocess_image_after_composite(self, p: Any, pp: Any, *_: object) -> None:
        pp.image = pp.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def test_a_picture_that_a_script_changed_is_kept_as_it_is_shown(keeping: World) -> None:
    made = generate(scripts=[MirrorsAtTheEnd()])
    (kept,) = KEPT.newest()
    assert kept.picture is made.images[0] and kept.infotext == made.infotexts[0]


class Nests(Script):
    """A script that samples again within a job, and looks at a preview."""

    def postprocess_image_after_composite(self, p: Any, pp: Any, *_: object) -> None:
        processing.process_images(job())
        sd_samplers_common.sample_to_image(torch.zeros(1, 4, 8, 8), 0, 0)


def test_what_scripts_make_on_the_way_is_not_kept(keeping: World) -> None:
    made = generate(scripts=[Nests()], seed=7)
    (kept,) = KEPT.newest()
    assert kept.picture is made.images[0] and "Seed: 7" in kept.infotext and equal(kept.picture, decoded(kept))


def overlay(size: int) -> Image.Image:
    """Red all around, transparent in the middle."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[...] = (255, 0, 0, 255)
    pixels[size // 4 : -size // 4, size // 4 : -size // 4, 3] = 0
    return Image.fromarray(pixels)


def test_an_inpainted_picture_is_kept_as_it_was_composed(keeping: World) -> None:
    p = job()
    p.overlay_images = [overlay(64)]
    made = run(p)
    (kept,) = KEPT.newest()
    assert kept.picture is made.images[0] and kept.notes == (COMPOSED,)
    assert kept.picture.getpixel((0, 0)) == (255, 0, 0)


def test_of_a_part_that_was_inpainted_that_part_is_kept(keeping: World) -> None:
    """The whole picture is not what the latent decodes to, and of another size."""
    p = job()
    p.overlay_images, p.paste_to = [overlay(128)], (32, 32, 64, 64)
    assert run(p).images[0].size == (128, 128)
    (kept,) = KEPT.newest()
    assert kept.notes == (PART,) and equal(kept.picture, decoded(kept))


def test_a_picture_that_was_changed_before_is_told(keeping: World) -> None:
    class Mirrors(Script):
        def postprocess_image(self, p: Any, pp: Any, *_: object) -> None:
            pp.image = pp.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    generate(scripts=[Mirrors()])
    assert KEPT.newest()[0].notes == (CHANGED,)


def test_a_tiling_picture_is_told(keeping: World) -> None:
    """The latent decodes to it only where opposite edges meet."""
    generate(tiling=True)
    assert KEPT.newest()[0].notes == (TILES,)
