"""In which order is everything read, so that what happens meanwhile alarms nobody?

First the client's log, then the ends of the request log and of the events: the cut. Then the
provider's book, then the load has to pass the cut. Each changelog and each table is read before the
end of its events is taken, so whatever they show is among the events that are read last.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from ops.verify.acknowledged import Acknowledged, ClientLine
from ops.verify.answers import Answers
from ops.verify.book import read_book
from ops.verify.effects import Effect, Effects, not_judged
from ops.verify.letters import Letter, Letters
from ops.verify.log import Ends, Log
from ops.verify.partition import LOG_TABLES, Judges, PartitionTask, survey_partition
from ops.verify.postgres import Postgres
from ops.verify.report import Invariant
from ops.verify.tables import Loaded, LoadedEvents
from schemas import topics
from schemas.settings import Settings
from schemas.topics import Topic
from streams.stages import DEFINITIONS

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

    def begin(self, client_lines: Iterable[ClientLine], simulator_url: str | None, wait_s: float) -> None:
        """Take the cut, read the provider's book, and wait for the load to pass the cut."""
        for line in client_lines:
            self._acknowledged.client(line)
        for topic in (topics.API_REQUESTS, topics.MERCHANTS_EVENTS, topics.PAYMENTS_EVENTS):
            self._cuts[topic.name] = self._log.ends(topic.name)
        if simulator_url is not None:
            self._book = read_book(simulator_url)
            self._judges.effects = Effects(self._book)
            self._judges.effects.check_keys()
        for told in self._postgres.wait_for(self._cuts, wait_s):
            self._acknowledged.behind(told)

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
            self._rest()
            for one in surveyed:
                self._judges.join(one.result())
        return self._verdicts()

    def _tasks(self) -> Iterator[PartitionTask]:
        for stage, define in DEFINITIONS.items():
            name = define(self._settings).events.name
            loaded = self._postgres.loaded(*LOG_TABLES[name], self._cuts[name])
            for partition, cut in self._cuts[name].items():
                yield PartitionTask(
                    settings=self._settings,
                    stage=stage,
                    partition=partition,
                    cut=cut,
                    loaded=loaded.get(partition, Loaded()),
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

    def _stored(self) -> None:
        """What Postgres holds besides the events."""
        for payment_id, version in self._postgres.payment_versions():
            self._acknowledged.stored_payment(payment_id, version)
        for refund_id in self._postgres.refunds():
            self._acknowledged.stored_refund(refund_id)
        for account_id in self._postgres.accounts():
            self._acknowledged.stored_account(account_id)
        for told in self._postgres.anomalies():
            self._judges.versions.anomaly(told)
        for schema, table, columns in self._postgres.text_columns():
            for place, texts in self._postgres.suspects(schema, table, columns):
                self._judges.confidential.row(place, texts)
            self._judges.confidential.table(f"{schema}.{table}", self._postgres.row_count(schema, table))

    def _rest(self) -> None:
        """The other topics, and all dead letters."""
        for topic in topics.ALL:
            if topic.name not in self._cuts:
                for record in self._log.records(topic.name, self._log.ends(topic.name)):
                    self._judges.confidential.record(record)
            self._dead_letters(topic)

    def _dead_letters(self, topic: Topic) -> None:
        self._letters.topic()
        name = topic.dead_letters
        for record in self._log.records(name, self._log.ends(name)):
            self._judges.confidential.record(record)
            headers = {header: (value or b"").decode(errors="replace") for header, value in record.headers}
            source = ":".join(headers.get(f"dlq.{part}", "?") for part in ("topic", "partition", "offset"))
            reason = headers.get("dlq.reason", "no reason given")
            self._letters.letter(Letter(name, record.partition, record.offset, source, reason))

    def _verdicts(self) -> list[Invariant]:
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
            judges.versions.verdict(),
            judges.confidential.verdict(),
        ]
