"""The routes for programs, on a real server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import fastapi
import pytest
from fastapi.testclient import TestClient
from modules import shared
from safetensors.torch import save_file

from tests.identity.files import checkpoint
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.library.places import library_in
from vae_workbench.webui.api import checkpoints as checkpoint_api
from vae_workbench.webui.api import routes as api

BASE = "/vae-workbench/v1"


@pytest.fixture
def options() -> Iterator[object]:
    """The command line, put back afterwards."""
    names = ("api", "nowebui", "api_auth")
    before = {name: getattr(shared.cmd_opts, name) for name in names}
    yield shared.cmd_opts
    for name, value in before.items():
        setattr(shared.cmd_opts, name, value)


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        save_small_kl(folder / name / "vae.safetensors", seed=ord(name))
    save_file(checkpoint("sd1", small_kl(ord("b"))), folder / "model.safetensors")
    kept = library_in(tmp_path / "data")
    monkeypatch.setattr(checkpoint_api, "library", lambda: kept)
    monkeypatch.setattr(checkpoint_api, "folders", lambda: [folder])
    return folder


def client(options, *, api_on: bool = True, auth: str | None = None) -> TestClient:
    options.api, options.api_auth = api_on, auth
    app = fastapi.FastAPI()
    api.add_routes(None, app)
    return TestClient(app)


def test_vaes_and_checkpoints(options, models: Path) -> None:
    server = client(options)
    vaes = server.get(f"{BASE}/vaes").json()
    assert [vae["name"] for vae in vaes] == ["a/vae.safetensors", "b/vae.safetensors"]
    assert vaes[1]["latent_space"] == "sd1" and vaes[1]["copies_of"] == ["model.safetensors"]
    (model,) = server.get(f"{BASE}/checkpoints").json()
    assert model["baked"]["state"] == "complete" and model["architecture"] == "sd1"
    assert server.get(f"{BASE}/vaes/b/vae.safetensors").json() == vaes[1]


def test_a_new_file_is_there_at_once(options, models: Path) -> None:
    server = client(options)
    server.get(f"{BASE}/vaes")
    save_small_kl(models / "new.safetensors")
    assert server.get(f"{BASE}/vaes/new.safetensors").json()["kind"] == "vae"


@pytest.mark.parametrize("name", ["missing.pt", "model.safetensors", "../../etc/passwd", "%2e%2e%2fmodel.safetensors"])
def test_other_names_and_paths_are_refused_in_a_sentence(options, models: Path, name: str) -> None:
    answer = client(options).get(f"{BASE}/vaes/{name}")
    assert answer.status_code == 404
    if answer.json()["detail"] != "Not Found":  # a path that the client or server had already shortened
        assert "There is no VAE named" in answer.json()["detail"]


def test_a_path_is_no_name(options, models: Path) -> None:
    path = models / "a" / "vae.safetensors"
    assert client(options).get(f"{BASE}/vaes/{path}").status_code == 404


def test_without_api_there_are_no_routes(options, models: Path) -> None:
    options.nowebui = False
    assert client(options, api_on=False).get(f"{BASE}/vaes").status_code == 404


def test_without_a_web_ui_there_are(options, models: Path) -> None:
    options.nowebui = True
    assert client(options, api_on=False).get(f"{BASE}/vaes").status_code == 200


def test_a_file_whose_name_is_not_utf8(options, models: Path) -> None:
    """Every route that lists files answered 500 as soon as there was one."""
    (models / "a" / "vae.safetensors").rename(models / os.fsdecode(b"\x83\x65.safetensors"))
    server = client(options)
    names = [vae["name"] for vae in server.get(f"{BASE}/vaes").json()]
    assert "\\x83e.safetensors" in names
    told = server.get(f"{BASE}/vaes/{quote(chr(92) + 'x83e.safetensors')}").json()
    assert told["kind"] == "vae" and told["path"].endswith("\\x83e.safetensors")
    assert server.get(f"{BASE}/vaes/%83e.safetensors").status_code == 404


def test_what_is_suspicious_about_a_file_is_told(options, models: Path) -> None:
    (vae, *_) = client(options).get(f"{BASE}/vaes").json()
    assert (vae["warnings"], vae["code"]) == ([], [])


@pytest.mark.parametrize("path", ["vaes", "checkpoints", "vaes/a/vae.safetensors"])
def test_the_web_uis_credentials_guard_every_route(options, models: Path, path: str) -> None:
    server = client(options, auth="user:pass:word,other:x")
    assert server.get(f"{BASE}/{path}").status_code == 401
    assert server.get(f"{BASE}/{path}", auth=("user", "pass")).status_code == 401
    assert server.get(f"{BASE}/{path}", auth=("nobody", "x")).status_code == 401
    assert server.get(f"{BASE}/{path}", auth=("user", "pass:word")).status_code == 200
    assert server.get(f"{BASE}/{path}", auth=("other", "x")).status_code == 200
