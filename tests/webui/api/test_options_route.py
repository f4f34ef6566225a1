"""The web UI's own route for options, where the VAE in them is refused."""

from __future__ import annotations

from typing import Any

import fastapi
import pytest
from fastapi.testclient import TestClient
from modules import sd_models, shared
from safetensors.torch import save_file

from tests.webui.world import World, small_vae
from vae_workbench.webui import options
from vae_workbench.webui.api.options_route import ROUTE, watch_options


@pytest.fixture
def server(world: World) -> TestClient:
    """The web UI's own route, as in its ``modules/api/api.py``."""

    def set_config(req: dict[str, Any]) -> None:
        name = req.get("sd_model_checkpoint")
        if name is not None and name not in sd_models.checkpoint_aliases:
            raise RuntimeError(f"model {name!r} not found")
        for key, value in req.items():
            shared.opts.set(key, value, is_api=True)

    app = fastapi.FastAPI()
    app.add_api_route(ROUTE, set_config, methods=["POST"])
    app.add_api_route(ROUTE, lambda: {"sd_vae": shared.opts.sd_vae}, methods=["GET"])
    watch_options(None, app)
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    return TestClient(app)


def test_what_can_be_used_is_answered_as_ever(server: TestClient, world: World) -> None:
    for written, name in (
        ("a.safetensors", "a.safetensors"),
        ("A", "a.safetensors"),
        ("none", "None"),
        ("auto", "Automatic"),
    ):
        answer = server.post(ROUTE, json={"sd_vae": written})
        assert (answer.status_code, answer.json()) == (200, None) and server.get(ROUTE).json() == {"sd_vae": name}


@pytest.mark.parametrize(
    ("name", "status"),
    [("bad wide.safetensors", 409), ("bad corrupt.safetensors", 409), ("no such.pt", 422), ("\udc83.pt", 422)],
)
def test_d35_a_refusal_is_answered(server: TestClient, world: World, name: str, status: int) -> None:
    """The answer was 200, and the VAE stayed what it was."""
    answer = server.post(ROUTE, json={"add_vae_name_to_info": False, "sd_vae": name})
    assert (
        answer.status_code == status and name.encode(errors="replace").decode().strip("?.pt") in answer.json()["detail"]
    )
    assert shared.opts.sd_vae == "b.safetensors" and world.vae == world.file("b.safetensors")
    assert shared.opts.add_vae_name_to_info is False, "the rest of the request counts"


@pytest.mark.parametrize("sent", [5, True, ["a"], {"a": 1}])
def test_what_is_no_text_is_refused_like_an_unknown_name(server: TestClient, world: World, sent: object) -> None:
    """The answer was 200, although nothing had changed but the error that the page then showed."""
    answer = server.post(ROUTE, json={"sd_vae": sent})
    assert answer.status_code == 422 and "There is no VAE" in answer.json()["detail"]
    assert shared.opts.sd_vae == "b.safetensors" and world.vae == world.file("b.safetensors")


def test_null_leaves_the_choice_to_the_web_ui(server: TestClient, world: World) -> None:
    """``null`` was stored as the name of a VAE, and ``/active`` answered it."""
    assert server.post(ROUTE, json={"sd_vae": None}).status_code == 200
    assert server.get(ROUTE).json() == {"sd_vae": "Automatic"} and world.vae == world.baked("tiny.safetensors")


def test_a_name_that_two_files_have_is_not_called_unknown(server: TestClient, world: World) -> None:
    """Two files were there, and the answer was that there is none."""
    for ending in ("safetensors", "sft"):
        save_file(small_vae(31), world.vaes / f"twice.{ending}")
    answer = server.post(ROUTE, json={"sd_vae": "Twice"})
    assert answer.status_code == 422 and "Several VAEs are called 'Twice'" in answer.json()["detail"]


def test_how_to_confirm_a_likely_misfit_is_told(server: TestClient, world: World) -> None:
    save_file(
        small_vae(30), world.vaes / "xl.safetensors", {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    )
    answer = server.post(ROUTE, json={"sd_vae": "xl.safetensors"})
    assert answer.status_code == 409 and '"force": true' in answer.json()["detail"]


def test_the_option_brings_back_the_web_uis_answer(server: TestClient, world: World) -> None:
    shared.opts.data[options.REFUSED_OPTION] = False
    assert server.post(ROUTE, json={"sd_vae": "bad wide.safetensors"}).status_code == 200
    assert shared.opts.sd_vae == "b.safetensors"


def test_a_vae_and_the_checkpoint_that_it_is_for_come_in_any_order(server: TestClient, world: World) -> None:
    """The VAE was tried on the checkpoint from before."""
    answer = server.post(ROUTE, json={"sd_vae": "a.safetensors", "sd_model_checkpoint": "tiny2.safetensors"})
    assert answer.status_code == 200
    assert world.checkpoint == "tiny2.safetensors" and world.vae == world.file("a.safetensors")
