"""How are the records of a journal chained: each hash covers the one before and the record as it is stored."""

from hashlib import sha256
from typing import Final

BEGINNING: Final = bytes(32)
"""What the first record names as the hash before it."""


def link(prev_hash: bytes, value: bytes) -> bytes:
    """SHA-256(prev_hash, length of the value in 4 bytes big endian, value)."""
    return sha256(prev_hash + len(value).to_bytes(4, "big") + value).digest()
