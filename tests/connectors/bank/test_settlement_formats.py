"""Is every settlement file taken whole, with both formats meaning the same, or refused with place and reason?"""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bank.formats import MAX_LINE_BYTES, rows
from connectors.bank.model import Examination, Header, Line, Refusal, Trailer
from tests.connectors.bank.settlement_bytes import (
    LINES,
    batch,
    capture,
    csv,
    header,
    jsonl,
    refund,
    spelled,
)

SUFFIXES = (".jsonl", ".csv")


def read(content: bytes, suffix: str) -> tuple[Header, list[Line], Trailer]:
    examination, lines = Examination(), []
    for number, row in rows(io.BytesIO(content), suffix):
        examination.row(number, row)
        if isinstance(row, Line):
            lines.append(row)
    head, trailer = examination.finish()
    return head, lines, trailer


def refusal(content: bytes, suffix: str) -> Refusal:
    with pytest.raises(Refusal) as refused:
        read(content, suffix)
    return refused.value


@pytest.mark.parametrize(
    "content",
    [
        jsonl(batch()),
        csv(batch()),
        b"\xef\xbb\xbf" + jsonl(batch()),
        b"\xef\xbb\xbf" + csv(batch()),
        jsonl(batch()).replace(b"\n", b"\r\n"),
        csv(batch()).replace(b"\n", b"\r\n"),
        csv(batch()).replace(b"psp_1", b'"psp_1"').replace(b"capture", b'"capture"'),
        jsonl(batch()).replace(b'"psp_1"', rb'"psp\u005f1"'),
    ],
)
def test_both_formats_say_the_same(content: bytes) -> None:
    """Spreadsheets add marks, quotes and line ends of their own; what is said stays."""
    suffix = ".jsonl" if b"{" in content else ".csv"
    assert read(jsonl(batch()), ".jsonl") == read(content, suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_anywhere_is_never_accepted(suffix: str) -> None:
    """Half a transfer must not be taken for a day without business."""
    whole = spelled(batch(), suffix)
    for ending in (b"\n", b"\r\n"):
        content = whole.replace(b"\n", ending)
        read(content, suffix)
        for end in range(len(content)):
            refusal(content[:end], suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_cut_between_lines_is_truncated(suffix: str) -> None:
    """The reason tells the operator to fetch the file again, not to look for a wrong line."""
    content = spelled(batch(), suffix)
    for end in (0, *(index + 1 for index, byte in enumerate(content[:-1]) if byte == 10)):
        assert "truncated" == refusal(content[:end], suffix).problem


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_day_without_business_is_a_file(suffix: str) -> None:
    """Some providers send an empty batch rather than none."""
    _, lines, trailer = read(spelled(batch([]), suffix), suffix)
    assert ([], 0) == (lines, trailer.lines)


# rows, then what is wrong with them, on which line, and a word of the detail
FAULTS: dict[str, tuple[Sequence[dict[str, Any]], str, int | None, str]] = {
    "no header": (batch()[1:], "header_invalid", 1, "header"),
    "only a trailer": (batch([])[1:], "header_invalid", 1, "header"),
    "another version": (batch(version=2), "header_invalid", 1, "version"),
    "no such day": (batch(settled_on="2027-02-30"), "header_invalid", 1, "settled_on"),
    "another form of day": (batch(settled_on="20270115"), "header_invalid", 1, "settled_on"),
    "a provider with a colon": (batch(provider="a:b"), "header_invalid", 1, "provider"),
    "an empty batch id": (batch(batch_id=""), "header_invalid", 1, "batch_id"),
    "an unknown currency": (batch(currency="ZZZ"), "currency_unknown", 1, "ISO 4217"),
    "a currency in small letters": (batch(currency="eur"), "currency_unknown", 1, "ISO 4217"),
    "a second header": ([header(), *batch()], "line_invalid", 2, "header"),
    "another kind": (batch([capture(kind="chargeback")]), "line_invalid", 2, "kind"),
    "a negative capture": (
        batch([capture(gross_minor=-1, fee_minor=0, net_minor=-1)]),
        "line_invalid",
        2,
        "gross_minor",
    ),
    "a positive refund": (
        batch([refund(gross_minor=1, net_minor=1)]),
        "line_invalid",
        2,
        "gross_minor",
    ),
    "nothing captured": (
        batch([capture(gross_minor=0, fee_minor=0, net_minor=0)]),
        "line_invalid",
        2,
        "gross_minor",
    ),
    "a negative fee of a capture": (
        batch([capture(fee_minor=-1, net_minor=1001)]),
        "line_invalid",
        2,
        "fee_minor",
    ),
    "a huge amount": (
        batch([capture(gross_minor=10**12, fee_minor=0, net_minor=10**12)]),
        "line_invalid",
        2,
        "gross_minor",
    ),
    "an amount beyond all integers": (
        batch([capture(gross_minor=10**40, fee_minor=0, net_minor=10**40)]),
        "line_invalid",
        2,
        "",
    ),
    "a total beyond all integers": (batch([], totals={"gross_minor": 10**19}), "line_invalid", 2, ""),
    "a net that does not add up": (
        batch([capture(net_minor=977)]),
        "line_does_not_add_up",
        2,
        "net_minor",
    ),
    "a line id twice": (batch([*LINES, capture(provider_ref="psp_3")]), "line_repeated", 4, "line_id"),
    "an empty reference": (batch([capture(provider_ref="")]), "line_invalid", 2, "provider_ref"),
    "a reference with a space": (batch([capture(provider_ref="a b")]), "line_invalid", 2, "provider_ref"),
    "a reference too long": (batch([capture(provider_ref="r" * 250)]), "line_invalid", 2, "provider_ref"),
    "totals of lines": (batch(totals={"lines": 3}), "totals_differ", 4, "lines"),
    "totals of gross": (batch(totals={"gross_minor": 601}), "totals_differ", 4, "gross_minor"),
    "totals of fees": (batch(totals={"fee_minor": 25}), "totals_differ", 4, "fee_minor"),
    "totals of net": (batch(totals={"net_minor": 577}), "totals_differ", 4, "net_minor"),
    "something after the trailer": ([*batch(), capture()], "line_invalid", 5, "trailer"),
    "a second trailer": ([*batch(), batch()[-1]], "line_invalid", 5, "trailer"),
    "no trailer": (batch()[:-1], "truncated", None, "trailer"),
    "nothing": ([], "truncated", None, "header"),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_place(fault: str, suffix: str) -> None:
    """Whoever delivers the file has to find and mend it."""
    given_rows, problem, number, word = FAULTS[fault]
    refused = refusal(spelled(given_rows, suffix), suffix)
    assert (problem, number) == (refused.problem, refused.line)
    assert word in refused.detail
    assert len(refused.detail) <= 255


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".jsonl", b"1000", b"1000.0"),
        (".jsonl", b"1000", b'"1000"'),
        (".jsonl", b"1000", b"true"),
        (".jsonl", b"1000", b"null"),
        (".jsonl", b"1000", b"1e3"),
        (".jsonl", b'"psp_1"', rb'"psp\u0000"'),
        (".jsonl", b'"psp_1"', rb'"psp\ud800"'),
        (".jsonl", b'"psp_1"', '"pspé"'.encode()),
        (".jsonl", b'"fee_minor": 24', b'"fees_minor": 24'),
        (".jsonl", b'"psp_1"', b'"psp_1", "extra": 1'),
        (".jsonl", b'{"record": "line"', b'{"record": "batch"'),
        (".csv", b"1000", b"1000.0"),
        (".csv", b"1000", b"+1000"),
        (".csv", b"1000", b"01000"),
        (".csv", b"1000", b"1_000"),
        (".csv", b"1000", b" 1000"),
        (".csv", b"1000", b'"1,000"'),
        (".csv", b"1000", "\u0661".encode()),
        (".csv", b"1000", b""),
        (".csv", b"psp_1", b'"psp'),
        (".csv", b"psp_1", b'"psp\n1"'),
        (".csv", b"psp_1", b"psp_1,psp_2"),
        (".csv", b"line,b1-1", b"lines,b1-1"),
        (".csv", b"line,b1-1", b"\nline,b1-1"),
        (".csv", b"psp_1", b"psp\x00"),
    ],
)
def test_a_line_that_means_something_else_is_refused(suffix: str, old: bytes, new: bytes) -> None:
    """What may be read in two ways is not guessed."""
    content = spelled(batch(), suffix)
    assert old in content
    refused = refusal(content.replace(old, new, 1), suffix)
    assert ("line_invalid", 2) == (refused.problem, refused.line)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_bytes_than_utf8_are_unreadable(suffix: str) -> None:
    """A file in another encoding would say other names."""
    refused = refusal(spelled(batch(), suffix).replace(b"psp_2", b"psp\xe9"), suffix)
    assert ("unreadable", 3) == (refused.problem, refused.line)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_line_without_end_is_not_read_into_memory(suffix: str) -> None:
    """A file without line ends must not fill the machine."""
    refused = refusal(b"x" * (MAX_LINE_BYTES + 10), suffix)
    assert ("header_invalid", 1) == (refused.problem, refused.line)


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(st.binary(max_size=200), st.integers(0, 600), st.integers(0, 600))
def test_no_bytes_break_the_reader(suffix: str, junk: bytes, start: int, end: int) -> None:
    """Files come from outside: every one is accepted or refused."""
    content = spelled(batch(), suffix)
    try:
        read(content[:start] + junk + content[end:], suffix)
    except Refusal as error:
        detail = error.detail
    else:
        detail = ""
    assert len(detail) <= 255
    detail.encode()


def test_a_fee_may_be_given_back_with_a_refund() -> None:
    """Some providers return their fee; the amounts still add up."""
    _, lines, _ = read(jsonl(batch([refund(fee_minor=-10, net_minor=-390)])), ".jsonl")
    assert -10 == lines[0].fee_minor
