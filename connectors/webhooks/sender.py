"""How is one attempt made: one POST, bounded in time and size, to a public address only, never redirected."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import structlog
from yarl import URL

from connectors.webhooks.guard import guarded_sockets, refusals
from connectors.webhooks.signature import signed_headers
from schemas.sealing import Sealer, SealingError
from schemas.webhooks import DeliverMessage

MAX_ANSWER_BYTES: Final = 64 * 1024
_CONNECT_S: Final = 5.0
_KEEP_IDLE_S: Final = 10.0
# The status decides; the body is read only so that the connection can be used again.
_BODY_S: Final = 0.5
_MAX_RETRY_AFTER_S: Final = 10 * 24 * 60 * 60
_USER_AGENT: Final = "Millrace-Webhooks/1"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended. http_status: None without an answer; error: then why.

    retry_after_ms: when the receiver wants to be asked again, from the end of the attempt.
    """

    latency_ms: int
    http_status: int | None = None
    error: str | None = None
    retry_after_ms: int | None = None

    @property
    def is_delivered(self) -> bool:
        """True for 2xx only; a redirect is no delivery."""
        return self.http_status is not None and 200 <= self.http_status < 300


class Sender:
    """Makes attempts. Open it in a running event loop; close it when done.

    sealer: opens signing secrets; None without a key, when none can be opened.
    timeout_ms: bound of one attempt, resolving and connecting included.
    is_loopback_allowed: send to this machine too (test mode).
    """

    def __init__(
        self,
        sealer: Sealer | None,
        *,
        timeout_ms: int,
        connections: int,
        is_loopback_allowed: bool,
        now_ms: Callable[[], int],
    ) -> None:
        self._sealer = sealer
        self._now_ms = now_ms
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=connections,
                keepalive_timeout=_KEEP_IDLE_S,
                # A name is resolved for every connection: what it said a minute ago proves nothing.
                use_dns_cache=False,
                socket_factory=guarded_sockets(is_loopback_allowed=is_loopback_allowed),
            ),
            timeout=aiohttp.ClientTimeout(
                total=timeout_ms / 1000, sock_connect=min(_CONNECT_S, timeout_ms / 1000)
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
        )

    async def send(self, message: DeliverMessage) -> Ended:
        """Make one attempt; never raises for what the network or the receiver does."""
        refusals.set([])
        began_s = time.monotonic()
        try:
            headers = self._headers(message)
            # The body is sent as it was rendered; a redirect could lead anywhere.
            async with self._session.post(
                URL(message.endpoint.url), data=message.payload, headers=headers, allow_redirects=False
            ) as response:
                answered_s = time.monotonic()
                await _read_away(response)
                return Ended(
                    latency_ms=round((answered_s - began_s) * 1000),
                    http_status=response.status,
                    retry_after_ms=_retry_after_ms(response, self._now_ms()),
                )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            latency_ms = round((time.monotonic() - began_s) * 1000)
            return Ended(latency_ms=latency_ms, error=_code_of(error, message.endpoint.endpoint_id))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    def _headers(self, message: DeliverMessage) -> dict[str, str]:
        if self._sealer is None:
            raise SealingError("MILLRACE_WEBHOOKS_SEALING_KEY is not set")
        secret = self._sealer.open(message.endpoint.sealed_secret, name=message.endpoint.endpoint_id)
        signed = signed_headers(
            secret, message_id=message.message_id, at_s=self._now_ms() // 1000, payload=message.payload
        )
        return {"content-type": "application/json", "user-agent": _USER_AGENT, **signed}


async def _read_away(response: aiohttp.ClientResponse) -> None:
    """Read a short answer to its end; of a long or slow one the connection is given up."""
    read = 0
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in response.content.iter_any():
                read += len(part)
                if read > MAX_ANSWER_BYTES:
                    break
            else:
                return
    except (TimeoutError, aiohttp.ClientError):
        pass
    response.close()


def _retry_after_ms(response: aiohttp.ClientResponse, now_ms: int) -> int | None:
    """What a Retry-After header asks for, in seconds or as a date; None without one that can be read."""
    text = response.headers.get("Retry-After", "").strip()[:64]
    if text.isascii() and text.isdigit():
        return min(int(text), _MAX_RETRY_AFTER_S) * 1000
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    left_s = (aware - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds()
    return round(min(max(left_s, 0.0), _MAX_RETRY_AFTER_S) * 1000)


def _code_of(error: Exception, endpoint_id: str) -> str:
    """Why there was no status, in one word for the merchant's log of attempts."""
    match error:
        case SealingError():
            _log.error("secret not opened", endpoint_id=endpoint_id, reason=str(error))
            return "secret_unreadable"
        case TimeoutError():
            return "timeout"
        case _ if refusals.get():
            return "address_refused"
        case aiohttp.ClientConnectorDNSError():
            return "name_not_resolved"
        case aiohttp.ClientSSLError() | aiohttp.ClientConnectorCertificateError():
            return "tls_failed"
        case aiohttp.ClientConnectorError():
            return "connect_failed"
        case aiohttp.InvalidURL():
            return "url_invalid"
        case aiohttp.ClientResponseError() | ValueError():
            return "answer_unreadable"
        case _:
            return "connection_lost"
