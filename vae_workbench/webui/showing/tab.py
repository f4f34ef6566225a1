"""The tab "VAE"."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.context import Context

from ...ui.pages import build_pages
from ..host import workbench

TITLE, ELEMENT_ID = "VAE", "vaewb"


class TabBlocks(gr.Blocks):
    """Blocks that the web UI renders inside its own, and that are never served by themselves.

    gradio makes a server for all Blocks when they are left, which takes a third of the time of building these pages.
    """

    def __exit__(self, exc_type: type[BaseException] | None = None, *args: Any) -> None:
        if exc_type is not None or self.parent is not None:
            super().__exit__(exc_type, *args)
            return
        self.fill_expected_parents()  # load events are attached by the Blocks around, to all that is in them
        Context.block = Context.root_block = None
        self.exited = True


def build_tab() -> list[tuple[gr.Blocks, str, str]]:
    """The tab as the web UI takes it: pages, title, element id."""
    with TabBlocks(analytics_enabled=False) as pages:
        build_pages(workbench())
    for block in pages.blocks.values():
        block.do_not_save_to_config = True  # leaves nothing in ui-config.json
    return [(pages, TITLE, ELEMENT_ID)]
