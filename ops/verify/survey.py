"""In which order is everything read, so that what happens meanwhile alarms nobody?

First the client's log, then the ends of the request log and of the payments' events: the cut. Then the
provider's book. Then every stage that hears of payments has to pass what it had been told by then, and
the load has to pass the ends of all events that followed. Each changelog and each table is read before
the end of its events is taken, so whatever they show is among the events that are read last. Payments
that changed after the cut are held against nobody else's word.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from connectors.webhooks.app import GROUP
from ops.verify.acknowledged import Acknowledged, ClientLine
from ops.verify.answers import Answers
from ops.verify.book import read_book
from ops.verify.books import books_agree, payments_named
from ops.verify.deliveries import Deliveries, Received
from ops.verify.effects import Effect, Effects, not_judged
from ops.verify.letters import Letter, Letters
from ops.verify.log import Ends, Log
from ops.verify.partition import LOG_TABLES, Judges, PartitionTask, survey_partition
from ops.verify.postgres import Postgres
from ops.verify.progress import Reading, committed, wait_for
from ops.verify.reconciliation import Movement, Reconciliation, Reference, ResultRow
from ops.verify.report import Invariant
from ops.verify.settlements import read_account
from ops.verify.tables import Loaded, LoadedEvents
from schemas import topics
from schemas.settings import Settings
from streams.stages import DEFINITIONS, stage_spec

_TOLD: Final = (
    ("ledger", topics.LEDGER_COMMANDS_PAYMENTS),
    ("webhooks", topics.WEBHOOKS_EVENTS_PAYMENTS),
    ("reconciliation", topics.RECON_EXPECTED_PAYMENTS),
    ("reconciliation", topics.RECON_LINES),
)
"""Stages that hear of payments and of their settlement, and on which topic."""
_JUDGED: Final = (
    topics.RISK_OBSERVATIONS,
    topics.RISK_ASSESSMENTS,
    topics.RISK_DECISIONS,
    topics.LEDGER_JOURNAL,
    topics.LEDGER_BALANCES,
    topics.LEDGER_STATEMENTS,
    topics.LEDGER_TOTALS,
    topics.WEBHOOKS_MESSAGES,
    topics.WEBHOOKS_ATTEMPTS,
    topics.RECON_RESULTS,
    topics.BANK_FILES,
)
"""Topics that are read to a cut, besides those the first cut is taken of."""

_READ_LATER: Final = (
    topics.WEBHOOKS_DELIVERIES,
    *topics.WEBHOOKS_DELAYED.values(),
    topics.RECON_EXPECTED_PAYMENTS,
)
"""Topics whose records are held against what is read before them."""

OWN_PROCESS_FROM: Final = 100_000
"""Events from which on a partition is worth the start of a process."""


class Survey:
    """Reads everything once and shows it to the judges."""

    def __init__(self, settings: Settings, log: Log, postgres: Postgres, letters: Letters) -> None:
        self._settings = settings
        self._log = log
        self._postgres = postgres
        self._letters = letters
        self._acknowledged = Acknowledged()
        self._answers = Answers()
        self._judges = Judges(effects=None)
        self._book: list[Effect] | None = None
        self._cuts: dict[str, Ends] = {}
        self._simulator_url: str | None = None
        self._definitions = {stage: define(settings) for stage, define in DEFINITIONS.items()}
        self._receipts: tuple[Received, ...] = ()
        self._accepted: set[str] = set()
        self._expected_cut: Ends = {}
        self._by_hand: set[str] = set()

    def begin(self, client_lines: Iterable[ClientLine], simulator_url: str | None, wait_s: float) -> None:
        """Take the cut, read the provider's book, and wait for stages and load to pass the cut."""
        for line in client_lines:
            self._acknowledged.client(line)
        for topic in (topics.API_REQUESTS, topics.MERCHANTS_EVENTS, topics.PAYMENTS_EVENTS):
            self._cuts[topic.name] = self._log.ends(topic.name)
        self._simulator_url = simulator_url
        if simulator_url is not None:
            self._book = read_book(simulator_url)
            self._judges.effects = Effects(self._book)
            self._judges.effects.check_keys()
        self._accepted = self._postgres.accepted_files()
        told = self._log.ends_of([topic.name for _, topic in _TOLD])
        self._expected_cut = told[topics.RECON_EXPECTED_PAYMENTS.name]
        wanted = {
            Reading(stage_spec(self._definitions[stage]).group, topic.name): told[topic.name]
            for stage, topic in _TOLD
        }
        for late in wait_for(self._settings, wanted, wait_s):
            self._acknowledged.behind(late)
        for topic in topics.ALL:
            if topic in _JUDGED and topic.name not in self._cuts:
                self._cuts[topic.name] = self._log.ends(topic.name)
        loaded = {
            name: ends for name, ends in self._cuts.items() if "postgres" in topics.BY_NAME[name].readers
        }
        for late in self._postgres.wait_for(loaded, wait_s):
            self._acknowledged.behind(late)

    def judged(self) -> list[Invariant]:
        """Read everything else; every invariant in the order of its number. `begin` comes before it."""
        tasks = list(self._tasks())
        large = [task for task in tasks if task.cut >= OWN_PROCESS_FROM]
        small = [task for task in tasks if task.cut < OWN_PROCESS_FROM]
        processes = max(1, min(len(large), os.cpu_count() or 1))
        # A new interpreter each: the threads of a Kafka client do not survive a fork.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            surveyed: list[Future[Judges]] = [pool.submit(survey_partition, task) for task in large]
            for task in small:
                self._judges.join(survey_partition(task))
            self._requests()
            self._stored()
            results = list(self._postgres.recon_results())
            self._rest()
            for one in surveyed:
                self._judges.join(one.result())
        delivered = self._deliver()
        return [*self._verdicts(delivered), *self._settled(results)]

    def _tasks(self) -> Iterator[PartitionTask]:
        for stage, definition in self._definitions.items():
            name = definition.events.name
            is_logged = name in LOG_TABLES
            loaded = self._postgres.loaded(*LOG_TABLES[name], self._cuts[name]) if is_logged else {}
            for partition, cut in self._cuts[name].items():
                yield PartitionTask(
                    settings=self._settings,
                    stage=stage,
                    partition=partition,
                    cut=cut,
                    loaded=loaded.get(partition, Loaded()) if is_logged else None,
                    effects=self._book,
                )

    def _requests(self) -> None:
        """The request log and its table."""
        name = topics.API_REQUESTS.name
        loaded = self._postgres.loaded(*LOG_TABLES[name], self._cuts[name])
        for partition, cut in self._cuts[name].items():
            counted = LoadedEvents(".".join(LOG_TABLES[name]), f"{name}:{partition}", must_hold_below=cut)
            stored = self._postgres.request_statuses(partition)
            for record in self._log.read(name, partition, cut):
                event = self._judges.event(topics.API_REQUESTS, record)
                if event is not None:
                    _, message = event
                    counted.event(record.offset)
                    self._acknowledged.answer(message.body, stored)
                    self._answers.answer(message.body, message.envelope.actor.principal)
            counted.compare(loaded.get(partition, Loaded()), self._judges.equal)

    def receipts(self, received: Iterable[Received]) -> None:
        """What receivers of webhooks wrote down; comes before `judged`."""
        self._receipts = tuple(received)

    def _deliver(self) -> Invariant:
        """What waits before the egress, what it attempted, and what receivers wrote down, in that order."""
        deliveries = Deliveries(self._judges.published, self._judges.webhooks)
        cut = self._cuts[topics.WEBHOOKS_ATTEMPTS.name]
        # A message goes from the topic of deliveries to one of delay, and on to ever shorter ones: where it
        # is not found because it went on, it is found by a position that is looked up later.
        places = (topics.WEBHOOKS_DELIVERIES, *reversed(list(topics.WEBHOOKS_DELAYED.values())))
        read_to = {
            topic: committed(self._settings, Reading(GROUP, topic.name), list(self._log.ends(topic.name)))
            for topic in places
        }
        for topic in places:
            for record in self._log.records(topic.name, self._log.ends(topic.name)):
                message = self._judges.event(topic, record)
                if message is not None and record.offset >= read_to[topic][record.partition]:
                    deliveries.waits(message[1].body.message_id)
        for record in self._log.records(
            topics.WEBHOOKS_ATTEMPTS.name, self._log.ends(topics.WEBHOOKS_ATTEMPTS.name)
        ):
            message = self._judges.event(topics.WEBHOOKS_ATTEMPTS, record)
            if message is not None:
                is_below_cut = record.offset < cut[record.partition]
                deliveries.attempt(message[1].body, record.place, is_below_cut=is_below_cut)
        deliveries.received(self._receipts)
        return deliveries.verdict()

    def _settled(self, results: list[ResultRow]) -> Sequence[Invariant]:
        """Reconciliation, by what payments booked and what the provider says it settled."""
        if self._simulator_url is None:
            return ()
        movements, moving = self._movements()
        account = read_account(self._simulator_url)
        open_refs = {
            effect.provider_ref
            for effect in self._book or ()
            if effect.idempotency_key in self._judges.open_keys
        }
        judge = Reconciliation(
            account, movements, accepted=self._accepted, open_refs=open_refs, moving=moving
        )
        return judge.judge(results)

    def _movements(self) -> tuple[list[Movement], set[Reference]]:
        """What our payments booked, and the references of what they booked since the cut."""
        topic = topics.RECON_EXPECTED_PAYMENTS
        movements, moving = [], set()
        for record in self._log.records(topic.name, self._log.ends(topic.name)):
            event = self._judges.event(topic, record)
            if event is None:
                continue
            body = event[1].body
            movements.append(
                Movement(
                    provider=body.provider,
                    provider_ref=body.provider_ref,
                    operation_id=body.operation_id,
                    kind=body.kind,
                    amount_minor=body.amount_minor,
                    currency=body.currency,
                )
            )
            if record.offset >= self._expected_cut[record.partition]:
                moving.add(Reference(body.provider, body.provider_ref))
        return movements, moving

    def _stored(self) -> None:
        """What Postgres holds besides the events."""
        for payment_id, version in self._postgres.payment_versions():
            self._acknowledged.stored_payment(payment_id, version)
        for object_id in self._postgres.objects():
            self._acknowledged.stored(object_id)
        for told in self._postgres.anomalies():
            self._judges.versions.anomaly(told)
        for schema, table, columns in self._postgres.text_columns():
            for place, texts in self._postgres.suspects(schema, table, columns):
                self._judges.confidential.row(place, texts)
            self._judges.confidential.table(f"{schema}.{table}", self._postgres.row_count(schema, table))

    def _rest(self) -> None:
        """The other topics, and all dead letters."""
        others = [
            topic.name for topic in topics.ALL if topic.name not in self._cuts and topic not in _READ_LATER
        ]
        for name, ends in self._log.ends_of(others).items():
            for record in self._log.records(name, ends):
                self._judges.confidential.record(record)
                if name == topics.LEDGER_COMMANDS_OPS.name:
                    self._by_hand |= payments_named(record)
        for name, ends in self._log.ends_of([topic.dead_letters for topic in topics.ALL]).items():
            self._dead_letters(name, ends)

    def _dead_letters(self, name: str, ends: Ends) -> None:
        self._letters.topic()
        for record in self._log.records(name, ends):
            self._judges.confidential.record(record)
            headers = {header: (value or b"").decode(errors="replace") for header, value in record.headers}
            source = ":".join(headers.get(f"dlq.{part}", "?") for part in ("topic", "partition", "offset"))
            reason = headers.get("dlq.reason", "no reason given")
            self._letters.letter(Letter(name, record.partition, record.offset, source, reason))

    def _verdicts(self, delivered: Invariant) -> list[Invariant]:
        judges = self._judges
        return [
            self._acknowledged.verdict(),
            not_judged() if judges.effects is None else judges.effects.verdict(),
            judges.transitions.verdict(),
            judges.amounts.verdict(),
            judges.equal.invariant(
                "changelog rows, digests and rows of mart against the folds of the events, rows of raw against their number"
            ),
            self._answers.verdict(),
            self._letters.verdict(),
            delivered,
            judges.versions.verdict(),
            judges.confidential.verdict(),
            judges.features.invariant("every attempt was counted again, from the attempts alone"),
            *judges.ledger.verdicts(),
            *judges.ledger_rows.verdicts(),
            books_agree(judges.booked, judges.posted, self._by_hand),
        ]
