"""Comparisons for programs, on a real server."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import fastapi
import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from modules import shared
from modules.call_queue import queue_lock
from PIL import Image
from safetensors.torch import save

from tests.identity.files import checkpoint
from tests.small_vaes import save_small_kl, small_kl
from vae_workbench.autoencoder.latent_space import LATENT_SPACES
from vae_workbench.compare.sources.generations import Generation, KeptGenerations
from vae_workbench.library.places import library_in
from vae_workbench.ui.compare.comparisons import Comparisons
from vae_workbench.ui.shared.jobs import Jobs
from vae_workbench.webui import host as host_side
from vae_workbench.webui.api import checkpoints as checkpoint_api
from vae_workbench.webui.api import compare as api
from vae_workbench.webui.api import compare_order
from vae_workbench.webui.api.routes import add_routes

BASE = "/vae-workbench/v1/compare"


def picture(seed: int = 0) -> str:
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def latents(values: torch.Tensor) -> str:
    return base64.b64encode(save({"latents": values})).decode()


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    for seed in (1, 2):
        save_small_kl(folder / f"{seed}.safetensors", seed)
    kept = library_in(tmp_path / "data")
    monkeypatch.setattr(checkpoint_api, "library", lambda: kept)
    monkeypatch.setattr(checkpoint_api, "folders", lambda: [folder])
    return folder


@pytest.fixture
def server(host: object, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    bench = replace(
        host_side.workbench(),
        jobs=Jobs(),
        comparisons=Comparisons(tmp_path / "comparisons"),
        generations=KeptGenerations(10**6),
    )
    monkeypatch.setattr(api, "workbench", lambda: bench)
    monkeypatch.setattr(shared.cmd_opts, "api", True)
    monkeypatch.setattr(shared.cmd_opts, "api_auth", None)
    app = fastapi.FastAPI()
    add_routes(None, app)
    client = TestClient(app)
    client.bench = bench  # type: ignore[attr-defined]
    yield client
    bench.jobs.cancel_all(10)


def ordered(server: TestClient, **order: object) -> str:
    answer = server.post(BASE, json={"vaes": ["1.safetensors"], **order})
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "running"
    return str(answer.json()["id"])


def when(server: TestClient, comparison: str, reached: Callable[[dict], bool]) -> dict:
    for _ in range(600):
        state = server.get(f"{BASE}/{comparison}").json()
        if reached(state):
            return state
        time.sleep(0.05)
    pytest.fail(f"it stayed as {state}")


def ended(server: TestClient, comparison: str) -> dict:
    return when(server, comparison, lambda state: state["status"] != "running")


def test_pictures_and_vaes_are_compared(server: TestClient) -> None:
    sources = [{"image": picture(), "name": "mine"}, {"image": f"data:image/png;base64,{picture(1)}"}]
    sources.append({"builtin": "colours"})
    comparison = ordered(server, sources=sources, vaes=["1.safetensors", "2"], longest_side=64)
    state = ended(server, comparison)
    assert (state["status"], state["progress"], state["error"]) == ("done", 1.0, None)
    assert [source["name"] for source in state["sources"]] == ["mine", "source 2", "colours"]
    assert [vae["name"] for vae in state["vaes"]] == ["1.safetensors", "2.safetensors"]
    assert len(state["cells"]) == 6
    for cell in state["cells"]:
        assert cell["words"] and cell["psnr"] > 0 and cell["state"] == "done"
        answer = server.get(cell["image"])
        assert answer.headers["content-type"] == "image/png"
        assert Image.open(io.BytesIO(answer.content)).size in ((32, 24), (64, 64))
    assert server.get(state["sources"][0]["image"]).status_code == 200
    assert "customElements.define" in server.get(state["html"]).text


def test_the_answers_tell_no_paths(server: TestClient, models: Path) -> None:
    comparison = ordered(server, sources=[{"image": picture()}])
    state = ended(server, comparison)
    assert str(models.parent) not in json.dumps(state)
    assert str(models.parent) not in server.get(state["html"]).text


def test_the_vae_of_a_checkpoint_is_compared_too(server: TestClient, models: Path) -> None:
    from safetensors.torch import save_file

    save_file(checkpoint("sd1", small_kl(7)), models / "model.safetensors")
    state = ended(server, ordered(server, sources=[{"image": picture()}], vaes=["model"]))
    assert state["cells"][0]["psnr"] > 0


def test_one_encoder_for_all_and_a_precision(server: TestClient) -> None:
    order = {"vaes": ["1", "2"], "encoder": "1.safetensors", "precision": "fp32"}
    state = ended(server, ordered(server, sources=[{"image": picture()}], **order))
    assert {(cell["encoder"], cell["precision"]) for cell in state["cells"]} == {("1.safetensors", "fp32")}


def test_latents_and_generations_are_decoded_as_they_are(server: TestClient) -> None:
    made = Generation(torch.randn(1, 4, 4, 4), picture=Image.new("RGB", (32, 32)), name="1-cat", made_by="own")
    server.bench.generations.add(made)  # type: ignore[attr-defined]
    sources = [{"latents": latents(torch.randn(1, 4, 4, 5)), "name": "sampled"}, {"generation": made.id}]
    state = ended(server, ordered(server, sources=sources, latent_space="sd1"))
    assert [(s["kind"], s["name"], s["width"]) for s in state["sources"]] == [
        ("latent", "sampled", 40),
        ("generation", "1-cat", 32),
    ]
    assert all(cell["state"] == "done" for cell in state["cells"]), state["cells"]


def test_all_latents_of_a_batch_are_sources(server: TestClient) -> None:
    """The first alone was taken, and nobody was told of the others."""
    batch = {"latents": latents(torch.randn(3, 4, 2, 2)), "name": "batch"}
    state = ended(server, ordered(server, sources=[batch], latent_space="sd1"))
    assert [source["name"] for source in state["sources"]] == ["batch 1", "batch 2", "batch 3"]
    assert [cell["state"] for cell in state["cells"]] == ["done"] * len(state["vaes"]) * 3
    many = {"latents": latents(torch.randn(65, 4, 1, 1))}
    answer = server.post(BASE, json={"sources": [many], "vaes": ["1.safetensors"]})
    assert answer.status_code == 422 and "65 sources" in answer.text


def test_all_latent_spaces_can_be_named() -> None:
    assert get_args(compare_order.LatentSpaceName) == tuple(LATENT_SPACES)


def test_latents_and_loss_are_views(server: TestClient) -> None:
    order = {"sources": [{"image": picture()}], "views": ["latent", "loss"], "rounds": 2}
    state = ended(server, ordered(server, **order))
    (shown,), (loss,) = state["latents"], state["losses"]
    assert len(shown["channels_images"]) == 4 and len(loss["rounds"]) == 2
    for address in (shown["channels_images"][0], shown["preview"], loss["rounds"][1]["image"]):
        assert server.get(address).status_code == 200


def test_one_bad_vae_fails_alone(server: TestClient, models: Path) -> None:
    state = ended(server, ordered(server, sources=[{"image": picture()}], vaes=["1", "2"]))
    assert state["status"] == "done"
    (models / "bad.safetensors").write_bytes((models / "1.safetensors").read_bytes()[:5000])
    answer = server.post(BASE, json={"sources": [{"image": picture()}], "vaes": ["bad", "1"]})
    if answer.status_code == 422:  # such a rest of a file is no VAE for the list
        assert "There is no VAE named bad" in answer.json()["detail"]
        return
    bad, good = ended(server, answer.json()["id"])["cells"]
    assert bad["error"] and not bad["image"] and good["psnr"] > 0


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ({"vaes": ["nobody"]}, 422, "There is no VAE named nobody. Ask"),
        ({"vaes": ["../../etc/passwd"]}, 422, "There is no VAE named"),
        ({"vaes": []}, 422, "vaes"),
        ({"vaes": None}, 422, "vaes"),
        ({"encoder": "nobody"}, 422, "There is no VAE named nobody"),
        ({"sources": []}, 422, "sources"),
        ({"sources": [{}]}, 422, "give one of image, builtin, generation, latents"),
        ({"sources": [{"builtin": "face", "image": "x"}]}, 422, "give one of"),
        ({"sources": [{"builtin": "nobody"}]}, 422, "no built-in picture"),
        ({"sources": [{"generation": "0123456789ab"}]}, 422, "no longer kept"),
        ({"sources": [{"image": "?!"}]}, 422, "is no base64"),
        ({"sources": [{"image": base64.b64encode(b"text").decode()}]}, 422, "is not a picture"),
        ({"sources": [{"latents": base64.b64encode(b"text").decode()}]}, 422, "source 1"),
        ({"precision": "fp8"}, 422, "precision"),
        ({"longest_side": 10**6}, 422, "longest_side"),
        ({"rounds": 0}, 422, "rounds"),
        ({"latent_space": "sd9"}, 422, "latent_space"),
        ({"views": ["chart"]}, 422, "views"),
        ({"vea": ["1"]}, 422, "vea"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    server: TestClient, order: dict, status: int, words: str, models: Path
) -> None:
    whole = {"sources": [{"image": picture()}], "vaes": ["1.safetensors"], **order}
    answer = server.post(BASE, json=whole)
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert isinstance(detail, str) and words in detail and detail.endswith(".") and "\n" not in detail
    assert str(models.parent) not in detail and "/tmp/" not in detail


def test_a_body_that_is_no_json_is_told_of(server: TestClient) -> None:
    answer = server.post(BASE, content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The body is not JSON.")


def test_what_is_too_large_is_refused(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_order, "LARGEST", 100)
    answer = server.post(BASE, json={"sources": [{"image": picture()}], "vaes": ["1"]})
    assert answer.status_code == 413 and "larger than" in answer.json()["detail"]
    monkeypatch.setattr("vae_workbench.webui.api.sentence_route.LARGEST_BODY", 100)
    answer = server.post(BASE, json={"sources": [{"builtin": "face"}], "vaes": ["1"], "encoder": "1" * 100})
    assert answer.status_code == 413 and "larger than" in answer.json()["detail"]


def test_a_picture_that_would_fill_the_memory_is_refused(server: TestClient) -> None:
    stream = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(stream, "PNG")
    order = {"sources": [{"image": base64.b64encode(stream.getvalue()).decode()}], "vaes": ["1"]}
    answer = server.post(BASE, json=order)
    assert answer.status_code == 422 and "pixels" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["0" * 32, "nobody", "../secret", "0" * 32 + "/comparison.html"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_comparisons_are_told_of(server: TestClient, name: str, method: str) -> None:
    answer = server.request(method, f"{BASE}/{name}")
    assert answer.status_code in (404, 405) and isinstance(answer.json()["detail"], str)


def test_only_pictures_of_the_comparison_are_given(server: TestClient) -> None:
    comparison = ordered(server, sources=[{"image": picture()}])
    ended(server, comparison)
    for name in ("nothing.png", "..%2f..%2fsecret.png", "latent-1.safetensors"):
        assert server.get(f"{BASE}/{comparison}/{name}").status_code == 404


def test_it_waits_for_the_picture_being_made_and_can_be_deleted_meanwhile(server: TestClient) -> None:
    with queue_lock:
        comparison = ordered(server, sources=[{"image": picture()}])
        state = when(server, comparison, lambda state: "waiting" in state["step"])
        assert state["status"] == "running" and state["cells"][0]["state"] == "waiting"
        assert server.delete(f"{BASE}/{comparison}").status_code == 204
        assert server.get(f"{BASE}/{comparison}").status_code == 404
    assert not server.bench.comparisons.known(comparison)  # type: ignore[attr-defined]


def test_two_clients_get_their_own(server: TestClient) -> None:
    first, second = (ordered(server, sources=[{"image": picture(seed)}]) for seed in (1, 2))
    states = [ended(server, comparison) for comparison in (first, second)]
    assert first != second and states[0]["cells"][0]["source"] != states[1]["cells"][0]["source"]
    assert server.delete(f"{BASE}/{first}").status_code == 204
    assert server.get(f"{BASE}/{first}").status_code == 404 and server.get(f"{BASE}/{second}").status_code == 200


def test_after_a_restart_it_is_still_there(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = ordered(server, sources=[{"image": picture()}])
    before = ended(server, comparison)
    again = replace(server.bench, jobs=Jobs(), comparisons=Comparisons(server.bench.comparisons.folder))  # type: ignore[attr-defined]
    monkeypatch.setattr(api, "workbench", lambda: again)
    after = server.get(f"{BASE}/{comparison}").json()
    assert after["status"] == "done" and after["cells"] == before["cells"]


def test_a_trouble_with_all_of_it_is_told(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vae_workbench.compare.contents.complete", full)
    state = ended(server, ordered(server, sources=[{"image": picture()}]))
    assert state["status"] == "failed" and "No space left on device" in state["error"]


def test_credentials_guard_it_and_the_docs_tell_of_it(server: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.cmd_opts, "api_auth", "user:word")
    app = fastapi.FastAPI()
    add_routes(None, app)
    guarded = TestClient(app)
    order = {"sources": [{"builtin": "nobody"}], "vaes": ["1"]}
    for method, path in (("POST", ""), ("GET", "/x"), ("DELETE", "/x"), ("GET", "/x/y.png")):
        assert guarded.request(method, BASE + path, json=order).status_code == 401
    assert guarded.post(BASE, json=order, auth=("user", "word")).status_code == 422
    told = guarded.get("/openapi.json").json()
    assert {"WantedSource", "CompareOrder", "Accepted", "State"} <= set(told["components"]["schemas"])


def test_what_waits_for_its_turn_is_not_given_up_for_newer_orders(
    server: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest of more orders than are kept was removed while it waited: it was accepted, and then unknown."""
    monkeypatch.setattr("vae_workbench.ui.compare.comparisons.KEPT", 2)
    with queue_lock:
        orders = []
        for seed in range(4):
            orders.append(ordered(server, sources=[{"image": picture(seed)}]))
            when(server, orders[-1], lambda state: "waiting" in state["step"])
    assert [ended(server, order)["cells"][0]["state"] for order in orders] == ["done"] * 4
