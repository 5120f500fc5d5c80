"""How does a good client ask: one request, repeated with its key until it has an answer worth having?"""

import asyncio
import time
from random import Random
from typing import Final

import aiohttp

from ops.demo.asks import Ask
from ops.demo.client_log import ClientLog, Seen
from ops.demo.errors import GaveUp
from ops.demo.patience import is_repeatable, pause_s
from ops.demo.tally import Tally
from ops.demo.told import Answer, answer_of

# Longer than the API waits for a result, so that a slow one is told as 202 and not cut off.
ANSWER_TIMEOUT_S: Final = 30.0
CONNECTIONS: Final = 512
CONNECTION_LOST: Final = "connection"
_SERVER_ERROR: Final = 500
_CONNECTION_ERRORS: Final = (aiohttp.ClientError, TimeoutError)


def session() -> aiohttp.ClientSession:
    """What every request of a demo goes through."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=ANSWER_TIMEOUT_S),
    )


class Client:
    """Sends requests, repeats them, and writes down every answer.

    jitter: spreads the pauses before repeats. deadline_s: how long one request is repeated.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        *,
        tally: Tally,
        log: ClientLog,
        jitter: Random,
        deadline_s: float,
    ) -> None:
        self._session = session
        self._api_url = api_url.rstrip("/")
        self._log = log
        self._jitter = jitter
        self._deadline_s = deadline_s
        self.tally = tally

    async def send(self, ask: Ask) -> Answer:
        """The answer to a request, after as many repeats as it takes. Raises GaveUp at the deadline."""
        gives_up_at = time.monotonic() + self._deadline_s
        failures = 0
        while True:
            reason, retry_after = CONNECTION_LOST, None
            try:
                answer = await self._once(ask)
            except _CONNECTION_ERRORS as error:
                met = f"{type(error).__name__}: {error}"
            else:
                if not is_repeatable(answer.status, answer.fault.code if answer.fault else None):
                    return answer
                reason, retry_after, met = str(answer.status), answer.retry_after, f"HTTP {answer.status}"
            failures += 1
            pause = pause_s(failures, jitter=self._jitter.random(), retry_after=retry_after)
            if time.monotonic() + pause >= gives_up_at:
                raise GaveUp(
                    f"{ask.method} {ask.path}: {failures} tries in {self._deadline_s:.0f} s, last {met}"
                )
            await asyncio.sleep(pause)
            self.tally.retries[reason] += 1

    async def open_page(self, url: str) -> None:
        """Open a page of the provider's, as a customer's browser would. Raises GaveUp at the deadline."""
        gives_up_at = time.monotonic() + self._deadline_s
        failures = 0
        while True:
            try:
                async with self._session.get(url) as response:
                    if response.status < _SERVER_ERROR:
                        return
                    met = f"HTTP {response.status}"
            except _CONNECTION_ERRORS as error:
                met = f"{type(error).__name__}: {error}"
            failures += 1
            pause = pause_s(failures, jitter=self._jitter.random())
            if time.monotonic() + pause >= gives_up_at:
                raise GaveUp(f"{url}: {failures} tries in {self._deadline_s:.0f} s, last {met}")
            await asyncio.sleep(pause)

    async def _once(self, ask: Ask) -> Answer:
        headers = {"Authorization": f"Bearer {ask.secret_key}"}
        if ask.idempotency_key is not None:
            headers["Idempotency-Key"] = ask.idempotency_key
        url = self._api_url + ask.path
        started_ns = time.perf_counter_ns()
        async with self._session.request(ask.method, url, headers=headers, json=ask.body) as response:
            answer = answer_of(response.status, response.headers, await response.read())
        self.tally.answered(
            f"{ask.method} {ask.route}", answer.status, (time.perf_counter_ns() - started_ns) // 1_000
        )
        self.tally.replayed += answer.is_replayed
        self._write_down(ask, answer)
        return answer

    def _write_down(self, ask: Ask, answer: Answer) -> None:
        self._log.add(
            Seen(
                request_id=answer.request_id,
                method=ask.method,
                path=ask.path,
                status=answer.status,
                idempotency_key=ask.idempotency_key,
                object_id=answer.told.id,
                version=answer.told.version,
                at_ms=time.time_ns() // 1_000_000,
            )
        )
