"""P11: has any record been set aside because its bytes are no message?"""

from collections import Counter
from collections.abc import Container
from typing import NamedTuple

from ops.verify.report import Finding, Invariant


class Letter(NamedTuple):
    """A dead letter. source: `topic:partition:offset` of the record it is a copy of."""

    topic: str
    partition: int
    offset: int
    source: str
    reason: str


class Letters:
    """Judges dead letters. expected: sources of records that were broken on purpose."""

    def __init__(self, expected: Container[str] = ()) -> None:
        self._finding = Finding("P11", "no dead letters")
        self._expected = expected
        self._counts: Counter[str] = Counter()

    def topic(self) -> None:
        """A dead-letter topic is read."""
        self._finding.checked += 1

    def letter(self, letter: Letter) -> None:
        """A record of a dead-letter topic."""
        self._counts[letter.topic] += 1
        if letter.source not in self._expected:
            self._finding.wrong(
                f"{letter.topic}:{letter.partition}:{letter.offset} from {letter.source}: {letter.reason}"
            )

    def verdict(self) -> Invariant:
        """What was found."""
        for topic, count in sorted(self._counts.items()):
            self._finding.remark(f"{topic}: {count} dead letters")
        return self._finding.invariant("every dead-letter topic read from its beginning")
