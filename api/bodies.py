"""How is a request's body read: within its size, its time and the one form we take?"""

import asyncio
from typing import Final

from aiohttp import ClientPayloadError, web

from api.parsing import EMPTY, MAX_BODY_BYTES
from api.problems import Problem
from schemas.outcomes import Outcome

READ_TIMEOUT_S: Final = 10.0


async def read_json(request: web.Request) -> bytes:
    """The body of a route that takes JSON; no body at all is an empty object."""
    _check_size(request)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(Outcome.UNSUPPORTED_MEDIA_TYPE, "a Content-Encoding is not taken")
    if not request.can_read_body and "Content-Type" not in request.headers:
        return EMPTY
    if request.content_type != "application/json" or (request.charset or "utf-8").lower() not in _UTF8:
        raise Problem(Outcome.UNSUPPORTED_MEDIA_TYPE)
    return await _read(request) or EMPTY


async def read_bytes(request: web.Request) -> bytes:
    """The body exactly as sent, for a signature over it."""
    _check_size(request)
    return await _read(request)


_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})


def _check_size(request: web.Request) -> None:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise Problem(Outcome.BODY_TOO_LARGE)


async def _read(request: web.Request) -> bytes:
    try:
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem(Outcome.BODY_TOO_LARGE) from error
    except (TimeoutError, ClientPayloadError, web.RequestPayloadError) as error:
        raise Problem(
            Outcome.BODY_INVALID, "the body did not arrive in full", headers={"Connection": "close"}
        ) from error
