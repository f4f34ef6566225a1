"""The standalone app: the pages on 127.0.0.1, with demo VAEs and a sample picture ready."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from ..choice.preference_store import store_in
from ..compare.candidate import Candidate
from ..errors import InvalidInput, WorkbenchError
from ..library.places import data_folder, library_in
from ..progress import Progress
from ..ui.workbench import Workbench
from .demo_files import DEMO, SAMPLE_PICTURE, demo_vaes
from .folders import list_vaes

HOST = "127.0.0.1"
PORT = 7870
ROOT = Path(__file__).resolve().parents[2]
STYLE, SCRIPT = ROOT / "style.css", ROOT / "javascript" / "vae_workbench.js"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the pages until interrupted; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        serve(options.port, options.folder, open_browser=options.browser)
    except WorkbenchError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


def serve(port: int | None, folders: Sequence[Path], *, open_browser: bool) -> None:
    """Serves the pages on 127.0.0.1.

    Args:
        port: the port, or None for the first free one from 7870.
        folders: the user's folders of VAE files.
        open_browser: whether to show the pages at once.

    Raises:
        InvalidInput: a folder does not exist, or the port is taken.
    """
    for folder in folders:
        if not folder.is_dir():
            raise InvalidInput(f"{folder} is not a folder", "Give a folder that holds VAE files")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["NO_PROXY"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), HOST)))
    # The port is held from here on, so that no other program can take it while the pages are built.
    with _listening(port) as listener:
        import uvicorn  # late, like the pages below: gradio takes seconds to import, and a wrong option should not

        from .server import build_server

        address = f"http://{HOST}:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(build_server(workbench(folders), STYLE, SCRIPT), log_level="warning"))
        print(f"VAE Workbench is at {address} (Ctrl+C ends it)", flush=True)  # noqa: T201
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        server.run(sockets=[listener])


def workbench(folders: Sequence[Path]) -> Workbench:
    """What the pages can do without a web UI: the demo VAEs, and the user's files."""
    own = [folder.resolve() for folder in folders] or [_made(data_folder() / "VAE")]
    demo = [Candidate(path.name, path) for path in demo_vaes(data_folder() / "demo")]
    lock = threading.Lock()

    @contextlib.contextmanager
    def exclusive(progress: Progress) -> Iterator[None]:
        while not lock.acquire(timeout=0.1):
            progress(0.0, "waiting for the comparison under way")
        try:
            yield
        finally:
            lock.release()

    def candidates() -> list[Candidate]:
        names = {candidate.name for candidate in demo}
        return [*demo, *(c if c.name not in names else Candidate(str(c.path), c.path) for c in list_vaes(own))]

    return Workbench(
        list_vaes=candidates,
        vae_folders=lambda: " or ".join(map(str, own)),
        device=_device,
        exclusive=exclusive,
        library=library_in(data_folder()),
        library_folders=lambda: [*own, DEMO, data_folder() / "demo"],
        preferences=store_in(data_folder()),
        sample_picture=SAMPLE_PICTURE,
        selected=[candidate.name for candidate in demo],
    )


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _listening(port: int | None) -> socket.socket:
    for candidate in [port] if port is not None else range(PORT, PORT + 100):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if sys.platform != "win32":  # there it would let two programs share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, candidate))
        except (OSError, OverflowError):
            listener.close()
            continue
        listener.listen()
        return listener
    raise InvalidInput(
        f"Port {port} is taken or not allowed" if port is not None else "No port is free",
        "Choose another one with --port N",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python run.py app", description="The pages of VAE Workbench, without a web UI.")
    parser.add_argument("--port", type=int, help=f"port on {HOST} (default: the first free one from {PORT})")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="do not open a browser")
    parser.add_argument(
        "--folder", type=Path, action="append", default=[], metavar="DIR", help="a folder of VAE files; can be repeated"
    )
    return parser
