"""Never a black picture: the real web UI in fp16, with VAEs that overflow there.

Its models folder holds tiny checkpoints, and VAEs named after what they do: ``nan-all-fp16`` overflows everywhere,
``nan-pixels-fp16`` at some pixels, ``nan-encoder-fp16`` while encoding; ``nan-all`` has NaN weights.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.host.conftest import WebUI
from tests.server_process import Server

pytestmark = pytest.mark.xdist_group("webui")

TINY = {"prompt": "a", "steps": 1, "width": 64, "height": 64, "seed": 1, "sampler_name": "Euler", "cfg_scale": 1}
HIRES = {"enable_hr": True, "hr_scale": 1.5, "denoising_strength": 0.5, "hr_second_pass_steps": 1}


@pytest.fixture(scope="module")
def half(webui: WebUI) -> Iterator[Server]:
    """The web UI with everything in fp16, and nothing learned of any VAE."""
    learned = webui.root / "models" / "VAE-Workbench" / "plans.json"
    learned.unlink(missing_ok=True)
    with webui.serve(half=True) as server:
        yield server
    learned.unlink(missing_ok=True)


def post(server: Server, path: str, request: dict[str, Any]) -> dict[str, Any]:
    origin = json.dumps(request).encode()
    call = urllib.request.Request(f"{server.address}{path}", origin, {"Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=300) as answer:
        answered: dict[str, Any] = json.load(answer)
    return answered


class Made:
    """What the web UI answered."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.pictures = [np.asarray(Image.open(io.BytesIO(base64.b64decode(image)))) for image in answer["images"]]
        self.infotext: str = json.loads(answer["info"])["infotexts"][0]

    @property
    def is_right(self) -> bool:
        """Neither black nor of one colour."""
        return all(picture.std() > 5 and (picture > 0).mean() > 0.5 for picture in self.pictures)

    @property
    def precision(self) -> str | None:
        return dict(part.split(": ", 1) for part in self.infotext.splitlines()[-1].split(", ")).get("VAE precision")


def txt2img(server: Server, vae: str, checkpoint: str = "tiny", **more: Any) -> Made:
    choice_for = {"sd_vae": f"{vae}.safetensors", "sd_model_checkpoint": f"{checkpoint}.safetensors"}
    settings = {**choice_for, **more.pop("override_settings", {})}
    return Made(post(server, "/sdapi/v1/txt2img", {**TINY, "override_settings": settings, **more}))


def img2img(server: Server, vae: str, **more: Any) -> Made:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    saved = io.BytesIO()
    Image.fromarray(noise).save(saved, "PNG")
    picture = base64.b64encode(saved.getvalue()).decode()
    settings = {"sd_vae": f"{vae}.safetensors", "sd_model_checkpoint": "tiny.safetensors"}
    request = {**TINY, "init_images": [picture], "denoising_strength": 0.5, "override_settings": settings, **more}
    return Made(post(server, "/sdapi/v1/img2img", request))


def test_repaired_once_and_then_in_fp16_again(half: Server) -> None:
    first, second = (txt2img(half, "nan-all-fp16") for _ in range(2))
    assert first.is_right and second.is_right
    assert (first.precision, second.precision) == ("fp32", "fp16 rescaled")
    assert np.abs(first.pictures[0].astype(float) - second.pictures[0]).mean() < 2
    assert half.printed.count("The picture was repaired in fp32, and this VAE now runs in fp16 rescaled.") == 1


def test_some_pixels(half: Server) -> None:
    """What scales cannot help stays in fp32 (D6, D9)."""
    made = [txt2img(half, "nan-pixels-fp16") for _ in range(2)]
    assert all(one.is_right and one.precision == "fp32" for one in made)


def test_a_healthy_vae_afterwards_runs_in_fp16(half: Server) -> None:
    """The web UI stayed in fp32 until its restart (D7)."""
    assert txt2img(half, "nan-all-fp16").is_right
    made = txt2img(half, "vae-a")
    assert made.is_right and made.precision is None


def test_encoding(half: Server) -> None:
    """It was never tested (D11)."""
    first, second = (img2img(half, "nan-encoder-fp16") for _ in range(2))
    assert first.is_right and "VAE encoder precision: fp32" in first.infotext
    assert second.is_right and "VAE encoder precision: fp16 rescaled" in second.infotext


def test_inpainting(half: Server) -> None:
    mask = io.BytesIO()
    Image.fromarray(np.pad(np.full((32, 32), 255, np.uint8), 16)).save(mask, "PNG")
    assert img2img(half, "nan-encoder-fp16", mask=base64.b64encode(mask.getvalue()).decode()).is_right


@pytest.mark.parametrize("upscaler", ["Latent", "None"])
def test_hires_fix(half: Server, upscaler: str) -> None:
    for vae in ("nan-all-fp16", "nan-encoder-fp16"):
        made = txt2img(
            half, vae, hr_upscaler=upscaler, override_settings={"save_images_before_highres_fix": True}, **HIRES
        )
        assert made.is_right and made.pictures[0].shape == (96, 96, 3)


def test_a_batch(half: Server) -> None:
    made = txt2img(half, "nan-pixels-fp16", batch_size=3)
    assert len(made.pictures) >= 3 and made.is_right


def test_with_full_live_previews(half: Server) -> None:
    settings = {"show_progress_type": "Full", "live_previews_enable": True, "show_progress_every_n_steps": 1}
    done = threading.Event()
    made: list[Made] = []

    def generate() -> None:
        try:
            made.append(txt2img(half, "nan-all-fp16", steps=4, override_settings=settings))
        finally:
            done.set()

    thread = threading.Thread(target=generate)
    thread.start()
    while not done.wait(0.3):
        with urllib.request.urlopen(f"{half.address}/sdapi/v1/progress", timeout=60) as answer:
            assert answer.status == 200
    thread.join()
    assert made and made[0].is_right


def test_two_checkpoints_in_memory(half: Server) -> None:
    """With a second one the web UI raised instead of mending (D8)."""
    post(half, "/sdapi/v1/options", {"sd_checkpoints_limit": 2})
    try:
        for checkpoint in ("tiny", "tiny2", "tiny", "tiny2"):
            assert txt2img(half, "nan-all-fp16", checkpoint).is_right
        assert txt2img(half, "vae-a", "tiny").precision is None
    finally:
        post(half, "/sdapi/v1/options", {"sd_checkpoints_limit": 1})


def test_a_vae_axis(half: Server) -> None:
    with urllib.request.urlopen(f"{half.address}/sdapi/v1/script-info", timeout=60) as answer:
        script = next(s for s in json.load(answer) if s["name"] == "x/y/z plot" and not s["is_img2img"])
    axis = script["args"][0]["choices"].index("VAE")
    names = ", ".join(f"{name}.safetensors" for name in ("nan-all-fp16", "vae-a", "nan-pixels-fp16"))
    as_text, nothing = True, (0, "", [])
    lone_images = (False, True, False)  # legend, lone images, sub grids
    arguments = [axis, names, [], *nothing, *nothing, *lone_images, False, False, False, False, 0, as_text]
    made = txt2img(half, "vae-b", script_name="x/y/z plot", script_args=arguments)
    assert len(made.pictures) == 4 and made.is_right


def test_nan_weights_give_no_black_picture(half: Server) -> None:
    try:
        made = txt2img(half, "nan-all")
    except urllib.error.HTTPError as error:
        assert error.code in (422, 500)
    else:
        assert made.is_right


def test_what_was_learned_survives_a_restart(webui: WebUI, half: Server) -> None:
    txt2img(half, "nan-all-fp16")
    with webui.serve("--disable-nan-check", half=True) as server:
        made = txt2img(server, "nan-all-fp16")
    assert made.is_right and made.precision == "fp16 rescaled"


TILED = """
from modules import devices, scripts

class Tiled(scripts.Script):
    def title(self):
        return "decodes as extensions do that decode in tiles"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def process(self, p, *args):
        for half in (p.sd_model.first_stage_model.decoder, p.sd_model.first_stage_model.encoder):
            half.forward = self.tiled(type(half).forward.__get__(half))

    def tiled(self, plain):
        def forward(x):
            result = plain(x)
            devices.test_for_nans(result, "vae")
            print("ran in tiles")
            return result
        return forward
"""


def test_with_an_extension_that_decodes_in_tiles(webui: WebUI, half: Server) -> None:
    """It replaces ``decoder.forward`` and raises when it finds a NaN; the web UI's own retry never ran then (D15)."""
    extension = webui.root / "extensions" / "vaewb-test-tiled"
    (extension / "scripts").mkdir(parents=True)
    (extension / "scripts" / "tiled.py").write_text(TILED)
    try:
        with webui.serve(half=True) as server:
            made = [txt2img(server, "nan-all-fp16") for _ in range(2)]
            encoded = img2img(server, "nan-encoder-fp16")
            healthy = txt2img(server, "vae-a")
            assert "ran in tiles" in server.printed
    finally:
        shutil.rmtree(extension)
    assert all(one.is_right and one.precision == "fp32" for one in made) and encoded.is_right
    assert healthy.is_right and healthy.precision is None


def test_nothing_of_ours_failed(half: Server) -> None:
    """Errors that are meant, such as of the VAE with NaN weights, are printed with a traceback by the web UI itself."""
    printed = half.printed
    assert not any(sign in printed for sign in ("Error loading script", "Error executing callback", "Error running"))
    assert "Exception ignored" not in printed
