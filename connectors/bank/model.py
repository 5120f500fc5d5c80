"""What is in a settlement file, whatever its format: a header, lines and totals, and what is wrong with one."""

import re
from datetime import date
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from schemas import ids
from schemas.bank import FileProblem
from schemas.money import MoneyError, max_amount_minor, parse_currency
from schemas.reconciliation import MovementKind

MAX_KEY_LENGTH: Final = 255
"""Characters of provider, colon and provider_ref together: the key of a reference."""
MAX_LINES: Final = 1_000_000
"""Lines of one file: their ids are kept while it is read, up to some 150 MB."""
MAX_DETAIL: Final = 200
"""Characters of what a refusal says."""
_TOTAL_LIMIT: Final = 10**18
_SAID: Final = re.compile(r"(value|unknown field) (['`]).*\2")
"""Where a library repeats what it was given."""

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}\Z")]
# Printable ASCII without spaces: what every store, log and spreadsheet shows as it is.
Reference = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+\Z")]
Total = Annotated[int, Meta(ge=-_TOTAL_LIMIT, le=_TOTAL_LIMIT)]


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="header", tag_field="record"):
    """Whose file it is and of which currency and day."""

    version: int
    provider: Name
    batch_id: Reference
    settled_on: str
    currency: str


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="line", tag_field="record"):
    """What is settled of one reference, in minor units of the header's currency."""

    line_id: Reference
    provider_ref: Reference
    kind: MovementKind
    gross_minor: int
    fee_minor: int
    net_minor: int


class Trailer(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="trailer", tag_field="record"
):
    """What the lines add up to; only a whole file has one."""

    lines: Annotated[int, Meta(ge=0)]
    gross_minor: Total
    fee_minor: Total
    net_minor: Total


Row = Header | Line | Trailer


class Refusal(Exception):
    """A file is not taken in. line: number of the first line at fault, from 1; None: the whole file."""

    def __init__(self, problem: FileProblem, detail: str, line: int | None = None) -> None:
        super().__init__(detail)
        self.problem: FileProblem = problem
        self.detail = detail[:MAX_DETAIL]
        self.line = line


def file_id(header: Header) -> str:
    """Id of the batch of a file."""
    return ids.file_id(header.provider, header.batch_id)


class Examination:
    """Reads a file row by row and refuses it at the first fault; `finish` after the last row.

    Keeps every line's id: unique ids are what makes a line told again recognisable.
    """

    def __init__(self) -> None:
        self.header: Header | None = None
        self.trailer: Trailer | None = None
        self._line_ids: set[str] = set()
        self._gross_minor = self._fee_minor = 0
        self._limit_minor = 0

    def row(self, number: int, row: Row) -> None:
        """Take in the row of line `number`, from 1. Raises Refusal."""
        if self.trailer is not None:
            raise Refusal("line_invalid", "nothing may follow the trailer; remove the rest", number)
        match row:
            case Header():
                self._header(number, row)
            case Line():
                self._line(number, row)
            case Trailer():
                self._trailer(number, row)

    def finish(self) -> tuple[Header, Trailer]:
        """Header and totals of a whole file. Raises Refusal where the file ends before its trailer."""
        if self.header is None or self.trailer is None:
            missing = "trailer" if self.header is not None else "header"
            raise Refusal("truncated", f"the file ends before its {missing}; deliver all of it")
        return self.header, self.trailer

    def _header(self, number: int, header: Header) -> None:
        if number != 1:
            raise Refusal("line_invalid", "a second header; one file holds one batch", number)
        if header.version != 1:
            raise Refusal("header_invalid", f"version {header.version} is not known; use version 1", number)
        if not _is_date(header.settled_on):
            raise Refusal(
                "header_invalid",
                "settled_on is no ISO date such as 2027-01-31",
                number,
            )
        try:
            self._limit_minor = max_amount_minor(parse_currency(header.currency))
        except MoneyError as error:
            raise Refusal(
                "currency_unknown",
                "currency is no code of ISO 4217 that we know; write one such as USD",
                number,
            ) from error
        self.header = header

    def _line(self, number: int, line: Line) -> None:
        if self.header is None:
            raise Refusal("header_invalid", "the first line is no header; begin with one", number)
        self._check_reference(number, self.header, line)
        self._check_amounts(number, line)
        self._gross_minor += line.gross_minor
        self._fee_minor += line.fee_minor

    def _check_reference(self, number: int, header: Header, line: Line) -> None:
        if line.line_id in self._line_ids:
            raise Refusal("line_repeated", "line_id was used before; number lines once", number)
        self._line_ids.add(line.line_id)
        if len(self._line_ids) > MAX_LINES:
            raise Refusal("line_invalid", f"more than {MAX_LINES} lines; settle in several batches", number)
        if len(ids.match_key(header.provider, line.provider_ref)) > MAX_KEY_LENGTH:
            limit = MAX_KEY_LENGTH - len(header.provider) - 1
            raise Refusal("line_invalid", f"provider_ref is longer than {limit} characters", number)

    def _check_amounts(self, number: int, line: Line) -> None:
        for name, amount in (("gross_minor", line.gross_minor), ("fee_minor", line.fee_minor)):
            if abs(amount) > self._limit_minor:
                raise Refusal("line_invalid", f"{name} is beyond {self._limit_minor}", number)
        if (line.gross_minor > 0) != (line.kind == "capture") or line.gross_minor == 0:
            sign = "positive" if line.kind == "capture" else "negative"
            raise Refusal(
                "line_invalid", f"gross_minor of a {line.kind} is {sign}, not {line.gross_minor}", number
            )
        if line.kind == "capture" and line.fee_minor < 0:
            raise Refusal(
                "line_invalid", f"fee_minor of a capture is 0 or more, not {line.fee_minor}", number
            )
        if line.net_minor != line.gross_minor - line.fee_minor:
            raise Refusal(
                "line_does_not_add_up",
                f"net_minor should be gross_minor - fee_minor = {line.gross_minor - line.fee_minor}",
                number,
            )

    def _trailer(self, number: int, trailer: Trailer) -> None:
        if self.header is None:
            raise Refusal("header_invalid", "the first line is no header; begin with one", number)
        found = {
            "lines": len(self._line_ids),
            "gross_minor": self._gross_minor,
            "fee_minor": self._fee_minor,
            "net_minor": self._gross_minor - self._fee_minor,
        }
        for name, value in found.items():
            told = getattr(trailer, name)
            if told != value:
                raise Refusal(
                    "totals_differ", f"{name} of the trailer is {told}, the lines amount to {value}", number
                )
        self.trailer = trailer


def invalid_row(error: Exception, number: int) -> Refusal:
    """The refusal of a line that cannot be read as a row.

    What the line says is not repeated: a wrong file may hold anything, a card number too.
    """
    detail = _SAID.sub(r"\1", str(error))
    return Refusal("header_invalid" if number == 1 else "line_invalid", detail, number)


def row_of(fields: dict[str, Any]) -> Row:
    """The row of fields whose numbers are spelled as text. Raises msgspec.ValidationError."""
    row: Row = msgspec.convert(fields, Row, strict=False)
    return row


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
