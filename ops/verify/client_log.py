"""Which answers did a client see: the lines of its own log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ops.verify.acknowledged import ClientLine
from ops.verify.errors import ClientLogInvalid

_decode: Final = msgspec.json.Decoder(ClientLine).decode


def read_client_log(path: Path) -> Iterator[ClientLine]:
    """The answers in order. A last line without its end is none yet. Raises ClientLogInvalid."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.endswith(b"\n"):
                    yield _line(path, number, line)
    except OSError as error:
        raise ClientLogInvalid(f"{path}: {error.strerror}") from error


def _line(path: Path, number: int, line: bytes) -> ClientLine:
    try:
        return _decode(line)
    except msgspec.DecodeError as error:
        raise ClientLogInvalid(f"{path}, line {number}: {error}") from error
