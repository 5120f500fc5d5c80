"""What follows from a shard's report: the sum over all shards, and up to when it counts everything."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from schemas.api import View
from schemas.balances import ShardReported, TotalChanged
from schemas.envelope import WALL_CLOCK, Message, Mode
from streams.core import Decision, Effect, Moment


class Shard(Struct, frozen=True, kw_only=True, array_like=True):
    """The last report of one shard."""

    shard: int
    debits_posted_minor: int
    credits_posted_minor: int
    as_of_ms: int


class Total(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One platform account and the last reports of its shards, by shard."""

    state_version: int = 1
    merchant_id: str
    mode: Mode
    version: int
    clock_id: str = WALL_CLOCK
    shards: tuple[Shard, ...] = ()


def decide(state: Total | None, message: Message[Any]) -> Decision[TotalChanged]:
    """A new sum; a report that says nothing newer than the shard's last one changes nothing."""
    report = message.body
    assert isinstance(report, ShardReported), f"no report on a shard: {type(report).__name__}"
    known = () if state is None else state.shards
    if any(one.shard == report.shard and not _is_news(one, report) for one in known):
        return ()
    shards = _with(known, report)
    return (
        TotalChanged(
            report=report,
            debits_posted_minor=sum([one.debits_posted_minor for one in shards]),
            credits_posted_minor=sum([one.credits_posted_minor for one in shards]),
            watermark_ms=min([one.as_of_ms for one in shards]),
        ),
    )


def _is_news(known: Shard, report: ShardReported) -> bool:
    """Later, or of the same time and different: a clock that stands still still lets a shard change."""
    counters = (known.debits_posted_minor, known.credits_posted_minor)
    is_other = counters != (report.debits_posted_minor, report.credits_posted_minor)
    return report.as_of_ms > known.as_of_ms or (report.as_of_ms == known.as_of_ms and is_other)


def evolve(state: Total | None, event: Message[TotalChanged]) -> Total:
    """The account with the report in place of the shard's last one."""
    envelope, report = event.envelope, event.body.report
    if state is None:
        state = Total(merchant_id=envelope.merchant_id, mode=envelope.mode, version=0)
    assert envelope.version == state.version + 1, f"version {envelope.version} follows {state.version}"
    return replace(state, version=envelope.version, shards=_with(state.shards, report))


def react(state: Total, event: Message[TotalChanged]) -> Sequence[Effect]:
    """Nobody is asked anything."""
    return ()


def deadline_ms(state: Total) -> int | None:
    """Time alone never changes a total."""
    return None


def moment(state: Total, subject: int) -> Moment:
    """No caller waits for a total."""
    return ()


def view(state: Total, at: Moment) -> View:
    """No caller is shown a total."""
    raise AssertionError("totals answer no caller")


def after(state: Total) -> Struct:
    """The account as its event leaves it."""
    return state


def _with(shards: Sequence[Shard], report: ShardReported) -> tuple[Shard, ...]:
    """The shards with this report, in order."""
    latest = Shard(
        shard=report.shard,
        debits_posted_minor=report.debits_posted_minor,
        credits_posted_minor=report.credits_posted_minor,
        as_of_ms=report.as_of_ms,
    )
    others = [one for one in shards if one.shard != report.shard]
    return tuple(sorted([*others, latest], key=lambda one: one.shard))
