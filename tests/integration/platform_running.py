"""How does a test run the whole platform as `millrace up` does, read its books, and kill one of its processes?"""

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.request import urlopen

import psycopg
from confluent_kafka import Consumer, TopicPartition

from connectors.bank.reader import directory_of
from ops import accounts, lifecycle, platform
from ops.demo.plan import Target
from ops.stack import supervisor
from ops.stack.ports import free_port
from ops.verify.check import Report
from schemas.kafka import consumer_settings
from schemas.settings import Settings
from tests.integration.engine_cluster import eventually

DEADLINE_S: Final = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A platform that runs in `settings.data_dir`."""

    settings: Settings
    designed: platform.Platform

    @property
    def api_url(self) -> str:
        return self.designed.api_url

    @property
    def client_log(self) -> Path:
        """Where `lifecycle.verify` looks for what clients were told."""
        return self.designed.data_dir / lifecycle.CLIENT_LOG

    @property
    def target(self) -> Target:
        """What a demo needs to know of it."""
        return Target(
            api_url=self.api_url,
            operator_key=self.operator_key,
            simulator_url=self.designed.simulator_url,
            settings=self.designed.settings,
            bank_dir=directory_of(self.designed.settings),
        )

    @property
    def operator_key(self) -> str:
        """The key of the first operator."""
        return platform.operator_key(self.designed.data_dir)

    @property
    def receipts(self) -> Path:
        """Where `lifecycle.verify` looks for the webhooks that were received."""
        return self.designed.data_dir / lifecycle.RECEIPTS

    def new_merchant_key(self, name: str, **terms: int | str) -> str:
        """The secret key of a merchant that did not exist before, under these terms.

        Terms of its own hold once the ledger has read them; what is sold earlier goes by the default ones.
        """
        made = accounts.create_merchant(self.api_url, self.operator_key, display_name=name, terms=terms)
        if terms:
            eventually(partial(self._has_book, made["merchant_id"]), "the ledger knows the merchant's terms")
        return str(made["secret_key"])

    def _has_book(self, merchant_id: str) -> bool:
        query = "SELECT FROM raw.ledger_journal WHERE merchant_id = %s AND type = 'BookOpened'"
        with psycopg.connect(self.designed.settings.postgres_dsn) as database:
            return database.execute(query, [merchant_id]).fetchone() is not None

    def effects(self, payment_id: str) -> list[dict[str, Any]]:
        """What the provider really did for a payment, by its own book."""
        url = f"{self.designed.simulator_url}/_simulator/effects?payment_reference={payment_id}"
        with urlopen(url, timeout=DEADLINE_S) as answer:
            done: list[dict[str, Any]] = json.load(answer)
        return done

    def end_offset(self, topic: str) -> int:
        """How many records were ever written to a topic, over all partitions."""
        bootstrap = self.designed.settings.kafka_bootstrap_servers
        consumer = Consumer(consumer_settings(bootstrap, client_id="ends", group="ends"))
        try:
            partitions = (TopicPartition(topic, one) for one in range(self.settings.partitions))
            return sum(consumer.get_watermark_offsets(one, timeout=DEADLINE_S)[1] for one in partitions)
        finally:
            consumer.close()

    def restarts(self, role: str) -> int:
        """How often the supervisor had to start a process again."""
        return self._process(role).restarts

    def kill(self, role: str, *, is_disk_lost: bool = False) -> None:
        """End one process as a power cut would, and return once the supervisor has started it again.

        is_disk_lost: the tables of all stages are gone with it.
        """
        before = self._process(role)
        assert before.pid is not None, role
        os.kill(before.pid, signal.SIGKILL)
        if is_disk_lost:
            shutil.rmtree(self.designed.data_dir / "state", ignore_errors=True)

        def is_back() -> bool:
            now = self._process(role)
            return now.restarts > before.restarts and now.pid is not None and now.ready

        until(is_back, f"{role} runs again")

    def verify(self) -> Report:
        """Judge every invariant on what is stored now."""
        return lifecycle.verify(self.settings)

    def _process(self, role: str) -> supervisor.ProcessState:
        state = supervisor.read_state(self.designed.data_dir)
        assert state is not None, "the supervisor runs"
        return next(process for process in state.processes if process.role == role)


@contextmanager
def running(data_dir: Path, **changed: Any) -> Iterator[Running]:
    """A platform in a data directory of its own, stopped at the end; `changed` are settings."""
    settings = Settings(data_dir=str(data_dir), **changed)
    try:
        lifecycle.up(settings, api_port=free_port(), is_detached=True)
        yield Running(settings=settings, designed=lifecycle.running_platform(settings))
    finally:
        lifecycle.down(settings)
    assert not supervisor.is_running(data_dir)


def until(holds: Callable[[], T], what: str, *, timeout_s: float = DEADLINE_S) -> T:
    """Ask again until the answer is true; fail naming `what` at the deadline."""
    ends_at = time.monotonic() + timeout_s
    while not (found := holds()):
        assert time.monotonic() < ends_at, f"did not come to pass within {timeout_s:g} s: {what}"
        time.sleep(0.05)
    return found
