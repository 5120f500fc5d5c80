"""P14: does a card number or a secret key stand where it must not: in any topic, in any table?"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ops.verify.log import LogRecord
from ops.verify.report import Finding, Invariant
from schemas import topics
from schemas.codec import CodecError, codec_of

# Card numbers begin with 2 to 6; a number that begins with 1 is a time in milliseconds. Digits inside
# a longer word are part of an id. Groups as they are printed on cards count as well.
CARD: Final = (
    r"(?<![0-9A-Za-z])"
    r"(?:[2-6][0-9]{12,18}|[2-6][0-9]{3}(?:[ -][0-9]{4}){2}[ -][0-9]{1,7}|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})"
    r"(?![0-9A-Za-z])"
)

CANDIDATE: Final = "[2-6][0-9]{3}([0-9]{9}|[ -][0-9]{4}[ -]|[ -][0-9]{6}[ -])"
"""What every such number contains; cheap to search for, and rare in what is none."""

_CANDIDATE_IN_BYTES: Final = re.compile(CANDIDATE.encode())
_CARD_IN_TEXT: Final = re.compile(CARD)
_TEST_KEY: Final = b"sk_test_"
_LIVE_KEY: Final = b"sk_live_"


class Confidential:
    """Judges the values of all topics and the texts of all tables."""

    def __init__(self) -> None:
        self._finding = Finding("P14", "no card number and no secret key at rest")
        self._tables: list[str] = []

    def record(self, record: LogRecord) -> None:
        """A record of any topic."""
        self._finding.checked += 1
        value = record.value
        if value is None:
            return
        if _TEST_KEY in value or _LIVE_KEY in value:
            self._finding.wrong(f"{record.place}: a secret key")
        if _CANDIDATE_IN_BYTES.search(value) is not None:
            # Looked at closely text by text: a number field is no text, and in Avro nothing parts two texts.
            for text in _texts(_decoded(record.topic, value)):
                self._text(record.place, text)

    def row(self, place: str, values: tuple[Any, ...]) -> None:
        """The texts and JSON documents of a row that may hold something."""
        for text in _texts(values):
            if _TEST_KEY.decode() in text or _LIVE_KEY.decode() in text:
                self._finding.wrong(f"{place}: a secret key")
            self._text(place, text)

    def table(self, name: str, rows: int) -> None:
        """All texts of a table have been searched."""
        self._finding.checked += rows
        self._tables.append(name)

    def join(self, other: "Confidential") -> None:
        """Take in what was found elsewhere."""
        self._finding.add(other._finding)
        self._tables += other._tables

    def verdict(self) -> Invariant:
        """What was found; what was found is not repeated here."""
        return self._finding.invariant(
            f"card numbers (13 to 19 digits, Luhn) and secret keys searched in every topic and in {', '.join(self._tables) or 'no table'}"
        )

    def _text(self, place: str, text: str) -> None:
        for found in _CARD_IN_TEXT.finditer(text):
            digits = re.sub("[ -]", "", found[0])
            if 13 <= len(digits) <= 19 and passes_luhn(digits):
                self._finding.wrong(f"{place}: a card number ending {digits[-4:]}")


def passes_luhn(digits: str) -> bool:
    """True when the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (doubled + sum(map(int, digits[::-2]))) % 10 == 0


def _decoded(topic: str, value: bytes) -> Any:
    known = topics.BY_NAME.get(topic)
    try:
        if known is not None and known.encoding == "avro":
            return msgspec.to_builtins(codec_of(known).decode(value))
        return msgspec.json.decode(value)
    except (CodecError, msgspec.DecodeError, UnicodeDecodeError):
        return value.decode(errors="replace")


def _texts(value: Any) -> Iterator[str]:
    """Every text in a plain value, names of members included."""
    match value:
        case str():
            yield value
        case dict():
            for name, member in value.items():
                yield from _texts(name)
                yield from _texts(member)
        case list() | tuple():
            for member in value:
                yield from _texts(member)
