"""The web UI as the pages' workbench."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr
import pytest
from gradio.context import Context
from modules import shared
from modules.call_queue import queue_lock

from vae_workbench.errors import Cancelled
from vae_workbench.progress import silent
from vae_workbench.webui.host import exclusive, list_vaes, workbench
from vae_workbench.webui.showing.tab import build_tab


def test_vaes_are_listed_in_natural_order_and_anew_each_time(host, tmp_path: Path) -> None:
    shared.cmd_opts.vae_dir = str(tmp_path)
    names = ["zz vae 2.pt", "zz vae 10.safetensors", "sub/zz vae 3.ckpt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "zz notes.txt").touch()
    listed = [c for c in list_vaes() if c.name.startswith("zz")]
    assert [c.name for c in listed] == ["zz vae 2.pt", "zz vae 3.ckpt", "zz vae 10.safetensors"]
    assert Path(listed[1].path) == tmp_path / "sub" / "zz vae 3.ckpt"
    (tmp_path / "zz vae 2.pt").unlink()
    assert "zz vae 2.pt" not in [c.name for c in list_vaes()]


def test_the_workbench_tells_folder_and_device(host, tmp_path: Path) -> None:
    shared.cmd_opts.vae_dir = str(tmp_path)
    assert workbench().vae_folders() == str(tmp_path)
    assert workbench().device().type == "cpu"


def test_the_queue_is_held_and_given_back(host) -> None:
    with exclusive(silent):
        assert not queue_lock.acquire(blocking=False)
    assert queue_lock.acquire(blocking=False)
    queue_lock.release()


def test_an_error_gives_the_queue_back(host) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(silent):
        raise ZeroDivisionError
    assert queue_lock.acquire(blocking=False)
    queue_lock.release()


def test_waiting_for_a_picture_can_be_cancelled(host) -> None:
    told: list[str] = []

    def progress(fraction: float, what: str) -> None:
        told.append(what)
        if len(told) > 2:
            raise Cancelled

    with queue_lock, pytest.raises(Cancelled), exclusive(progress):
        pytest.fail("the queue was not waited for")
    assert told == ["waiting for the picture being made"] * 3
    assert queue_lock.acquire(blocking=False)
    queue_lock.release()


def test_waiting_for_other_work_on_vaes_is_told_as_that(host) -> None:
    """It said that a picture was being made, and nobody had asked for one."""

    def progress(_fraction: float, what: str) -> None:
        assert what == "waiting for other work on VAEs"
        raise Cancelled

    with exclusive(silent), pytest.raises(Cancelled), exclusive(progress):
        pytest.fail("the other work was not waited for")
    assert queue_lock.acquire(blocking=False)
    queue_lock.release()


def test_it_goes_on_when_the_picture_is_done(host) -> None:
    queue_lock.acquire()
    threading.Timer(0.3, queue_lock.release).start()
    with exclusive(silent):
        assert not queue_lock.acquire(blocking=False)


def test_the_tab_leaves_nothing_in_the_saved_ui(host) -> None:
    ((pages, _title, _id),) = build_tab()
    assert pages.blocks
    assert all(block.do_not_save_to_config for block in pages.blocks.values())


def test_the_tab_is_whole_inside_of_the_web_uis_own_blocks(host) -> None:
    """It is left without the server that gradio makes for all Blocks; what is rendered must be all that was built."""
    ((pages, _title, _id),) = build_tab()
    assert not hasattr(pages, "app")
    assert Context.block is None
    assert Context.root_block is None
    with gr.Blocks() as web_ui, gr.Tab("VAE"):
        pages.render()
    assert web_ui.blocks.keys() >= pages.blocks.keys()
    at_load = [block for block in pages.blocks.values() if getattr(block, "load_event_to_attach", None)]
    assert len(web_ui.dependencies) == len(web_ui.fns) == len(pages.dependencies) + len(at_load)
    assert {component["id"] for component in web_ui.config["components"]} >= pages.blocks.keys() - {pages._id}
