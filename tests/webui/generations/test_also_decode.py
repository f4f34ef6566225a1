""" "Also decode with …": other VAEs decode each picture of a job, as if they had been in use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from modules import sd_models, shared
from modules.scripts import Script
from PIL import Image

from tests.webui.generations.jobs import equal, generate, job, parameters, run
from tests.webui.generations.test_keep import Nests, Replaces, overlay
from tests.webui.world import World
from vae_workbench.webui import options
from vae_workbench.webui.generations.also_decode import UNKNOWN_LATENT, CannotAlsoDecode
from vae_workbench.webui.generations.script import VaeWorkbenchScript

A, B, C = "a.safetensors", "b.safetensors", "c.pt"


def vaes_of(made: Any) -> list[str | None]:
    return [parameters(text).get("VAE") for text in made.infotexts]


def test_each_is_what_that_vae_makes_in_use(keeping: World) -> None:
    made = generate([A, B, C])
    assert vaes_of(made) == [None, A, B, C]
    for name, image, infotext in zip((A, B, C), made.images[1:], made.infotexts[1:], strict=True):
        alone = generate(override_settings={"sd_vae": name})
        assert equal(image, np.asarray(alone.images[0])), name
        assert infotext == alone.infotexts[0] == image.info["parameters"]


def test_the_model_in_use_is_left_alone(keeping: World) -> None:
    keeping.select("fp16.safetensors")
    before = keeping.vae, keeping.rest, shared.opts.sd_vae
    generate([A])
    assert (keeping.vae, keeping.rest, shared.opts.sd_vae) == before


def test_they_come_after_the_grid_and_the_pictures_of_a_batch(keeping: World) -> None:
    made = generate([A, B], batch_size=2, do_not_save_grid=False)
    assert made.index_of_first_image == 1 and len(made.images) == len(made.infotexts) == 7
    assert [parameters(text)["Seed"] for text in made.infotexts[1:]] == ["1", "2", "1", "1", "2", "2"]
    assert vaes_of(made) == [None, None, None, A, B, A, B]
    assert sorted(made.images[0].size) == [64, 128], "the grid is that of the web UI's own pictures"


def test_they_are_saved_under_names_that_tell_them_apart(keeping: World, tmp_path: Path) -> None:
    (keeping.vaes / "more: or less.safetensors").hardlink_to(keeping.vaes / B)
    generate([A, "more: or less.safetensors"], outpath_samples=str(tmp_path / "out"))
    saved = {path.stem.split("-", 1)[-1]: path for path in (tmp_path / "out").rglob("*.png")}
    assert [name.removeprefix("1") for name in sorted(saved)] == ["", "-a", "-more_ or less"]
    with Image.open(saved["1-a"]) as image:
        assert parameters(image.info["parameters"])["VAE"] == A


def test_nothing_is_saved_where_pictures_are_not(keeping: World, tmp_path: Path) -> None:
    generate([A], outpath_samples=str(tmp_path / "out"), do_not_save_samples=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("asked", [None, "", [], [""]])
def test_nothing_is_asked_for(keeping: World, asked: object) -> None:
    assert len(generate(asked).images) == 1


@pytest.mark.parametrize("asked", ["a", ["a"], (A, "a")])
def test_names_are_understood_as_people_write_them(keeping: World, asked: object) -> None:
    assert vaes_of(generate(asked)) == [None, A]


@pytest.mark.parametrize("asked", [["no such.pt"], [A, "no such.pt"], {"a": 1}, [1], 5])
def test_what_cannot_be_found_stops_the_job_before_it_begins(keeping: World, asked: object) -> None:
    with pytest.raises(CannotAlsoDecode, match=r"Also decode with.*\.$") as raised:
        generate(asked)
    assert (raised.value.status_code, raised.value.detail) == (422, str(raised.value))


def test_one_that_cannot_decode_fails_alone(keeping: World) -> None:
    made = generate(["bad other.safetensors", A, "bad corrupt.safetensors", "bad nan.safetensors"])
    assert vaes_of(made) == [None, A]
    assert all(f"bad {name}" in made.comments for name in ("other", "corrupt", "nan"))


def test_it_stops_when_the_job_is_interrupted(keeping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupts(Script):
        def postprocess_image_after_composite(self, p: Any, pp: Any, *_: object) -> None:
            monkeypatch.setattr(shared.state, "interrupted", True)

    assert vaes_of(generate([A], scripts=[Interrupts()])) == [None]


def test_an_inpainted_picture_is_composed_as_the_web_uis_own(keeping: World) -> None:
    pictures = []
    for asked in ({"others": [A]}, {"override_settings": {"sd_vae": A}}):
        p = job(**asked)
        p.overlay_images, p.paste_to = [overlay(128)], (32, 32, 64, 64)
        pictures.append(run(p).images[-1])
    assert equal(pictures[0], np.asarray(pictures[1])) and pictures[0].getpixel((0, 0)) == (255, 0, 0)


def test_infotexts_stay_with_their_pictures_beside_masks(keeping: World) -> None:
    """The web UI shows the infotext of the same number, and gives masks none."""
    shared.opts.data["return_mask"] = True
    p = job([A])
    p.overlay_images, p.mask_for_overlay = [overlay(64)], Image.new("L", (64, 64))
    made = run(p)
    assert len(made.images) == len(made.infotexts) == 3 and vaes_of(made) == [None, None, A]


def test_a_tiling_picture_tiles(keeping: World) -> None:
    other, plain = (generate([A], tiling=tiling).images[1] for tiling in (True, False))
    assert not equal(other, np.asarray(plain))


def test_a_picture_of_an_unknown_latent_is_told(keeping: World) -> None:
    made = generate([A], scripts=[Replaces()])
    assert vaes_of(made) == [None] and UNKNOWN_LATENT in made.comments


def test_what_scripts_make_on_the_way_is_not_decoded_again(keeping: World) -> None:
    assert vaes_of(generate([A], scripts=[Nests()])) == [None, A]


def test_it_works_with_nothing_kept(keeping: World) -> None:
    shared.opts.data[options.KEPT_MEGABYTES] = 0
    assert vaes_of(generate([A])) == [None, A]


def test_the_list_is_that_of_the_web_ui(keeping: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks():
        (vaes,) = VaeWorkbenchScript().ui(is_img2img=False)
    assert A in [choice if isinstance(choice, str) else choice[0] for choice in vaes.choices] and vaes.value == []
    monkeypatch.setattr(sd_models, "forge_model_reload", lambda: None, raising=False)
    assert VaeWorkbenchScript().show(False) is False
