"""What is said of the invariants: passed or not, how much was checked, and the evidence."""

from typing import Final

from msgspec import Struct

MAX_EVIDENCE: Final = 10
"""Lines of evidence of one invariant."""


class Invariant(Struct, frozen=True, kw_only=True):
    """One invariant. checked: how many things were compared. evidence: what is wrong, or what was compared."""

    id: str
    name: str
    passed: bool
    checked: int
    evidence: list[str]


class Report(Struct, frozen=True, kw_only=True):
    """All invariants; `passed` when every one holds."""

    passed: bool
    invariants: list[Invariant]


class Finding:
    """What a judge has found so far of one invariant: a count, the first faults, and remarks that are none."""

    def __init__(self, invariant_id: str, name: str) -> None:
        self._id = invariant_id
        self._name = name
        self._faults: list[str] = []
        self._remarks: list[str] = []
        self.fault_count = 0
        self.checked = 0

    def wrong(self, what: str) -> None:
        """Note a fault; it names the thing, what it is and what it should be."""
        self.fault_count += 1
        if len(self._faults) < MAX_EVIDENCE:
            self._faults.append(what)

    def remark(self, what: str) -> None:
        """Note what a reader should know and what breaks nothing."""
        self._remarks.append(what)

    def add(self, other: "Finding") -> None:
        """Take in what another judge found of the same invariant."""
        self._faults = (self._faults + other._faults)[:MAX_EVIDENCE]
        self._remarks += other._remarks
        self.fault_count += other.fault_count
        self.checked += other.checked

    def invariant(self, compared: str) -> Invariant:
        """The verdict. compared: one sentence that says what was held against what."""
        if self.fault_count == 0:
            evidence = [compared, *self._remarks][:MAX_EVIDENCE]
        elif self.fault_count <= MAX_EVIDENCE:
            evidence = [*self._faults, *self._remarks][:MAX_EVIDENCE]
        else:
            told = MAX_EVIDENCE - 1
            evidence = [*self._faults[:told], f"and {self.fault_count - told} more"]
        return Invariant(
            id=self._id,
            name=self._name,
            passed=self.fault_count == 0,
            checked=self.checked,
            evidence=evidence,
        )


def report_of(invariants: list[Invariant]) -> Report:
    """The report on these invariants, in their order."""
    return Report(passed=all(one.passed for one in invariants), invariants=invariants)
