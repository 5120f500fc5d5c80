"""What should entries come to? A model of one book that knows neither templates nor rows, only this table.

A line: what happens, then each account with + for debit and - for credit, and the amount where it is not the
whole. It is written down once more on purpose, as an accountant reads the entries.
"""

from collections import Counter
from typing import NamedTuple

LINES = """
psp_cost +5010 -1100
dispute_opened +2020:there +1300:lacking -2040 +1400 -1100 +2020:fee_there +1300:fee_lacking -4020:fee +5020:cost -1100:cost
dispute_won +2040:begun +1100 -1400:begun +4020:fee -1300:repaid -5030:recovered -2020:rest
dispute_won_late +1100 +4020:fee -1300:repaid -5030:recovered -2020:rest
dispute_lost +2040 -1400
inquiry_opened +2020:there +1300:lacking -2040
inquiry_escalated +1400 -1100 +2020:fee_there +1300:fee_lacking -4020:fee +5020:cost -1100:cost
inquiry_closed +2040 -1300:repaid -5030:recovered -2020:rest
payout_reserved +2020 -2050 +2020:fee -4030:fee
payout_paid +2050 -1020
payout_failed +2050 +4030:begun_fee -1300:repaid -2020:rest
payout_paid_late +2020:there +1300:lacking -1020 +2020:fee_there +1300:fee_lacking -4030:begun_fee
payout_returned +1020 -1300:repaid -5030:recovered -2020:rest +5040:charge -1020:charge
debt_recovered +2020 -1300
written_off +5030 -1300
fee_credited +4010 -1300:repaid -2020:rest
fee_debited +2020:there +1300:lacking -4010
invoice_issued +9030 -9031
invoice_closed +9031 -9030
plan_charged +2020:there +1300:lacking -4060
plan_prepaid +2020:there +1300:lacking -2600
plan_earned +2600 -4060
settlement_in +1110:net +5010:fee +1120:withheld -1100:net -1100:fee -1100:withheld
settlement_out +1100:gross +5010:fee -1110:gross -1110:fee
provider_reserve_returned +1110 -1120
split_received +1700 -1300:repaid -2020:rest
"""
TABLE = {line.split()[0]: line.split()[1:] for line in LINES.strip().splitlines()}
STATED = {
    **dict.fromkeys(("dispute_won", "dispute_won_late", "payout_reserved"), ("amount", "fee")),
    **dict.fromkeys(("dispute_opened", "inquiry_escalated"), ("amount", "fee", "cost")),
    "payout_returned": ("amount", "charge"),
    "settlement_in": ("net", "fee", "withheld"),
    "settlement_out": ("gross", "fee"),
}
FIRST = {"dispute_opened", "inquiry_opened", "payout_reserved", "invoice_issued", "plan_prepaid"}
AFTER = {
    "dispute_won": ("dispute_opened", "inquiry_escalated"),
    "dispute_lost": ("dispute_opened", "inquiry_escalated"),
    "dispute_won_late": ("dispute_lost", "dispute_won", "dispute_won_late"),
    "inquiry_escalated": ("inquiry_opened",),
    "inquiry_closed": ("inquiry_opened",),
    "payout_paid": ("payout_reserved",),
    "payout_failed": ("payout_reserved",),
    "payout_paid_late": ("payout_failed",),
    "payout_returned": ("payout_paid", "payout_paid_late"),
    "invoice_closed": ("invoice_issued",),
    "plan_earned": ("plan_prepaid", "plan_earned"),
}
OPENED_AGAIN_AFTER = {"inquiry_closed", "dispute_won", "dispute_won_late"}
ANY_ENOUGH = {"settlement_in", "settlement_out"}
NEVER_DEBIT, NEVER_CREDIT = {2010, 2020, 2030, 2040, 2050, 2060}, {1300}


class Told(NamedTuple):
    """One entry, in the words of the test. turn: which of that kind about the thing it is."""

    word: str
    thing: str
    turn: int
    amounts: tuple[tuple[str, int], ...]


class Oracle:
    """One book. sums: debits less credits by account. things: last word, what is left, whole, fee, what was lent."""

    def __init__(self) -> None:
        self.sums: Counter[int] = Counter()
        self.seen: dict[tuple[str, str, int], Told] = {}
        self.reused: set[Told] = set()
        self.things: dict[str, tuple[str, int, int, int, int]] = {}

    def tell(self, told: Told) -> str:
        """An outcome, or "posted"; a repeat says nothing."""
        first = self.seen.setdefault((told.word, told.thing, told.turn), told)
        if (first == told and first is not told) or told in self.reused:
            return ""
        if first != told:
            self.reused.add(told)
            return "posting_id_reused"
        amounts = dict(told.amounts)
        whole = amounts[STATED.get(told.word, ("amount",))[0]]
        is_enough = any(amounts.values()) if told.word in ANY_ENOUGH else whole
        if not is_enough or min(amounts.values()) < 0:
            return "amount_not_positive"
        if not self._is_its_turn(told, whole, amounts):
            return "unexpected_state"
        after = self._after(told, whole, amounts)
        if any(after[code] > 0 for code in NEVER_DEBIT) or any(after[code] < 0 for code in NEVER_CREDIT):
            return "balance_insufficient"
        self._remember(told, whole, amounts, after[1300] - self.sums[1300])
        self.sums = after
        return "posted"

    def _is_its_turn(self, told: Told, whole: int, amounts: dict[str, int]) -> bool:
        status, left, begun, begun_fee, _ = self.things.get(told.thing, ("", 0, 0, 0, 0))
        if told.word in FIRST:
            return not status or ("opened" in told.word and status in OPENED_AGAIN_AFTER)
        if told.word not in AFTER:
            return True
        is_won = told.word.startswith("dispute_won")
        if status not in AFTER[told.word] or (is_won and amounts.get("fee", 0) > begun_fee):
            return False
        return whole <= left if is_won or told.word == "plan_earned" else whole == begun

    def _after(self, told: Told, whole: int, amounts: dict[str, int]) -> Counter[int]:
        _, _, begun, begun_fee, lent = self.things.get(told.thing, ("", 0, 0, 0, 0))
        fee = begun_fee if told.word in ("payout_failed", "payout_paid_late") else amounts.get("fee", 0)
        there = 0 if told.word == "inquiry_escalated" else min(whole, -self.sums[2020])
        back, fee_there = whole + fee, min(fee, -self.sums[2020] - there)
        repaid = min(back, self.sums[1300])
        recovered = min(back - repaid, lent, self.sums[5030])
        parts = {
            "amount": whole,
            "there": there,
            "lacking": whole - there,
            "fee_there": fee_there,
            "fee_lacking": fee - fee_there,
            "repaid": repaid,
            "recovered": recovered,
            "rest": back - repaid - recovered,
            "begun": begun,
            "begun_fee": begun_fee,
            **amounts,
        }
        after = Counter(self.sums)
        for token in TABLE[told.word]:
            code, _, name = token[1:].partition(":")
            amount = parts.get(name or "amount", 0)
            after[int(code)] += amount if token[0] == "+" else -amount
        return after

    def _remember(self, told: Told, whole: int, amounts: dict[str, int], lent: int) -> None:
        if told.word in FIRST:
            self.things[told.thing] = (told.word, whole, whole, amounts.get("fee", 0), lent)
        elif told.word in AFTER:
            _, left, begun, fee, lent_before = self.things[told.thing]
            fee = (0 if "won" in told.word else amounts["fee"]) if amounts.get("fee") else fee
            left -= 0 if told.word in ("dispute_lost", "inquiry_escalated") else whole
            self.things[told.thing] = (told.word, left, begun, fee, lent_before + max(lent, 0))
