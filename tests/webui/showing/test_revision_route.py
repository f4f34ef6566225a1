"""How every page learns that what is in use has changed."""

from __future__ import annotations

from collections.abc import Callable

import fastapi
from fastapi.testclient import TestClient
from modules import sd_models, shared

from tests.webui.world import World
from vae_workbench.choice.preferences import PreferredVae
from vae_workbench.precision.plan import Plan
from vae_workbench.webui.choosing.choose import candidates, preferences
from vae_workbench.webui.guarding import guard
from vae_workbench.webui.library import library
from vae_workbench.webui.showing.revision_route import ROUTE, add_route, revision_in_use
from vae_workbench.webui.switching import overrides, revision


def client(auth: object = None, demo: object = "pages") -> TestClient:
    app = fastapi.FastAPI()
    app.auth, app.tokens = auth, {"secret": "user"}  # type: ignore[attr-defined]  # as gradio has them
    add_route(demo, app)
    return TestClient(app)


def test_it_is_there_without_api_and_loads_nothing(world: World) -> None:
    assert not shared.cmd_opts.api
    answer = client().get(ROUTE)
    assert answer.status_code == 200 and answer.json() == {"revision": revision_in_use()}
    assert sd_models.model_data.sd_model is None


def test_it_is_behind_the_login_of_the_page(world: World) -> None:
    server = client(auth={"user": "password"})
    assert server.get(ROUTE).status_code == 401
    assert server.get(ROUTE, cookies={"access-token": "wrong"}).status_code == 401
    for cookie in ("access-token", "access-token-unsecure"):
        assert client(auth={"user": "password"}).get(ROUTE, cookies={cookie: "secret"}).status_code == 200


def test_without_pages_there_is_none(world: World) -> None:
    assert client(demo=None).get(ROUTE).status_code == 404


def test_whoever_changes_what_is_in_use_changes_the_revision(world: World) -> None:
    """The line stayed wrong after Set and Clear on the page Checkpoints, and in the other browser for ever."""
    guard.plans.cache_clear()  # its folder is the web UI's of another test
    world.load("tiny.safetensors")
    found, checkpoint = candidates(world.path("tiny.safetensors"))
    chosen = PreferredVae("a.safetensors")
    sketch = checkpoint.verdict.baked and checkpoint.verdict.baked.sketch_id
    assert sketch
    changes: list[Callable[[], object]] = [
        lambda: world.select("b.safetensors"),
        lambda: world.select("bad wide.safetensors"),
        lambda: world.select("Automatic"),
        lambda: overrides.prefer(checkpoint, chosen, found),
        lambda: overrides.prefer(checkpoint, None, found),
        lambda: world.load("tiny2.safetensors"),
        lambda: preferences().change(lambda now: now.with_overrides([checkpoint], chosen, found.checkpoints)),
        lambda: guard.plans().keep(sketch, Plan(pinned="fp32")),
        lambda: library().entitle(sketch, "kl-f8-anime2"),
        revision.bump,
    ]
    for place, change in enumerate(changes):
        before = revision_in_use()
        change()
        assert revision_in_use() != before, place


def test_it_stays_where_nothing_changes(world: World) -> None:
    world.load("tiny.safetensors")
    world.select("a.safetensors")
    before = revision_in_use()
    world.generate()
    world.select("a.safetensors")
    assert revision_in_use() == before
