"""What came of a demo beside its payments: verdicts, deliveries, settlement files, and breaks that were found?"""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from ops.demo.counts import Count, counts
from ops.demo.listeners import Kind, Listener
from ops.demo.queries import Queries
from ops.demo.settlement import REFUSED_FILES, Settlements
from ops.demo.tables import Tables

LOOK_AGAIN_S: Final = 0.5
_FOUND_AS: Final[Mapping[str, str]] = {
    "duplicate": "duplicate",
    "wrong_amount": "amount_mismatch",
    "unknown": "missing_internal",
    "omit": "missing_external",
}
"""What reconciliation calls each break the provider injects."""
_DELIVERED_FILES: Final[Mapping[str, int]] = {
    "accepted": 2,
    "refused: truncated": 1,
    "refused: totals_differ": 1,
    "refused: currency_unknown": 1,
}
"""What becomes of the last batch's file, an equal one, and the broken copies of it."""
assert len(_DELIVERED_FILES) == 1 + len(REFUSED_FILES), "each broken file is refused for its own reason"


class EndpointFigures(Struct, frozen=True, kw_only=True):
    """One webhook endpoint. announced: events it should hear of; received: messages that came with a valid
    signature, each counted once; repeats: of these, again; delivered, waiting: what the tables say."""

    endpoint_id: str
    kind: Kind
    announced: int
    received: int
    repeats: int
    refused: int
    delivered: int
    waiting: int

    @property
    def agrees(self) -> bool:
        """A working endpoint heard of everything, by its own and by our word; the others of nothing."""
        if self.kind != "working":
            return self.delivered == 0
        return self.announced == self.received == self.delivered and not self.refused


class Aftermath(Struct, frozen=True, kw_only=True):
    """Everything beside the payments. verdicts: of risk, by number. breaks, files: made, and found."""

    endpoints: tuple[EndpointFigures, ...]
    verdicts: Mapping[str, int]
    breaks: tuple[Count, ...]
    files: tuple[Count, ...]

    @property
    def agrees(self) -> bool:
        """Everything announced was delivered, every break and every bad file was found, and no other."""
        told = (*self.breaks, *self.files)
        return all(one.agrees for one in self.endpoints) and all(one.seen == one.stored for one in told)


async def aftermath(
    tables: Tables,
    queries: Queries,
    listeners: Sequence[Listener],
    settlements: Settlements,
    *,
    deadline_s: float,
) -> Aftermath:
    """Wait until everything agrees, but not for ever; how it stands then. Raises TablesUnreadable."""
    ends_at = time.monotonic() + deadline_s
    while True:
        found = await _found(tables, queries, listeners, settlements)
        if found.agrees or time.monotonic() >= ends_at:
            return found
        await asyncio.sleep(LOOK_AGAIN_S)


async def _found(
    tables: Tables, queries: Queries, listeners: Sequence[Listener], settlements: Settlements
) -> Aftermath:
    announced: dict[str, int] = dict(await tables.rows(queries.announced))
    deliveries = {(one, status): count for one, status, count in await tables.rows(queries.deliveries)}
    return Aftermath(
        endpoints=tuple(_figures(one, announced, deliveries) for one in listeners),
        verdicts=dict(await tables.rows(queries.verdicts)),
        breaks=counts(_injected(settlements), _nonzero(await tables.rows(queries.breaks))),
        files=counts(_DELIVERED_FILES, dict(await tables.rows(queries.files))),
    )


def _figures(
    listener: Listener, announced: Mapping[str, int], deliveries: Mapping[tuple[str, str], int]
) -> EndpointFigures:
    mailbox, endpoint_id = listener.mailbox, listener.endpoint_id
    by_status = {status: count for (one, status), count in deliveries.items() if one == endpoint_id}
    delivered = by_status.get("delivered", 0)
    return EndpointFigures(
        endpoint_id=endpoint_id,
        kind=listener.kind,
        announced=announced.get(listener.merchant.merchant_id, 0),
        received=len(mailbox.messages) if mailbox else 0,
        repeats=mailbox.repeats if mailbox else 0,
        refused=len(mailbox.refused) if mailbox else 0,
        delivered=delivered,
        waiting=sum(by_status.values()) - delivered,
    )


def _injected(settlements: Settlements) -> Counter[str]:
    return Counter({_FOUND_AS[kind]: count for kind, count in settlements.breaks.items()})


def _nonzero(rows: Sequence[tuple[str, int]]) -> dict[str, int]:
    return {name: int(count) for name, count in rows if count}
