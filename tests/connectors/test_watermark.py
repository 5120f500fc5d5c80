"""The mark that says what is finished must never pass what is not."""

from itertools import permutations

import pytest

from connectors.watermark import Watermark


@pytest.mark.parametrize("order", list(permutations((10, 11, 14, 15))))
def test_the_mark_never_passes_an_unfinished_record(order: tuple[int, ...]) -> None:
    """A restart begins at the mark; a record above it would be lost."""
    mark = Watermark(10)
    for offset in (10, 11, 14, 15):
        mark.begin(offset)
    finished: set[int] = set()
    for offset in order:
        mark.finish(offset)
        finished.add(offset)
        assert all(one in finished for one in (10, 11, 14, 15) if one < mark.next_offset)
    assert (16, 0) == (mark.next_offset, mark.in_flight)


def test_an_end_is_believed_only_when_nothing_is_in_flight() -> None:
    """The markers of transactions lie behind records that may be unfinished."""
    mark = Watermark(0)
    mark.begin(0)
    mark.skip_to(5)
    assert 0 == mark.next_offset
    mark.finish(0)
    mark.skip_to(5)
    assert 5 == mark.next_offset


def test_offsets_begin_in_order() -> None:
    """A record that begins again below the mark would be handled twice."""
    mark = Watermark(3)
    with pytest.raises(AssertionError, match="below the mark"):
        mark.begin(2)
    mark.begin(4)
    with pytest.raises(AssertionError, match="out of order"):
        mark.begin(4)
