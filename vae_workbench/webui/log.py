"""One logger with one handler of ours: the web UI's own logging shows nothing below a warning."""

from __future__ import annotations

import logging

import gradio as gr
from gradio import context

logger = logging.getLogger("vae_workbench")
_handler = logging.StreamHandler()
_handler.setFormatter(logging.Formatter("VAE Workbench: %(message)s"))


def attach() -> None:
    """Shows the messages of this extension in the console."""
    logger.setLevel(logging.INFO)
    logger.propagate = False
    if _handler not in logger.handlers:
        logger.addHandler(_handler)


def detach() -> None:
    """Leaves the logger as it was."""
    logger.removeHandler(_handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def tell(sentence: str) -> None:
    """Shows a sentence on the page of the person whose click is being handled; elsewhere the console has to do."""
    if getattr(getattr(context, "thread_data", None), "blocks", None) is not None:
        gr.Warning(sentence)
