"""How do callers ask for an operation, query one, and how do customers complete one?"""

import asyncio

from aiohttp import web

from connectors.psp.simulator.answers import PROVIDER, operation_response, problem_response
from connectors.psp.simulator.problems import Problem, invalid
from connectors.psp.simulator.requests import KEY_HEADER, parsed, parsed_key
from connectors.psp.simulator.treatment import Delivery, Treatment


async def execute(request: web.Request) -> web.Response:
    """POST /v1/operations with an Idempotency-Key."""
    key = parsed_key(request.headers.get(KEY_HEADER))
    if isinstance(key, Problem):
        return problem_response(key)
    asked = parsed(await request.read())
    if isinstance(asked, Problem):
        return problem_response(asked)
    provider = request.app[PROVIDER]
    treatment = await provider.execute(asked, key)
    match treatment.delivery:
        case Delivery.NEVER:
            await asyncio.sleep(provider.conduct.hang_s)
            _hang_up(request)
        case Delivery.SLOWLY:
            await asyncio.sleep(provider.conduct.slow_s)
    return _answered(treatment, _origin(request))


async def query(request: web.Request) -> web.Response:
    """GET /v1/operations/by-key/{idempotency_key}: 200 or 402 as the call was, 404 where the book has none."""
    found = await request.app[PROVIDER].query(request.match_info["idempotency_key"])
    if isinstance(found, Problem):
        return problem_response(found)
    return operation_response(found, _origin(request))


async def complete_action(request: web.Request) -> web.Response:
    """GET or POST the next_action url, `?result=success` (the default) or `?result=failure`."""
    result = request.query.get("result", "success")
    if result not in ("success", "failure"):
        return problem_response(invalid("result", "result is success or failure."))
    completed = await request.app[PROVIDER].complete_action(
        request.match_info["provider_ref"], is_authenticated=result == "success"
    )
    if isinstance(completed, Problem):
        return problem_response(completed)
    return operation_response(completed, _origin(request))


def _answered(treatment: Treatment, origin: str) -> web.Response:
    if isinstance(treatment.answer, Problem):
        return problem_response(treatment.answer)
    return operation_response(treatment.answer, origin, is_replay=treatment.is_replay)


def _hang_up(request: web.Request) -> None:
    # What the handler returns afterwards finds the connection gone and is dropped.
    if request.transport is not None:
        request.transport.abort()


def _origin(request: web.Request) -> str:
    return str(request.url.origin())
