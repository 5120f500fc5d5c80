"""What do one stage's table, events and rows say of each other, in one partition?

A partition needs nothing of the others, so each may be surveyed by a process of its own.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from ops.verify.amounts import Amounts
from ops.verify.confidential import Confidential
from ops.verify.effects import Effect, Effects
from ops.verify.folds import Changelog, Folds
from ops.verify.followers import (
    Follower,
    LedgerFindings,
    LedgerFollower,
    Nobody,
    PaymentsFollower,
    Published,
    WebhooksFollower,
    WindowsFollower,
)
from ops.verify.ledger_fold import PaymentAmounts
from ops.verify.ledger_model import AsOf, BalanceRows, ChangeRows, LedgerModel
from ops.verify.log import Log, LogRecord
from ops.verify.payments import Booked, PaymentsPartition
from ops.verify.postgres import Postgres
from ops.verify.report import Finding
from ops.verify.tables import Loaded, LoadedEvents, Tables
from ops.verify.transitions import Transitions
from ops.verify.versions import Versions
from schemas import topics
from schemas.codec import CodecError, codec_of
from schemas.envelope import Message
from schemas.settings import Settings
from schemas.topics import Topic
from streams.definition import StageDefinition
from streams.stages import DEFINITIONS

LOG_TABLES: Final = {
    topics.PAYMENTS_EVENTS.name: ("raw", "payment_events"),
    topics.MERCHANTS_EVENTS.name: ("raw", "merchant_events"),
    topics.API_REQUESTS.name: ("raw", "api_requests"),
    topics.LEDGER_JOURNAL.name: ("raw", "ledger_journal"),
    topics.WEBHOOKS_MESSAGES.name: ("raw", "webhook_messages"),
    topics.RECON_RESULTS.name: ("raw", "recon_events"),
}
"""Schema and name of the table that holds a topic row by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTask:
    """What to survey. cut: end of the stage's events when the cut was taken; loaded: rows below it; None where no table
    holds them one by one.

    effects: the provider's whole book; None where there is none.
    """

    settings: Settings
    stage: str
    partition: int
    cut: int
    loaded: Loaded | None
    effects: list[Effect] | None


@dataclass(slots=True, kw_only=True)
class Judges:
    """The judges of a partition, or of all of them together.

    booked: what payments amount to by their events, with whether they were quiet since the cut.
    open_keys: under which the provider may have moved money that we do not know of yet.
    posted: what the ledger says of payments at its cut. published: messages for webhook endpoints.
    """

    effects: Effects | None
    transitions: Transitions = field(default_factory=Transitions)
    amounts: Amounts = field(default_factory=Amounts)
    equal: Finding = field(default_factory=lambda: Finding("P7", "tables equal the folds of their topics"))
    versions: Versions = field(default_factory=Versions)
    confidential: Confidential = field(default_factory=Confidential)
    features: Finding = field(
        default_factory=lambda: Finding("P16", "risk was told the features a recomputation gives")
    )
    webhooks: Finding = field(
        default_factory=lambda: Finding("P9", "every message reaches its receiver, trusted, under one id")
    )
    ledger: LedgerModel = field(default_factory=LedgerModel)
    ledger_rows: LedgerFindings = field(default_factory=LedgerFindings)
    booked: dict[str, Booked] = field(default_factory=dict)
    open_keys: set[str] = field(default_factory=set)
    posted: dict[str, PaymentAmounts] = field(default_factory=dict)
    published: dict[str, Published] = field(default_factory=dict)

    def join(self, other: "Judges") -> None:
        """Take in what was found in another partition."""
        if self.effects is not None and other.effects is not None:
            self.effects.join(other.effects)
        self.transitions.join(other.transitions)
        self.amounts.join(other.amounts)
        self.equal.add(other.equal)
        self.versions.join(other.versions)
        self.confidential.join(other.confidential)
        self.features.add(other.features)
        self.webhooks.add(other.webhooks)
        self.ledger.join(other.ledger)
        self.ledger_rows.join(other.ledger_rows)
        self.booked.update(other.booked)
        self.open_keys |= other.open_keys
        self.posted.update(other.posted)
        self.published.update(other.published)

    def event(self, topic: Topic, record: LogRecord) -> tuple[str, Message[Any]] | None:
        """Key and message of a record that the load takes; what is none was set aside by it too."""
        self.confidential.record(record)
        if record.key is None:
            self.versions.undecodable(record.place, "a record without a key belongs to nothing")
            return None
        try:
            return record.key.decode(), codec_of(topic).decode(record.value)
        except (CodecError, UnicodeDecodeError) as error:
            self.versions.undecodable(record.place, str(error))
            return None


def survey_partition(task: PartitionTask) -> Judges:
    """Read the changelog, then the rows, then the events to their present end, and judge them."""
    definition = DEFINITIONS[task.stage](task.settings)
    is_payments = definition.events is topics.PAYMENTS_EVENTS
    effects = Effects(task.effects) if is_payments and task.effects is not None else None
    judges = Judges(effects=effects)
    with Log(task.settings) as log:
        folds = Folds(
            definition, _changelog(log, definition, task, judges), judges.equal, must_hold_below=task.cut
        )
        follower = _follower(definition, task, judges)
        _events(log, definition, task, _Readers(judges, folds, follower))
    folds.finish()
    follower.finish()
    return judges


@dataclass(frozen=True, slots=True)
class _Readers:
    """Who is shown every event."""

    judges: Judges
    folds: Folds
    follower: Follower


def _changelog(log: Log, definition: StageDefinition[Any], task: PartitionTask, judges: Judges) -> Changelog:
    name = topics.changelog(definition.name, definition.version)
    changelog = Changelog(f"{definition.name}.{task.partition}", judges.equal, definition.folded)
    for record in log.read(name, task.partition, log.end(name, task.partition)):
        changelog.record(record.key or b"", record.value)
        judges.confidential.record(record)
    changelog.check()
    return changelog


def _follower(definition: StageDefinition[Any], task: PartitionTask, judges: Judges) -> Follower:
    match definition.events:
        case topics.PAYMENTS_EVENTS:
            return PaymentsFollower(_payments(task, judges))
        case topics.LEDGER_JOURNAL:
            return _ledger(task, judges)
        case topics.RISK_OBSERVATIONS:
            return WindowsFollower(judges.features)
        case topics.WEBHOOKS_MESSAGES:
            return WebhooksFollower(finding=judges.webhooks, published=judges.published, cut=task.cut)
        case _:
            return Nobody()


def _payments(task: PartitionTask, judges: Judges) -> PaymentsPartition:
    with Postgres(task.settings.postgres_dsn) as postgres:
        tables = Tables(
            postgres.payments(task.partition),
            postgres.operations(task.partition),
            judges.equal,
            must_hold_below=task.cut,
        )
    return PaymentsPartition(
        judges.transitions,
        judges.amounts,
        tables,
        judges.effects,
        cut=task.cut,
        booked=judges.booked,
        open_keys=judges.open_keys,
    )


def _ledger(task: PartitionTask, judges: Judges) -> LedgerFollower:
    with Postgres(task.settings.postgres_dsn) as postgres:
        rows = list(postgres.balances(task.partition))
        cut_seq = postgres.journal_seq(task.partition, task.cut)
        middle_seq = (cut_seq + 1) // 2
        posted = postgres.posted_as_of(task.partition, middle_seq)
        changes = postgres.balance_transactions(task.partition)
    return LedgerFollower(
        model=judges.ledger,
        rows=BalanceRows(rows, cut_seq=cut_seq),
        as_of=AsOf(posted, seq=middle_seq),
        changes=ChangeRows(changes, cut_seq=cut_seq),
        judges=judges.ledger_rows,
        cut=task.cut,
        at_cut=judges.posted,
    )


def _events(log: Log, definition: StageDefinition[Any], task: PartitionTask, readers: _Readers) -> None:
    name, judges = definition.events.name, readers.judges
    counted = LoadedEvents(name, f"{name}:{task.partition}", must_hold_below=task.cut)
    for record in log.read(name, task.partition, log.end(name, task.partition)):
        event = judges.event(definition.events, record)
        if event is None:
            continue
        key, message = event
        counted.event(record.offset)
        if judges.versions.event(key, message, record.place):
            readers.folds.event(key, message, record.offset)
            readers.follower.event(key, message, record)
    if task.loaded is not None:
        counted.compare(task.loaded, judges.equal)
