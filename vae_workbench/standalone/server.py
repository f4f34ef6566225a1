"""The pages as a web application that only this machine's own browser can use."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import traceback
import types
import warnings
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # gradio 3.41 imports what newer packages call deprecated
    import fastapi
    import gradio as gr
    import jinja2
    from gradio import routes
    from starlette.routing import Mount

from ..ui.compare.comparisons import add_comparison_route
from ..ui.evaluate.evaluations import add_evaluation_routes
from ..ui.pages import build_pages
from ..ui.shared.job_route import add_job_route
from ..ui.workbench import Workbench
from ..words import LANGUAGES, TABLES

LOCAL_NAMES = frozenset(("127.0.0.1", "localhost"))
# The whole window, and nothing of gradio's own around the pages.
FRAME = """
.gradio-container { max-width: 1800px !important; }
footer { display: none !important; }
#vaewb_title h1 { margin: 0; font-size: 20px; }
#vaewb_title { position: relative; }
#vaewb_language { position: absolute; top: 0; right: 0; padding: 2px 32px 2px 8px; }
gradio-app .gradio-container .main .wrap, gradio-app .gradio-container .main { gap: 8px; }
"""
SYSTEM_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")

Scope = dict[str, Any]
AsgiApp = Callable[[Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]]


ELSEWHERE = re.compile(r"<(?:link|meta|script)\b[^>]*https?://[^>]*>(?:\s*</script>)?")
"""What gradio's page would ask other servers for: preconnects to a font service, and a script for pages in frames."""


def build_server(workbench: Workbench, style: Path, scripts: Sequence[Path]) -> AsgiApp:
    """The pages with gradio around them, behind :class:`LocalOnly`. They ask no other server for anything."""
    _quiet_when_cut_off()
    environment = routes.templates.env
    if not isinstance(environment.loader, _OwnHostOnly):
        environment.loader = _OwnHostOnly(environment.loader)
    theme = gr.themes.Default(font=SYSTEM_FONTS, font_mono=("ui-monospace", "monospace"))  # no fonts from the network
    with gr.Blocks(
        title="VAE Workbench", theme=theme, css=style.read_text(encoding="utf-8") + FRAME, analytics_enabled=False
    ) as pages:
        gr.Markdown("# VAE Workbench", elem_id="vaewb_title")
        build_pages(workbench)
        script = "\n".join([_languages(), *(path.read_text(encoding="utf-8") for path in scripts)])
        pages.load(None, None, None, _js=f"() => {{\n{script}\n}}")
    server = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    add_job_route(server, workbench.jobs)
    add_comparison_route(server, workbench.comparisons)
    add_evaluation_routes(server, workbench.evaluations)
    gr.mount_gradio_app(server, pages, path="/")
    # gradio serves every file below the folder it was started in. Only what the pages made may be had, so that folder
    # becomes one that holds nothing.
    mounted: Any = next(route.app for route in server.routes if isinstance(route, Mount))
    mounted.cwd = os.devnull
    return LocalOnly(server)


def _languages() -> str:
    """The script that gives the pages their language, before all others."""
    names = {code: TABLES / f"{name}.json" for code, name in LANGUAGES.items()}
    tables = {code: json.loads(path.read_text(encoding="utf-8")) for code, path in names.items()}
    script = (TABLES.parent / "javascript" / "vae_workbench_language.js").read_text(encoding="utf-8")
    return f"window.vaewbLanguages = {json.dumps(tables)};\n{script}"


def _quiet_when_cut_off() -> None:
    """Lets gradio print no traceback of a request that was cut off because the app ends."""

    def print_exc() -> None:
        if not isinstance(sys.exc_info()[1], asyncio.CancelledError):
            traceback.print_exc()

    routes.traceback = types.SimpleNamespace(print_exc=print_exc)


class _OwnHostOnly(jinja2.BaseLoader):
    """gradio's pages without what they ask other servers for."""

    def __init__(self, loader: jinja2.BaseLoader) -> None:
        self._loader = loader

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, path, is_fresh = self._loader.get_source(environment, template)
        return ELSEWHERE.sub("", source), path, is_fresh


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
        if scope["type"] == "websocket":  # the pages use none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and not _is_local(scope):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Open VAE Workbench by its address on this machine."})
            return
        await self.app(scope, receive, send)


def _is_local(scope: Scope) -> bool:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host = urlsplit(f"//{headers.get(b'host', '')}")
    origin = headers.get(b"origin")
    return host.hostname in LOCAL_NAMES and (origin is None or urlsplit(origin).netloc == host.netloc)
