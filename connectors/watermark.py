"""Up to where is a partition finished when its records finish in any order?"""

from collections import deque


class Watermark:
    """The contiguous part of a partition's finished records; offsets begin in rising order."""

    def __init__(self, start_offset: int) -> None:
        self._begun: deque[int] = deque()
        self._finished: set[int] = set()
        self.next_offset = start_offset
        """Every record below it is finished; safe to commit."""

    @property
    def in_flight(self) -> int:
        """Records begun and not yet behind the mark."""
        return len(self._begun)

    def begin(self, offset: int) -> None:
        """A record is being worked on. Its offset lies above all begun before."""
        assert offset >= self.next_offset, f"offset {offset} lies below the mark {self.next_offset}"
        assert not self._begun or offset > self._begun[-1], f"offset {offset} begins out of order"
        self._begun.append(offset)

    def finish(self, offset: int) -> None:
        """The work of a begun record is durable; moves the mark over every finished one in front."""
        self._finished.add(offset)
        while self._begun and self._begun[0] in self._finished:
            head = self._begun.popleft()
            self._finished.discard(head)
            self.next_offset = head + 1

    def skip_to(self, next_offset: int) -> None:
        """No record lies below next_offset that has not begun, such as behind a transaction's marker."""
        if not self._begun:
            self.next_offset = max(self.next_offset, next_offset)
