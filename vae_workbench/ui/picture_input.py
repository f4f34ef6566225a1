"""A picture field that hands on the file as it was dropped."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import gradio as gr

from ..errors import InvalidInput


class PictureInput(gr.Image):
    """gradio's picture field, except that the handler gets the file's own bytes (or None).

    The stock field converts to 8 bit RGB first, which loses transparency, EXIF rotation and 16 bit values.
    """

    is_template = True  # the browser sees the stock field

    def __init__(self, **keywords: Any) -> None:
        super().__init__(type="filepath", source="upload", tool="editor", **keywords)

    def preprocess(self, x: Any) -> bytes | None:
        """The bytes behind the ``data:`` URL that the browser sent."""
        if not x:
            return None
        try:
            return base64.b64decode(str(x).partition(",")[2], validate=True)
        except binascii.Error:
            raise InvalidInput("The picture did not arrive whole", "Choose it again") from None
