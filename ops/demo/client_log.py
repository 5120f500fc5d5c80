"""What did merchants see: answers and webhooks, one JSON line each, apart from all the platform says."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import msgspec
from msgspec import Struct


class Seen(Struct, frozen=True, kw_only=True):
    """One answer. at_ms: Unix milliseconds at which it had arrived."""

    request_id: str | None
    method: str
    path: str
    status: int
    idempotency_key: str | None
    object_id: str | None
    version: int | None
    at_ms: int


class ClientLog:
    """Adds what was seen to a file, before the client goes on; to none if there is none."""

    def __init__(self, file: FileIO | None) -> None:
        self._file = file
        self._encode = msgspec.json.Encoder().encode

    def add(self, seen: Struct) -> None:
        """Write one line; it outlives the client."""
        if self._file is not None:
            self._file.write(self._encode(seen) + b"\n")


@contextmanager
def opened(path: Path | None) -> Iterator[ClientLog]:
    """A log that adds to what `path` holds."""
    if path is None:
        yield ClientLog(None)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Unbuffered, so that what the client was told outlives the client.
    with path.open("ab", buffering=0) as file:
        yield ClientLog(file)
