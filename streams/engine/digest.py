"""Which rows does a table hold, in one number that can be kept up to date row by row."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

_MODULUS = 1 << 128
INTERNAL = b"\x00"
"""Rows under this prefix are the engine's own; they are not part of the table."""


class Digest(NamedTuple):
    """The sum of the hashes of all live rows (modulo 2^128) and how many there are."""

    total: int = 0
    rows: int = 0

    def replaced(self, key: bytes, old: bytes | None, new: bytes | None) -> "Digest":
        """The digest after the row `key` went from `old` to `new` (None: no row)."""
        return self.after([(key, new)], {key: old})

    def after(
        self, changes: Iterable[tuple[bytes, bytes | None]], before: Mapping[bytes, bytes | None]
    ) -> "Digest":
        """The digest after these rows were written. before: what each of them was (None: no row)."""
        total, rows = self
        for key, new in changes:
            old = before[key]
            if old is not None:
                total, rows = total - row_hash(key, old), rows - 1
            if new is not None:
                total, rows = total + row_hash(key, new), rows + 1
        return Digest(total % _MODULUS, rows)


def digest_of(rows: Iterable[tuple[bytes, bytes]]) -> Digest:
    """The digest of a whole table; the engine's own rows are left out."""
    total = count = 0
    for key, value in rows:
        if key[:1] != INTERNAL:
            total += row_hash(key, value)
            count += 1
    return Digest(total % _MODULUS, count)


def row_hash(key: bytes, value: bytes) -> int:
    """128 bits of SHA-256 over the length-prefixed key and the value."""
    return int.from_bytes(sha256(b"%d:%b%b" % (len(key), key, value)).digest()[:16], "big")


def checksum(seed: int, key: bytes, value: bytes | None) -> int:
    """CRC-32 over the changelog records of a transaction in order; `seed` is that of the record before."""
    if value is None:
        return crc32(b"\x00", crc32(key, seed))
    return crc32(value, crc32(key, seed))
