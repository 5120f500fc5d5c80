"""Who follows the events of one stage's partition, beside those who follow every stage's?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from ops.verify.ledger_fold import PaymentAmounts
from ops.verify.ledger_model import AsOf, BalanceRows, ChangeRows, LedgerModel, finding_of
from ops.verify.log import LogRecord
from ops.verify.payments import PaymentsPartition
from ops.verify.report import Finding, Invariant
from ops.verify.risk_features import LookedUp, expected_features
from schemas import ids
from schemas.envelope import Message
from schemas.ledger import TransactionPosted
from schemas.risk import EntityObserved, Features
from schemas.webhooks import EventPublished, EventResent


class Follower(Protocol):
    """Is shown every event of a partition in order, then told that there are no more."""

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None: ...
    def finish(self) -> None: ...


class Nobody:
    """Follows stages that nothing more is to be said of."""

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None:
        """Nothing is noted."""

    def finish(self) -> None:
        """Nothing was."""


@dataclass(slots=True)
class PaymentsFollower:
    """Shows payments to their judges."""

    partition: PaymentsPartition

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None:
        """The next event of a payment."""
        self.partition.event(key, message, record.offset, record.place)  # type: ignore[arg-type]  # an event topic's messages are Recorded

    def finish(self) -> None:
        """Every payment stands as its newest event left it."""
        self.partition.finish()


@dataclass(slots=True, kw_only=True)
class LedgerFindings:
    """What was found of the rows that follow from the journal."""

    balances: Finding = field(default_factory=lambda: finding_of("L18"))
    refusals: Finding = field(default_factory=lambda: finding_of("L14"))
    as_of: Finding = field(default_factory=lambda: finding_of("L19"))
    changes: Finding = field(default_factory=lambda: finding_of("L37"))

    def join(self, other: "LedgerFindings") -> None:
        """Take in what was found in another partition."""
        self.balances.add(other.balances)
        self.refusals.add(other.refusals)
        self.as_of.add(other.as_of)
        self.changes.add(other.changes)

    def verdicts(self) -> list[Invariant]:
        """Every invariant, in the order of its number."""
        return [
            self.refusals.invariant("rows of mart.balances against the refusals of the journal"),
            self.balances.invariant("rows of mart.balances against the journal, each at its own record"),
            self.as_of.invariant("entries as of the middle of each journal against its fold up to there"),
            self.changes.invariant("rows of mart.balance_transactions against the legs of the journal"),
        ]


@dataclass(slots=True, kw_only=True)
class LedgerFollower:
    """Shows the journal to its judges. at_cut: what it says of each payment in records below `cut`."""

    model: LedgerModel
    rows: BalanceRows
    as_of: AsOf
    changes: ChangeRows
    judges: LedgerFindings
    cut: int
    at_cut: dict[str, PaymentAmounts]

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None:
        """The next record of the journal."""
        assert record.value is not None, "a decoded record has a value"
        self.model.record(record.partition, record.value, message)
        self.rows.record(self.model, message.body)
        self.as_of.record(self.model, message.body.seq)
        self.changes.record(message.body, message.envelope.merchant_id)
        if isinstance(message.body, TransactionPosted):
            payment_id = message.body.payment_id
            if payment_id is not None and record.offset < self.cut:
                self.at_cut[payment_id] = self.model.payments[payment_id]

    def finish(self) -> None:
        """The journal is read."""
        balances, refusals = self.rows.finish()
        self.judges.balances.add(balances)
        self.judges.refusals.add(refusals)
        self.judges.as_of.add(self.as_of.finish())
        self.judges.changes.add(self.changes.finish())


@dataclass(slots=True)
class WindowsFollower:
    """P16: counts every attempt again, from the attempts alone."""

    finding: Finding
    _told: list[tuple[LookedUp, Features, str]] = field(default_factory=list)

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None:
        """The next attempt of an entity, with the features it was told."""
        body = message.body
        assert isinstance(body, EntityObserved), "windows have one kind of event"
        attempt = LookedUp(
            key,
            message.envelope.occurred_at_ms,
            body.assessment_id,
            body.card_key,
            body.amount_minor,
            body.currency,
        )
        self._told.append((attempt, body.features, record.place))

    def finish(self) -> None:
        """Hold what was told against the recomputation."""
        expected: Iterator[Features] = expected_features(attempt for attempt, _, _ in self._told)
        for (attempt, told, place), right in zip(self._told, expected, strict=True):
            self.finding.checked += 1
            if told != right:
                self.finding.wrong(
                    f"{place}: {attempt.assessment_id} was told {told} of {attempt.entity_key}, {right} is right"
                )


@dataclass(frozen=True, slots=True)
class Published:
    """A message that has to reach an endpoint. digest: of its payload, first 16 hex characters of SHA-256."""

    event_id: str
    endpoint_id: str
    digest: str
    is_below_cut: bool


@dataclass(slots=True, kw_only=True)
class WebhooksFollower:
    """Collects the messages that events became, by message id."""

    finding: Finding
    published: dict[str, Published]
    cut: int

    def event(self, key: str, message: Message[Any], record: LogRecord) -> None:
        """An event went out to endpoints, or once more."""
        body = message.body
        if not isinstance(body, EventPublished | EventResent):
            return
        digest = hashlib.sha256(body.payload).hexdigest()[:16]
        for endpoint_id in body.endpoint_ids:
            message_id = ids.webhook_message_id(body.event_id, endpoint_id)
            before = self.published.get(message_id)
            if before is not None and before.digest != digest:
                self.finding.wrong(f"{record.place}: {message_id} went out with another payload before")
            is_below_cut = record.offset < self.cut or (before is not None and before.is_below_cut)
            self.published[message_id] = Published(body.event_id, endpoint_id, digest, is_below_cut)

    def finish(self) -> None:
        """Attempts are judged when all partitions are read."""
