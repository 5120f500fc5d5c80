"""How does the provider tell, unasked, what became of an operation? Signed posts, sent again a few times."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import aiohttp
import msgspec
import structlog

from connectors.psp.simulator.entries import Operation

SIGNATURE_HEADER = "Provider-Signature"
RETRY_DELAYS_S = (0.5, 1.0, 2.0, 4.0, 8.0)
QUEUE_LIMIT = 10_000
CONCURRENT_POSTS = 16
POST_TIMEOUT_S = 5.0

_log = structlog.get_logger(__name__)


def signature(secret: str, body: bytes, *, unix_s: int) -> str:
    """The header value `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`."""
    digest = hmac.new(secret.encode(), f"{unix_s}.".encode() + body, hashlib.sha256)
    return f"t={unix_s},v1={digest.hexdigest()}"


def callback_body(operation: Operation, view: Mapping[str, object]) -> bytes:
    """The JSON of a callback; its id is the same for every copy of the same news."""
    news = f"{operation.provider_ref}/{operation.status}"
    callback_id = "cb_" + hashlib.sha256(news.encode()).hexdigest()[:24]
    return msgspec.json.encode({"id": callback_id, "type": "operation.updated", "operation": view})


class Courier:
    """Posts callbacks in the background; what is still waiting when the process ends is not sent.

    Receivers must not rely on callbacks: the query by key knows everything they say.
    """

    def __init__(self, secret: str, *, retry_delays_s: Sequence[float] = RETRY_DELAYS_S) -> None:
        self._secret = secret
        self._retry_delays_s = tuple(retry_delays_s)
        self._slots = asyncio.Semaphore(CONCURRENT_POSTS)
        self._errands: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_S))

    def send(self, url: str, body: bytes, *, delay_s: float) -> None:
        """Post a body after a delay, again after each retry delay until the receiver answers 2xx."""
        if len(self._errands) >= QUEUE_LIMIT:
            _log.warning("callback_dropped", reason="too many are waiting", limit=QUEUE_LIMIT)
            return
        errand = asyncio.create_task(self._deliver(url, body, delay_s))
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def close(self) -> None:
        """Give up what is waiting and close the connections."""
        errands = tuple(self._errands)
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)
        await self._session.close()

    async def _deliver(self, url: str, body: bytes, delay_s: float) -> None:
        for wait_s in (delay_s, *self._retry_delays_s):
            await asyncio.sleep(wait_s)
            async with self._slots:
                if await self._is_accepted(url, body):
                    return
        _log.warning("callback_given_up", attempts=1 + len(self._retry_delays_s))

    async def _is_accepted(self, url: str, body: bytes) -> bool:
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: signature(self._secret, body, unix_s=int(time.time())),
        }
        try:
            async with self._session.post(url, data=body, headers=headers) as response:
                return response.status // 100 == HTTPStatus.OK // 100
        except (aiohttp.ClientError, TimeoutError):
            return False
