"""What may be posted by entry template, with which amounts, after what, and what follows in another book?

One line to an entry: its template, the amounts its sender states, and the rule by which the ledger
works out the rest. Whatever would take more than there is from an account with a limit is refused.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from schemas.outcomes import Outcome
from streams.ledger import refunds
from streams.ledger.chart import MERCHANT_AVAILABLE
from streams.ledger.posting import Case, Parts, called, freed, sources, up_to
from streams.ledger.rows import Item
from streams.ledger.templates import merchants, payments, transfers, treasury
from streams.ledger.templates.form import Template

Amounts = Mapping[str, int]
Rule = Callable[[Case, Amounts, Item | None], Amounts | Outcome]
"""The amounts of a template, from those stated and the item it is about."""


class Entry(NamedTuple):
    """How one template is used.

    given: the amounts the sender states; the first is above zero and that of the whole, the others may
    be zero or left out. begins: an item, which must not have begun, or have come to what it follows.
    follows: what its item must have come to before. is_sale: a merchant earned it: deducted from, and available at its day.
    is_answered: it is decided, not recorded: its sender is told. is_reversible: nothing else hangs on it.
    is_any_enough: the first amount may be zero where another is not. is_of_payment: it names one, as every sale
    does; is_of_no_payment: it names none. ends_nothing: what its item is about may come back whole still.
    is_by_hand: an operator may state it with another's approval, though it is not reversible.
    is_unstoppable: a closed account takes it too. sends: what the other book is told to post;
    comes_back: what this book's sender is told if this book refuses it.
    """

    template: Template
    given: tuple[str, ...] = ("amount",)
    rule: Rule | None = None
    begins: bool = False
    follows: tuple[str, ...] = ()
    is_sale: bool = False
    is_answered: bool = False
    is_reversible: bool = False
    is_any_enough: bool = False
    is_of_payment: bool = False
    is_of_no_payment: bool = False
    ends_nothing: bool = False
    is_by_hand: bool = False
    is_unstoppable: bool = False
    sends: str | None = None
    comes_back: str | None = None

    @property
    def is_fact(self) -> bool:
        """Whether it happened outside, so that a closed account takes it too."""
        return not self.is_answered and bool(self.begins or self.follows)


def _in_turn(*rules: Rule) -> Rule:
    """Amounts by one rule after another, until one has something against them."""

    def apply(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
        amounts: Amounts | Outcome = given
        for rule in rules:
            if not isinstance(amounts, Outcome):
                amounts = rule(case, amounts, item)
        return amounts

    return apply


def _as_begun(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """The whole amount of the item, as it was begun."""
    assert item is not None, "what follows has begun"
    return given if given["amount"] == item.amount_minor else Outcome.UNEXPECTED_STATE


def _what_is_left(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """A part of what is left of the item."""
    assert item is not None, "what follows has begun"
    return given if given["amount"] <= item.left_minor else Outcome.UNEXPECTED_STATE


def _charged(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """From the available balance, and what is missing is owed."""
    available, owed = up_to(case.free_minor(MERCHANT_AVAILABLE), given["amount"])
    return {**given, "available": available, "owed": owed}


def _disputed(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """The amount first, then the fee, from the available balance; what is missing is owed."""
    free_minor = case.free_minor(MERCHANT_AVAILABLE)
    available, owed = up_to(free_minor, given["amount"])
    fee_available, fee_owed = up_to(free_minor - available, given.get("fee", 0))
    return {
        **given,
        "available": available,
        "owed": owed,
        "fee_available": fee_available,
        "fee_owed": fee_owed,
    }


def _fee_charged(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """The fee, from the available balance; the amount is frozen already."""
    available, owed = up_to(case.free_minor(MERCHANT_AVAILABLE), given.get("fee", 0))
    return {**given, "fee_available": available, "fee_owed": owed}


def _freed(case: Case, given: Amounts, item: Item | None = None) -> Amounts:
    """A debt is repaid first, then what of the item was lent and written off; the amount, and then the fee."""
    lent_minor = 0
    if item is not None:
        lent_minor = item.amounts.get("owed", 0) + item.amounts.get("fee_owed", 0) - item.made_up_minor
    debt_minor, lost_minor = case.debt_minor, min(max(lent_minor, 0), case.written_off_minor)
    parts = freed(debt_minor, lost_minor, given["amount"])
    fee = freed(debt_minor - parts.repaid, lost_minor - parts.loss_recovered, given.get("fee", 0))
    return {**given, **parts._asdict(), **called("fee", fee)}


def _repaying(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """A debt is repaid first."""
    return _freed(case, given)


def _won(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """What is left of the item, or a part, and the rest is lost; of the fee at most what was charged goes back, once."""
    assert item is not None, "what follows has begun"
    lost_minor, fee_minor = item.left_minor - given["amount"], given.get("fee", 0)
    has_gone_back = any(item.amounts.get(f"fee_{name}") for name in Parts._fields)
    if lost_minor < 0 or fee_minor > (0 if has_gone_back else item.amounts.get("fee", 0)):
        return Outcome.UNEXPECTED_STATE
    return {**_freed(case, given, item), "lost": lost_minor}


def _same_exchange(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """The amounts of the refund in both currencies, back to where it had taken them."""
    assert item is not None, "what follows has begun"
    is_same = given["presented"] == item.amounts["presented"]
    return _came_back(case, given, item) if is_same else Outcome.UNEXPECTED_STATE


def _with_fee(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """The fee that was charged with it, too."""
    assert item is not None, "what follows has begun"
    return {**given, "fee": item.amounts.get("fee", 0)}


def _from_hold(case: Case, given: Amounts, item: Item | None) -> Amounts:
    """What was held of it, in the currency the customer pays, is announced no longer."""
    other_currency = getattr(case.command, "other_currency", None) or ""
    held_minor = case.payment.held_minor(case.names.provider, case.command.operation_id, other_currency)
    return {**given, "from_hold": min(given["presented"], held_minor)}


def _given_back(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """From where a refund takes it, and what of the fee goes back."""
    amounts = refunds.entered(case, given["amount"])
    return amounts if isinstance(amounts, Outcome) else {**given, **amounts}


def _came_back(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """To where a refund had taken it, and the fee is charged again."""
    amounts = refunds.undone(case, given["amount"])
    return amounts if isinstance(amounts, Outcome) else {**given, **amounts}


def _within_limits(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """At most what of the payment has not gone back, and nothing is lent."""
    if given["amount"] > case.payment.refundable_minor:
        return Outcome.AMOUNT_EXCEEDS_REFUNDABLE
    return Outcome.BALANCE_INSUFFICIENT if sources(case, given["amount"]).owed_minor else given


def _from_reserve(case: Case, given: Amounts, item: Item | None) -> Amounts | Outcome:
    """At most what the payment's sales still have in the rolling reserve."""
    reserve_minor = sum([lot.reserve_minor for lot in case.payment.lots])
    return given if given["amount"] <= reserve_minor else Outcome.BALANCE_INSUFFICIENT


_PULLED: Final = ("dispute_opened", "inquiry_escalated")
_WON: Final = ("dispute_won", "dispute_won_late")
_ENDED: Final = ("inquiry_closed", *_WON)
"""After what a network may ask, or pull an amount, under the same id once more."""
_M, _P, _R, _T = merchants, payments, treasury, transfers
ENTRIES: Final[Mapping[str, Entry]] = {
    entry.template.name: entry
    for entry in (
        Entry(_P.PSP_COST, is_reversible=True),
        Entry(_M.DISPUTE_OPENED, ("amount", "fee", "cost"), _disputed, begins=True, follows=_ENDED),
        Entry(_M.DISPUTE_WON, ("amount", "fee"), _won, follows=_PULLED),
        Entry(_M.DISPUTE_LOST, rule=_as_begun, follows=_PULLED, ends_nothing=True),
        Entry(_M.DISPUTE_WON_LATE, ("amount", "fee"), _won, follows=("dispute_lost", *_WON)),
        Entry(_M.INQUIRY_OPENED, rule=_charged, begins=True, follows=_ENDED),
        Entry(
            _M.INQUIRY_ESCALATED,
            ("amount", "fee", "cost"),
            _in_turn(_as_begun, _fee_charged),
            follows=("inquiry_opened",),
            ends_nothing=True,
        ),
        Entry(_M.INQUIRY_CLOSED, rule=_in_turn(_as_begun, _freed), follows=("inquiry_opened",)),
        Entry(_M.PAYOUT_RESERVED, ("amount", "fee"), begins=True, is_answered=True),
        Entry(_M.PAYOUT_PAID, rule=_as_begun, follows=("payout_reserved",)),
        Entry(_M.PAYOUT_FAILED, rule=_in_turn(_as_begun, _with_fee, _repaying), follows=("payout_reserved",)),
        Entry(
            _M.PAYOUT_PAID_LATE, rule=_in_turn(_as_begun, _with_fee, _disputed), follows=("payout_failed",)
        ),
        Entry(
            _M.PAYOUT_RETURNED,
            ("amount", "charge"),
            _in_turn(_as_begun, _freed),
            follows=("payout_paid", "payout_paid_late"),
        ),
        Entry(_M.RESERVE_APPLIED, rule=_from_reserve, is_by_hand=True, is_of_payment=True),
        Entry(_M.DEBT_RECOVERED, is_reversible=True),
        Entry(_M.WRITTEN_OFF, is_reversible=True),
        Entry(_M.FEE_CREDITED, rule=_repaying, is_reversible=True, is_of_no_payment=True),
        Entry(_M.FEE_DEBITED, rule=_charged, is_reversible=True, is_of_no_payment=True),
        Entry(_M.INVOICE_ISSUED, begins=True),
        Entry(_M.INVOICE_CLOSED, rule=_as_begun, follows=("invoice_issued",)),
        Entry(_M.PLAN_CHARGED, rule=_charged, is_reversible=True),
        Entry(_M.PLAN_PREPAID, rule=_charged, begins=True),
        Entry(_M.PLAN_EARNED, rule=_what_is_left, follows=("plan_prepaid", "plan_earned")),
        Entry(_R.SETTLEMENT_IN, ("net", "fee", "withheld"), is_reversible=True, is_any_enough=True),
        Entry(_R.SETTLEMENT_OUT, ("gross", "fee"), is_reversible=True, is_any_enough=True),
        Entry(_R.PROVIDER_RESERVE_RETURNED, is_reversible=True),
        Entry(_R.SETTLEMENT_UNKNOWN_IN, is_reversible=True),
        Entry(_R.SETTLEMENT_UNKNOWN_OUT, is_reversible=True),
        Entry(_R.SUSPENSE_MATCHED_IN, is_reversible=True),
        Entry(_R.SUSPENSE_MATCHED_OUT, is_reversible=True),
        Entry(_R.BANK_CREDITED, is_reversible=True),
        Entry(_R.BANK_DEBITED, is_reversible=True),
        Entry(_R.BANK_CHARGED, is_reversible=True),
        Entry(_R.FEE_SWEPT, is_reversible=True),
        Entry(_R.BANK_FUNDED, is_reversible=True),
        Entry(
            _R.FX_CAPTURED,
            ("amount", "presented", "margin"),
            _from_hold,
            is_sale=True,
            is_unstoppable=True,
        ),
        Entry(
            _R.FX_REFUNDED,
            ("amount", "presented"),
            _given_back,
            begins=True,
            follows=("fx_refund_failed",),
            is_of_payment=True,
        ),
        Entry(
            _R.FX_REFUND_FAILED,
            ("amount", "presented"),
            _same_exchange,
            follows=("fx_refunded",),
            is_of_payment=True,
        ),
        Entry(_R.FX_CLOSED_OUT, ("amount", "sold", "gain", "loss"), is_reversible=True),
        Entry(_T.WALLET_TOPPED_UP, is_reversible=True),
        Entry(_T.WALLET_SPENT, is_answered=True, sends="wallet_received"),
        Entry(_T.WALLET_RECEIVED, is_sale=True, comes_back="wallet_returned"),
        Entry(_T.WALLET_RETURNED, is_unstoppable=True),
        Entry(
            _T.WALLET_REFUNDED,
            rule=_in_turn(_within_limits, _given_back),
            is_answered=True,
            sends="wallet_credited",
            is_of_payment=True,
        ),
        Entry(_T.WALLET_CREDITED, is_unstoppable=True, comes_back="wallet_refund_returned"),
        Entry(_T.WALLET_REFUND_RETURNED, rule=_came_back, is_unstoppable=True, is_of_payment=True),
        Entry(_T.SPLIT_SENT, is_answered=True, sends="split_received"),
        Entry(_T.SPLIT_RECEIVED, rule=_repaying, comes_back="split_returned"),
        Entry(_T.SPLIT_RETURNED, rule=_repaying, is_unstoppable=True),
        Entry(_T.TRANSFER_RECEIVED, is_sale=True, is_unstoppable=True),
        Entry(_T.TRANSFER_UNKNOWN, is_reversible=True),
        Entry(_T.TRANSFER_IDENTIFIED, is_sale=True, is_by_hand=True),
    )
}
"""Every entry by the name of its template; payments' own are posted by their commands alone."""

SALES: Final = frozenset(["capture", *(name for name, entry in ENTRIES.items() if entry.is_sale)])
"""Templates by which a merchant earns something."""
