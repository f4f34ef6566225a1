"""Names that are not UTF-8 in the web UI's own lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from modules import sd_models, shared

from tests.webui.world import World
from vae_workbench.webui.choosing import printable_names
from vae_workbench.webui.register import register, unregister

NOT_UTF8 = b"caf\xe9.safetensors".decode("utf-8", "surrogateescape")
SHOWN = r"caf\xe9.safetensors"


@pytest.fixture
def checkpoint(world: World) -> Iterator[Path]:
    """A copy of ``tiny2.safetensors`` that was unpacked while the web UI runs."""
    register()
    source = Path(world.path("tiny2.safetensors"))
    copies = {source: source.with_name(NOT_UTF8), source.with_suffix(".yaml"): source.with_name("caf\udce9.yaml")}
    for there, copy in copies.items():
        if there.exists():
            copy.write_bytes(there.read_bytes())
    yield copies[source]
    unregister()
    for copy in copies.values():
        copy.unlink(missing_ok=True)
    sd_models.list_models()


def test_a_checkpoint_is_listed_and_loaded(world: World, checkpoint: Path) -> None:
    """The web UI's list of checkpoints could not be refreshed any more: its cache is a database, which takes UTF-8 alone."""
    sd_models.list_models()
    info = next(info for info in sd_models.checkpoints_list.values() if info.name == SHOWN)
    assert info.filename == str(checkpoint)
    json.dumps(list(sd_models.checkpoints_list), ensure_ascii=False).encode()
    assert world.load(SHOWN)
    assert world.vae == world.baked("tiny2.safetensors")
    assert world.select("a.safetensors") and world.vae == world.file("a.safetensors")
    world.generate(sd_model_checkpoint=shared.opts.sd_model_checkpoint)


def test_other_names_stay_as_they_are(world: World, checkpoint: Path) -> None:
    """Settings and pictures hold them."""
    odd = checkpoint.with_name("zero\u200dwidth.safetensors")
    odd.write_bytes(checkpoint.read_bytes())
    try:
        sd_models.list_models()
        assert odd.name in {info.name for info in sd_models.checkpoints_list.values()}
    finally:
        odd.unlink()


def test_the_web_uis_routes_can_answer(world: World, checkpoint: Path) -> None:
    """Starlette cannot encode such a path: every VAE and checkpoint was missing, and the answer was 500."""
    answers = {"/sdapi/v1/sd-vae": [{"model_name": "b", "filename": str(checkpoint)}], "/elsewhere": [{"a": "\udce9"}]}
    routes = [
        SimpleNamespace(path=path, dependant=SimpleNamespace(call=lambda path=path: answers[path])) for path in answers
    ]
    for route in routes:
        route.dependant = type("Dependant", (), {"call": staticmethod(route.dependant.call)})()
    printable_names.patch_routes(SimpleNamespace(routes=routes))
    (told,) = routes[0].dependant.call()
    assert told == {"model_name": "b", "filename": str(checkpoint.with_name(SHOWN))}
    assert routes[1].dependant.call() is answers["/elsewhere"]
