"""New VAEs for programs, on a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fastapi
import pytest
import torch
from fastapi.testclient import TestClient
from modules import shared
from safetensors.torch import load_file, save_file

from tests.identity.files import checkpoint
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.library.places import library_in
from vae_workbench.ui.shared.jobs import Jobs
from vae_workbench.webui import host as host_side
from vae_workbench.webui.api import checkpoints as checkpoint_api
from vae_workbench.webui.api import workshop as api
from vae_workbench.webui.api.routes import add_routes

BASE = "/vae-workbench/v1/workshop"


@pytest.fixture
def vaes(tmp_path: Path) -> Path:
    folder = tmp_path / "vaes"
    (tmp_path / "models").mkdir()
    folder.mkdir()
    save_small_kl(folder / "1.safetensors", 1)
    torch.save(small_kl(2), folder / "2.pt")
    save_file(checkpoint("sd1", small_kl(3)), tmp_path / "models/model.safetensors")
    return folder


@pytest.fixture
def server(host: object, vaes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    folders = {"vae": vaes, "checkpoint": tmp_path / "models"}
    kept = library_in(tmp_path / "data")
    monkeypatch.setattr(checkpoint_api, "library", lambda: kept)
    monkeypatch.setattr(checkpoint_api, "folders", lambda: list(folders.values()))
    bench = replace(
        host_side.workbench(),
        jobs=Jobs(),
        library=kept,
        library_folders=lambda: list(folders.values()),
        target_folders=lambda: folders,
    )
    monkeypatch.setattr(api, "workbench", lambda: bench)
    monkeypatch.setattr(shared.cmd_opts, "api", True)
    monkeypatch.setattr(shared.cmd_opts, "api_auth", None)
    app = fastapi.FastAPI()
    add_routes(None, app)
    yield TestClient(app)
    bench.jobs.cancel_all(10)


def made(server: TestClient, **order: object) -> dict:
    answer = server.post(BASE, json={"name": "new", **order})
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "running"
    for _ in range(600):
        state: dict = server.get(f"{BASE}/{answer.json()['id']}").json()
        if state["status"] != "running":
            return state
        time.sleep(0.05)
    pytest.fail(f"it stayed as {state}")


def test_steps_make_a_file_that_is_listed_at_once(server: TestClient, vaes: Path) -> None:
    steps = [{"extract": {}}, {"tone": {"preset": "paler"}}, {"convert": {"dtype": "fp16"}}]
    state = made(server, source="model", steps=steps)
    assert (state["status"], state["file"], state["written"], state["error"]) == ("done", "new.safetensors", True, None)
    assert [step["step"] for step in state["done"]] == ["extract", "tone", "dtype"]
    assert any("were rounded to fp16" in note for note in state["notes"])
    assert load_file(vaes / "new.safetensors")["decoder.conv_in.bias"].dtype == torch.float16
    assert "new.safetensors" in [vae["name"] for vae in server.get("/vae-workbench/v1/vaes").json()]
    assert str(vaes) not in json.dumps(state)


def test_a_vae_is_baked_into_a_copy_of_a_checkpoint(server: TestClient, tmp_path: Path) -> None:
    state = made(server, source="1", steps=[{"bake": {"into": "model"}}], folder="checkpoint")
    assert state["status"] == "done", state
    baked = load_file(tmp_path / "models/new.safetensors")
    wanted = small_kl(1)["encoder.conv_in.weight"]
    assert torch.equal(baked["first_stage_model.encoder.conv_in.weight"], wanted)


def test_a_trial_writes_nothing(server: TestClient, vaes: Path) -> None:
    state = made(server, source="2", steps=[{"convert": {"names": "diffusers"}}], dry_run=True)
    assert state["status"] == "done" and not state["written"] and state["tensors"] > 0
    assert not (vaes / "new.safetensors").exists()


def test_nothing_is_replaced_unasked(server: TestClient, vaes: Path) -> None:
    (vaes / "new.safetensors").write_bytes(b"mine")
    answer = server.post(BASE, json={"source": "1", "name": "new"})
    assert answer.status_code == 409 and 'Send "overwrite": true' in answer.json()["detail"]
    assert (vaes / "new.safetensors").read_bytes() == b"mine"
    assert made(server, source="2", overwrite=True)["written"]
    state = made(server, source="1", name="1", overwrite=True)
    assert state["status"] == "failed" and "the file that is read" in state["error"]
    assert "\n" not in state["error"] and str(vaes) not in state["error"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"source": "nobody"}, "There is no VAE or checkpoint named nobody"),
        ({"source": "/etc/passwd"}, "There is no VAE or checkpoint named"),
        ({"name": "../new"}, "is no name for a file"),
        ({"name": "a/b"}, "is no name for a file"),
        ({"name": ""}, "has no name"),
        ({"folder": "/tmp"}, "folder"),
        ({"steps": [{"polish": {}}]}, "polish is no step"),
        ({"steps": "tone"}, "steps"),
        ({"steps": [{"bake": {"into": "../model"}}]}, "There is no VAE or checkpoint named"),
        ({"steps": [{"match": {"like": "2", "pictures": ["/etc/passwd"]}}]}, "no built-in picture"),
        ({"steps": [{"bake": {"into": "model"}}]}, "no file for the VAE folder"),
        ({"sources": ["1"]}, "sources"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(server: TestClient, order: dict, words: str, vaes: Path) -> None:
    answer = server.post(BASE, json={"source": "1", "name": "new", **order})
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert isinstance(detail, str) and words in detail and detail.endswith(".") and "\n" not in detail
    assert str(vaes.parent) not in detail and not (vaes / "new.safetensors").exists()


def test_it_can_be_cancelled(server: TestClient, vaes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(*given: object, **__: object) -> None:
        progress = given[-1]
        while True:
            time.sleep(0.01)
            progress(0.5, "Writing")  # type: ignore[operator]

    monkeypatch.setattr(api, "save_order", waiting)
    job = server.post(BASE, json={"source": "1", "name": "new"}).json()["id"]
    assert server.delete(f"{BASE}/{job}").status_code == 204
    assert server.get(f"{BASE}/{job}").json()["status"] == "cancelled"
    assert server.get(f"{BASE}/nobody").status_code == 404 and server.delete(f"{BASE}/nobody").status_code == 404
    assert not (vaes / "new.safetensors").exists()


def test_credentials_guard_it(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.cmd_opts, "api_auth", "user:word")
    app = fastapi.FastAPI()
    add_routes(None, app)
    guarded = TestClient(app)
    for method, path in (("POST", ""), ("GET", "/x"), ("DELETE", "/x")):
        assert guarded.request(method, BASE + path, json={"source": "1", "name": "new"}).status_code == 401
