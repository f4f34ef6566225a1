"""A route whose complaints about a request are one sentence, as all of ours are; fastapi's own are lists for programs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute

from .refusals import refusal

LARGEST_BODY = 400_000_000
"""Bytes of a request: a picture of the largest size that the pages take, as base64, and some room."""


class SentenceRoute(APIRoute):
    """Answers 400 to what is no JSON, 413 to what is too large, and 422 to what does not fit, each in a sentence."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of fastapi, with its complaints put into words."""
        handle = super().get_route_handler()

        async def in_a_sentence(request: Request) -> Response:
            length = request.headers.get("content-length", "0")
            if length.isdecimal() and int(length) > LARGEST_BODY:
                raise refusal(413, f"The request is larger than {LARGEST_BODY // 10**6} MB. Send smaller pictures.")
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise _refusal(error) from error

        return in_a_sentence


def _refusal(error: RequestValidationError) -> Exception:
    first = error.errors()[0]
    if "json" in first["type"]:
        return refusal(400, "The body is not JSON.")
    place = ".".join(str(step) for step in first["loc"][1:] if step != "__root__")
    return refusal(422, f"{place or 'The body'}: {first['msg']}.")
