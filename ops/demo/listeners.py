"""Where do a demo's merchants receive their events: servers that work, one that is gone, one that hangs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ops.demo.asks import endpoint_creation, endpoint_deletion
from ops.demo.client import Client
from ops.demo.errors import SetupRefused
from ops.demo.merchants import Merchant
from ops.demo.receiver import Mailbox, Receiver
from ops.stack.ports import LOOPBACK, free_port

MOST_TRIES: Final = 10
_CREATED: Final = 201
_PAUSE_S: Final = 0.5

Kind = Literal["working", "gone", "hanging"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One webhook endpoint. mailbox: what it received; None for those that receive nothing."""

    merchant: Merchant
    endpoint_id: str
    kind: Kind
    mailbox: Mailbox | None = None


async def listening(
    client: Client, receiver: Receiver, sellers: Sequence[Merchant], *, run_id: str
) -> tuple[Listener, ...]:
    """A working endpoint for every merchant; the last has one that is gone and one that hangs besides.

    Raises SetupRefused.
    """
    listeners = []
    for number, seller in enumerate(sellers):
        url = receiver.mailbox(f"{run_id}-{number}")
        mailbox = receiver.mailboxes[f"{run_id}-{number}"]
        endpoint_id, mailbox.secret = await _created(client, seller, url, f"{run_id}-working")
        mailbox.endpoint_id = endpoint_id
        listeners.append(Listener(merchant=seller, endpoint_id=endpoint_id, kind="working", mailbox=mailbox))
    bad: tuple[tuple[Kind, str], ...] = (
        ("gone", f"http://{LOOPBACK}:{free_port()}/gone"),
        ("hanging", receiver.hanging_url),
    )
    for kind, url in bad:
        endpoint_id, _ = await _created(client, sellers[-1], url, f"{run_id}-{kind}")
        listeners.append(Listener(merchant=sellers[-1], endpoint_id=endpoint_id, kind=kind))
    return tuple(listeners)


async def deleted(client: Client, listeners: Sequence[Listener]) -> None:
    """Delete the endpoints of a demo that is over: its receivers are gone with it."""
    for listener in listeners:
        ask = endpoint_deletion(listener.endpoint_id, secret_key=listener.merchant.secret_key)
        await client.send(ask)


async def _created(client: Client, seller: Merchant, url: str, key: str) -> tuple[str, str]:
    """Id and secret of a new endpoint."""
    ask = endpoint_creation(url, secret_key=seller.secret_key, idempotency_key=key)
    for _ in range(MOST_TRIES):
        answer = await client.send(ask)
        if answer.status == _CREATED:
            return answer.told.endpoint_id, answer.told.secret
        if not answer.is_pending:
            code = answer.fault.code if answer.fault else "no error"
            raise SetupRefused(f"POST /v1/webhook_endpoints had {answer.status} {code} ({answer.request_id})")
        await asyncio.sleep(_PAUSE_S)
    raise SetupRefused(f"POST /v1/webhook_endpoints is pending after {MOST_TRIES} tries")
