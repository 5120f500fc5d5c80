"""An accounting program that shares nothing with ours agrees with what we export, and would say if it did not."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.ledger.beancount import account_name, faults, text_of
from ops.reference_entries import CHAPTERS
from schemas.envelope import Message
from schemas.ledger import TransactionPosted
from streams.ledger.testing import Desk
from tests.simulation.test_month import played


def _checked(path: Path, events: Iterable[Message[object]]) -> list[str]:
    path.write_text("\n".join(text_of(events)) + "\n")
    return faults(path)


def test_bean_check_agrees_with_a_month(tmp_path: Path) -> None:
    """All entries of a month of a marketplace, in five currencies of three different exponents."""
    ledger, _, _ = played(1, sales_a_day=4)
    events = [event for desk in ledger.desks for event in desk.journal]
    assert [] == _checked(tmp_path / "month.beancount", events)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_bean_check_agrees_with_every_entry(chapter: str, tmp_path: Path) -> None:
    """Each example of the page of entries."""
    assert [] == _checked(tmp_path / "chapter.beancount", CHAPTERS[chapter](Desk()).journal)


def test_bean_check_names_a_transaction_that_does_not_balance(tmp_path: Path) -> None:
    """One minor unit is enough."""
    desk = Desk().open().capture()
    event = desk.journal[-1]
    assert isinstance(event.body, TransactionPosted)
    first, *others = event.body.legs
    legs = (replace(first, amount_minor=first.amount_minor + 1), *others)
    found = _checked(tmp_path / "bad.beancount", [replace(event, body=replace(event.body, legs=legs))])
    assert any("does not balance" in line for line in found)


def test_names_say_what_ids_say() -> None:
    """Two accounts never share a name there."""
    assert "Liabilities:Test:2010-merchant-pending:Mer-x:USD" == account_name(
        "test.2010.merchant.pending.mer_x.USD"
    )
    assert "Assets:Live:1020-bank-client-funds:KWD-7" == account_name("live.1020.bank.client_funds.KWD#7")
