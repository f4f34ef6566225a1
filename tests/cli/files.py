"""What the tests of commands that write share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vae_workbench.cli.main import main

Output = pytest.CaptureFixture[str]


def told(output: Output, *arguments: object, code: int = 0) -> Any:
    """What a command tells as JSON."""
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(output.readouterr().out)


def refused(output: Output, *arguments: object) -> str:
    """The one sentence of a command that cannot do what is asked."""
    assert main([*map(str, arguments)]) == 2
    captured = output.readouterr()
    assert not captured.out and "Traceback" not in captured.err
    return captured.err
