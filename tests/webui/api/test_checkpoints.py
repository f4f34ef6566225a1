"""The VAE of a checkpoint by way of the API: asked for, set, cleared; the model in use follows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import fastapi
import pytest
from fastapi.testclient import TestClient
from modules import sd_models, shared
from safetensors.torch import save_file

from tests.webui.world import World, small_vae
from vae_workbench.webui.api import routes as api

MODEL, OTHER = "pair.safetensors", "tiny2.safetensors"


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The routes of a web UI."""
    monkeypatch.setattr(shared.cmd_opts, "api", True)
    monkeypatch.setattr(shared.cmd_opts, "api_auth", None)
    app = fastapi.FastAPI()
    api.add_routes(None, app)
    return TestClient(app)


def metadata(world: World, checkpoint: str) -> Path:
    return Path(world.path(checkpoint)).with_suffix(".json")


def route(checkpoint: str) -> str:
    return f"{api.BASE}/checkpoints/{checkpoint}/vae"


def told(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    sentence = answer.json()["detail"]
    assert isinstance(sentence, str) and sentence.endswith(".")
    return sentence


def test_the_decision_is_told_step_by_step(world: World, server: TestClient) -> None:
    choice = told(server.get(route(MODEL)))
    assert (choice["checkpoint"], choice["vae"], choice["source"]) == (MODEL, None, "own")
    assert [step["source"] for step in choice["steps"]][:3] == ["command line", "setting", "override"]
    assert [step["taken"] for step in choice["steps"]].count(True) == 1
    assert choice["problems"] == []


def test_an_override_is_set_told_and_cleared(world: World, server: TestClient) -> None:
    choice = told(server.put(route(MODEL), json={"vae": "a.safetensors"}))
    assert (choice["vae"], choice["source"], choice["reason"]) == ("a.safetensors", "override", "override for pair")
    assert told(server.get(route(MODEL))) == choice
    assert json.loads(metadata(world, MODEL).read_text())["vae"] == "a.safetensors"
    assert told(server.get(route(OTHER)))["source"] != "override"
    assert told(server.delete(route(MODEL)))["source"] == "own"
    assert not metadata(world, MODEL).exists(), "no empty file is left"
    assert told(server.delete(route(MODEL)))["source"] == "own"


def test_the_checkpoints_own_can_be_set(world: World, server: TestClient) -> None:
    choice = told(server.put(route(MODEL), json={"vae": "None"}))
    assert (choice["vae"], choice["source"]) == (None, "override")


def test_the_last_one_set_counts_also_after_a_change_in_the_web_ui(world: World, server: TestClient) -> None:
    told(server.put(route(MODEL), json={"vae": "a.safetensors"}))
    world.note(MODEL, json.dumps({"vae": "b.safetensors", "notes": "mine"}))
    assert told(server.get(route(MODEL)))["vae"] == "b.safetensors"
    world.note(MODEL, json.dumps({"vae": "c.pt", "notes": "mine"}))
    assert told(server.put(route(MODEL), json={"vae": "fp16.safetensors"}))["vae"] == "fp16.safetensors"
    assert json.loads(metadata(world, MODEL).read_text()) == {"vae": "fp16.safetensors", "notes": "mine"}


def test_the_vae_in_use_follows(world: World, server: TestClient) -> None:
    assert world.load(MODEL)
    assert told(server.put(route(OTHER), json={"vae": "b.safetensors"}))["problems"] == []
    assert world.vae == world.baked(MODEL)
    assert told(server.put(route(MODEL), json={"vae": "a.safetensors"}))["problems"] == []
    assert world.vae == world.file("a.safetensors")
    assert told(server.delete(route(MODEL)))["problems"] == []
    assert world.vae == world.baked(MODEL)


def test_no_checkpoint_is_loaded_for_it(world: World, server: TestClient) -> None:
    told(server.put(route(MODEL), json={"vae": "a.safetensors"}))
    assert sd_models.model_data.sd_model is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nope.safetensors", "There is no VAE called nope.safetensors"),
        ("../a.safetensors", "There is no VAE called ../a.safetensors"),
        ("bad nan.safetensors", "bad nan.safetensors cannot be used"),
        ("bad corrupt.safetensors", "bad corrupt.safetensors cannot be used"),
        ("", "There is no VAE called"),
    ],
)
def test_a_vae_that_cannot_be_used_changes_nothing(world: World, server: TestClient, name: str, sentence: str) -> None:
    assert sentence in refused(server.put(route(MODEL), json={"vae": name}), 422)
    assert told(server.get(route(MODEL)))["source"] == "own"


def test_a_likely_mismatch_needs_force(world: World, server: TestClient) -> None:
    told_in_file = {"modelspec.architecture": "stable-diffusion-xl-v1-base/vae"}
    save_file(small_vae(40), world.vaes / "perhaps.safetensors", told_in_file)
    sentence = refused(server.put(route(MODEL), json={"vae": "perhaps.safetensors"}), 409)
    assert "it is probably for SDXL" in sentence and "force" in sentence
    assert told(server.get(route(MODEL)))["source"] == "own"
    choice = told(server.put(route(MODEL), json={"vae": "perhaps.safetensors", "force": True}))
    assert choice["vae"] == "perhaps.safetensors" and "was confirmed" in choice["warnings"][0]


def test_files_whose_names_are_not_utf8(world: World, server: TestClient) -> None:
    """Every answer that named one was 500."""
    (world.vaes / "a.safetensors").rename(world.vaes / os.fsdecode(b"\x83.safetensors"))
    choice = told(server.put(route(MODEL), json={"vae": "\\x83.safetensors"}))
    assert choice["vae"] == "\\x83.safetensors" and choice["path"].endswith("\\x83.safetensors")
    assert "\\x84" in refused(server.put(route(MODEL), json={"vae": "\udc84.safetensors"}), 422)
    assert told(server.delete(route(MODEL)))["source"] == "own"


@pytest.mark.parametrize("name", ["bad half.safetensors", "bad wide.safetensors", "bad other.safetensors"])
def test_what_the_switch_refuses_cannot_be_set(world: World, server: TestClient, name: str) -> None:
    """Half a VAE could be set as an override, was answered with 200, and was refused when it was to be used."""
    refused(server.put(route(MODEL), json={"vae": name}), 422)
    assert told(server.get(route(MODEL)))["source"] == "own"


def test_a_path_is_no_name(world: World, server: TestClient) -> None:
    assert "There is no VAE" in refused(server.put(route(MODEL), json={"vae": str(world.vaes / "a.safetensors")}), 422)
    assert "There is no checkpoint" in refused(server.get(route(world.path(MODEL))), 404)


@pytest.mark.parametrize("name", ["nope.ckpt", "a.safetensors", "%2e%2e%2fpair.safetensors"])
def test_other_checkpoints_are_refused(world: World, server: TestClient, name: str) -> None:
    for answer in (
        server.get(route(name)),
        server.put(route(name), json={"vae": "a.safetensors"}),
        server.delete(route(name)),
    ):
        assert "There is no checkpoint named" in refused(answer, 404)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 422),
        (b'"a.safetensors"', 422),
        (b"{}", 422),
        (b'{"vae": null}', 422),
        (b'{"vae": 3}', 422),
        (b'{"vae": "a.safetensors", "force": "yes"}', 422),
        (b'{"vae": "a.safetensors", "path": "x"}', 422),
    ],
)
def test_a_wrong_body_is_refused_in_a_sentence(world: World, server: TestClient, content: bytes, status: int) -> None:
    refused(server.put(route(MODEL), content=content), status)
    assert told(server.get(route(MODEL)))["source"] == "own"


def test_metadata_that_are_no_json_are_told_and_left_alone(world: World, server: TestClient) -> None:
    world.note(MODEL, "[not json")
    choice = told(server.put(route(MODEL), json={"vae": "a.safetensors"}))
    assert choice["vae"] == "a.safetensors" and len(choice["problems"]) == 1
    assert metadata(world, MODEL).read_text() == "[not json"
