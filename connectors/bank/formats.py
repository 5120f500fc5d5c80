"""How does each format of settlement file spell its rows? Bytes of one line in, one row out."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, Final

import msgspec

from connectors.bank.model import Refusal, Row, invalid_row, row_of

MAX_LINE_BYTES: Final = 4096
_BOM: Final = b"\xef\xbb\xbf"
_WHOLE_NUMBER: Final = re.compile(r"(0|-?[1-9][0-9]{0,18})\Z", re.ASCII)
_COLUMNS: Final = {
    "header": ("version", "provider", "batch_id", "settled_on", "currency"),
    "line": ("line_id", "provider_ref", "kind", "gross_minor", "fee_minor", "net_minor"),
    "trailer": ("lines", "gross_minor", "fee_minor", "net_minor"),
}
_NUMBERS: Final = frozenset({"version", "lines", "gross_minor", "fee_minor", "net_minor"})

RowReader = Callable[[bytes], Row]

_read_json: Callable[[str], Row] = msgspec.json.Decoder(Row).decode


def rows(file: BinaryIO, suffix: str) -> Iterator[tuple[int, Row]]:
    """The rows of a file with their line numbers, from 1; one line is in memory at a time. Raises Refusal."""
    read = FORMATS[suffix]
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if not line.endswith(b"\n"):
            raise _unfinished(line, number)
        content = line.removesuffix(b"\n").removesuffix(b"\r")
        try:
            yield number, read(content.removeprefix(_BOM) if number == 1 else content)
        except UnicodeDecodeError as error:
            raise Refusal("unreadable", "the line is not UTF-8; save the file as UTF-8", number) from error
        except (msgspec.DecodeError, csv.Error, ValueError) as error:
            raise invalid_row(error, number) from error


def json_row(line: bytes) -> Row:
    """A row as a JSON object. Raises msgspec.DecodeError."""
    return _read_json(line.decode())


def csv_row(line: bytes) -> Row:
    """A row as comma-separated values, its record type first. Raises ValueError, csv.Error, DecodeError."""
    values = next(csv.reader([line.decode()], strict=True), [])
    record, *rest = values or [""]
    columns = _COLUMNS.get(record)
    if columns is None:
        raise ValueError("a line begins with header, line or trailer")
    if len(rest) != len(columns):
        raise ValueError(f"a {record} has the values {', '.join(columns)}; {len(rest)} were found")
    return row_of(
        {"record": record, **{name: _value(name, text) for name, text in zip(columns, rest, strict=True)}}
    )


def _value(name: str, text: str) -> str | int:
    if name not in _NUMBERS:
        return text
    if not _WHOLE_NUMBER.match(text):
        raise ValueError(f"{name} is a whole number of at most 19 digits")
    return int(text)


def _unfinished(line: bytes, number: int) -> Refusal:
    if len(line) > MAX_LINE_BYTES:
        problem = "header_invalid" if number == 1 else "line_invalid"
        return Refusal(problem, f"the line is longer than {MAX_LINE_BYTES} bytes", number)  # type: ignore[arg-type]  # two literals
    return Refusal("truncated", "the last line has no end; deliver the whole file", number)


FORMATS: Final[Mapping[str, RowReader]] = {".jsonl": json_row, ".csv": csv_row}
"""The reader of a line by the suffix of the file's name."""
