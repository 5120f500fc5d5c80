"""Every message version has a golden example that today's program still reads, in JSON and in Avro."""

from typing import Any

import msgspec
import pytest

from ops.example_messages import path_of
from ops.register_schemas import contract_messages
from schemas.codec import codec_of
from schemas.envelope import Body, Recorded, schema_name
from schemas.topics import Topic

MESSAGES = contract_messages()


@pytest.mark.parametrize(
    ("topic", "body"),
    MESSAGES,
    ids=[f"{topic.name}/{schema_name(body.__name__)}" for topic, body in MESSAGES],
)
def test_examples_are_still_read(topic: Topic, body: type[Body]) -> None:
    """A record written years ago must mean the same today; run `make schemas` for a new message."""
    message_type: Any = Recorded[topic.body, topic.after]  # type: ignore[name-defined]  # known at run time only
    message = msgspec.json.decode(path_of(topic, body).read_bytes(), type=message_type)
    assert isinstance(message.body, body)
    codec = codec_of(topic)
    read = codec.decode(codec.encode(message))
    assert (message.envelope, message.body) == (read.envelope, read.body)
    assert message.after == getattr(read, "after", None)
