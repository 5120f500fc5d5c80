"""How do tests and judges steer the provider, and see what it really did?"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from connectors.psp.simulator.answers import PROVIDER, json_response, problem_response
from connectors.psp.simulator.entries import Operation
from connectors.psp.simulator.faults import Conduct, conduct_of
from connectors.psp.simulator.problems import Problem, invalid
from connectors.psp.simulator.rendering import effect_view

STANDARD_CONDUCT = web.AppKey("standard_conduct", Conduct)
EFFECTS_PER_WRITE = 1_000


async def show_conduct(request: web.Request) -> web.Response:
    """GET /_simulator/faults."""
    return json_response(request.app[PROVIDER].conduct)


async def change_conduct(request: web.Request) -> web.Response:
    """PUT /_simulator/faults: the whole conduct; what is left out is as when the provider started."""
    asked = conduct_of(await request.read(), request.app[STANDARD_CONDUCT])
    if isinstance(asked, Problem):
        return problem_response(asked)
    request.app[PROVIDER].conduct = asked
    return json_response(asked)


async def list_effects(request: web.Request) -> web.StreamResponse:
    """GET /_simulator/effects?payment_reference=: what was really done; `?all=1` adds declined and pending."""
    shown = await request.app[PROVIDER].operations(request.query.get("payment_reference"))
    if request.query.get("all") != "1":
        shown = [operation for operation in shown if operation.status == "succeeded"]
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b"[")
    # A long book is written piece by piece, so that other callers are served in between.
    for start in range(0, len(shown), EFFECTS_PER_WRITE):
        separator = b"," if start else b""
        await response.write(separator + _encoded(shown[start : start + EFFECTS_PER_WRITE]))
    await response.write_eof(b"]")
    return response


async def show_summary(request: web.Request) -> web.Response:
    """GET /_simulator/summary?payment_reference=: what one payment amounts to now."""
    payment_reference = request.query.get("payment_reference")
    if payment_reference is None:
        return problem_response(invalid("payment_reference", "Name the payment: ?payment_reference=..."))
    return json_response(await request.app[PROVIDER].summary(payment_reference))


async def show_health(_request: web.Request) -> web.Response:
    """GET /healthz."""
    return json_response({"status": "ok"})


def _encoded(operations: Sequence[Operation]) -> bytes:
    return msgspec.json.encode([effect_view(operation) for operation in operations])[1:-1]
