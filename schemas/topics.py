"""Which topics exist: name, key domain, writer, readers, encoding and retention of each.

Nothing else in the repository names a topic. Partition counts are fixed for life.
"""

from collections.abc import Mapping
from types import UnionType
from typing import Final, Literal, NamedTuple

from schemas import api, merchants, payments, platform, psp

Encoding = Literal["avro", "json"]
KeyDomain = Literal["payment", "book", "request", "api_instance", "broadcast"]

_DAY_MS: Final = 24 * 60 * 60 * 1000
FOREVER: Final = -1
DEAD_LETTER_SUFFIX: Final = ".dlq"
DEAD_LETTER_RETENTION_MS: Final = 30 * _DAY_MS


class Topic(NamedTuple):
    """One topic. Contracts (read outside the pipeline) are Avro, plumbing is JSON of the same structs.

    body: the union of message bodies. after: of an event topic, what the aggregate is shown as.
    retention_ms: FOREVER or milliseconds.
    is_skippable: a reader whose position has been deleted may go on at the low end (clock ticks).
    """

    name: str
    key_domain: KeyDomain
    writer: str
    readers: tuple[str, ...]
    encoding: Encoding
    body: type | UnionType
    retention_ms: int
    after: type | None = None
    is_skippable: bool = False

    @property
    def is_broadcast(self) -> bool:
        """True when every partition gets a copy of every record."""
        return self.key_domain == "broadcast"

    @property
    def dead_letters(self) -> str:
        """Where records of this topic go whose bytes cannot be decoded."""
        return self.name + DEAD_LETTER_SUFFIX


MERCHANTS_COMMANDS: Final = Topic(
    "merchants.commands.v1", "book", "api", ("merchants",), "json", merchants.Command, 14 * _DAY_MS
)
MERCHANTS_EVENTS: Final = Topic(
    "merchants.events.v1",
    "book",
    "merchants",
    ("api", "postgres"),
    "avro",
    merchants.Event,
    FOREVER,
    merchants.AccountSnapshot,
)
PAYMENTS_COMMANDS_API: Final = Topic(
    "payments.commands.api.v1", "payment", "api", ("payments",), "json", payments.Command, 14 * _DAY_MS
)
PAYMENTS_EVENTS: Final = Topic(
    "payments.events.v1",
    "payment",
    "payments",
    ("postgres",),
    "avro",
    payments.Event,
    FOREVER,
    payments.PaymentSnapshot,
)
PSP_REQUESTS: Final = Topic(
    "psp.requests.v1", "payment", "payments", ("connectors.psp",), "json", psp.Request, 30 * _DAY_MS
)
PSP_RESULTS: Final = Topic(
    "psp.results.v1", "payment", "connectors.psp", ("payments",), "json", psp.OperationResult, 30 * _DAY_MS
)
PSP_NOTIFICATIONS: Final = Topic(
    "psp.notifications.v1", "payment", "api", ("payments",), "json", psp.OperationResult, 30 * _DAY_MS
)
API_REPLIES: Final = Topic(
    "api.replies.v1", "api_instance", "every stage", ("api",), "json", api.Reply, 10 * 60 * 1000
)
API_REQUESTS: Final = Topic(
    "api.requests.v1", "request", "api", ("postgres",), "avro", api.AnsweredRequest, FOREVER
)
CLOCK_TICKS: Final = Topic(
    "clock.ticks.v1",
    "broadcast",
    "connectors.clock",
    ("merchants", "payments"),
    "json",
    platform.Tick,
    _DAY_MS,
    is_skippable=True,
)
QUARANTINE: Final = Topic(
    "quarantine.v1",
    "broadcast",
    "ops",
    ("merchants", "payments"),
    "json",
    platform.RecordQuarantined,
    FOREVER,
)

ALL: Final[tuple[Topic, ...]] = (
    MERCHANTS_COMMANDS,
    MERCHANTS_EVENTS,
    PAYMENTS_COMMANDS_API,
    PAYMENTS_EVENTS,
    PSP_REQUESTS,
    PSP_RESULTS,
    PSP_NOTIFICATIONS,
    API_REPLIES,
    API_REQUESTS,
    CLOCK_TICKS,
    QUARANTINE,
)
BY_NAME: Final[Mapping[str, Topic]] = {topic.name: topic for topic in ALL}

STAGES: Final[Mapping[str, int]] = {"merchants": 1, "payments": 1}
"""Every stage and the version of its group, changelog and transactional ids."""


def changelog(stage: str, version: int) -> str:
    """Name of the compacted topic that holds a stage's table."""
    return f"{stage}.state.v{version}.changelog"


def provisioned(topic: Topic) -> dict[str, str]:
    """Broker settings a topic is created with."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(topic.retention_ms),
        "compression.type": "producer",
        "message.timestamp.type": "CreateTime",
    }


CHANGELOG_SETTINGS: Final[Mapping[str, str]] = {
    "cleanup.policy": "compact",
    # A local copy of a table is discarded after 12 h, so that no deletion it missed is compacted away,
    # and recent transactions can be counted again record by record at every restore.
    "min.compaction.lag.ms": str(_DAY_MS),
    "delete.retention.ms": str(_DAY_MS),
    "segment.ms": str(_DAY_MS),
    "segment.bytes": str(64 * 1024 * 1024),
    "min.cleanable.dirty.ratio": "0.2",
    "compression.type": "producer",
}
