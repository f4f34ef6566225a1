"""What the extension does to the web UI, and that all of it can be undone."""

from __future__ import annotations

import logging
import threading

import fastapi
import pytest
from fastapi import FastAPI
from modules import shared

from vae_workbench.progress import Progress
from vae_workbench.ui.shared.job_route import ADDRESS
from vae_workbench.webui import options
from vae_workbench.webui.host import JOBS
from vae_workbench.webui.register import register

ORDERS = [
    (["sd_model_checkpoint"], ["sd_model_checkpoint", "sd_vae"]),
    (
        ["sd_model_checkpoint", "CLIP_stop_at_last_layers"],
        ["sd_model_checkpoint", "sd_vae", "CLIP_stop_at_last_layers"],
    ),
    (["eta_ancestral"], ["eta_ancestral", "sd_vae"]),
    ([], ["sd_vae"]),
]


@pytest.mark.parametrize(("stored", "shown"), ORDERS)
def test_the_selector_is_shown_and_never_stored(host, stored: list[str], shown: list[str]) -> None:
    shared.opts.data["quicksettings_list"] = list(stored)
    register()
    host.before_ui_callback()
    assert shared.opts.quicksettings_list == shown
    host.app_started_callback(None, FastAPI())
    assert shared.opts.data["quicksettings_list"] == stored


def test_a_list_that_was_never_stored_is_not_stored(host) -> None:
    shared.opts.data.pop("quicksettings_list", None)
    register()
    host.before_ui_callback()
    assert shared.opts.quicksettings_list == ["sd_model_checkpoint", "sd_vae"]
    host.app_started_callback(None, FastAPI())
    assert "quicksettings_list" not in shared.opts.data


def test_a_selector_that_is_there_already_stays_where_it_is(host) -> None:
    baked = ["sd_vae", "sd_model_checkpoint"]
    shared.opts.data["quicksettings_list"] = baked
    register()
    host.before_ui_callback()
    assert shared.opts.data["quicksettings_list"] is baked


def test_the_option_turns_the_selector_off(host) -> None:
    shared.opts.data["quicksettings_list"] = ["sd_model_checkpoint"]
    shared.opts.data[options.SHOW_SELECTOR] = False
    register()
    host.before_ui_callback()
    assert shared.opts.quicksettings_list == ["sd_model_checkpoint"]


def test_the_option_is_registered_and_on(host) -> None:
    shared.opts.data.pop(options.SHOW_SELECTOR, None)
    register()
    host.ui_settings_callback()
    assert shared.opts.data_labels[options.SHOW_SELECTOR].section == options.SECTION
    assert getattr(shared.opts, options.SHOW_SELECTOR) is True


def test_reload_ui_twice_leaves_one_of_everything(host) -> None:
    shared.opts.data["quicksettings_list"] = ["sd_model_checkpoint"]
    for _ in range(3):
        register()
        host.before_ui_callback()
        assert shared.opts.quicksettings_list == ["sd_model_checkpoint", "sd_vae"]
        assert len(logging.getLogger("vae_workbench").handlers) == 1
        host.app_started_callback(None, FastAPI())
        host.script_unloaded_callback()
        host.clear_callbacks()
    assert shared.opts.data["quicksettings_list"] == ["sd_model_checkpoint"]


def test_unloading_before_the_page_was_built_restores_too(host) -> None:
    shared.opts.data["quicksettings_list"] = ["sd_model_checkpoint"]
    register()
    host.before_ui_callback()
    host.script_unloaded_callback()
    assert shared.opts.data["quicksettings_list"] == ["sd_model_checkpoint"]
    assert logging.getLogger("vae_workbench").handlers == []


def test_the_page_built_before_the_callback_changes_nothing_wrong(host) -> None:
    """With ``--nowebui`` the web UI builds its page first and there is no demo."""
    shared.opts.data["quicksettings_list"] = ["sd_model_checkpoint"]
    register()
    (tab,) = [tab for tab in host.ui_tabs_callback() if tab[2] == "vaewb"]
    host.before_ui_callback()
    host.app_started_callback(None, FastAPI())
    assert tab[1] == "VAE"
    assert shared.opts.data["quicksettings_list"] == ["sd_model_checkpoint"]


def test_reload_ui_stops_the_work_of_the_pages_and_serves_its_progress_anew(host) -> None:
    """Work that went on without its pages kept Reload UI from coming back."""

    def endless(progress: Progress) -> None:
        while not threading.Event().wait(0.001):
            progress(0.1, "on and on")

    register()
    app = fastapi.FastAPI()
    host.app_started_callback(None, app)
    assert ADDRESS in {route.path for route in app.routes}
    job = JOBS.start("compare", "Compare", endless)
    host.script_unloaded_callback()
    assert job.wait(30)
