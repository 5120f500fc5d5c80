"""Which result follows from a movement, its line and time, in whatever order they come."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from streams.reconciliation.state import MAX_REMEMBERED
from streams.reconciliation.testing import EXPECTED_WINDOW_MS, LINE_WINDOW_MS, Story, line, movement

Word = Callable[[Story], Story]


def tell(body: Any) -> Word:
    return lambda story: story.tell(body)


def wait(duration_ms: int) -> Word:
    return lambda story: story.wait(duration_ms)


REFUND = movement(400, kind="refund", operation_id="ref_1")
REFUND_LINE = line(-400, 0, kind="refund")
OTHER = movement(operation_id="cap_2")
LATE, LATE_LINE = wait(EXPECTED_WINDOW_MS), wait(LINE_WINDOW_MS)

# given these messages, when this one comes, then these events follow and the reference stands so
CASES: dict[str, tuple[Sequence[Word], Word, Sequence[str], str]] = {
    "a movement first": ([], tell(movement()), ["MovementExpected"], "expected"),
    "a line first": ([], tell(line()), ["LineFound"], "unexpected"),
    "its line": ([tell(movement())], tell(line()), ["LineMatched"], "matched"),
    "its movement": ([tell(line())], tell(movement()), ["LineMatched"], "matched"),
    "a refund's line is negative": ([tell(REFUND)], tell(REFUND_LINE), ["LineMatched"], "matched"),
    "a refund settled as paid out to us": (
        [tell(REFUND)],
        tell(line(400, kind="refund")),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "another amount": ([tell(movement())], tell(line(999)), ["AmountMismatched"], "amount_mismatch"),
    "another amount, line first": (
        [tell(line(999))],
        tell(movement()),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "another currency": (
        [tell(movement())],
        tell(line(currency="EUR")),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "another kind": (
        [tell(movement())],
        tell(line(-1000, kind="refund")),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "not yet late": ([tell(movement())], wait(EXPECTED_WINDOW_MS - 1), [], "expected"),
    "no line in time": ([tell(movement())], LATE, ["ExternalMissing"], "missing_external"),
    "late once": ([tell(movement()), LATE], LATE, [], "missing_external"),
    "no movement in time": ([tell(line())], LATE_LINE, ["InternalMissing"], "missing_internal"),
    "a late line": ([tell(movement()), LATE], tell(line()), ["LineMatched"], "matched"),
    "a late line of another amount": (
        [tell(movement()), LATE],
        tell(line(1)),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "a late movement": ([tell(line()), LATE_LINE], tell(movement()), ["LineMatched"], "matched"),
    "a matched one is never late": ([tell(movement()), tell(line())], LATE, [], "matched"),
    "the line again": ([tell(movement()), tell(line())], tell(line()), [], "matched"),
    "the line again, alone": ([tell(line())], tell(line()), [], "unexpected"),
    "the movement again": ([tell(movement())], tell(movement()), [], "expected"),
    "the movement again, settled": ([tell(movement()), tell(line())], tell(movement()), [], "matched"),
    "the movement again, late": ([tell(movement()), LATE], tell(movement()), [], "missing_external"),
    "restated right": ([tell(movement()), tell(line(999))], tell(line()), ["LineMatched"], "matched"),
    "restated wrong": (
        [tell(movement()), tell(line())],
        tell(line(999)),
        ["AmountMismatched"],
        "amount_mismatch",
    ),
    "restated with another fee": (
        [tell(movement()), tell(line())],
        tell(line(1000, 25)),
        ["LineMatched"],
        "matched",
    ),
    "restated, still alone": ([tell(line())], tell(line(999)), ["LineFound"], "unexpected"),
    "restated after its time": (
        [tell(line()), LATE_LINE],
        tell(line(999)),
        ["LineFound"],
        "unexpected",
    ),
    "another line": (
        [tell(movement()), tell(line())],
        tell(line(line_id="l2")),
        ["LineDuplicated"],
        "matched",
    ),
    "the same number in another batch": (
        [tell(movement()), tell(line())],
        tell(line(file_id="stl_2")),
        ["LineDuplicated"],
        "matched",
    ),
    "a known duplicate again": (
        [tell(movement()), tell(line()), tell(line(line_id="l2"))],
        tell(line(line_id="l2")),
        [],
        "matched",
    ),
    "a duplicate restated": (
        [tell(movement()), tell(line()), tell(line(line_id="l2"))],
        tell(line(999, line_id="l2")),
        ["LineDuplicated"],
        "matched",
    ),
    "another line of nothing we know": (
        [tell(line())],
        tell(line(line_id="l2")),
        ["LineDuplicated"],
        "unexpected",
    ),
    "the movement corrected": (
        [tell(movement(999))],
        tell(movement()),
        ["MovementExpected"],
        "expected",
    ),
    "corrected, settled": (
        [tell(movement(999)), tell(line())],
        tell(movement()),
        ["LineMatched"],
        "matched",
    ),
    "corrected after its time": (
        [tell(movement(999)), LATE],
        tell(movement()),
        ["MovementExpected"],
        "expected",
    ),
    "two operations, one reference": (
        [tell(movement())],
        tell(OTHER),
        ["ExternalMissing"],
        "missing_external",
    ),
    "two operations, settled": (
        [tell(movement()), tell(line())],
        tell(OTHER),
        ["ExternalMissing"],
        "missing_external",
    ),
    "two operations, told again": (
        [tell(movement()), tell(OTHER)],
        tell(OTHER),
        [],
        "missing_external",
    ),
    "two operations, the first again": (
        [tell(movement()), tell(OTHER)],
        tell(movement()),
        [],
        "missing_external",
    ),
    "two operations stay a break": (
        [tell(movement()), tell(OTHER)],
        tell(line()),
        ["LineMatched"],
        "missing_external",
    ),
    "two operations, the first late": (
        [tell(movement()), tell(OTHER)],
        LATE,
        ["ExternalMissing"],
        "missing_external",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_follows(case: str) -> None:
    """Every order of movement, line and deadline has one documented result."""
    given, when, then, status = CASES[case]
    story = Story()
    for word in given:
        word(story)
    when(story)
    assert then == story.names()
    assert status == story.shown.status


def test_the_snapshot_tells_both_sides() -> None:
    """Data teams read results from the snapshot alone."""
    shown = Story().tell(movement()).tell(line(999)).tell(line(line_id="l2")).shown
    assert (1000, "USD", "cap_1", "pay_1") == (
        shown.expected_minor,
        shown.expected_currency,
        shown.operation_id,
        shown.payment_id,
    )
    assert (999, "USD", "l1", "stl_1", 24) == (
        shown.settled_minor,
        shown.settled_currency,
        shown.line_id,
        shown.file_id,
        shown.fee_minor,
    )
    assert (1, 3) == (shown.duplicates, shown.version)


def test_the_snapshot_names_the_movement_nobody_can_settle() -> None:
    """A second operation under one reference must be found by its own id."""
    shown = Story().tell(movement()).tell(line()).tell(OTHER).shown
    assert ("cap_2", "missing_external", "l1") == (shown.operation_id, shown.status, shown.line_id)


def test_a_restated_line_does_not_wait_longer() -> None:
    """A provider that restates again and again must not keep a break from being seen."""
    story = Story().tell(line())
    for gross_minor in range(1, 4):
        story.wait(LINE_WINDOW_MS // 4).tell(line(gross_minor))
    assert ["InternalMissing"] == story.wait(LINE_WINDOW_MS // 4).names()


def test_what_is_remembered_is_bounded() -> None:
    """A provider that settles one reference for ever must not grow the state for ever."""
    story = Story().tell(movement()).tell(line())
    for number in range(2 * MAX_REMEMBERED):
        story.tell(line(line_id=f"more-{number}"))
        story.tell(movement(operation_id=f"more-{number}"))
    assert story.shown.duplicates == MAX_REMEMBERED
    assert story.history.state is not None
    assert len(story.history.state.contenders) == MAX_REMEMBERED
    assert [] == story.tell(line(line_id="one more")).names()
