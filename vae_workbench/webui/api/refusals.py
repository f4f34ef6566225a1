"""Refusals as programs get them: a status, and a sentence that any answer can hold."""

from __future__ import annotations

from fastapi import HTTPException

from ...printable import printable


def refusal(status: int, sentence: str) -> HTTPException:
    """What a route raises. Sentences name files, whose names may be any bytes; an answer is UTF-8."""
    return HTTPException(status, printable(sentence))
