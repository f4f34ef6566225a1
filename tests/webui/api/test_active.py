"""What programs see of the VAE in use, and how they choose another one."""

from __future__ import annotations

import os

import fastapi
import pytest
from fastapi.testclient import TestClient
from modules import sd_models, sd_vae, shared
from safetensors.torch import save_file

from tests.webui.world import World, small_vae
from vae_workbench.webui.api import routes as api
from vae_workbench.webui.switching.switch import loaded_vae

BASE = "/vae-workbench/v1"


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(shared.cmd_opts, "api", True)
    monkeypatch.setattr(shared.opts, "save", lambda _filename: None)
    app = fastapi.FastAPI()
    api.add_routes(None, app)
    return TestClient(app)


def test_d32_the_vae_in_use_is_told(server: TestClient, world: World) -> None:
    """The API could not say which VAE was in use."""
    assert sd_models.model_data.sd_model is None
    assert server.get(f"{BASE}/active").status_code == 503
    world.load("tiny.safetensors")
    told = server.get(f"{BASE}/active").json()
    assert (told["checkpoint"], told["vae"], told["baked"]) == ("tiny.safetensors", None, True)
    world.select("a.safetensors")
    told = server.get(f"{BASE}/active").json()
    assert (told["vae"], told["reason"], told["error"]) == ("a.safetensors", "chosen in the top bar", None)
    assert (told["precision"], told["decoder_precision"], told["encoder_precision"]) == ("fp32",) * 3


def test_a_file_whose_name_is_not_utf8(server: TestClient, world: World) -> None:
    world.load("tiny.safetensors")
    (world.vaes / "a.safetensors").rename(world.vaes / os.fsdecode(b"\x83.safetensors"))
    sd_vae.refresh_vae_list()
    told = server.post(f"{BASE}/switch", json={"vae": "\\x83.safetensors"}).json()
    assert told["vae"] == told["setting"] == "\\x83.safetensors" and server.get(f"{BASE}/active").json() == told
    answer = server.post(f"{BASE}/switch", json={"vae": "\udc84.safetensors"})
    assert answer.status_code == 422 and "udc84.safetensors" in answer.json()["detail"]


def test_a_model_without_a_vae_says_why(server: TestClient, world: World) -> None:
    """It was said that no checkpoint is loaded."""
    world.load("tiny.safetensors")
    loaded_vae(world.model).origin = None
    told = server.get(f"{BASE}/active").json()
    assert (told["vae"], told["baked"], told["checkpoint"]) == (None, False, "tiny.safetensors")
    assert "not known" in told["error"]


def test_a_switch_answers_with_what_is_in_use(server: TestClient, world: World) -> None:
    world.load("tiny.safetensors")
    for name in ("a.safetensors", "None", "b.safetensors", "Automatic"):
        answer = server.post(f"{BASE}/switch", json={"vae": name})
        assert answer.status_code == 200 and answer.json()["setting"] == name == shared.opts.sd_vae
        assert world.vae == (world.file(name) if name.endswith("s") else world.baked("tiny.safetensors"))


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"vae": "no such.pt"}, 422, "There is no VAE 'no such.pt'"),
        ({"vae": "/etc/passwd"}, 422, "There is no VAE"),
        ({"vae": "bad wide.safetensors"}, 409, "bad wide.safetensors"),
        ({"vae": "bad corrupt.safetensors"}, 409, "bad corrupt.safetensors"),
        ({"vae": 5, "force": "?"}, 422, "force"),
        ({}, 422, "vae"),
    ],
)
def test_what_cannot_be_used_is_answered_with_a_sentence(
    server: TestClient, world: World, body: dict[str, object], status: int, sentence: str
) -> None:
    world.load("tiny.safetensors")
    world.select("b.safetensors")
    answer = server.post(f"{BASE}/switch", json=body)
    assert answer.status_code == status and sentence in str(answer.json()["detail"])
    assert shared.opts.sd_vae == "b.safetensors" and world.vae == world.file("b.safetensors")


def test_force_is_for_what_probably_does_not_fit(server: TestClient, world: World) -> None:
    metadata = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(30), world.vaes / "xl.safetensors", metadata)
    world.load("tiny.safetensors")
    answer = server.post(f"{BASE}/switch", json={"vae": "xl.safetensors"})
    assert answer.status_code == 409 and "force" in answer.json()["detail"]
    answer = server.post(f"{BASE}/switch", json={"vae": "xl.safetensors", "force": True})
    assert answer.status_code == 200 and world.vae == world.file("xl.safetensors")
    for name in ("bad nan.safetensors", "bad wide.safetensors"):
        for force in (False, True):
            answer = server.post(f"{BASE}/switch", json={"vae": name, "force": force})
            assert answer.status_code == 409 and "force" not in answer.json()["detail"]
    assert world.vae == world.file("xl.safetensors")
