"""The buttons of the page "Workshop"."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from safetensors.torch import load_file

from tests.small_vaes import small_kl
from tests.ui.workshop.files import bench_in
from vae_workbench.edit.recipe import Recipe
from vae_workbench.progress import Progress, silent
from vae_workbench.ui.workbench import Workbench
from vae_workbench.ui.workshop.page import WorkshopPage


def page_of(bench: Workbench) -> WorkshopPage:
    with gr.Blocks(), gr.Tab("Workshop") as tab:
        return WorkshopPage.build(bench, tab)


def test_a_recipe_is_tried_on_and_taken_off(tmp_path: Path) -> None:
    def try_on(recipe: Recipe, progress: Progress) -> str:
        recipe.save(tmp_path / "tried.safetensors", progress=progress)
        return "It is in use."

    page = page_of(replace(bench_in(tmp_path), try_on=try_on, take_off=lambda: "The old one is back."))
    assert page.try_on.visible and page.take_off.visible
    order = {
        "source": "vae.safetensors",
        "steps": [{"tone": {"preset": "paler"}}],
        "name": "",
        "folder": "vae",
        "overwrite": False,
        "picture": {"kind": "built-in", "id": "face", "name": "face"},
        "comparison": "b" * 32,
        "pictures": "a" * 32,
    }
    assert "It is in use." in page._try_on(silent, json.dumps(order)).told
    before, tried = small_kl(1), load_file(tmp_path / "tried.safetensors")
    changed = {name for name in before if not before[name].equal(tried[name])}
    assert {name.rsplit(".", 1)[0] for name in changed} == {"decoder.conv_out", "encoder.conv_in"}
    assert "The old one is back." in page._take_off(silent).told


@pytest.mark.parametrize("button", ["try_on", "take_off"])
def test_without_a_web_ui_nothing_is_tried_on(tmp_path: Path, button: str) -> None:
    assert not getattr(page_of(bench_in(tmp_path)), button).visible
