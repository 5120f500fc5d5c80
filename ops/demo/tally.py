"""What happened so far: requests, answers, latencies, repeats, declines, surprises."""

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MOST_NAMED: Final = 20
"""Surprises and unsettled payments that are named; the rest are counted."""


class LastSeen(NamedTuple):
    """A payment as the client last saw it."""

    status: str
    version: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one demo, written by whoever drives it.

    latencies_us: by route, of every answer, in microseconds. answers: by HTTP status.
    retries: by what the try before met. payments: by payment id.
    copies_sent: equal requests sent at once beyond the first; copies_absorbed: those that had the same
    result about the same object. misuses_refused: of `misuses_sent`.
    """

    latencies_us: defaultdict[str, "array[int]"] = field(default_factory=lambda: defaultdict(_latencies))
    answers: Counter[int] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    declines: Counter[str] = field(default_factory=Counter)
    payments: dict[str, LastSeen] = field(default_factory=dict)
    surprises: list[str] = field(default_factory=list)
    surprise_count: int = 0
    unsettled: list[str] = field(default_factory=list)
    unsettled_count: int = 0
    replayed: int = 0
    copies_sent: int = 0
    copies_absorbed: int = 0
    misuses_sent: int = 0
    misuses_refused: int = 0
    started: int = 0
    ended: int = 0

    @property
    def requests(self) -> int:
        """Answers received, whatever they said."""
        return self.answers.total()

    def answered(self, route: str, status: int, latency_us: int) -> None:
        """Count one answer."""
        self.answers[status] += 1
        self.latencies_us[route].append(latency_us)

    def surprised(self, what: str) -> None:
        """Note something a scenario did not expect."""
        self.surprise_count += 1
        if len(self.surprises) < MOST_NAMED:
            self.surprises.append(what)

    def left_unsettled(self, what: str) -> None:
        """Note a payment that did not come to rest in time."""
        self.unsettled_count += 1
        if len(self.unsettled) < MOST_NAMED:
            self.unsettled.append(what)

    def saw(self, payment_id: str, status: str, version: int) -> None:
        """Remember a payment as an answer showed it; older versions change nothing."""
        known = self.payments.get(payment_id)
        if known is None or version >= known.version:
            self.payments[payment_id] = LastSeen(status, version)


def _latencies() -> "array[int]":
    return array("Q")
