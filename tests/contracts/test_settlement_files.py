"""The provider's files, its documentation and our reader agree on one format, though they share no code."""

import io
import re
from pathlib import Path
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from connectors.bank.formats import rows
from connectors.bank.model import Examination, Line
from connectors.psp.simulator.entries import FileFormat, Operation
from connectors.psp.simulator.settlement import Breaks, Occasion, SettlementRequest, planned
from connectors.psp.simulator.settlement_files import rendered
from schemas.bank import FileProblem
from schemas.reconciliation import MatchStatus

PAGE = (Path(schemas.__file__).parent.parent / "docs" / "reference" / "settlement-files.md").read_text()

COUNTS = st.integers(0, 3)
BREAKS = st.builds(Breaks, duplicate=COUNTS, wrong_amount=COUNTS, unknown=COUNTS, omit=COUNTS)
MOVED = st.lists(
    st.tuples(
        st.sampled_from(["sale", "capture", "refund"]),
        st.one_of(st.integers(1, 3), st.integers(1, 10**9)),
        st.sampled_from(["EUR", "JPY", "KWD"]),
    ),
    max_size=12,
)


def lines_of(content: bytes, suffix: str) -> list[Line]:
    examination, lines = Examination(), []
    for number, row in rows(io.BytesIO(content), suffix):
        examination.row(number, row)
        if isinstance(row, Line):
            lines.append(row)
    examination.finish()
    return lines


@given(MOVED, BREAKS, st.sampled_from(get_args(FileFormat)), st.integers(0, 5))
@settings(max_examples=200)
def test_every_file_of_the_provider_is_accepted(
    moved: list[tuple[str, int, str]], breaks: Breaks, form: FileFormat, seed: int
) -> None:
    """Breaks are in what a file says, never in how it says it."""
    pending = [
        Operation(
            provider_ref=f"op_{index}",
            idempotency_key="",
            fingerprint="",
            payment_reference="",
            operation=kind,  # type: ignore[arg-type]  # one of the kinds that move money
            amount_minor=amount_minor,
            currency=currency,
            status="succeeded",
            created_at_ms=0,
        )
        for index, (kind, amount_minor, currency) in enumerate(moved)
    ]
    request = SettlementRequest(format=form, breaks=breaks, seed=seed)
    for batch in planned(pending, request, Occasion(provider="simulator", settled_on="2027-01-15", number=0)):
        read = lines_of(rendered(batch), f".{form}")
        assert [(one.line_id, one.gross_minor, one.fee_minor) for one in batch.lines] == [
            (one.line_id, one.gross_minor, one.fee_minor) for one in read
        ]


def test_the_examples_of_the_documentation_are_accepted() -> None:
    """Whoever writes a first file copies them."""
    found = re.findall(r"```(json|text)\n(.*?)```", PAGE, re.DOTALL)
    assert ["json", "text"] == [name for name, _ in found]
    json_lines, csv_lines = (
        lines_of(content.encode(), suffix)
        for (_, content), suffix in zip(found, (".jsonl", ".csv"), strict=True)
    )
    assert json_lines == csv_lines
    assert 2 == len(json_lines)


def test_every_problem_and_status_is_documented() -> None:
    """A reason an operator cannot look up helps nobody."""
    assert [] == [
        name for name in (*get_args(FileProblem), *get_args(MatchStatus)) if f"| `{name}` |" not in PAGE
    ]
