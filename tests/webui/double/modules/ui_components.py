"""The web UI's own components."""

import gradio as gr


class ToolButton(gr.Button):
    def __init__(self, *args, tooltip=None, **kwargs):
        super().__init__(*args, **kwargs)
