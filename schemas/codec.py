"""How does a message become bytes and come back: JSON for plumbing, Avro for contracts.

Avro is in the Confluent wire format: a zero byte, the schema id (4 bytes, big endian), the datum.
"""

import io
import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Generic, TypeVar, get_args

import fastavro
import msgspec

from schemas import registry
from schemas.avro_writing import writer_of
from schemas.envelope import Body, Message, Recorded, schema_name
from schemas.registry import RegisteredSchema
from schemas.topics import Topic

B = TypeVar("B")

_SCHEMA_IN_JSON: Final = re.compile(rb'"schema":"([A-Za-z]+)\.v(\d+)"')


class CodecError(ValueError):
    """Bytes that are no message of their topic.

    CorruptMessage   the record goes to the dead-letter topic, and the rest flows on
    NewerVersion     a known message in a version this program is too old for: it must stop
    """


class CorruptMessage(CodecError):
    """The bytes do not decode, or name a schema nobody registered."""


class NewerVersion(CodecError):
    """A registered name in a newer version than this program knows; readers are deployed first."""


class Codec(Generic[B]):
    """Encodes and decodes the messages of one topic. Build once with `codec_of`."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        members = get_args(topic.body) or (topic.body,)
        self._versions = dict(_name_and_version(member) for member in members)
        self.encode: Callable[[Message[B]], bytes]
        self._read: Callable[[bytes], Message[B]]
        if topic.encoding == "json":
            self.encode = msgspec.json.Encoder().encode
            self._read = msgspec.json.Decoder(_message_type(topic)).decode
        else:
            self.encode, self._read = _avro_writer(topic), _avro_reader(topic)

    def decode(self, value: bytes | None) -> Message[B]:
        """The message in a record's value. Raises CorruptMessage or NewerVersion."""
        if value is None:
            raise CorruptMessage(f"{self.topic.name}: a record without a value is no message")
        try:
            return self._read(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse_newer(value)
            raise CorruptMessage(f"{self.topic.name}: {error}") from error

    def _refuse_newer(self, value: bytes) -> None:
        found = _SCHEMA_IN_JSON.search(value)
        if found is None:
            return
        name, version = found[1].decode(), int(found[2])
        if version > self._versions.get(name, version):
            raise NewerVersion(
                f"{self.topic.name}: {name}.v{version} is newer than v{self._versions[name]}; deploy this reader first"
            )


@cache
def codec_of(topic: Topic) -> Codec[Any]:
    """The codec of a topic; schemas are parsed once per process."""
    return Codec(topic)


def _name_and_version(member: type[Body]) -> tuple[str, int]:
    name, _, version = schema_name(member.__name__).partition(".v")
    return name, int(version)


def _message_type(topic: Topic) -> Any:
    """The struct of a topic's messages, put together at run time from its registry entry."""
    body, after = topic.body, topic.after
    return Message[body] if after is None else Recorded[body, after]  # type: ignore[valid-type]  # known at run time only


def _avro_writer(topic: Topic) -> Callable[[Message[B]], bytes]:
    writers = {
        member: _framed(registry.current(topic.name, member))
        for member in get_args(topic.body) or (topic.body,)
    }
    is_shown = topic.after is not None

    def encode(message: Message[B]) -> bytes:
        head, write = writers[type(message.body)]
        if is_shown and not isinstance(message, Recorded):
            message = Recorded(envelope=message.envelope, body=message.body)
        return head + write(message)

    return encode


def _framed(schema: RegisteredSchema) -> tuple[bytes, Callable[[Any], bytes]]:
    return b"\0" + schema.id.to_bytes(4, "big"), writer_of(json.loads(schema.text))


def _avro_reader(topic: Topic) -> Callable[[bytes], Message[B]]:
    message_type = _message_type(topic)
    known = {schema.id: schema for schema in registry.of_topic(topic.name)}

    def decode(value: bytes) -> Message[B]:
        if len(value) < 5 or value[0] != 0:
            raise CorruptMessage(f"{topic.name}: no Confluent wire format header")
        schema = known.get(int.from_bytes(value[1:5], "big"))
        if schema is None:
            raise CorruptMessage(
                f"{topic.name}: schema id {int.from_bytes(value[1:5], 'big')} is not registered here"
            )
        try:
            datum: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema.parsed, None)
        except (EOFError, IndexError, ValueError, TypeError, KeyError) as error:
            raise CorruptMessage(f"{topic.name}: {schema.name}: {type(error).__name__} {error}") from error
        datum["body"]["schema"] = f"{schema.name}.v{schema.version}"
        message: Message[B] = msgspec.convert(datum, message_type)
        return message

    return decode
