"""What is a seal of the journal: how far each partition had come, signed, each seal naming the one before it."""

import json
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from schemas.envelope import Body, Code, Identifier
from schemas.merkle import root_of

Hash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", max_length=64, extra={"personal": False})]
"""32 bytes in hexadecimal."""
NO_SEAL: Final = "0" * 64
"""What the first seal names as the one before it."""


class SealedPartition(Struct, frozen=True, kw_only=True):
    """One partition of the journal up to a moment.

    size: records so far, the number (seq) of the last one. next_offset: where the next will lie or later.
    head: hash of its last record in the chain. root: of the tree over the values of all its records
    (RFC 6962). frontier: the largest whole subtrees of that tree. consistency: the proof that the tree of
    the seal before is the beginning of it.
    """

    partition: int
    size: int
    next_offset: int
    head: Hash
    root: Hash
    frontier: tuple[Hash, ...]
    consistency: tuple[Hash, ...]


class SealedSum(Struct, frozen=True, kw_only=True):
    """All that was posted and is announced in a currency in a partition, in minor units.

    The sums are decimal digits: over all accounts they may exceed 64 bits.
    """

    partition: int
    currency: Code
    debits_posted: Code
    credits_posted: Code
    debits_pending: Code
    credits_pending: Code


class JournalSealed(Body, frozen=True, kw_only=True):
    """The journal up to a moment. number: 1, 2, ...

    root: of the tree over the partitions, each as its number (4 bytes), size (8 bytes, both big endian),
    head and root. previous: hash of the seal before, zeros for the first. key_id: first 16 digits of the
    SHA-256 of the public key. signature: Ed25519 over what `signed_bytes` gives, 64 bytes in hexadecimal.
    """

    number: int
    sealed_at_ms: int
    partitions: tuple[SealedPartition, ...]
    trial_balance: tuple[SealedSum, ...]
    root: Hash
    previous: Hash
    key_id: Code
    signature: Identifier = ""


def plain(seal: JournalSealed) -> dict[str, object]:
    """A seal as JSON says it, without the name of its schema."""
    found: dict[str, object] = msgspec.to_builtins(seal)
    del found["schema"]
    return found


def line_of(seal: JournalSealed) -> str:
    """A seal as one line: JSON with sorted keys and without spaces, so that every program writes the same."""
    return json.dumps(plain(seal), sort_keys=True, separators=(",", ":"))


def signed_bytes(seal: JournalSealed) -> bytes:
    """What is signed: the line of the seal without its signature."""
    unsigned = plain(seal)
    unsigned["signature"] = ""
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":")).encode()


def seal_hash(seal: JournalSealed) -> str:
    """The hash by which the next seal names this one."""
    return sha256(line_of(seal).encode()).hexdigest()


def partitions_root(partitions: tuple[SealedPartition, ...]) -> str:
    """The root over the partitions, in their order."""
    leaves = [
        one.partition.to_bytes(4, "big")
        + one.size.to_bytes(8, "big")
        + bytes.fromhex(one.head)
        + bytes.fromhex(one.root)
        for one in partitions
    ]
    return root_of(leaves).hex()
