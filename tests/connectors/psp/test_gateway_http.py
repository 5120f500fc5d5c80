"""A call that may have arrived must never be told from one that was not sent by guessing, nor be repeated."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.psp.http_provider import MAX_ANSWER_BYTES, HttpProvider
from connectors.psp.port import Answered, NotSent, Unanswered
from schemas.psp import ExecuteOperation

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]

OPERATION = ExecuteOperation(
    operation_id="auth_1",
    payment_id="pay_1",
    kind="sale",
    amount_minor=100,
    currency="EUR",
    psp_key="key1",
    call_attempt=0,
    provider="simulator",
)


class Server:
    """A socket that answers every request with the same bytes, or in whatever bad way it is told to."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self._answer = answer

    @asynccontextmanager
    async def provider(self) -> AsyncIterator[HttpProvider]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        provider = HttpProvider(
            f"http://127.0.0.1:{port}", api_key="sk_psp", call_timeout_ms=1_000, connections=2
        )
        try:
            yield provider
        finally:
            await provider.close()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def saying(head: str, body: bytes = b"", *, missing: int = 0) -> Answer:
    """Answer with a status line and headers; promise `missing` bytes more than are sent."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        length = len(body) + missing
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n".encode() + body)
        await writer.drain()

    return answer


async def hang(_: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await asyncio.sleep(1)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Take the request and drop the connection."""
    writer.transport.abort()


async def test_an_answer_is_handed_on_as_it_is() -> None:
    """What it proves is the mapping's to say; the key and the bearer must be on the wire."""
    server = Server(saying("402 Payment Required", b"{}"))
    async with server.provider() as provider:
        assert Answered(http_status=402, body=b"{}") == await provider.execute(OPERATION)
    (request,) = server.requests
    assert request.startswith(b"POST /v1/operations HTTP/1.1\r\n")
    assert b"Idempotency-Key: key1\r\n" in request
    assert b"Authorization: Bearer sk_psp\r\n" in request


@pytest.mark.parametrize(
    "answer",
    [
        hang,
        hang_up,
        saying("200 OK", b"{", missing=10),
        saying("200 OK", b" " * (MAX_ANSWER_BYTES + 1)),
        saying("nonsense"),
    ],
    ids=["hangs", "hangs up", "is cut", "is too long", "is no HTTP"],
)
async def test_once_sent_a_lost_answer_is_unanswered_and_not_repeated(answer: Answer) -> None:
    """The provider may have acted, so neither "not sent" nor a second request is allowed."""
    server = Server(answer)
    async with server.provider() as provider:
        assert isinstance(await provider.execute(OPERATION), Unanswered)
    assert len(server.requests) == 1


async def test_a_redirect_is_not_followed() -> None:
    """Following it would send the operation again, to an address nobody configured."""
    server = Server(saying("307 Temporary Redirect\r\nLocation: /v1/operations"))
    async with server.provider() as provider:
        assert Answered(http_status=307, body=b"") == await provider.execute(OPERATION)
    assert len(server.requests) == 1


async def test_a_refused_connection_is_not_sent() -> None:
    """Nothing left this machine: that proves that nothing was done."""
    listener = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()
    provider = HttpProvider(f"http://127.0.0.1:{port}", api_key="", call_timeout_ms=300, connections=1)
    assert isinstance(await provider.execute(OPERATION), NotSent)
    assert isinstance(await provider.query(OPERATION), NotSent)
    await provider.close()
