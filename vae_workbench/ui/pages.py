"""All pages, as one block that the web UI's tab and the standalone app both show."""

from __future__ import annotations

import gradio as gr

from .checkpoints_page import CheckpointsPage
from .compare_page import ComparePage
from .library_page import LibraryPage
from .workbench import Workbench


def build_pages(workbench: Workbench) -> None:
    """Adds the pages to the ``gr.Blocks`` that is being built."""
    with gr.Tabs(elem_id="vaewb_pages"):
        with gr.Tab("Compare", id="compare", elem_id="vaewb_page_compare"):
            ComparePage.build(workbench)
        with gr.Tab("Library", id="library", elem_id="vaewb_page_library") as library:
            LibraryPage.build(workbench, library)
        with gr.Tab("Checkpoints", id="checkpoints", elem_id="vaewb_page_checkpoints") as checkpoints:
            CheckpointsPage.build(workbench, checkpoints)
