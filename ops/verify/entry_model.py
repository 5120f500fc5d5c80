"""L3 to L25: does every entry of the journal keep the rules of its kind, record by record?"""

from collections import Counter
from typing import Final, NamedTuple

from ops.verify.report import Finding, Invariant
from schemas.ledger import Leg, PostingRefused, TransactionPosted
from streams.ledger.templates import REVERSAL, TEMPLATES

_NAMES: Final = {
    "L3": "every leg lies where its entry template has a place for it",
    "L12": "what is refused as a used id was decided before",
    "L17": "a refund is set aside before it succeeds, and no more succeeds than is set aside",
    "L20": "a reversal mirrors one posted transaction exactly, and no transaction is reversed twice",
    "L24": "no more of a payment's fees is returned than was charged",
    "L25": "what is frozen for disputes is what networks have pulled, and what inquiries ask about",
}
_PLACES: Final = {
    name: frozenset((leg.code, leg.side, leg.phase) for leg in template.legs)
    for name, template in TEMPLATES.items()
}
_FEES: Final = 4010
_REFUND_CLEARING: Final = 2060
_DISPUTE_HOLD: Final = 2040
_DISPUTE_RECEIVABLE: Final = 1400
_INQUIRIES: Final = {"inquiry_opened": 1, "inquiry_closed": -1}


class _Seen(NamedTuple):
    legs: tuple[Leg, ...]
    is_reversed: bool


class EntryModel:
    """Judges the entries of partitions, each partition from its first record."""

    def __init__(self) -> None:
        self._findings = {number: Finding(number, name) for number, name in _NAMES.items()}
        self._posted: dict[str, _Seen] = {}
        self._refused: set[str] = set()
        self._set_aside: Counter[str] = Counter()
        self._fees: Counter[str] = Counter()

    def posted(self, body: TransactionPosted, place: str) -> None:
        """The next transaction of a partition."""
        for finding in self._findings.values():
            finding.checked += 1
        if body.template == REVERSAL:
            self._reversal(body, place)
        else:
            self._places(body, place)
        self._posted[body.transaction_id] = _Seen(body.legs, False)
        self._refund(body, place)
        self._fee(body, place)
        self._dispute(body, place)

    def refused(self, body: PostingRefused, place: str) -> None:
        """The next refusal of a partition."""
        self._findings["L12"].checked += 1
        is_used = body.transaction_id in self._posted or body.transaction_id in self._refused
        if body.outcome == "posting_id_reused" and not is_used:
            self._findings["L12"].wrong(f"{place}: {body.transaction_id} was never used before")
        self._refused.add(body.transaction_id)

    def join(self, other: "EntryModel") -> None:
        """Take in what was found in other partitions."""
        for number, finding in self._findings.items():
            finding.add(other._findings[number])
        self._posted.update(other._posted)
        self._refused |= other._refused

    def verdicts(self, compared: str) -> list[Invariant]:
        """Every predicate, in the order of its number."""
        return [finding.invariant(compared) for finding in self._findings.values()]

    def _places(self, body: TransactionPosted, place: str) -> None:
        places = _PLACES.get(body.template, frozenset())
        for leg in body.legs:
            if (_code(leg), leg.side, leg.phase) not in places:
                self._wrong("L3", place, f"{body.template} has no {leg.phase} {leg.side} of {leg.account_id}")

    def _reversal(self, body: TransactionPosted, place: str) -> None:
        target = self._posted.get(body.reverses or "")
        if target is None:
            self._wrong("L20", place, f"{body.reverses} is not posted")
            return
        if target.is_reversed:
            self._wrong("L20", place, f"{body.reverses} was reversed before")
        mirrored = Counter(
            (leg.account_id, leg.phase, leg.amount_minor, _other(leg.side)) for leg in target.legs
        )
        if mirrored != Counter((leg.account_id, leg.phase, leg.amount_minor, leg.side) for leg in body.legs):
            self._wrong("L20", place, f"its legs do not mirror those of {body.reverses}")
        assert body.reverses is not None, "a target was found"
        self._posted[body.reverses] = target._replace(is_reversed=True)

    def _refund(self, body: TransactionPosted, place: str) -> None:
        for leg in body.legs:
            if _code(leg) == _REFUND_CLEARING:
                change_minor = leg.amount_minor if leg.side == "credit" else -leg.amount_minor
                self._set_aside[body.operation_id] += change_minor
                if self._set_aside[body.operation_id] < 0:
                    self._wrong("L17", place, f"{body.operation_id} ends more than was set aside for it")

    def _fee(self, body: TransactionPosted, place: str) -> None:
        if body.payment_id is None:
            return
        for leg in body.legs:
            if _code(leg) == _FEES:
                self._fees[body.payment_id] += leg.amount_minor if leg.side == "credit" else -leg.amount_minor
                if self._fees[body.payment_id] < 0:
                    self._wrong(
                        "L24", place, f"{-self._fees[body.payment_id]} more is returned than was charged"
                    )

    def _dispute(self, body: TransactionPosted, place: str) -> None:
        """Both accounts change by the same amount in every transaction, except that inquiries pull nothing."""
        frozen = pulled = 0
        for leg in body.legs:
            if _code(leg) == _DISPUTE_HOLD:
                frozen += leg.amount_minor if leg.side == "credit" else -leg.amount_minor
            elif _code(leg) == _DISPUTE_RECEIVABLE:
                pulled += leg.amount_minor if leg.side == "debit" else -leg.amount_minor
        if body.template in _INQUIRIES:
            frozen -= _INQUIRIES[body.template] * body.amount_minor
        if frozen != pulled:
            self._wrong("L25", place, f"{frozen} is frozen for disputes and {pulled} pulled")

    def _wrong(self, number: str, place: str, what: str) -> None:
        self._findings[number].wrong(f"{place}: {what}")


def _code(leg: Leg) -> int:
    part = leg.account_id.split(".")[1:2]
    return int(part[0]) if part and part[0].isdecimal() else 0


def _other(side: str) -> str:
    return "credit" if side == "debit" else "debit"
