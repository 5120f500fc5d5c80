"""In which order is everything read, so that what happens meanwhile alarms nobody?

First the client's log, then the ends of the request log and of the events: the cut. Then the
provider's book, then the load has to pass the cut. Each changelog and each table is read before the
end of its events is taken, so whatever they show is among the events that are read last.
"""

from collections.abc import Container, Iterable
from typing import Any, Final

from ops.verify.acknowledged import Acknowledged, ClientLine
from ops.verify.amounts import Amounts
from ops.verify.answers import Answers
from ops.verify.book import read_book
from ops.verify.confidential import Confidential
from ops.verify.effects import Effects, not_judged
from ops.verify.folds import Changelog, Folds
from ops.verify.letters import Letter, Letters
from ops.verify.log import Ends, Log, LogRecord
from ops.verify.payments import PaymentsPartition
from ops.verify.postgres import Postgres
from ops.verify.report import Finding, Invariant
from ops.verify.tables import Loaded, LoadedEvents, Tables
from ops.verify.transitions import Transitions
from ops.verify.versions import Versions
from schemas import topics
from schemas.codec import CodecError, codec_of
from schemas.envelope import Message
from schemas.settings import Settings
from schemas.topics import Topic
from streams.stages import DEFINITIONS
from streams.step import StageDefinition

_LOG_TABLES: Final = {
    topics.PAYMENTS_EVENTS.name: ("raw", "payment_events"),
    topics.MERCHANTS_EVENTS.name: ("raw", "merchant_events"),
    topics.API_REQUESTS.name: ("raw", "api_requests"),
}
"""Schema and name of the table that holds a topic row by row."""


class Survey:
    """Reads everything once and shows it to the judges."""

    def __init__(self, log: Log, postgres: Postgres, expected_dead_letters: Container[str]) -> None:
        self._log = log
        self._postgres = postgres
        self._acknowledged = Acknowledged()
        self._effects: Effects | None = None
        self._transitions = Transitions()
        self._amounts = Amounts()
        self._equal = Finding("P7", "tables equal the folds of their topics")
        self._answers = Answers()
        self._letters = Letters(expected_dead_letters)
        self._versions = Versions()
        self._confidential = Confidential()
        self._cuts: dict[str, Ends] = {}

    def begin(self, client_lines: Iterable[ClientLine], simulator_url: str | None, wait_s: float) -> None:
        """Take the cut, read the provider's book, and wait for the load to pass the cut."""
        for line in client_lines:
            self._acknowledged.client(line)
        for topic in (topics.API_REQUESTS, topics.MERCHANTS_EVENTS, topics.PAYMENTS_EVENTS):
            self._cuts[topic.name] = self._log.ends(topic.name)
        if simulator_url is not None:
            self._effects = Effects(read_book(simulator_url))
        for told in self._postgres.wait_for(self._cuts, wait_s):
            self._acknowledged.behind(told)

    def requests(self) -> None:
        """The request log and its table."""
        name = topics.API_REQUESTS.name
        loaded = self._postgres.loaded(*_LOG_TABLES[name], self._cuts[name])
        for partition, cut in self._cuts[name].items():
            counted = LoadedEvents(".".join(_LOG_TABLES[name]), f"{name}:{partition}", must_hold_below=cut)
            stored = self._postgres.request_statuses(partition)
            for record in self._log.read(name, partition, cut):
                event = self._event(topics.API_REQUESTS, record)
                if event is not None:
                    counted.event(record.offset)
                    message = event[1]
                    self._acknowledged.answer(message.body, stored)
                    self._answers.answer(message.body, message.envelope.actor.principal)
            counted.compare(loaded.get(partition, Loaded()), self._equal)

    def stage(self, definition: StageDefinition[Any]) -> None:
        """A stage's table and events, partition by partition."""
        name = definition.events.name
        loaded = self._postgres.loaded(*_LOG_TABLES[name], self._cuts[name])
        for partition, cut in self._cuts[name].items():
            counted = LoadedEvents(".".join(_LOG_TABLES[name]), f"{name}:{partition}", must_hold_below=cut)
            folds = Folds(
                definition, self._changelog(definition, partition), self._equal, must_hold_below=cut
            )
            payments = self._payments(partition, cut) if name == topics.PAYMENTS_EVENTS.name else None
            for record in self._log.read(name, partition, self._log.end(name, partition)):
                event = self._event(definition.events, record)
                if event is None:
                    continue
                key, message = event
                counted.event(record.offset)
                if self._versions.event(key, message, record.place):
                    folds.event(key, message, record.offset)
                    if payments is not None:
                        payments.event(key, message, record.offset, record.place)  # type: ignore[arg-type]  # its events
            folds.finish()
            counted.compare(loaded.get(partition, Loaded()), self._equal)
            if payments is not None:
                payments.finish()

    def rest(self) -> None:
        """What else is stored: refunds, accounts, other topics, dead letters, texts."""
        for refund_id in self._postgres.refunds():
            self._acknowledged.stored_refund(refund_id)
        for account_id in self._postgres.accounts():
            self._acknowledged.stored_account(account_id)
        for told in self._postgres.anomalies():
            self._versions.anomaly(told)
        for topic in topics.ALL:
            if topic.name not in self._cuts:
                self._search(topic.name)
            self._dead_letters(topic)
        for schema, table, columns in self._postgres.text_columns():
            for place, texts in self._postgres.suspects(schema, table, columns):
                self._confidential.row(place, texts)
            self._confidential.table(f"{schema}.{table}", self._postgres.row_count(schema, table))

    def verdicts(self) -> list[Invariant]:
        """Every invariant, in the order of its number."""
        return [
            self._acknowledged.verdict(),
            not_judged() if self._effects is None else self._effects.verdict(),
            self._transitions.verdict(),
            self._amounts.verdict(),
            self._equal.invariant(
                "changelog rows, digests and rows of mart against the folds of the events, rows of raw against their number"
            ),
            self._answers.verdict(),
            self._letters.verdict(),
            self._versions.verdict(),
            self._confidential.verdict(),
        ]

    def _changelog(self, definition: StageDefinition[Any], partition: int) -> Changelog:
        name = topics.changelog(definition.name, definition.version)
        changelog = Changelog(f"{definition.name}.{partition}", self._equal)
        for record in self._log.read(name, partition, self._log.end(name, partition)):
            changelog.record(record.key or b"", record.value)
            self._confidential.record(record)
        changelog.check()
        return changelog

    def _payments(self, partition: int, cut: int) -> PaymentsPartition:
        rows = list(self._postgres.payments(partition))
        for row in rows:
            self._acknowledged.stored_payment(row.payment_id, row.version)
        tables = Tables(rows, self._postgres.operations(partition), self._equal, must_hold_below=cut)
        return PaymentsPartition(self._transitions, self._amounts, tables, self._effects, cut=cut)

    def _event(self, topic: Topic, record: LogRecord) -> tuple[str, Message[Any]] | None:
        """Key and message of a record of the cut's topics; what is none was set aside by the load too."""
        self._confidential.record(record)
        if record.key is None:
            self._versions.undecodable(record.place, "a record without a key belongs to nothing")
            return None
        try:
            return record.key.decode(), codec_of(topic).decode(record.value)
        except (CodecError, UnicodeDecodeError) as error:
            self._versions.undecodable(record.place, str(error))
            return None

    def _search(self, name: str) -> None:
        for record in self._log.records(name, self._log.ends(name)):
            self._confidential.record(record)

    def _dead_letters(self, topic: Topic) -> None:
        self._letters.topic()
        name = topic.dead_letters
        for record in self._log.records(name, self._log.ends(name)):
            self._confidential.record(record)
            headers = {header: (value or b"").decode(errors="replace") for header, value in record.headers}
            source = ":".join(headers.get(f"dlq.{part}", "?") for part in ("topic", "partition", "offset"))
            self._letters.letter(
                Letter(
                    name,
                    record.partition,
                    record.offset,
                    source,
                    headers.get("dlq.reason", "no reason given"),
                )
            )


def surveyed(survey: Survey, settings: Settings) -> list[Invariant]:
    """Read everything after `begin`, and judge."""
    survey.requests()
    for define in DEFINITIONS.values():
        survey.stage(define(settings))
    survey.rest()
    return survey.verdicts()
