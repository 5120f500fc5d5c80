"""What did merchants see: the lines of their own logs, of answers and of webhooks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from ops.verify.acknowledged import ClientLine
from ops.verify.deliveries import Received
from ops.verify.errors import ClientLogInvalid

L = TypeVar("L", ClientLine, Received)


def read_client_log(path: Path | None) -> Iterator[ClientLine]:
    """The answers in order, none without a log. Raises ClientLogInvalid."""
    return _lines(path, ClientLine)


def read_receipts(path: Path | None) -> Iterator[Received]:
    """The webhooks received, in order, none without a log. Raises ClientLogInvalid."""
    return _lines(path, Received)


def _lines(path: Path | None, kind: type[L]) -> Iterator[L]:
    """The whole lines of a log; a last one without its end is none yet."""
    if path is None:
        return
    decode = msgspec.json.Decoder(kind).decode
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.endswith(b"\n"):
                    yield _line(path, number, line, decode)
    except OSError as error:
        raise ClientLogInvalid(f"{path}: {error.strerror}") from error


def _line(path: Path, number: int, line: bytes, decode: Callable[[bytes], L]) -> L:
    try:
        return decode(line)
    except msgspec.DecodeError as error:
        raise ClientLogInvalid(f"{path}, line {number}: {error}") from error
