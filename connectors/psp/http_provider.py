"""How is a provider with the JSON operations API called: one aiohttp session, bounded and never repeated."""

from typing import Final

import aiohttp
import msgspec
from yarl import URL

from connectors.psp.port import Answered, CallEnd, NotSent, Unanswered
from schemas.psp import ExecuteOperation, QueryOperation
from schemas.psp_operations import OperationMetadata

MAX_ANSWER_BYTES: Final = 64 * 1024
# Well below what servers commonly keep idle connections for, so that we close them, not they under a call.
_KEEP_IDLE_S: Final = 10
_CONNECT_S: Final = 5.0


class HttpProvider:
    """A provider behind HTTP. Open it in a running event loop; close it when done.

    base_url: the provider's API. api_key: bearer key, empty for none.
    call_timeout_ms: bound of one call from the first byte sent to the last received.
    connections: at most this many at a time.
    """

    def __init__(self, base_url: str, *, api_key: str, call_timeout_ms: int, connections: int) -> None:
        self._base_url = URL(base_url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_IDLE_S),
            # Giving up on the connection before the call's end tells "not sent" from "not answered".
            timeout=aiohttp.ClientTimeout(
                total=call_timeout_ms / 1000, sock_connect=min(_CONNECT_S, call_timeout_ms / 2000)
            ),
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def execute(self, request: ExecuteOperation) -> CallEnd:
        """POST the operation under its key, once."""
        return await self._call(
            "POST",
            self._base_url / "v1/operations",
            body=msgspec.json.encode(_operation_body(request)),
            headers={"Content-Type": "application/json", "Idempotency-Key": request.psp_key},
        )

    async def query(self, request: ExecuteOperation | QueryOperation) -> CallEnd:
        """GET what became of the call made under the key."""
        url = self._base_url / "v1/operations/by-key" / request.psp_key
        return await self._call("GET", url, body=None, headers={})

    async def close(self) -> None:
        """Close every connection; calls under way end unanswered."""
        await self._session.close()

    async def _call(self, method: str, url: URL, *, body: bytes | None, headers: dict[str, str]) -> CallEnd:
        try:
            # A redirect would send the operation a second time, to an address nobody configured.
            async with self._session.request(
                method, url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return Answered(http_status=response.status, body=await _read_bounded(response))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return NotSent(reason=type(error).__name__)
        except (TimeoutError, aiohttp.ClientError, OSError, _AnswerTooLong) as error:
            return Unanswered(reason=type(error).__name__)


class _AnswerTooLong(Exception):
    pass


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise _AnswerTooLong
    return bytes(body)


def _operation_body(request: ExecuteOperation) -> dict[str, object]:
    body: dict[str, object] = {
        "operation": request.kind,
        "payment_reference": request.payment_id,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "metadata": OperationMetadata(
            operation_id=request.operation_id,
            call_attempt=str(request.call_attempt),
            provider=request.provider,
        ),
    }
    if request.payment_method is not None:
        body["payment_method"] = request.payment_method
    if request.original_ref is not None:
        body["original_reference"] = request.original_ref
    return body
