"""How does one partition's part of each platform account stand? Said when it changed, and once a minute."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from schemas import ids, topics
from schemas.balances import ShardReported
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.platform import Tick
from streams.ledger.accounts import SHARD, UNREPORTED, read_counters
from streams.ledger.chart import described, unsharded
from streams.ports import Output, View

REPORT_ALL_MS: Final = 60_000
"""A shard is reported at least so often, so that the sum over all shards has a recent watermark."""
MAX_SHARDS: Final = 10_000
"""Far more than modes, providers and currencies make."""
_REPORTED: Final = b"reported"


def report(view: View, tick: Message[Tick]) -> Sequence[Output]:
    """The shards that changed since they were last reported; once a minute all of them."""
    now_ms = tick.body.now_ms
    row = view.get(_REPORTED)
    if row is not None and now_ms - int.from_bytes(row, "big") < REPORT_ALL_MS:
        names = _names(view, UNREPORTED)
    else:
        names = _names(view, SHARD)
        if names:
            view.put(_REPORTED, now_ms.to_bytes(8, "big"))
    return tuple(_reports(view, tick, names))


def _reports(view: View, tick: Message[Tick], names: Iterable[bytes]) -> Iterable[Output]:
    encode = codec_of(topics.LEDGER_SHARDS).encode
    for name in names:
        body = _report(view, name, tick.body.now_ms)
        view.delete(UNREPORTED + name)
        envelope = replace(
            tick.envelope,
            message_id=ids.digest(tick.envelope.message_id, name.decode()),
            causation_id=tick.envelope.message_id,
            mode="live" if name.startswith(b"live.") else "test",
        )
        value = encode(Message(envelope=envelope, body=body))
        yield Output(topics.LEDGER_SHARDS.name, body.account_id.encode(), value)


def _report(view: View, name: bytes, as_of_ms: int) -> ShardReported:
    row = view.get(SHARD + name)
    assert row is not None, f"{name.decode()} changed and does not exist"
    counters = read_counters(row)
    kind, _, currency, shard = described(name.decode())
    assert shard is not None, f"{name.decode()} is no shard"
    return ShardReported(
        account_id=unsharded(name.decode()),
        shard=shard,
        code=kind.code,
        kind=kind.kind,
        currency=currency,
        debits_posted_minor=counters.debits_posted,
        credits_posted_minor=counters.credits_posted,
        as_of_ms=as_of_ms,
    )


def _names(view: View, prefix: bytes) -> list[bytes]:
    end = prefix[:-1] + bytes((prefix[-1] + 1,))
    return [name[len(prefix) :] for name, _ in view.scan(prefix, end, MAX_SHARDS)]
