"""The pages as a web application that only this machine's own browser can use."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # gradio 3.41 imports what newer packages call deprecated
    import fastapi
    import gradio as gr
    from starlette.routing import Mount

from ..ui.pages import build_pages
from ..ui.workbench import Workbench

LOCAL_NAMES = frozenset(("127.0.0.1", "localhost"))
# The whole window, and nothing of gradio's own around the pages.
FRAME = ".gradio-container { max-width: 1800px !important; } footer { display: none !important; }"
SYSTEM_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")

Scope = dict[str, Any]
AsgiApp = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]]


def build_server(workbench: Workbench, style: Path, script: Path) -> AsgiApp:
    """The pages with gradio around them, behind :class:`LocalOnly`."""
    theme = gr.themes.Default(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))  # no fonts from the network
    with gr.Blocks(
        title="VAE Workbench", theme=theme, css=style.read_text(encoding="utf-8") + FRAME, analytics_enabled=False
    ) as pages:
        gr.Markdown("# VAE Workbench", elem_id="vaewb_title")
        build_pages(workbench)
        pages.load(None, None, None, _js=f"() => {{\n{script.read_text(encoding='utf-8')}\n}}")
    pages.queue(concurrency_count=4, api_open=False)
    server = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(server, pages, path="/")
    # gradio serves every file below the folder it was started in. Only what the pages made may be had, so that folder
    # becomes one that holds nothing.
    mounted: Any = next(route.app for route in server.routes if isinstance(route, Mount))
    mounted.cwd = os.devnull
    return LocalOnly(server)


class LocalOnly:
    """Turns away requests that other web sites cause in the person's browser.

    gradio answers any origin. A page on the internet could otherwise read results or start work here, by a plain request
    or through a name of its own that it lets point to 127.0.0.1.
    """

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
    ) -> None:
        if scope["type"] in ("http", "websocket") and not _is_local(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Open VAE Workbench by its address on this machine."})
            return
        await self.app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = urlsplit(f"//{headers.get(b'host', '')}")
    origin = headers.get(b"origin")
    return host.hostname in LOCAL_NAMES and (origin is None or urlsplit(origin).netloc == host.netloc)
