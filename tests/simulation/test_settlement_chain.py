"""From the provider's bytes to the judge: files, reader, stage and verdict in one process, with crashes."""

import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from connectors.bank.directory import Directory
from connectors.bank.reader import Reader
from connectors.psp.simulator.entries import Batch, Operation
from connectors.psp.simulator.settlement import Breaks, Occasion, SettlementRequest, planned
from connectors.psp.simulator.settlement_files import file_name, rendered
from ops.verify.reconciliation import Movement, Reconciliation, ResultRow
from ops.verify.settlements import Account, SettledBatch
from schemas import ids, topics
from schemas.bank import FileEvent, SettlementFileAccepted
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Message
from schemas.platform import Tick
from schemas.reconciliation import ExpectMovement, MovementKind, SettlementLine
from schemas.settings import Settings
from schemas.testing import START_MS, envelope, from_provider
from schemas.topics import Topic
from streams.ports import Record
from streams.reconciliation.app import reconciliation
from streams.reconciliation.testing import EXPECTED_WINDOW_MS, SETTINGS
from streams.simulator import MemoryStore
from streams.step import StageStep

PROVIDER = "simulator"
BREAKS = Breaks(duplicate=2, wrong_amount=3, unknown=2, omit=2)


class Crashed(BaseException):
    """The reader's process ends here."""


class Chain:
    """A bank directory, a reader that may end at any word, and one task of the stage."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.accepted: set[str] = set()
        self._random = random.Random(seed)
        self._store, self._step = MemoryStore(), StageStep(reconciliation(SETTINGS))
        self._offset = 0
        self.rows: dict[str, ResultRow] = {}

    def line(self, key: str, message: Message[SettlementLine]) -> None:
        if self._random.random() < 0.01:
            raise Crashed
        self.hear(topics.RECON_LINES, key, message)

    def file(self, message: Message[FileEvent]) -> None:
        if self._random.random() < 0.3:
            raise Crashed
        if isinstance(message.body, SettlementFileAccepted):
            self.accepted.add(message.body.file_id)

    def flush(self) -> None:
        if self._random.random() < 0.2:
            raise Crashed

    def hear(self, topic: Topic, key: str | None, message: Message[object]) -> None:
        """One record through the stage, with its bytes as they would lie on the topic."""
        self._offset += 1
        value = codec_of(topic).encode(message)
        record = Record(topic.name, 0, self._offset, None if key is None else key.encode(), value, START_MS)
        for output in self._step(self._store, [record]).outputs:
            assert output.topic == topics.RECON_RESULTS.name
            after = codec_of(topics.RECON_RESULTS).decode(output.value).after
            self.rows[output.key.decode()] = msgspec.convert(msgspec.to_builtins(after), ResultRow)

    def expect(self, movement: Movement) -> None:
        kind: MovementKind = "refund" if movement.kind == "refund" else "capture"
        body = ExpectMovement(
            provider=PROVIDER,
            provider_ref=movement.provider_ref,
            payment_id="pay_1",
            operation_id=movement.operation_id,
            kind=kind,
            amount_minor=movement.amount_minor,
            currency=movement.currency,
        )
        self.hear(
            topics.RECON_EXPECTED_PAYMENTS,
            ids.match_key(PROVIDER, movement.provider_ref),
            from_provider(body),
        )

    def tick(self, now_ms: int) -> None:
        told = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM)
        self.hear(topics.CLOCK_TICKS, None, Message(envelope=told, body=Tick(now_ms=now_ms)))

    def deliver(self, batch: Batch) -> None:
        with Directory(self.root) as directory:
            (directory.inbox / file_name(batch)).write_bytes(rendered(batch))

    def read(self) -> None:
        """Readers until one gets through."""
        while True:
            try:
                with Directory(self.root) as directory:
                    Reader(Settings(), directory, self, lambda: START_MS, CollectorRegistry()).read_all(
                        Event()
                    )
                return
            except Crashed:
                continue


def operations(seed: int) -> Iterator[Operation]:
    drawn = random.Random(seed)
    for index in range(60):
        yield Operation(
            provider_ref=f"op_{seed}_{index}",
            idempotency_key="",
            fingerprint="",
            payment_reference="",
            operation=drawn.choice(["sale", "capture", "refund"]),  # type: ignore[arg-type]  # those that move money
            amount_minor=drawn.choice([1, 2, 100, 10**6]),
            currency=drawn.choice(["EUR", "JPY"]),
            status="succeeded",
            created_at_ms=0,
        )


def movement_of(operation: Operation) -> Movement:
    return Movement(
        provider=PROVIDER,
        provider_ref=operation.provider_ref,
        operation_id=f"o-{operation.provider_ref}",
        kind="refund" if operation.operation == "refund" else "capture",
        amount_minor=operation.amount_minor,
        currency=operation.currency,
    )


@pytest.mark.parametrize("seed", range(8))
def test_the_breaks_found_are_those_injected(tmp_path: Path, seed: int) -> None:
    """Whatever crashes, whatever is delivered twice and whichever side is heard first."""
    chain, drawn, done = Chain(tmp_path, seed), random.Random(seed), list(operations(seed))
    movements = [movement_of(one) for one in done]
    batches: list[Batch] = []
    for start in (0, 20, 40):
        occasion = Occasion(provider=PROVIDER, settled_on="2027-01-15", number=len(batches))
        request = SettlementRequest(breaks=BREAKS if start < 40 else Breaks(), seed=seed)
        settled = planned(done[start : start + 20], request, occasion)
        batches += settled
        heard = movements[start : start + 20]
        early = [one for one in heard if drawn.random() < 0.5]
        for movement in early:
            chain.expect(movement)
        for batch in (*settled, *drawn.sample(batches, 1)):
            chain.deliver(batch)
            chain.read()
        for movement in (*heard, *drawn.sample(heard, 3)):
            chain.expect(movement)
    chain.tick(START_MS + EXPECTED_WINDOW_MS)
    account = Account(
        batches=[msgspec.convert(msgspec.to_builtins(one), SettledBatch) for one in batches], pending=[]
    )
    judge = Reconciliation(account, movements, accepted=chain.accepted)
    verdicts = judge.judge(chain.rows.values())
    assert all(one.passed for one in verdicts), verdicts
    assert 18 == verdicts[1].checked
    assert {"matched", "amount_mismatch", "missing_external", "missing_internal"} == {
        row.status for row in chain.rows.values()
    }
