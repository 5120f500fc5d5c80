"""The page of entries shows every entry once at least, as the ledger posts it."""

from collections import Counter

from ops.reference_entries import chapters
from streams.ledger.chart import described
from streams.ledger.templates import REVERSAL, TEMPLATES


def test_every_entry_has_an_example() -> None:
    """Whoever adds a template shows it."""
    shown = {posting.template for postings in chapters().values() for posting in postings}
    assert {*TEMPLATES, REVERSAL} == shown


def test_the_examples_balance() -> None:
    """Per currency and phase, and the running balances are those of the legs shown."""
    for postings in chapters().values():
        running: Counter[str] = Counter()
        for posting in postings:
            sums: Counter[tuple[str, str]] = Counter()
            for leg, balance_minor in zip(posting.legs, posting.balances, strict=True):
                account = described(leg.account_id)
                signed = leg.amount_minor if leg.side == "debit" else -leg.amount_minor
                sums[account.currency, leg.phase] += signed
                if leg.phase == "posted":
                    running[leg.account_id] += signed if account.kind.normal_side == "debit" else -signed
                assert running[leg.account_id] == balance_minor
            assert {0} == set(sums.values()), posting.template
