"""How is a journal written: numbered, and in one chain per partition?"""

from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import codec_of
from schemas.envelope import Message, Recorded
from schemas.topics import Topic
from streams.ports import Output, View

CHAIN: Final = b"chain"
"""Row of the last record's number (8 bytes, big endian) and hash (32 bytes)."""
_BEGINNING: Final = bytes(8 + 32)


class Journal:
    """Stamps and writes the events of a ledger task; its row is the end of its partition's chain."""

    def __init__(self, topic: Topic) -> None:
        self._name, self._encode = topic.name, codec_of(topic).encode

    def stamped(self, view: View, partition: int, body: Any) -> Any:
        """The body with its number and the hash of the record before it."""
        chain = view.get(CHAIN) or _BEGINNING
        return replace(body, seq=int.from_bytes(chain[:8], "big") + 1, prev_hash=chain[8:])

    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output:
        """The record, and the chain up to it."""
        value = self._encode(Message(envelope=event.envelope, body=event.body))
        body = event.body
        digest = sha256(body.prev_hash + len(value).to_bytes(4, "big") + value).digest()
        view.put(CHAIN, body.seq.to_bytes(8, "big") + digest)
        return Output(self._name, key.encode(), value, partition)
