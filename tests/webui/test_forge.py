"""A web UI that loads VAEs in a way of its own: it is left alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from modules import extras, sd_models, sd_vae, shared

from vae_workbench.webui import register
from vae_workbench.webui.log import logger


@pytest.fixture
def forge(host: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """What tells Forge, and what it lacks."""
    monkeypatch.setattr(sd_models, "forge_model_reload", lambda: None, raising=False)
    monkeypatch.delattr(sd_models.model_data, "loaded_sd_models")
    yield host


def test_only_the_merger_is_changed(forge, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    monkeypatch.setattr(logger, "info", lambda _, *told: said.extend(told))
    functions = [(sd_models, "load_model_weights"), (sd_vae, "resolve_vae"), (sd_vae, "reload_vae_weights")]
    before = [getattr(owner, name) for owner, name in functions]
    merge, settings = extras.run_modelmerger, dict(shared.opts.data)
    register.register()
    forge.before_ui_callback()
    assert [getattr(owner, name) for owner, name in functions] == before
    assert extras.run_modelmerger is not merge and shared.opts.data == settings
    assert forge.ui_tabs_callback() == []
    assert said == [register.LEFT_OUT]
    forge.script_unloaded_callback()
    assert extras.run_modelmerger is merge
