"""Is this process alive, can it take commands, and what does it offer?"""

from api.answers import Answer, to_json
from api.calls import Call
from api.problems import Problem
from api.services import Services
from schemas.outcomes import Outcome

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def alive(services: Services, call: Call) -> Answer:
    """GET /healthz: the event loop turns."""
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json({"status": "ok"}))


async def ready(services: Services, call: Call) -> Answer:
    """GET /readyz: commands are taken. `reads`: whether the database answers, without which commands still go."""
    missing = services.missing()
    if missing:
        raise Problem(Outcome.UNAVAILABLE, f"still reading: {', '.join(missing)}")
    return Answer(
        outcome=Outcome.SUCCEEDED, body=to_json({"status": "ready", "reads": await _can_read(services)})
    )


async def metrics(services: Services, call: Call) -> Answer:
    """GET /metrics in the Prometheus text format."""
    services.metrics.commands_in_flight.set(services.commands.in_flight.total)
    return Answer(outcome=Outcome.SUCCEEDED, body=services.metrics.text(), content_type=METRICS_TYPE)


async def description(services: Services, call: Call) -> Answer:
    """GET /openapi.json."""
    return Answer(outcome=Outcome.SUCCEEDED, body=services.description)


async def _can_read(services: Services) -> bool:
    try:
        await services.queries.ping()
    except Problem:
        return False
    return True
