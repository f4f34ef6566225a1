"""What the console says of a refused VAE."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from modules import errors, shared

from tests.webui.world import World
from vae_workbench.errors import InvalidInput
from vae_workbench.webui import log
from vae_workbench.webui.register import register, unregister


@pytest.fixture
def console(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the extension prints, in a web UI with all of it."""
    printed = io.StringIO()
    monkeypatch.setattr(log._handler, "stream", printed)
    monkeypatch.setattr(errors, "printed", [], raising=False)  # by the double
    register()
    world.load("tiny.safetensors")
    printed.truncate(0)
    printed.seek(0)
    yield printed
    unregister()


def theirs() -> list[object]:
    """What the double's own functions were given to print."""
    return list(errors.printed)


@pytest.mark.parametrize("name", ["bad nan.safetensors", "bad corrupt.safetensors", "no such.pt"])
def test_a_refused_vae_is_one_line(
    console: io.StringIO, world: World, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """The web UI printed a traceback of each, some 20 lines."""
    capsys.readouterr()
    assert not world.select(name)
    line = console.getvalue()
    assert line.startswith(f"VAE Workbench: {name} cannot be used: ") and line.count("\n") == 1
    assert "Traceback" not in "".join(capsys.readouterr()) and theirs() == []
    assert shared.opts.sd_vae == "Automatic"


def test_an_error_that_is_handed_on_is_printed_once(console: io.StringIO) -> None:
    error = InvalidInput("There is no VAE", "Choose one")
    errors.display(error, "changing a setting")
    try:
        raise error
    except InvalidInput:
        errors.report("Error completing request", exc_info=True)
    assert console.getvalue() == "VAE Workbench: There is no VAE. Choose one.\n" and theirs() == []


def test_what_is_not_ours_is_printed_as_ever(console: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ZeroDivisionError("theirs")
    except ZeroDivisionError as error:
        errors.display(error, "a task")
        errors.report("a message", exc_info=True)
    errors.report("another message")
    told = capsys.readouterr().err + str(theirs())
    assert "theirs" in told and "a message" in told and "another message" in told
    assert console.getvalue() == ""


def test_a_name_that_cannot_be_shown_is_escaped(console: io.StringIO) -> None:
    """Python refuses to print it, and logging printed a traceback of its own."""
    log.logger.warning("%s", "caf\udce9 \x1b[31m.pt")
    assert console.getvalue() == "VAE Workbench: caf\\xe9 \\x1b[31m.pt\n"
