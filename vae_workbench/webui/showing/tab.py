"""The tab "VAE"."""

from __future__ import annotations

import gradio as gr

from ...ui.pages import build_pages
from ..host import workbench

TITLE, ELEMENT_ID = "VAE", "vaewb"


def build_tab() -> list[tuple[gr.Blocks, str, str]]:
    """The tab as the web UI takes it: pages, title, element id."""
    with gr.Blocks(analytics_enabled=False) as pages:
        build_pages(workbench())
    for block in pages.blocks.values():
        block.do_not_save_to_config = True  # leaves nothing in ui-config.json
    return [(pages, TITLE, ELEMENT_ID)]
