"""What is said on a topic: records decoded for people, with card numbers masked."""

import re
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from ops.errors import NotFound
from schemas import topics
from schemas.codec import CodecError, codec_of
from schemas.kafka import consumer_settings
from schemas.settings import Settings

_DIGITS: Final = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_TIMEOUT_S: Final = 10.0
_MARKERS: Final = 8


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One record as people read it. value: the decoded message, or the reason it does not decode."""

    topic: str
    partition: int
    offset: int
    at: str
    key: str | None
    value: Any
    headers: dict[str, str]


def records(settings: Settings, topic: str, *, last: int | None, follow: bool = False) -> Iterator[Shown]:
    """Records of a topic as they are read; of each partition the `last` ones, or all.

    With `follow`, goes on with what is written, until interrupted. Reads committed records only.
    """
    consumer = Consumer(
        {
            **consumer_settings(
                settings.kafka_bootstrap_servers, client_id="millrace-topics", group="millrace.topics"
            ),
            "enable.partition.eof": True,
        }
    )
    try:
        open_partitions = _assign(consumer, topic, last)
        kept: dict[int | None, deque[Message]] = defaultdict(partial(deque, maxlen=last))
        while open_partitions or follow:
            message = consumer.poll(0.2)
            if message is None:
                continue
            partition = message.partition()
            if message.error() is not None:
                open_partitions.discard(partition)
                yield from map(_shown, kept.pop(partition, ()))
            elif partition in open_partitions and last is not None:
                kept[partition].append(message)
            else:
                yield _shown(message)
    finally:
        consumer.close()


def masked(text: str) -> str:
    """`text` with every card number (13 to 19 digits that pass the Luhn check) reduced to its last four."""
    return _DIGITS.sub(_mask, text)


def _assign(consumer: Consumer, topic: str, last: int | None) -> set[int | None]:
    found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
    if found.error is not None:
        raise NotFound(f"no topic {topic}; `millrace topics list` names them all")
    starts = []
    for partition in found.partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_TIMEOUT_S)
        # Every transaction ends with a control record, so the last records lie further back than their count.
        start = low if last is None else max(low, high - _MARKERS * last - _MARKERS)
        starts.append(TopicPartition(topic, partition, start))
    consumer.assign(starts)
    return {start.partition for start in starts}


def _shown(message: Message) -> Shown:
    name = str(message.topic())
    value = message.value()
    key = message.key()
    return Shown(
        topic=name,
        partition=int(message.partition() or 0),
        offset=int(message.offset() or 0),
        at=datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).isoformat(timespec="milliseconds"),
        key=None if key is None else bytes(key).decode(errors="replace"),
        value=_decoded(name, None if value is None else bytes(value)),
        headers=dict(_headers(message)),
    )


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    found: Any = message.headers() or []
    for name, content in found:
        yield name, masked(bytes(content or b"").decode(errors="replace"))


def _decoded(name: str, value: bytes | None) -> Any:
    topic = topics.BY_NAME.get(name)
    try:
        plain = (
            value if topic is None or value is None else msgspec.json.encode(codec_of(topic).decode(value))
        )
    except CodecError as error:
        return f"not decoded: {error}"
    if plain is None:
        return None
    try:
        return msgspec.json.decode(masked(plain.decode()))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return masked(plain.decode(errors="backslashreplace"))


def _mask(found: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", found[0])
    return f"[card ending {digits[-4:]}]" if _passes_luhn(digits) else found[0]


def _passes_luhn(digits: str) -> bool:
    reduced = (
        sum(divmod(2 * int(digit), 10)) if odd % 2 else int(digit)
        for odd, digit in enumerate(reversed(digits))
    )
    return sum(reduced) % 10 == 0
