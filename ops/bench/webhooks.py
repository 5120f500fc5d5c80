"""What does it cost to tell merchants, and does a receiver that is dead or hangs slow anybody else down?"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
import requests

from ops import accounts
from ops.bench import load
from ops.bench.errors import BenchFailed
from ops.bench.live import Live
from ops.bench.load import Load, Shop
from ops.bench.meter import Span, between, quantile
from ops.bench.result import Result
from ops.demo.client_log import ClientLog
from ops.demo.receiver import Receiver, receiving
from ops.stack.ports import LOOPBACK, free_port

_CALLERS: Final = 8
_SECONDS: Final = 12.0
_DELIVERED_S: Final = 60.0
_PAUSE_S: Final = 0.25
_DELIVERIES: Final = """
    SELECT extract(epoch FROM delivered_at - created_at) * 1000 FROM mart.webhook_deliveries
    WHERE endpoint_id = %s AND status = 'delivered'
"""


def run(live: Live) -> list[Result]:
    """Sales without an endpoint, with a working one, and with a dead and a hanging one besides it."""
    with _receiver() as receiver:
        alone, _ = _measured(live, "no endpoint", live.secret_key)
        working = _merchant(live, receiver, "working", ())
        told, span = _measured(live, "a working endpoint", working.secret_key)
        told_costs = _deliveries(live, working, span, "to a working endpoint")
        bad = (f"http://{LOOPBACK}:{free_port()}/gone", receiver.hanging_url)
        beside = _merchant(live, receiver, "beside", bad)
        slowed, span = _measured(live, "a dead and a hanging endpoint besides", beside.secret_key)
        slowed_costs = _deliveries(live, beside, span, "beside a dead and a hanging endpoint")
    return [alone, told, slowed, told_costs, slowed_costs]


class _Merchant:
    """A merchant, and its endpoint that works."""

    def __init__(self, secret_key: str, endpoint_id: str) -> None:
        self.secret_key = secret_key
        self.endpoint_id = endpoint_id


def _merchant(live: Live, receiver: Receiver, name: str, others: Sequence[str]) -> _Merchant:
    url = receiver.mailbox(name)
    made = accounts.create_merchant(live.api_url, live.operator_key, display_name=name, webhook_url=url)
    mailbox = receiver.mailboxes[name]
    mailbox.endpoint_id, mailbox.secret = made["endpoint_id"], made["webhook_secret"]
    for number, other in enumerate(others):
        answer = requests.post(
            f"{live.api_url}/v1/webhook_endpoints",
            json={"url": other},
            headers={"Authorization": f"Bearer {made['secret_key']}", "Idempotency-Key": f"{name}-{number}"},
            timeout=30,
        )
        answer.raise_for_status()
    return _Merchant(made["secret_key"], made["endpoint_id"])


def _measured(live: Live, variant: str, secret_key: str) -> tuple[Result, Span]:
    already = live.count("captured")
    first = live.meter.read()
    done = load.at_once(live.api_url, secret_key, Shop.pay, concurrency=_CALLERS, seconds=_SECONDS)
    live.settle("captured", already + len(done.latencies_ms))
    span = between(first, live.meter.read())
    return _sales(live, variant, done, span), span


def _sales(live: Live, variant: str, done: Load, span: Span) -> Result:
    units = len(done.latencies_ms)
    costs = live.meter.costs(span, units)
    return Result(
        name="webhooks",
        variant=f"sale, {variant}",
        unit="payment",
        units=units,
        cpu_us_per_unit=round(sum(cost.cpu_us_per_unit for cost in costs.values()), 1),
        units_per_second=round(units / done.wall_s, 1),
        p50_ms=round(quantile(done.latencies_ms, 0.5), 1),
        p99_ms=round(quantile(done.latencies_ms, 0.99), 1),
        processes=costs,
    )


def _deliveries(live: Live, merchant: _Merchant, span: Span, variant: str) -> Result:
    """The deliveries of the sales just made; latency from the event until it was delivered."""
    latencies = _delivered(live, merchant)
    egress = live.meter.costs(span, len(latencies))["egress"]
    return Result(
        name="webhooks",
        variant=f"delivery, {variant}",
        unit="delivery",
        units=len(latencies),
        cpu_us_per_unit=egress.cpu_us_per_unit,
        units_per_second=round(len(latencies) / span.wall_s, 1),
        p50_ms=round(quantile(latencies, 0.5), 1),
        p99_ms=round(quantile(latencies, 0.99), 1),
        processes={"egress": egress},
    )


def _delivered(live: Live, merchant: _Merchant) -> list[float]:
    """Every delivery to the working endpoint, once none is missing. Raises BenchFailed."""
    deadline = time.monotonic() + _DELIVERED_S
    published = "SELECT count(*) FROM mart.webhook_deliveries WHERE endpoint_id = %s"
    with psycopg.connect(live.postgres_dsn, autocommit=True) as connection:
        while time.monotonic() < deadline:
            wanted = connection.execute(published, [merchant.endpoint_id]).fetchone()
            found = connection.execute(_DELIVERIES, [merchant.endpoint_id]).fetchall()
            if found and wanted is not None and len(found) == wanted[0]:
                return [float(row[0]) for row in found]
            time.sleep(_PAUSE_S)
    raise BenchFailed(f"{merchant.endpoint_id} was told of {len(found)} events after {_DELIVERED_S:.0f} s")


@contextmanager
def _receiver() -> Iterator[Receiver]:
    """A receiver in a thread of its own, as the callers' loops come and go."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="receiver", daemon=True)
    thread.start()
    context = receiving(ClientLog(None))

    def wait(make: Callable[[], object]) -> object:
        async def run() -> object:
            return await make()  # type: ignore[misc]  # the two halves of an asynchronous context

        return asyncio.run_coroutine_threadsafe(run(), loop).result(30)

    receiver = wait(context.__aenter__)
    assert isinstance(receiver, Receiver), "a context gives what it is of"
    try:
        yield receiver
    finally:
        wait(lambda: context.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
