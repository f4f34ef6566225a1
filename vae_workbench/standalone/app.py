"""The standalone app: the pages on 127.0.0.1, with demo VAEs and a sample picture ready."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from ..beside import BESIDE
from ..choice.preference_store import store_in
from ..compare.decoding.candidate import Candidate
from ..compare.html_file import viewer_scripts
from ..errors import InvalidInput, WorkbenchError
from ..library.places import data_folder, library_in
from ..printable import printable
from ..progress import Progress
from ..ui.compare.comparisons import Comparisons
from ..ui.evaluate.evaluations import Evaluations
from ..ui.workbench import Workbench
from ..words import in_language
from .demo_files import DEMO, demo_vaes
from .first_comparison import start_first_comparison
from .folders import list_vaes

HOST = "127.0.0.1"
PORT = 7870
STYLE = BESIDE / "style.css"
PARTS = (
    "_words", "_table_cells", "_files", "", "_jobs", "_comparisons", "_actions", "_picker", "_pictures", "_prompts",
    "_sources", "_tone",
    "_workshop", "_workshop_fields", "_workshop_order", "_workshop_recipe", "_evaluate",
)  # fmt: skip

PATIENCE = 2
"""Seconds that requests, and then work, have to end after Ctrl+C."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves the pages until interrupted; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        serve(options.port, options.folder, options.pictures, open_browser=options.browser, demo=options.demo)
    except WorkbenchError as error:
        print(in_language(str(error)), file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:  # before it served
        return 130
    return 0


def serve(
    port: int | None, folders: Sequence[Path], pictures: Sequence[Path] = (), *, open_browser: bool, demo: bool = True
) -> None:
    """Serves the pages on 127.0.0.1.

    Args:
        port: the port, or None for the first free one from 7870.
        folders: the user's folders of VAE files.
        pictures: the user's folders of pictures to evaluate VAEs on.
        open_browser: whether to show the pages at once.
        demo: whether the demo VAEs are compared at the first start, to have something to look at.

    Raises:
        InvalidInput: a folder does not exist, or the port is taken.
    """
    for folders_given, what in ((folders, "VAE files"), (pictures, "pictures")):
        for folder in folders_given:
            if not folder.is_dir():
                raise InvalidInput(f"{folder} is not a folder", f"Give a folder that holds {what}")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["NO_PROXY"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), HOST)))
    # The port is held from here on, so that no other program can take it while the pages are built.
    with _listening(port) as listener, _writable(data_folder()) as data:
        import uvicorn  # late, like the pages below: gradio takes seconds to import, and a wrong option should not

        from .server import build_server

        address = f"http://{HOST}:{listener.getsockname()[1]}"
        bench = workbench(folders, data, pictures)
        # The pages are there already when the scripts run: what elements are built with comes first.
        scripts = [*viewer_scripts(), *(BESIDE / "javascript" / f"vae_workbench{part}.js" for part in PARTS)]
        pages = build_server(bench, STYLE, scripts)
        if demo:
            start_first_comparison(bench)
        server = uvicorn.Server(uvicorn.Config(pages, log_level="warning", timeout_graceful_shutdown=PATIENCE))
        print(f"VAE Workbench is at {address} (Ctrl+C ends it)", flush=True)  # noqa: T201
        if open_browser:
            opening = threading.Timer(0.5, webbrowser.open, [address])
            opening.daemon = True
            opening.start()
        # While it serves, uvicorn takes these signals; it raises them again when it has ended, and that is enough of them.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        logging.getLogger("uvicorn.error").addFilter(lambda _record: not server.should_exit)  # requests cut off then
        server.run(sockets=[listener])
        bench.jobs.cancel_all(PATIENCE)


def workbench(folders: Sequence[Path], data: Path, pictures: Sequence[Path] = ()) -> Workbench:
    """What the pages can do without a web UI: the demo VAEs, and the user's files.

    Args:
        folders: the user's folders of VAE files; without any, the one in the folder of the user's data.
        data: where everything is kept.
        pictures: the user's folders of pictures; one in the folder of the data is looked into, too.
    """
    usual = data_folder() / "VAE"
    own = [folder.resolve() for folder in folders] or [usual if usual.is_dir() else _made(data / "VAE")]
    demo = [Candidate(path.name, path) for path in demo_vaes(data / "demo")]
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
        library=library_in(data),
        library_folders=lambda: [*own, DEMO, data / "demo"],
        preferences=store_in(data),
        comparisons=Comparisons(data / "comparisons"),
        has_first_comparison=True,
        selected=[candidate.name for candidate in demo],
        evaluations=Evaluations(data / "evaluations"),
        picture_folders=lambda: [*pictures, _made(data / "pictures")],
        picture_hint=f"Put folders of pictures into {printable(str(data / 'pictures'))}, or start with --pictures DIR.",
        target_folders=lambda: {"vae": own[0], "checkpoint": own[0]},
        idle=lambda: not lock.locked(),
    )


def _device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def _writable(folder: Path) -> Iterator[Path]:
    """The folder; if nothing can be written there, another one with what is remembered in it, until the app ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = f"{printable(str(folder))} cannot be written to ({error.strerror or error})"
        remedy = "What you set lasts until the app ends; name another folder in VAEWB_DATA to keep it."
        print(f"{why}. {remedy}", file=sys.stderr, flush=True)  # noqa: T201
    else:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="vaewb-", ignore_cleanup_errors=True) as temporary:
        with contextlib.suppress(OSError):
            for remembered in filter(Path.is_file, folder.iterdir()):
                shutil.copyfile(remembered, Path(temporary) / remembered.name)
        yield Path(temporary)


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
        "--no-demo", dest="demo", action="store_false", help="do not compare the demo VAEs at the first start"
    )
    parser.add_argument(
        "--pictures", type=Path, action="append", default=[], metavar="DIR",
        help="a folder of pictures to evaluate VAEs on; can be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--folder", type=Path, action="append", default=[], metavar="DIR", help="a folder of VAE files; can be repeated"
    )
    return parser
