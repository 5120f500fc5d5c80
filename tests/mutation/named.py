"""Mistakes a ledger must not survive, each by its name: the line as it is, and as somebody might get it wrong."""

from pathlib import Path
from typing import Final, NamedTuple

from tests.mutation.mutants import Mutant

ROOT: Final = Path(__file__).parents[2]


class Named(NamedTuple):
    """One mistake. right: text that stands once in the file; wrong: what is put in its place."""

    name: str
    file: str
    right: str
    wrong: str

    @property
    def path(self) -> Path:
        """The file it is made in."""
        return ROOT / self.file

    def mutant(self) -> Mutant:
        """The file with the mistake in it. Raises ValueError where the text does not stand once."""
        text = self.path.read_text()
        before, found, after = text.partition(self.right)
        if not found or self.right in after:
            raise ValueError(
                f"{self.file} has to hold {self.right!r} once; it changed, so {self.name!r} has to"
            )
        return Mutant(before.count("\n") + 1, self.name, before + self.wrong + after)


_LEDGER: Final = "streams/ledger"
NAMED: Final = (
    Named(
        "a leg is dropped", f"{_LEDGER}/legs.py", "    return tuple(legs)\n", "    return tuple(legs[:-1])\n"
    ),
    Named(
        "what was posted is not remembered",
        f"{_LEDGER}/fold.py",
        "    rows.put_known(body.transaction_id, Known(body.fingerprint, POSTED))\n",
        "",
    ),
    Named(
        "what was refused is not remembered",
        f"{_LEDGER}/fold.py",
        "        rows.put_known(body.transaction_id, Known(body.fingerprint, outcome))\n",
        "        pass\n",
    ),
    Named(
        "a leg is counted twice",
        f"{_LEDGER}/rows.py",
        "counters[at + 1] += leg.amount_minor\n",
        "counters[at + 1] += 2 * leg.amount_minor\n",
    ),
    Named(
        "limits are not looked at",
        f"{_LEDGER}/entering.py",
        "if kind.is_limited and counters.free(kind.normal_side) < 0:",
        "if False:",
    ),
    Named(
        "what is announced is not taken off what is free",
        f"{_LEDGER}/accounts.py",
        "self.credits_posted - self.debits_posted - self.debits_pending",
        "self.credits_posted - self.debits_posted",
    ),
    Named(
        "an owner that was replaced commits",
        "streams/simulator.py",
        "if self._log.epochs[self._id] != self._epoch:",
        "if False:",
    ),
    Named(
        "other words under a used id are taken for the same",
        f"{_LEDGER}/decider.py",
        "if told != known.fingerprint:",
        "if False:",
    ),
    Named(
        "an overflow is let through",
        f"{_LEDGER}/posting.py",
        "+ most_minor <= _HALF_MINOR:",
        "<= MAX_AMOUNT_MINOR:",
    ),
    Named("fees are rounded up", f"{_LEDGER}/pricing.py", "// _BASIS_POINTS", "// _BASIS_POINTS + 1"),
    Named(
        "each refund returns its own share of the fee",
        f"{_LEDGER}/refunds.py",
        "_charges_minor(case, payment.refunded_minor + amount_minor)",
        "_charges_minor(case, amount_minor)",
    ),
    Named(
        "a refund is never taken from what is pending of its sale",
        f"{_LEDGER}/posting.py",
        "pending = taken(case.payment.lots, amount_minor)",
        "pending = taken((), amount_minor)",
    ),
    Named(
        "any refund may be owed",
        f"{_LEDGER}/refunds.py",
        "if drawn.owed_minor and not _may_owe",
        "if False and not _may_owe",
    ),
    Named(
        "a transaction is reversed again",
        f"{_LEDGER}/entering.py",
        "if entry.reversed_by is not None:",
        "if False:",
    ),
    Named(
        "a reversal posts the same once more",
        f"{_LEDGER}/entering.py",
        "legs=mirrored(entry.legs)",
        "legs=entry.legs",
    ),
    Named(
        "closed accounts take everything",
        f"{_LEDGER}/entering.py",
        "if entry.is_unstoppable or entry.is_fact:",
        "if True:",
    ),
    Named(
        "more is released than is held",
        f"{_LEDGER}/captures.py",
        "amount_minor = min(case.amount_minor, _held_minor(case))",
        "amount_minor = case.amount_minor",
    ),
    Named("what is due stays due", f"{_LEDGER}/fold.py", "        rows.due.remove(due)\n", "        pass\n"),
    Named(
        "debts are not repaid from sales",
        f"{_LEDGER}/posting.py",
        "min(amount_minor - fee - tax - reserve, case.debt_minor)",
        "0",
    ),
    Named(
        "both ways between books have one id",
        f"{_LEDGER}/reactions.py",
        "ids.transaction_id(other_book, about.transaction_id, way)",
        "about.transaction_id",
    ),
    Named("numbers of the journal stand still", f"{_LEDGER}/journal.py", '"big") + 1', '"big")'),
    Named(
        "the chain does not go on",
        f"{_LEDGER}/journal.py",
        "link(body.prev_hash, value)",
        "link(body.prev_hash, b'')",
    ),
    Named(
        "one person approves alone",
        f"{_LEDGER}/adjustments.py",
        "if ended.decided_by == ended.proposed_by:",
        "if False:",
    ),
    Named(
        "what is approved is not what was shown",
        f"{_LEDGER}/adjustments.py",
        "entry=replace(command.entry, expected_legs=said[0].legs)",
        "entry=command.entry",
    ),
    Named(
        "facts are priced before the terms are read",
        f"{_LEDGER}/decider.py",
        "if not book.version and ids.is_merchant(message.envelope.merchant_id):",
        "if False:",
    ),
    Named(
        "what waited for its book is forgotten",
        "streams/unit.py",
        "if not was_there and _is_there(entry):",
        "if False:",
    ),
    Named(
        "what is disputed may be refunded too",
        f"{_LEDGER}/payment.py",
        "self.captured_minor - self.claimed_minor - self.taken_back_minor",
        "self.captured_minor - self.claimed_minor",
    ),
    Named(
        "a dispute ends for any payment",
        f"{_LEDGER}/entering.py",
        " or item.payment_id != command.payment_id",
        "",
    ),
    Named(
        "what was written off is the merchant's when it comes back",
        f"{_LEDGER}/refunds.py",
        "lent_minor = max(back.owed_minor - refund.made_up_minor, 0)",
        "lent_minor = 0",
    ),
    Named(
        "a debt is repaid by each of several sales that become available together",
        f"{_LEDGER}/elapsed.py",
        "_Owing(debt - parts.repaid, lost - parts.loss_recovered)",
        "_Owing(debt, lost)",
    ),
    Named(
        "what becomes available is paid out to a debtor",
        f"{_LEDGER}/posting.py",
        "repaid, left_minor = up_to(debt_minor, amount_minor)",
        "repaid, left_minor = 0, amount_minor",
    ),
    Named(
        "a charge is reversed whose debt was written off",
        f"{_LEDGER}/entering.py",
        "if case.written_off_minor and moved_minor(",
        "if False and moved_minor(",
    ),
    Named(
        "what another mode did not take stays on its way",
        f"{_LEDGER}/decider.py",
        "return Again(back) if back else (refused,)",
        "return (refused,)",
    ),
    Named(
        "a part that is won ends the whole dispute",
        f"{_LEDGER}/entries.py",
        '"lost": lost_minor}',
        '"lost": 0}',
    ),
    Named(
        "what was written off is lent again",
        f"{_LEDGER}/refunds.py",
        "case.debt_minor + case.written_off_minor + owed_minor",
        "case.debt_minor + owed_minor",
    ),
    Named(
        "a loss that was made up for is owed again",
        f"{_LEDGER}/entering.py",
        "entry.amount_minor > case.written_off_minor",
        "False",
    ),
    Named(
        "a release takes from any hold",
        f"{_LEDGER}/payment.py",
        "        return own or there\n",
        "        return there\n",
    ),
)
