"""How far has a task come: the record that ends every one of its transactions."""

from collections.abc import Mapping
from typing import Final

import msgspec

from streams.engine.digest import Digest
from streams.engine.errors import GuardRefused

POSITIONS_KEY: Final = b"\x00positions"
FORMAT: Final = 1


class PositionsRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Input positions of a task, and what its transaction and its table look like with them.

    transaction: 0 for the record written at provisioning, then one more each commit.
    inputs: next offset by input topic. topic_ids: identity of each input, so that a topic that was
    deleted and made again is noticed. records, checksum: of this transaction's changelog records
    before this one. digest (hexadecimal), rows: of all live rows of the table.
    """

    format: int = FORMAT
    transaction: int
    inputs: Mapping[str, int]
    topic_ids: Mapping[str, str]
    records: int
    checksum: int
    digest: str
    rows: int

    @property
    def table(self) -> Digest:
        """The digest of the live rows."""
        return Digest(int(self.digest, 16), self.rows)


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_decoder: Final = msgspec.json.Decoder(PositionsRecord)


def genesis(inputs: Mapping[str, int], topic_ids: Mapping[str, str]) -> PositionsRecord:
    """The positions of a task that has handled nothing."""
    return PositionsRecord(
        transaction=0, inputs=inputs, topic_ids=topic_ids, records=0, checksum=0, digest="0", rows=0
    )


def following(
    before: PositionsRecord, inputs: Mapping[str, int], *, records: int, checksum: int, table: Digest
) -> PositionsRecord:
    """The positions of the next transaction. Asserts that no input goes backwards."""
    for topic, offset in before.inputs.items():
        assert inputs[topic] >= offset, f"{topic} goes back from {offset} to {inputs[topic]}"
    return PositionsRecord(
        transaction=before.transaction + 1,
        inputs=inputs,
        topic_ids=before.topic_ids,
        records=records,
        checksum=checksum,
        digest=format(table.total, "x"),
        rows=table.rows,
    )


def encode(record: PositionsRecord) -> bytes:
    """The record as it is written to the changelog and to the local copy."""
    return _encoder.encode(record)


def decode(value: bytes) -> PositionsRecord:
    """The record in `value`. Raises GuardRefused when it is none, or of a newer format."""
    try:
        record = _decoder.decode(value)
    except msgspec.DecodeError as error:
        raise GuardRefused(f"a positions record cannot be read: {error}") from error
    if record.format > FORMAT:
        raise GuardRefused(
            f"positions of format {record.format} were written by a newer program; this one knows {FORMAT}"
        )
    return record
