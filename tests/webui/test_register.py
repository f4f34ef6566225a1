"""What the extension does to the web UI, and that all of it can be undone."""

from __future__ import annotations

import logging

import pytest
from modules import shared

from vae_workbench.webui import options
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
    host.app_started_callback(None, None)
    assert shared.opts.data["quicksettings_list"] == stored


def test_a_list_that_was_never_stored_is_not_stored(host) -> None:
    shared.opts.data.pop("quicksettings_list", None)
    register()
    host.before_ui_callback()
    assert shared.opts.quicksettings_list == ["sd_model_checkpoint", "sd_vae"]
    host.app_started_callback(None, None)
    assert "quicksettings_list" not in shared.opts.data


def test_a_selector_that_is_there_already_stays_where_it_is(host) -> None:
    own = ["sd_vae", "sd_model_checkpoint"]
    shared.opts.data["quicksettings_list"] = own
    register()
    host.before_ui_callback()
    assert shared.opts.data["quicksettings_list"] is own


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
        host.app_started_callback(None, None)
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
    host.app_started_callback(None, None)
    assert tab[1] == "VAE"
    assert shared.opts.data["quicksettings_list"] == ["sd_model_checkpoint"]
