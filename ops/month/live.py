"""How is a month played on a running platform: commands to the ledger's topic, its journal followed?"""

import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from ops.errors import LedgerStuck, NotRunning
from ops.month.checks import Followed
from ops.month.orders import Order
from ops.month.trade import Seller
from schemas import topics
from schemas.codec import codec_of
from schemas.kafka import consumer_settings, producer_settings
from schemas.settings import Settings

_FLUSH_S: Final = 30.0
_PATIENCE_S: Final = 120.0
"""A ledger that writes nothing for so long while something is open is stuck, or somebody stopped it for good."""
_POLL_S: Final = 0.2
_READ: Final = 2_000


class LiveLedger:
    """The ledger of a running platform. followed: its journal up to now, from its first record."""

    def __init__(self, settings: Settings) -> None:
        servers = settings.kafka_bootstrap_servers
        self._producer = Producer(producer_settings(servers, client_id="millrace-month"))
        self._consumer = Consumer(
            {
                **consumer_settings(servers, client_id="millrace-month", group="millrace.month"),
                "enable.partition.eof": True,
            }
        )
        self._partitions = settings.partitions
        self._consumer.assign(
            [
                TopicPartition(topics.LEDGER_JOURNAL.name, partition, OFFSET_BEGINNING)
                for partition in range(self._partitions)
            ]
        )
        self._number = 0
        self.followed = Followed()

    def __enter__(self) -> "LiveLedger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def catch_up(self) -> None:
        """Follow the journal to its end of now. Raises LedgerStuck, as all of these do."""
        ended: set[int] = set()
        until_s = time.monotonic() + _PATIENCE_S
        while len(ended) < self._partitions:
            ended |= self._follow()
            if time.monotonic() > until_s:
                raise LedgerStuck("the end of the journal was not reached; is Kafka running?")

    def tell(self, orders: Sequence[Order], sellers: Sequence[Seller]) -> None:
        """Give orders and wait until the ledger has decided them all and nothing of them is under way."""
        encode = codec_of(topics.LEDGER_COMMANDS_OPS).encode
        now_ms = int(time.time() * 1000)
        waiting = set()
        for order in orders:
            self._number += 1
            value = encode(order.message(self._number, now_ms))
            self._producer.produce(topics.LEDGER_COMMANDS_OPS.name, value, order.key.encode())
            self._producer.poll(0)
            waiting.add(_transaction_id(order))
        if self._producer.flush(_FLUSH_S) > 0:
            raise NotRunning("the broker did not take all commands of the month; nothing is certain")
        last_s, last = time.monotonic(), -1
        while not self._is_settled(waiting, sellers):
            self._follow()
            found = self.followed.model.records
            if found != last:
                last_s, last = time.monotonic(), found
            elif time.monotonic() - last_s > _PATIENCE_S:
                raise LedgerStuck(
                    f"the ledger wrote nothing for {_PATIENCE_S:.0f} s and {len(waiting)} commands are open; "
                    "is a ledger worker running?"
                )

    def _is_settled(self, waiting: set[str], sellers: Sequence[Seller]) -> bool:
        decided = {one for one in waiting if self.followed.model.is_decided(one)}
        waiting -= decided
        if waiting or any(self.followed.sums().get(1700, Counter()).values()):
            return False
        return not any(
            self.followed.balance_minor(seller.merchant, code, seller.currency)
            for seller in sellers
            for code in (2010, 2030)
        )

    def _follow(self) -> set[int]:
        """Read what is there; the partitions whose end was met."""
        ended = set()
        decode = codec_of(topics.LEDGER_JOURNAL).decode
        for message in self._consumer.consume(_READ, _POLL_S):
            error, partition = message.error(), int(message.partition() or 0)
            if error is None:
                value = message.value()
                assert value is not None, "a record of the journal has a value"
                self.followed.model.record(partition, value, decode(value))
            elif error.code() == KafkaError._PARTITION_EOF:
                ended.add(partition)
            elif error.fatal():
                raise LedgerStuck(f"the journal cannot be read: {error.str()}")
        return ended


def _transaction_id(order: Order) -> str:
    body: Any = order.body
    return str(body.transaction_id)
