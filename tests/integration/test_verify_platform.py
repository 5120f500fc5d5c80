"""The verification reads the real Kafka, Postgres and provider: right as they are, wrong once tampered with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ops.provision import provision_topics
from ops.simulation.world import Plan, World
from ops.stack import kafka as kafka_stack
from ops.stack import postgres as postgres_stack
from ops.verify import survey
from ops.verify.check import Report, verify
from ops.verify.errors import BookUnreadable, LogUnreadable, TablesUnreadable
from schemas import topics
from schemas.codec import codec_of
from schemas.settings import Settings
from tests.integration.sink_bench import KafkaRecord, new_database
from tests.integration.verify_bench import commit, load, provider, tampered, world_records, write

pytestmark = pytest.mark.integration

INVARIANTS = {
    *("P1", "P2", "P3", "P6", "P7", "P9", "P10", "P11", "P13", "P14", "P16"),
    *(f"L{number}" for number in range(1, 21)),
    *("L22", "L24", "L25", "L31", "L34", "L35", "L36", "L37", "L38", "R1", "R2"),
}


class Stage(NamedTuple):
    """A loaded cluster, and the address of its provider."""

    settings: Settings
    simulator_url: str
    world: World

    def report(self, **options: Any) -> Report:
        return verify(
            self.settings, simulator_url=self.simulator_url, wait_s=options.pop("wait_s", 0), **options
        )


def broken(report: Report) -> set[str]:
    assert report.passed == all(one.passed for one in report.invariants)
    return {one.id for one in report.invariants if not one.passed}


def evidence(report: Report, invariant_id: str) -> str:
    return "\n".join(next(one.evidence for one in report.invariants if one.id == invariant_id))


@contextmanager
def filled(postgres: postgres_stack.Server, directory: Path, database: str) -> Iterator[Stage]:
    """A world of 40 payments on a broker and a database of its own."""
    world = World(5, Plan(payments=40, rounds=600)).run()
    with kafka_stack.running(directory / "kafka") as broker, provider(world, directory / "provider") as url:
        dsn = new_database(postgres.dsn, database)
        settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap_servers,
            postgres_dsn=dsn,
            partitions=world.plan.partitions,
        )
        provision_topics(settings)
        write(settings, world_records(world))
        commit(world, settings)
        load(settings, directory / "sink.log")
        yield Stage(settings, url, world)


@pytest.fixture(scope="module")
def stage(postgres: postgres_stack.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shared by all tests that leave it as it was."""
    with filled(postgres, tmp_path_factory.mktemp("verify"), "verify_platform") as made:
        yield made


def test_a_right_platform_passes(stage: Stage, tmp_path: Path) -> None:
    """Every invariant is checked on something, and holds."""
    payment_id = next(
        event.after.payment_id for event in stage.world.messages(topics.PAYMENTS_EVENTS) if event.after
    )
    log = tmp_path / "client.jsonl"
    log.write_text(f'{{"request_id":"req_0","status":200,"object_id":"{payment_id}","version":1}}\n')
    report = stage.report(client_log=log)
    assert set() == broken(report), report
    assert set() == INVARIANTS ^ {one.id for one in report.invariants}
    assert set() == {one.id for one in report.invariants if not one.checked}
    assert all(one.checked > 0 and one.evidence for one in report.invariants)


def test_large_partitions_are_judged_by_processes_of_their_own(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdict does not depend on who judges, nor does what was checked."""
    here = stage.report()
    monkeypatch.setattr(survey, "OWN_PROCESS_FROM", 1)
    assert here == stage.report()


@pytest.mark.parametrize(
    ("table", "statement", "expected"),
    [
        (
            "mart.payments",
            "UPDATE mart.payments SET amount_captured_minor = amount_captured_minor + 1",
            {"P7"},
        ),
        ("mart.payments", "UPDATE mart.payments SET status = 'authorized' WHERE status = 'refunded'", {"P7"}),
        ("mart.payments", "UPDATE mart.payments SET version = version - 1", {"P1", "P7"}),
        ("mart.payments", "DELETE FROM mart.payments WHERE status = 'captured'", {"P1", "P7"}),
        (
            "mart.payment_operations",
            "DELETE FROM mart.payment_operations WHERE kind = 'refund'",
            {"P1", "P7"},
        ),
        (
            "mart.payment_operations",
            "UPDATE mart.payment_operations SET amount_minor = 1 WHERE kind = 'refund'",
            {"P7"},
        ),
        (
            "raw.payment_events",
            "DELETE FROM raw.payment_events WHERE event_id = (SELECT min(event_id) FROM raw.payment_events)",
            {"P7"},
        ),
        ("raw.api_requests", "DELETE FROM raw.api_requests WHERE status = 200", {"P1", "P7"}),
        (
            "raw.payment_events",
            'UPDATE raw.payment_events SET body = body || \'{"note": "4242 4242 4242 4242"}\' WHERE version = 1',
            {"P14"},
        ),
        ("mart.payments", "UPDATE mart.payments SET customer_id = 'sk_test_abc'", {"P7", "P14"}),
        (
            "mart.balances",
            "UPDATE mart.balances SET credits_posted_minor = credits_posted_minor + 1",
            {"L18"},
        ),
        ("mart.balances", "UPDATE mart.balances SET balance_minor = balance_minor + 1", {"L18"}),
        ("mart.recon_results", "DELETE FROM mart.recon_results WHERE status = 'matched'", {"R1", "R2"}),
        (
            "mart.recon_results",
            "UPDATE mart.recon_results SET duplicates = 0 WHERE duplicates > 0",
            {"R1", "R2"},
        ),
        ("meta.sink_offset", "UPDATE meta.sink_offset SET next_offset = next_offset - 1", {"P1"}),
    ],
)
def test_a_table_that_was_tampered_with_is_seen(
    table: str, statement: str, expected: set[str], stage: Stage
) -> None:
    """Each of these is a lie to whoever reads the table, and a different invariant tells of it."""
    with tampered(stage.settings.postgres_dsn, table, statement):
        assert expected == broken(stage.report())


def test_an_effect_nobody_asked_for_is_seen(stage: Stage, tmp_path: Path) -> None:
    """The provider forgot a key and charged again: only its own book knows."""
    sale = next(one for one in stage.world.provider.effects if one.kind == "sale")
    stage.world.provider.effects.append(sale._replace(psp_key="forgotten", provider_ref="again"))
    try:
        with provider(stage.world, tmp_path) as url:
            report = stage._replace(simulator_url=url).report()
    finally:
        stage.world.provider.effects.pop()
    assert {"P2"} == broken(report)
    assert sale.payment_id in evidence(report, "P2")


def test_without_a_book_the_effects_are_not_judged(stage: Stage) -> None:
    """A real provider shows no book; the rest is judged all the same."""
    report = verify(stage.settings, simulator_url=None, wait_s=0)
    assert report.passed
    assert "not judged" in evidence(report, "P2")


def test_what_cannot_be_read_is_named(stage: Stage) -> None:
    """Nothing judged is not the same as nothing wrong."""
    with pytest.raises(BookUnreadable, match="is the provider running"):
        verify(stage.settings, simulator_url="http://127.0.0.1:9", wait_s=0)
    with pytest.raises(TablesUnreadable, match="is it running"):
        verify(Settings(postgres_dsn="postgresql://127.0.0.1:9/x"), simulator_url=None)


def test_a_cluster_without_topics_is_named(kafka: kafka_stack.Broker, stage: Stage) -> None:
    """The wrong address of a cluster must not look like an empty platform."""
    settings = Settings(
        kafka_bootstrap_servers=kafka.bootstrap_servers, postgres_dsn=stage.settings.postgres_dsn
    )
    with pytest.raises(LogUnreadable, match=r"merchants\.events|api\.requests"):
        verify(settings, simulator_url=None)


def test_topics_that_were_tampered_with_are_seen(postgres: postgres_stack.Server, tmp_path: Path) -> None:
    """A log cannot be mended, so the lies are told one after the other, on a cluster of the test's own."""
    with filled(postgres, tmp_path, "verify_topics") as stage:
        settings, partition = stage.settings, 0
        letters = topics.PSP_RESULTS.dead_letters
        headers = {"dlq.topic": b"t", "dlq.partition": b"0", "dlq.offset": b"7", "dlq.reason": b"no JSON"}
        write(settings, [KafkaRecord(letters, partition, b"k", b"{")], headers)
        report = stage.report()
        assert {"P11"} == broken(report)
        assert f"{letters}:0:0 from t:0:7: no JSON" in evidence(report, "P11")
        expected = {"expected_dead_letters": {"t:0:7"}}
        assert set() == broken(stage.report(**expected))

        card = b'{"card":"4242424242424242"}'
        write(settings, [KafkaRecord(topics.PSP_REQUESTS.name, partition, b"k", card)])
        assert {"P14"} == broken(stage.report(**expected))

        changelog = topics.changelog("payments", topics.STAGES["payments"])
        write(settings, [KafkaRecord(changelog, partition, b"state/stray", b"{}")])
        report = stage.report(**expected)
        assert {"P7", "P14"} == broken(report)
        assert "inside a transaction" in evidence(report, "P7")
        assert "the row is no state" in evidence(report, "P7")

        told_twice = next(
            record
            for record in stage.world.log.all(topics.PAYMENTS_EVENTS)
            if record.partition == partition
            and codec_of(topics.PAYMENTS_EVENTS).decode(record.value).after is not None  # type: ignore[attr-defined]
        )
        events = KafkaRecord(told_twice.topic, told_twice.partition, told_twice.key, told_twice.value)
        write(settings, [events, events._replace(value=b"no Avro"), events._replace(key=None)])
        report = stage.report(**expected)
        assert {"P1", "P7", "P13", "P14"} == broken(report)
        assert "is loaded up to offset" in evidence(report, "P1")
        assert "repeats" in evidence(report, "P13")
        assert "without a key" in evidence(report, "P13")
