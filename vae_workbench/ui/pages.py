"""All pages, as one block that the web UI's tab and the standalone app both show."""

from __future__ import annotations

import gradio as gr

from .checkpoints.page import CheckpointsPage
from .compare.page import ComparePage
from .evaluate.page import EvaluatePage
from .greeting import build_greeting
from .library.page import LibraryPage
from .workbench import Workbench
from .workshop.page import WorkshopPage


def build_pages(workbench: Workbench) -> None:
    """Adds the pages to the ``gr.Blocks`` that is being built."""
    if workbench.greeting is not None:
        build_greeting(workbench.greeting)
    with gr.Tabs(elem_id="vaewb_pages"):
        with gr.Tab("Compare", id="compare", elem_id="vaewb_page_compare"):
            ComparePage.build(workbench)
        with gr.Tab("Library", id="library", elem_id="vaewb_page_library") as library:
            LibraryPage.build(workbench, library)
        with gr.Tab("Checkpoints", id="checkpoints", elem_id="vaewb_page_checkpoints") as checkpoints:
            CheckpointsPage.build(workbench, checkpoints)
        with gr.Tab("Workshop", id="workshop", elem_id="vaewb_page_workshop") as workshop:
            WorkshopPage.build(workbench, workshop)
        with gr.Tab("Evaluate", id="evaluate", elem_id="vaewb_page_evaluate") as evaluate:
            EvaluatePage.build(workbench, evaluate)
