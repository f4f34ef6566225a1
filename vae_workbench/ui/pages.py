"""All pages, as one block that the web UI's tab and the standalone app both show."""

from __future__ import annotations

import gradio as gr

from .compare_page import ComparePage
from .workbench import Workbench


def build_pages(workbench: Workbench) -> None:
    """Adds the pages to the ``gr.Blocks`` that is being built."""
    with gr.Tabs(elem_id="vaewb_pages"), gr.Tab("Compare", id="compare", elem_id="vaewb_page_compare"):
        ComparePage.build(workbench)
