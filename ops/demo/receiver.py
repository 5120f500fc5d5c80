"""Who receives a demo's webhooks: a merchant's server that verifies what it is sent, and some that behave badly."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from ops.demo.client_log import ClientLog
from ops.stack.ports import LOOPBACK, free_port
from ops.verify.deliveries import Received

TOLERANCE_S: Final = 300.0
"""How old a signature may be."""
_HUNG_UP_AFTER_S: Final = 0.5


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """What one endpoint received. messages: by message id, how often it came with a valid signature."""

    endpoint_id: str = ""
    secret: str = field(default="", repr=False)
    messages: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """Valid deliveries beyond the first of each message."""
        return self.messages.total() - len(self.messages)


class Receiver:
    """A server on the loopback. Its mailboxes answer 200 to what is signed right; /hang never answers."""

    def __init__(self, port: int, log: ClientLog) -> None:
        self._log = log
        self._url = f"http://{LOOPBACK}:{port}"
        self.mailboxes: dict[str, Mailbox] = {}
        self.hung = 0

    def mailbox(self, name: str) -> str:
        """The URL of a mailbox; its secret is set once the endpoint is created."""
        self.mailboxes.setdefault(name, Mailbox())
        return f"{self._url}/mailboxes/{name}"

    @property
    def hanging_url(self) -> str:
        """Takes every delivery and never answers."""
        return f"{self._url}/hang"

    async def take(self, request: web.Request) -> web.Response:
        """One delivery to a mailbox."""
        mailbox, body = self.mailboxes[request.match_info["name"]], await request.read()
        problem = problem_of(request.headers, body, mailbox.secret, now_s=time.time())
        received = Received(
            endpoint_id=mailbox.endpoint_id,
            message_id=request.headers.get("webhook-id", ""),
            digest=hashlib.sha256(body).hexdigest()[:16],
            problem=problem,
        )
        self._log.add(received)
        if problem is not None:
            mailbox.refused.append(problem)
            return web.Response(status=400, text=problem)
        mailbox.messages[received.message_id] += 1
        return web.Response(text="thank you")

    async def hang(self, _: web.Request) -> web.Response:
        """Hold the connection until the caller gives up."""
        self.hung += 1
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")


def problem_of(headers: Mapping[str, str], body: bytes, secret: str, *, now_s: float) -> str | None:
    """Why a delivery is not to be trusted, found out as a merchant's server does; None if it is.

    Written after the Standard Webhooks specification, without any code of the sender.
    """
    message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not sent_at.isdecimal():
        return "webhook-id or webhook-timestamp is missing"
    if abs(now_s - int(sent_at)) > TOLERANCE_S:
        return f"signed {now_s - int(sent_at):.0f} s ago"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{sent_at}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split(" ")
    is_signed = any(hmac.compare_digest(expected.encode(), one.encode()) for one in given)
    return None if is_signed else "no valid signature"


@asynccontextmanager
async def receiving(log: ClientLog) -> AsyncIterator[Receiver]:
    """A receiver from its first to its last delivery, each written to `log`."""
    port = free_port()
    receiver = Receiver(port, log)
    application = web.Application()
    application.router.add_post("/mailboxes/{name}", receiver.take)
    application.router.add_post("/hang", receiver.hang)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_HUNG_UP_AFTER_S)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, port, backlog=1024).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()
