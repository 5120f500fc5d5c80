"""How is a journal written: numbered, in one chain per partition, every leg in the shard of its partition?"""

from hashlib import sha256
from typing import Any, Final

from msgspec.structs import replace

from schemas.codec import codec_of
from schemas.envelope import Message, Recorded
from schemas.ledger import TransactionPosted
from schemas.topics import Topic
from streams.ledger.chart import sharded
from streams.ports import Output, View

CHAIN: Final = b"chain"
"""Row of the last record's number (8 bytes, big endian) and hash (32 bytes)."""
_BEGINNING: Final = bytes(8 + 32)


class Journal:
    """Stamps and writes the events of a ledger task; its row is the end of its partition's chain."""

    def __init__(self, topic: Topic) -> None:
        self._name, self._encode = topic.name, codec_of(topic).encode

    def stamped(self, view: View, partition: int, body: Any) -> Any:
        """The body with its number, the hash of the record before it, and its partition's shards."""
        chain = view.get(CHAIN) or _BEGINNING
        seq, prev_hash = int.from_bytes(chain[:8], "big") + 1, chain[8:]
        if not isinstance(body, TransactionPosted):
            return replace(body, seq=seq, prev_hash=prev_hash)
        legs = tuple([replace(leg, account_id=sharded(leg.account_id, partition)) for leg in body.legs])
        return replace(body, seq=seq, prev_hash=prev_hash, legs=legs)

    def write(self, view: View, partition: int, key: str, event: Recorded[Any, Any]) -> Output:
        """The record, and the chain up to it."""
        value = self._encode(Message(envelope=event.envelope, body=event.body))
        body = event.body
        digest = sha256(body.prev_hash + len(value).to_bytes(4, "big") + value).digest()
        view.put(CHAIN, body.seq.to_bytes(8, "big") + digest)
        return Output(self._name, key.encode(), value, partition)
