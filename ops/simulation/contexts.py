"""Are the tables, books, features, webhooks and matches of a simulated world right, by their own topics?"""

from collections.abc import Iterator
from typing import Any

from ops.simulation.world import World
from ops.verify.books import books_agree
from ops.verify.folds import Changelog, Folds
from ops.verify.followers import WindowsFollower
from ops.verify.history import PaymentHistory
from ops.verify.ledger_model import LedgerModel
from ops.verify.log import LogRecord
from ops.verify.payments import Booked
from ops.verify.report import Finding, Invariant
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import CommandRefused, Message, Recorded
from schemas.reconciliation import MatchSnapshot
from schemas.topics import Topic
from schemas.webhooks import EventPublished

_ALL = 1 << 60


def tables_that_differ(world: World) -> Iterator[str]:
    """Rows of any stage that are not the fold of its events."""
    for (stage, partition), task in world.tasks.items():
        definition = world.definitions[stage]
        finding = Finding("P7", "tables")
        changelog = Changelog(f"{stage}.{partition}", finding, definition.folded)
        for name, row in task.store.items().items():
            changelog.record(name, row)
        folds = Folds(definition, changelog, finding, must_hold_below=_ALL)
        for key, message, record in _told(world, definition.events, partition):
            folds.event(key, message, record.offset)
        folds.finish()
        yield from _faults(finding.invariant(""))


def books_that_differ(world: World) -> Iterator[str]:
    """Rules of double entry that were broken, and payments of which the ledger says something else."""
    model = LedgerModel()
    for partition in range(world.plan.partitions):
        for _, message, record in _told(world, topics.LEDGER_JOURNAL, partition):
            model.record(partition, record.value or b"", message)
    for invariant in (*model.verdicts(), books_agree(_booked(world), model.payments)):
        yield from _faults(invariant)


def features_that_differ(world: World) -> Iterator[str]:
    """Features a recomputation does not give."""
    finding = Finding("P16", "features")
    for partition in range(world.plan.partitions):
        follower = WindowsFollower(finding)
        for key, message, record in _told(world, topics.RISK_OBSERVATIONS, partition):
            follower.event(key, message, record)
        follower.finish()
    yield from _faults(finding.invariant(""))


def webhooks_that_differ(world: World) -> Iterator[str]:
    """Events that were announced and not sent to the merchant's endpoint once, under the id they always have."""
    announced = {one.body.event_id for one in world.messages(topics.WEBHOOKS_EVENTS_PAYMENTS)}
    published = {
        one.body.event_id: one.body.endpoint_ids
        for one in world.messages(topics.WEBHOOKS_MESSAGES)
        if isinstance(one.body, EventPublished)
    }
    if announced != published.keys():
        yield f"announced and not published: {sorted(announced ^ published.keys())}"
    sent = sorted(one.body.message_id for one in world.messages(topics.WEBHOOKS_DELIVERIES))
    wanted = sorted(
        ids.webhook_message_id(event_id, endpoint_id)
        for event_id, endpoint_ids in published.items()
        for endpoint_id in endpoint_ids
    )
    if sent != wanted:
        yield f"{len(sent)} messages sent, {len(wanted)} wanted"


def results_that_differ(world: World) -> Iterator[str]:
    """References that do not read as the provider settled them: matched, or broken as it broke them."""
    last: dict[str, MatchSnapshot] = {}
    for message in world.messages(topics.RECON_RESULTS):
        assert isinstance(message, Recorded) and message.after is not None, "results show their reference"
        last[message.envelope.aggregate_key] = message.after
    breaks = world.settlement.breaks
    for shown in last.values():
        wanted = breaks.get(shown.provider_ref, "matched")
        status, duplicates = ("matched", 1) if wanted == "duplicate" else (wanted, 0)
        if (shown.status, shown.duplicates) != (status, duplicates):
            yield f"{shown.provider_ref} reads {shown.status} x{shown.duplicates}, it was settled as {wanted}"
    for missing in breaks.keys() - {shown.provider_ref for shown in last.values()}:
        yield f"{missing} was settled as {breaks[missing]} and has no result"


def _booked(world: World) -> dict[str, Booked]:
    histories: dict[str, PaymentHistory] = {}
    for message in world.messages(topics.PAYMENTS_EVENTS):
        envelope = message.envelope
        if not isinstance(message.body, CommandRefused):
            history = histories.setdefault(envelope.aggregate_key, PaymentHistory(envelope.aggregate_key))
            history.add(message.body, envelope.version, 0)
    return {
        one.payment_id: Booked(one.held_minor, one.captured_minor, one.refunded_minor, is_quiet=True)
        for one in histories.values()
    }


def _told(world: World, topic: Topic, partition: int) -> Iterator[tuple[str, Message[Any], LogRecord]]:
    for one in world.log.all(topic):
        if one.partition == partition:
            record = LogRecord(topic.name, partition, one.offset, one.key, one.value, ())
            yield (one.key or b"").decode(), codec_of(topic).decode(one.value), record


def _faults(invariant: Invariant) -> list[str]:
    return [] if invariant.passed else [f"{invariant.id}: {told}" for told in invariant.evidence]
