"""How do tests of the verification fill a real cluster: a simulated world on real topics, loaded by the real sink."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.postgres.sink import TOPICS
from connectors.psp.simulator.entries import Batch, Break, BreakKind, Operation, SettledLine, line_of
from ops.simulation import settlement
from ops.simulation.settlement import SETTLED_ON
from ops.simulation.world import World
from ops.stack.ports import free_port, is_open
from schemas import ids, topics
from schemas.api import AnsweredRequest
from schemas.bank import SettlementFileAccepted
from schemas.codec import codec_of
from schemas.envelope import Actor, Message
from schemas.kafka import consumer_settings, producer_settings
from schemas.outcomes import Outcome
from schemas.settings import Settings
from schemas.testing import MERCHANT, START_MS, envelope
from streams.engine import positions
from streams.engine.digest import digest_of
from streams.engine.positions import POSITIONS_KEY
from streams.stages import stage_spec
from tests.integration.sink_bench import ROOT, KafkaRecord, Process, ask, end_offsets, until


def write(settings: Settings, records: list[KafkaRecord], headers: dict[str, bytes] | None = None) -> None:
    """Write records where they say."""
    producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="test"))
    for one in records:
        producer.produce(
            one.topic,
            value=one.value,
            key=one.key,
            partition=one.partition,
            headers=list((headers or {}).items()),
        )
        producer.poll(0)
    assert 0 == producer.flush(60)


def world_records(world: World) -> list[KafkaRecord]:
    """Everything on the world's topics and changelogs, and an answer for every reply."""
    records = [
        KafkaRecord(one.topic, one.partition, one.key, one.value)
        for topic in topics.ALL
        for one in world.log.all(topic)
    ]
    for (stage, number), task in world.tasks.items():
        definition = world.definitions[stage]
        name = topics.changelog(definition.name, definition.version)
        records += _changelog(world, name, number, task.store.items())
    return [*records, *_answers(world), *_files(world)]


def commit(world: World, settings: Settings) -> None:
    """The stages have read what the world has written: their groups say so."""
    for definition in world.definitions.values():
        group = stage_spec(definition).group
        offsets = [
            TopicPartition(topic.name, partition, end)
            for topic in definition.all_inputs
            for partition, end in enumerate(end_offsets(settings.kafka_bootstrap_servers, topic))
        ]
        consumer = Consumer(
            consumer_settings(settings.kafka_bootstrap_servers, client_id="test", group=group)
        )
        consumer.commit(offsets=offsets, asynchronous=False)
        consumer.close()


def _changelog(world: World, name: str, partition: int, rows: dict[bytes, bytes]) -> list[KafkaRecord]:
    changes = world.log.changelogs[name, partition]
    last = positions.following(
        positions.genesis({}, {}), {}, records=len(changes), checksum=0, table=digest_of(rows.items())
    )
    written = [KafkaRecord(name, partition, key, value) for key, value in changes]
    return [*written, KafkaRecord(name, partition, POSITIONS_KEY, positions.encode(last))]


def _answers(world: World) -> Iterator[KafkaRecord]:
    for number, reply in enumerate(world.replies):
        outcome, view = Outcome.numbered(reply.outcome), reply.view
        answered = AnsweredRequest(
            request_id=f"req_{number}",
            method="POST",
            route="/v1/simulated",
            status=outcome.value.http_status,
            outcome=outcome.code,
            mode="test",
            merchant_id=MERCHANT,
            idempotency_key=reply.command_id,
            object_id=None if view is None else getattr(view, "refund_id", getattr(view, "payment_id", None)),
            object_version=None if view is None else view.version,
        )
        actor = Actor(role="merchant", principal=MERCHANT)
        said = Message(
            envelope=envelope(answered.request_id, at_ms=START_MS + number, actor=actor), body=answered
        )
        value = codec_of(topics.API_REQUESTS).encode(said)
        yield KafkaRecord(topics.API_REQUESTS.name, number % 2, answered.request_id.encode(), value)


def _files(world: World) -> Iterator[KafkaRecord]:
    """The reader says of each file of the world that it has told the whole of it."""
    for number, batch in enumerate(_told(world)):
        file_id = ids.file_id("simulator", batch.batch_id)
        accepted = SettlementFileAccepted(
            file_id=file_id,
            file_name=f"{batch.batch_id}.jsonl",
            sha256=f"{number:064x}",
            provider="simulator",
            batch_id=batch.batch_id,
            settled_on=SETTLED_ON,
            currency="USD",
            lines=len(batch.lines),
            gross_minor=sum(line.gross_minor for line in batch.lines),
            fee_minor=sum(line.fee_minor for line in batch.lines),
            net_minor=sum(line.net_minor for line in batch.lines),
        )
        said = Message(envelope=envelope(file_id, at_ms=START_MS + number), body=accepted)
        yield KafkaRecord(
            topics.BANK_FILES.name, number % 2, file_id.encode(), codec_of(topics.BANK_FILES).encode(said)
        )


def _told(world: World) -> Iterator[settlement.Batch]:
    return (batch for batch in world.settlement.batches if batch.lines or batch.omitted)


def load(settings: Settings, log_path: Path) -> None:
    """Let the real sink load everything that is on its topics now."""
    sink = Process(
        "connectors.postgres",
        log_path,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        postgres_dsn=settings.postgres_dsn,
        worker_session_timeout_ms=6_000,
    )
    try:
        until(lambda: _is_loaded(settings), "the end of every topic")
        assert 0 == sink.ask_to_stop()
    finally:
        sink.kill()


def _is_loaded(settings: Settings) -> bool:
    [(is_there,)] = ask(settings.postgres_dsn, "SELECT to_regclass('meta.sink_offset') IS NOT NULL")
    if not is_there:
        return False
    found = ask(settings.postgres_dsn, "SELECT topic, partition, next_offset FROM meta.sink_offset")
    loaded = {(topic, partition): offset for topic, partition, offset in found}
    return all(
        loaded.get((topic.name, partition), -1) >= end
        for topic in TOPICS
        for partition, end in enumerate(end_offsets(settings.kafka_bootstrap_servers, topic))
    )


@contextmanager
def provider(world: World, directory: Path) -> Iterator[str]:
    """The real provider on a book in which the world's effects stand; its address."""
    directory.mkdir(parents=True, exist_ok=True)
    book, port = directory / "book.jsonl", free_port()
    book.write_bytes(
        b"".join(
            line_of(entry)
            for entry in (
                *(_entry(effect, at) for at, effect in enumerate(world.provider.effects)),
                *(_batch(world, batch) for batch in _told(world)),
            )
        )
    )
    arguments = ("--port", str(port), "--book", str(book), "--authorization-window-s", "0")
    command = [sys.executable, "-m", "connectors.psp.simulator", *arguments]
    with (directory / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log)
    try:
        until(lambda: is_open(port), "the provider's start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _entry(effect: Any, at: int) -> Operation:
    return Operation(
        provider_ref=effect.provider_ref,
        idempotency_key=effect.psp_key,
        fingerprint="",
        payment_reference=effect.payment_id,
        operation=effect.kind,
        amount_minor=effect.amount_minor,
        currency=effect.currency,
        status="succeeded",
        created_at_ms=START_MS + at,
        settled_at_ms=START_MS + at,
        original_reference=effect.original_ref,
    )


_BREAKS: Final[Mapping[settlement.Break, BreakKind]] = {
    "amount_mismatch": "wrong_amount",
    "missing_external": "omit",
    "missing_internal": "unknown",
    "duplicate": "duplicate",
}
"""The provider's own words for what it tells wrongly."""


def _batch(world: World, batch: settlement.Batch) -> Batch:
    references = tuple({line.provider_ref: None for line in batch.lines})
    moved = {effect.provider_ref for effect in world.provider.effects}
    return Batch(
        batch_id=batch.batch_id,
        provider="simulator",
        settled_on=SETTLED_ON,
        currency="USD",
        format="jsonl",
        lines=tuple(
            SettledLine(
                line_id=line.line_id,
                provider_ref=line.provider_ref,
                kind=line.kind,
                gross_minor=line.gross_minor,
                fee_minor=line.fee_minor,
                net_minor=line.net_minor,
            )
            for line in batch.lines
        ),
        covered=tuple(reference for reference in references if reference in moved),
        omitted=batch.omitted,
        breaks=tuple(
            Break(kind=_BREAKS[world.settlement.breaks[reference]], provider_ref=reference)
            for reference in (*references, *batch.omitted)
            if reference in world.settlement.breaks
        ),
    )


@contextmanager
def tampered(dsn: str, table: str, statement: str) -> Iterator[None]:
    """A table changed behind everybody's back for as long as the block lasts."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE public.kept AS TABLE {table}")  # type: ignore[arg-type]  # a test's text
        try:
            connection.execute(statement)  # type: ignore[arg-type]  # a test's text
            yield
        finally:
            connection.execute(f"TRUNCATE {table}")  # type: ignore[arg-type]  # a test's text
            connection.execute(f"INSERT INTO {table} TABLE public.kept")  # type: ignore[arg-type]  # a test's text
            connection.execute("DROP TABLE public.kept")
