"""What happens around every handler: identity, the body, the answer's form, the request log."""

import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from api.answers import JSON, REPLAYED_HEADER, Answer
from api.auth import secret_key_of, unauthenticated
from api.bodies import read_bytes, read_json
from api.calls import Call
from api.idempotency import HEADER
from api.metrics import idempotency_result
from api.problems import BUG_CODE, Problem, bug_body, error_body
from api.routes import Access, Route
from api.services import SERVICES, Services
from schemas.logs import begin_subject, extend_subject
from schemas.outcomes import Outcome
from schemas.tracing import payment_of, trace_id, trace_of_caller

REQUEST_ID_HEADER: Final = "Request-Id"
TRACE_HEADER: Final = "traceparent"
UNMATCHED: Final = "(none)"
"""Name of the route of requests that match none; their paths are not kept."""
_LOGGED_UNDER: Final = "/v1"
_log = structlog.get_logger(__name__)

RequestHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What is sent, and what is noted of it."""

    status: int
    code: str
    body: bytes
    headers: dict[str, str]
    content_type: str = JSON
    object_id: str | None = None
    object_version: int | None = None
    is_replayed: bool = False


def endpoint(route: Route) -> RequestHandler:
    """The route as aiohttp calls it."""

    async def handle(request: web.Request) -> web.Response:
        services = request.app[SERVICES]
        started_ns = time.perf_counter_ns()
        call = _call(services, request, route.path)
        sent = await _carried_out(services, route, call)
        return _respond(services, call, sent, started_ns)

    return handle


@web.middleware
async def unmatched(request: web.Request, handler: RequestHandler) -> web.StreamResponse:
    """Give requests that match no route the same error object as all others."""
    refused = request.match_info.http_exception
    if refused is None:
        return await handler(request)
    services = request.app[SERVICES]
    started_ns = time.perf_counter_ns()
    if isinstance(refused, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(refused.allowed_methods))
        problem = Problem(Outcome.METHOD_NOT_ALLOWED, headers={"Allow": allowed})
    else:
        problem = Problem(Outcome.ROUTE_NOT_FOUND)
    call = _call(services, request, UNMATCHED)
    return _respond(services, call, _refused(problem, call), started_ns)


def _call(services: Services, request: web.Request, route: str) -> Call:
    request_id = "req_" + os.urandom(12).hex()
    # One task serves all requests of a connection: what the last one bound must not name this one.
    begin_subject(request_id=request_id, trace_id=trace_id(request_id), **request.match_info)
    return Call(
        request=request,
        request_id=request_id,
        route=route,
        mode=services.settings.mode,
        accepted_at_ms=services.clock(),
    )


async def _carried_out(services: Services, route: Route, call: Call) -> _Sent:
    try:
        _authenticate(services, route.access, call)
        if route.method == "POST":
            read = read_bytes if route.access == "signed" else read_json
            call.body = await read(call.request)
        return _succeeded(await route.handler(services, call))
    except Problem as problem:
        return _refused(problem, call)
    except Exception:  # noqa: BLE001  # logged with its trace, and answered
        # The one place where a defect becomes an answer; the caller needs the request id to report it.
        _log.exception("request_failed", route=call.route)
        return _Sent(status=500, code=BUG_CODE, body=bug_body(call.request_id), headers={})


def _authenticate(services: Services, access: Access, call: Call) -> None:
    """Find out who calls. Raises Problem without a key we know, or with one of the wrong role."""
    if access in ("open", "signed"):
        return
    secret_key = secret_key_of(call.request.headers.get("Authorization"))
    caller = services.keys.owner(secret_key)
    if caller is None:
        if services.missing():
            # Before all keys have been read, an unknown key proves nothing.
            raise Problem(Outcome.UNAVAILABLE, "starting; keys are still read")
        raise unauthenticated()
    call.caller, call.secret_key = caller, secret_key
    if caller.role == "merchant":
        extend_subject(merchant_id=caller.principal)
    if access not in ("known", caller.role, caller.operator_role):
        raise Problem(Outcome.FORBIDDEN)


def _succeeded(answer: Answer) -> _Sent:
    return _Sent(
        status=answer.outcome.value.http_status,
        code=answer.outcome.code,
        body=answer.body,
        headers=dict(answer.headers),
        content_type=answer.content_type,
        object_id=answer.object_id,
        object_version=answer.object_version,
        is_replayed=answer.is_replayed,
    )


def _refused(problem: Problem, call: Call) -> _Sent:
    return _Sent(
        status=problem.outcome.value.http_status,
        code=problem.outcome.code,
        body=error_body(problem, call.request_id),
        headers=problem.headers,
        object_id=problem.object_id,
        object_version=None if problem.shown is None else problem.shown.version,
        is_replayed=REPLAYED_HEADER in problem.headers,
    )


def _respond(services: Services, call: Call, sent: _Sent, started_ns: int) -> web.Response:
    duration_us = (time.perf_counter_ns() - started_ns) // 1000
    _count(services, call, sent, duration_us)
    _log_answer(call, sent, duration_us)
    if call.request.path.startswith(_LOGGED_UNDER):
        services.requests_log.write(
            call,
            status=sent.status,
            outcome=sent.code,
            duration_us=duration_us,
            object_id=sent.object_id,
            object_version=sent.object_version,
            is_replayed=sent.is_replayed,
        )
    headers = {**sent.headers, REQUEST_ID_HEADER: call.request_id, "Content-Type": sent.content_type}
    if call.idempotency_key is not None:
        headers[HEADER] = call.idempotency_key
    response = web.Response(body=sent.body, status=sent.status, headers=headers)
    if sent.status == Outcome.BODY_TOO_LARGE.value.http_status:
        # The rest of the body is not read, so the connection cannot carry another request.
        response.force_close()
    return response


def _count(services: Services, call: Call, sent: _Sent, duration_us: int) -> None:
    services.metrics.count(call.route, sent.status, duration_us / 1_000_000)
    if call.idempotency_key is not None:
        result = idempotency_result(sent.code, sent.status, is_replayed=sent.is_replayed)
        if result is not None:
            services.metrics.count_idempotency(result)


def _log_answer(call: Call, sent: _Sent, duration_us: int) -> None:
    """One line for every answered request; those of probes and scrapes only for who looks closely."""
    log = _log.info if call.request.path.startswith(_LOGGED_UNDER) else _log.debug
    named = {
        "object_id": sent.object_id,
        "payment_id": payment_of(sent.object_id),
        "caller_trace_id": trace_of_caller(call.request.headers.get(TRACE_HEADER)),
    }
    log(
        "answered",
        method=call.request.method,
        route=call.route,
        status=sent.status,
        outcome=sent.code,
        is_replayed=sent.is_replayed,
        duration_ms=round(duration_us / 1000, 1),
        **{name: value for name, value in named.items() if value is not None},
    )
