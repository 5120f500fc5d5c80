"""What does an attempt do when the receiver is well, ill or hostile: real servers on this machine."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from connectors.webhooks.sender import Ended, Sender
from ops.stack.ports import free_port
from schemas.sealing import Sealer
from schemas.testing import START_MS
from schemas.webhooks import DeliverMessage, Endpoint

SEALER = Sealer("07" * 32)
SECRET = b"s" * 32
PAYLOAD = '{"id":"evt_1","name":"Zoë"}'.encode()
Receiver = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(receive: Receiver) -> AsyncIterator[str]:
    """The URL of a server that hands every request to `receive`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hooks"
    finally:
        await runner.cleanup()


async def sent(url: str, *, timeout_ms: int = 5_000, is_loopback_allowed: bool = True) -> Ended:
    sender = Sender(
        SEALER,
        timeout_ms=timeout_ms,
        connections=5,
        is_loopback_allowed=is_loopback_allowed,
        now_ms=lambda: START_MS,
    )
    try:
        return await sender.send(message(url))
    finally:
        await sender.close()


def message(url: str, *, sealed: bytes | None = None) -> DeliverMessage:
    return DeliverMessage(
        message_id="msg_1",
        event_id="evt_1",
        type="payment.captured",
        payment_id="pay_1",
        endpoint=Endpoint(
            endpoint_id="we_1",
            url=url,
            event_types=("*",),
            sealed_secret=SEALER.seal(SECRET, name="we_1") if sealed is None else sealed,
        ),
        payload=PAYLOAD,
        attempt=1,
        begun_at_ms=START_MS,
        due_at_ms=START_MS,
    )


async def test_the_stored_bytes_are_signed_and_sent() -> None:
    """The receiver checks the signature over what it read, so not one byte may differ."""
    seen: list[tuple[bytes, dict[str, str]]] = []

    async def receive(request: web.Request) -> web.Response:
        seen.append((await request.read(), {name.lower(): value for name, value in request.headers.items()}))
        return web.Response(status=204)

    async with listening(receive) as url:
        ended = await sent(url)
    assert (True, 204, None) == (ended.is_delivered, ended.http_status, ended.error)
    ((body, headers),) = seen
    assert PAYLOAD == body
    signed = f"msg_1.{START_MS // 1000}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert {
        "host": url.split("/")[2],
        "content-type": "application/json",
        "content-length": str(len(PAYLOAD)),
        "user-agent": "Millrace-Webhooks/1",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(START_MS // 1000),
        "webhook-signature": f"v1,{expected}",
    } == headers


@pytest.mark.parametrize("status", [200, 201, 299, 300, 304, 400, 401, 404, 410, 429, 500, 503])
async def test_only_2xx_is_delivered(status: int) -> None:
    """Everything else is told with its status."""

    async def receive(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with listening(receive) as url:
        ended = await sent(url)
    assert (200 <= status < 300, status) == (ended.is_delivered, ended.http_status)


async def test_a_redirect_is_not_followed() -> None:
    """It could lead to an address that is not public, or to somebody else."""
    asked: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    async with listening(receive) as url:
        ended = await sent(url)
    assert (["/hooks"], 307, False) == (asked, ended.http_status, ended.is_delivered)


@pytest.mark.parametrize(
    ("header", "expected_ms"),
    [
        ("7", 7_000),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10_000),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("9" * 60, 864_000_000),
    ],
)
async def test_retry_after_is_read(header: str, expected_ms: int | None) -> None:
    """In seconds or as a date; what is neither says nothing."""

    async def receive(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": header})

    async with listening(receive) as url:
        assert expected_ms == (await sent(url)).retry_after_ms


async def test_a_receiver_that_hangs_is_given_up() -> None:
    """Its place is needed by others."""
    released = asyncio.Event()

    async def receive(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with listening(receive) as url:
        ended = await sent(url, timeout_ms=200)
        released.set()
    assert (None, "timeout") == (ended.http_status, ended.error)
    assert 200 <= ended.latency_ms < 2_000


@pytest.mark.parametrize("pause_s", [0.0, 0.05], ids=["huge", "slow"])
async def test_an_endless_answer_is_not_read(pause_s: float) -> None:
    """The status is all we asked for; memory and time are bounded."""

    async def receive(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * (1 if pause_s else 65_536))
                await asyncio.sleep(pause_s)
        except ConnectionError:
            pass
        return response

    async with listening(receive) as url:
        began_s = time.monotonic()
        ended = await sent(url)
    assert ended.is_delivered
    assert time.monotonic() - began_s < 3


async def test_a_compressed_answer_is_not_unpacked() -> None:
    """A few bytes could become gigabytes."""

    async def receive(_: web.Request) -> web.Response:
        return web.Response(body=b"no gzip at all", headers={"Content-Encoding": "gzip"})

    async with listening(receive) as url:
        assert (await sent(url)).is_delivered


async def test_an_answer_that_is_no_http_is_told() -> None:
    """Whatever listens there, it is not a receiver."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ended = await sent(f"http://127.0.0.1:{port}/")
    assert (None, "answer_unreadable") == (ended.http_status, ended.error)


async def test_a_connection_that_is_cut_is_told() -> None:
    """It may or may not have been received: it is sent again under the same id."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ended = await sent(f"http://127.0.0.1:{port}/")
    assert (None, "connection_lost") == (ended.http_status, ended.error)


async def test_nobody_listens() -> None:
    """The commonest failure of all."""
    ended = await sent(f"http://127.0.0.1:{free_port()}/")
    assert (None, "connect_failed") == (ended.http_status, ended.error)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"]
)
async def test_an_address_that_is_not_public_is_never_connected_to(host: str) -> None:
    """Names and addresses written as such alike; the check stands at the socket."""
    reached: list[str] = []

    async def receive(request: web.Request) -> web.Response:
        reached.append(request.path)
        return web.Response()

    async with listening(receive) as url:
        port = url.rpartition(":")[2].partition("/")[0]
        ended = await sent(f"http://{host}:{port}/", is_loopback_allowed=False)
    assert ([], None, "address_refused") == (reached, ended.http_status, ended.error)


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]", "0.0.0.0", "10.255.255.1"])
async def test_test_mode_lets_nothing_in_but_loopback(host: str) -> None:
    """A test key is easier to steal than a live one."""
    assert "address_refused" == (await sent(f"http://{host}:{free_port()}/")).error


async def test_a_name_that_does_not_exist_is_told() -> None:
    """The merchant sees why nothing arrives."""
    assert "name_not_resolved" == (await sent("https://no-such-host.invalid/")).error


async def test_a_server_without_tls_is_told() -> None:
    """https to a port that speaks http."""

    async def receive(_: web.Request) -> web.Response:
        return web.Response()

    async with listening(receive) as url:
        assert "tls_failed" == (await sent(url.replace("http:", "https:"))).error


async def test_a_secret_that_does_not_open_stops_only_its_endpoint() -> None:
    """Nothing is sent unsigned."""
    sender = Sender(None, timeout_ms=1000, connections=1, is_loopback_allowed=True, now_ms=lambda: START_MS)
    assert "secret_unreadable" == (await sender.send(message("http://127.0.0.1:1/"))).error
    await sender.close()
    other = Sender(SEALER, timeout_ms=1000, connections=1, is_loopback_allowed=True, now_ms=lambda: START_MS)
    broken = message("http://127.0.0.1:1/", sealed=b"broken")
    assert "secret_unreadable" == (await other.send(broken)).error
    await other.close()
