"""How is a journal written: numbered, and in one chain per partition?"""

from typing import Any, Final

from msgspec.structs import replace

from schemas.chain import BEGINNING, link
from schemas.codec import codec_of
from schemas.envelope import CommandRefused, Message, Recorded
from schemas.ledger import RequestRefused
from schemas.topics import Topic
from streams.ports import Output, View

CHAIN: Final = b"chain"
"""Row of the last record's number (8 bytes, big endian) and hash (32 bytes)."""
_BEGINNING: Final = bytes(8) + BEGINNING


class Journal:
    """Stamps and writes the events of a ledger task; its row is the end of its partition's chain."""

    def __init__(self, topic: Topic) -> None:
        self._name, self._encode = topic.name, codec_of(topic).encode

    def stamped(self, view: View, partition: int, body: Any) -> Any:
        """The body with its number and the hash of the record before it."""
        if isinstance(body, CommandRefused):
            body = RequestRefused(command_id=body.command_id, command=body.command, outcome=body.outcome)
        chain = view.get(CHAIN) or _BEGINNING
        return replace(body, seq=int.from_bytes(chain[:8], "big") + 1, prev_hash=chain[8:])

    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output:
        """The record, and the chain up to it."""
        value = self._encode(Message(envelope=event.envelope, body=event.body))
        body = event.body
        view.put(CHAIN, body.seq.to_bytes(8, "big") + link(body.prev_hash, value))
        return Output(self._name, key.encode(), value, partition)
