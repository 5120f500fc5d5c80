"""A ledger task that dies anywhere, or was replaced, leaves one whole chain and no posting twice."""

import random
from hashlib import sha256
from typing import Any

import pytest
from msgspec.structs import replace

from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, Message
from schemas.ledger import (
    LedgerCommand,
    RecordCapture,
    RecordHold,
    RecordRefundFailed,
    RecordRefundSucceeded,
    ReserveRefund,
    Terms,
    TransactionPosted,
)
from schemas.merchants import MerchantTermsSet
from schemas.platform import Tick
from schemas.settings import Settings
from schemas.testing import MERCHANT, OTHER_MERCHANT, START_MS, envelope
from schemas.topics import Topic
from streams.ledger.accounts import SHARD
from streams.ledger.app import ledger
from streams.ledger.book import Books
from streams.ledger.fold import evolve
from streams.ledger.rows import BOOK
from streams.ledger.testing import DAY, Desk, command
from streams.ports import Output
from streams.simulator import CrashPoint, Fenced, Log, MemoryStore, SimulatedTask
from streams.table import STATE

MERCHANTS = (MERCHANT, OTHER_MERCHANT)


def _place(key: bytes) -> int:
    return 0 if key.decode() == ids.key_of(MERCHANT) else 1


def _commands(random_: random.Random) -> list[tuple[str, LedgerCommand | MerchantTermsSet]]:
    """A mixed-up history of both merchants, with repeats, whose terms come somewhere in it."""
    told: list[tuple[str, LedgerCommand | MerchantTermsSet]] = []
    for number in range(60):
        merchant = random_.choice(MERCHANTS)
        payment = str(number % 15)
        kind = random_.choice(
            [
                RecordHold,
                RecordCapture,
                RecordCapture,
                ReserveRefund,
                RecordRefundSucceeded,
                RecordRefundFailed,
            ]
        )
        told.append((merchant, command(kind, 10_000, payment=payment, merchant=merchant)))
        if random_.random() < 0.2:
            told.append(random_.choice(told))
    for merchant in MERCHANTS:
        terms = MerchantTermsSet(merchant_id=merchant, number=1, terms=Terms(fee_bps=100))
        told.insert(random_.randint(0, len(told)), (merchant, terms))
    return told


class Partitions:
    """Both partitions of a ledger, whose owners die and are replaced as the seed wants."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = Log(2, _place)
        self.tasks = [SimulatedTask(self.log, ledger(Settings()), partition) for partition in range(2)]

    def tell(self, merchant: str, body: LedgerCommand | MerchantTermsSet) -> None:
        cause = envelope("event", merchant_id=merchant, actor=PLATFORM)
        is_command = isinstance(body, LedgerCommand)
        topic = topics.LEDGER_COMMANDS_PAYMENTS if is_command else topics.MERCHANTS_EVENTS
        self._append(topic, merchant, Message(envelope=cause, body=body))

    def tick(self, now_ms: int) -> None:
        cause = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform", actor=PLATFORM)
        value = codec_of(topics.CLOCK_TICKS).encode(Message(envelope=cause, body=Tick(now_ms=now_ms)))
        for partition in range(2):
            self.log.append(Output(topics.CLOCK_TICKS.name, b"", value, partition), now_ms)

    def settle(self) -> None:
        """Work until all is read, whatever happens on the way."""
        while not all(task.is_idle() for task in self.tasks):
            for at, task in enumerate(self.tasks):
                chance = self.random.random()
                crash = self.random.choice(list(CrashPoint)) if chance < 0.4 else None
                if task.work(self.random.randint(1, 7), START_MS, crash) is None:
                    task.take_over(is_disk_lost=self.random.random() < 0.5)
                elif chance > 0.9:
                    self._replace(at)

    def _replace(self, at: int) -> None:
        """A second owner takes over; the first one works on and must not be heard."""
        zombie = self.tasks[at]
        self.tasks[at] = SimulatedTask(self.log, ledger(Settings()), at)
        with pytest.raises(Fenced):
            zombie.work(5, START_MS)

    def _append(self, topic: Topic, merchant: str, message: Message[Any]) -> None:
        key = ids.key_of(merchant)
        assert key is not None
        self.log.append(Output(topic.name, key.encode(), codec_of(topic).encode(message)), START_MS)


def _balances(partitions: Partitions, merchant: str) -> dict[str, object]:
    decode = codec_of(topics.LEDGER_BALANCES).decode
    told = [decode(record.value).body for record in partitions.log.all(topics.LEDGER_BALANCES)]
    return {
        one.account_id: replace(one, seq=0)
        for each in told
        for one in each.balances
        if merchant in one.account_id
    }


@pytest.mark.parametrize("seed", range(12))
def test_crashes_and_zombies_change_nothing(seed: int) -> None:
    """The journal is what an undisturbed ledger would have written."""
    history = _commands(random.Random(seed))
    disturbed, undisturbed = Partitions(seed), Desk()
    for merchant, body in history:
        disturbed.tell(merchant, body)
        if isinstance(body, LedgerCommand):
            undisturbed.tell(body, merchant=merchant)
        else:
            undisturbed.terms(body.terms, merchant=merchant)
    disturbed.settle()
    disturbed.tick(START_MS + 2 * DAY)
    undisturbed.wait(2 * DAY)
    disturbed.settle()
    for merchant in MERCHANTS:
        expected = {
            one.account_id: replace(one, seq=0)
            for told in undisturbed.balances
            for one in told.balances
            if merchant in one.account_id
        }
        assert expected == _balances(disturbed, merchant)
    for partition, task in enumerate(disturbed.tasks):
        _check_chain(disturbed.log, partition)
        _check_rows(disturbed.log, partition, task.store)


def _check_chain(log: Log, partition: int) -> None:
    previous, posted = bytes(32), []
    for seq, record in enumerate(log.read(topics.LEDGER_JOURNAL.name, partition, 0, 10_000), 1):
        assert record.value is not None
        body = codec_of(topics.LEDGER_JOURNAL).decode(record.value).body
        assert (seq, previous) == (body.seq, body.prev_hash)
        previous = sha256(previous + len(record.value).to_bytes(4, "big") + record.value).digest()
        if isinstance(body, TransactionPosted):
            posted.append(body.transaction_id)
    assert len(set(posted)) == len(posted) > 10


def _check_rows(log: Log, partition: int, store: MemoryStore) -> None:
    rebuilt = MemoryStore()
    books = Books().within(rebuilt, partition)
    for record in log.read(topics.LEDGER_JOURNAL.name, partition, 0, 10_000):
        event = codec_of(topics.LEDGER_JOURNAL).decode(record.value)
        key = event.envelope.aggregate_key
        books.store(key, evolve(books.load(key), event))
    books.finish(())
    assert _folded(store) == _folded(rebuilt)


def _folded(store: MemoryStore) -> dict[bytes, bytes]:
    return {name: row for name, row in store.items().items() if name.startswith((STATE, BOOK, SHARD))}
