"""One logger with one handler of ours: the web UI's own logging shows nothing below a warning."""

from __future__ import annotations

import logging

import gradio as gr
from gradio import context

from ..errors import WorkbenchError
from ..printable import printable

logger = logging.getLogger("vae_workbench")


class _PrintableFormatter(logging.Formatter):
    """Escapes what a console cannot show: names of files that are not UTF-8, and control characters in them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        record.message = printable(record.message)
        return super().formatMessage(record)


_handler = logging.StreamHandler()
_handler.setFormatter(_PrintableFormatter("VAE Workbench: %(message)s"))


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


def warn_of(error: WorkbenchError) -> None:
    """Logs the sentence of an error; once, however many hands it goes through."""
    if not getattr(error, "logged", False):
        logger.warning("%s", error)
    error.logged = True  # type: ignore[attr-defined]


def tell(sentence: str) -> None:
    """Shows a sentence on the page of the person whose click is being handled; elsewhere the console has to do."""
    if getattr(getattr(context, "thread_data", None), "blocks", None) is not None:
        gr.Warning(sentence)
