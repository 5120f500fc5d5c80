"""How is something told to every task: one record on every partition of a broadcast topic, and read back."""

import os
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Producer

from ops.errors import NotRunning, Unwritable
from ops.verify.log import Log
from schemas.codec import CodecError, codec_of
from schemas.envelope import Actor, Body, Envelope, Message
from schemas.kafka import producer_settings
from schemas.settings import Settings
from schemas.topics import Topic

_TIMEOUT_S: Final = 30.0


def user() -> str:
    """Who gives this command."""
    return os.environ.get("USER") or f"uid {os.getuid()}"


def write(settings: Settings, topic: Topic, body: Body, *, key: str, decided_by: str) -> None:
    """Write `body` to every partition, audited with who decided it.

    Raises Unwritable for what readers would refuse, NotRunning when the broker did not take it all.
    """
    drawn = f"{topic.name.partition('.')[0]}_{secrets.token_hex(12)}"
    envelope = Envelope(
        message_id=drawn,
        causation_id=drawn,
        correlation_id=drawn,
        occurred_at_ms=int(time.time() * 1000),
        mode=settings.mode,
        merchant_id="platform",
        cell=settings.cell,
        actor=Actor(role="operator", principal=decided_by),
    )
    value = codec_of(topic).encode(Message(envelope=envelope, body=body))
    try:
        codec_of(topic).decode(value)
    except CodecError as error:
        raise Unwritable(f"nothing was written, because no reader would take it: {error}") from error
    producer = Producer(producer_settings(settings.kafka_bootstrap_servers, client_id="millrace-broadcast"))
    for partition in range(settings.partitions):
        producer.produce(topic.name, value, key.encode(), partition)
    if producer.flush(_TIMEOUT_S) > 0:
        raise NotRunning(f"the broker did not take all of {topic.name}; nothing is certain, run it again")


def last(settings: Settings, topic: Topic) -> Mapping[int, Any]:
    """The body of the last message of each partition that has one; what is no message is passed over."""
    found: dict[int, Any] = {}
    with Log(settings) as log:
        for record in log.records(topic.name, log.ends(topic.name)):
            try:
                found[record.partition] = codec_of(topic).decode(record.value).body
            except CodecError:
                continue
    return found
