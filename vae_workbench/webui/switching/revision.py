"""Which state of what is in use this is: whoever shows it asks again when the revision is another one."""

from __future__ import annotations

import itertools
import secrets

_process = secrets.token_hex(8)
"""Tells this start of the web UI from the one before, whose pages may still be open."""

_count = itertools.count(1)
_revision = f"{_process}-0"


def bump() -> None:
    """Called at every change: of the VAE in use, of why it is that one, of what was refused."""
    global _revision
    _revision = f"{_process}-{next(_count)}"


def current() -> str:
    """The revision now; another one after each change and each start. Safe for threads."""
    return _revision
