"""How is an answer put on the wire?"""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from connectors.psp.simulator.entries import Operation
from connectors.psp.simulator.problems import Problem, rendered
from connectors.psp.simulator.provider import Provider
from connectors.psp.simulator.rendering import operation_view

PROVIDER = web.AppKey("provider", Provider)
REPLAYED_HEADER = "Idempotent-Replayed"


def json_response(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        body=msgspec.json.encode(body), status=status, headers=headers, content_type="application/json"
    )


def problem_response(problem: Problem) -> web.Response:
    """An answer that is not an operation."""
    return json_response(rendered(problem), problem.http_status)


def operation_response(operation: Operation, origin: str, *, is_replay: bool = False) -> web.Response:
    """An operation: 402 where it was declined, else 200."""
    status = 402 if operation.status == "declined" else 200
    headers = {REPLAYED_HEADER: "true"} if is_replay else None
    return json_response(operation_view(operation, origin), status, headers)
