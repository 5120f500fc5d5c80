"""Money, ids, fingerprints and settings: small values everything else trusts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ids
from schemas.fingerprint import differing, fingerprint
from schemas.money import (
    EXPONENTS,
    MoneyError,
    check_amount_minor,
    format_amount,
    max_amount_minor,
    parse_currency,
)
from schemas.outcomes import Outcome
from schemas.payment_commands import CreatePaymentIntent, RefundPayment
from schemas.payments import PaymentNotes
from schemas.settings import Settings, SettingsError, parse_settings, variable

USD, JPY, KWD = (parse_currency(code) for code in ("USD", "JPY", "KWD"))


def test_exponents_follow_iso_4217() -> None:
    """A wrong exponent is a factor of a hundred or a thousand."""
    assert (2, 0, 3, 4) == (EXPONENTS["USD"], EXPONENTS["JPY"], EXPONENTS["KWD"], EXPONENTS["CLF"])


@pytest.mark.parametrize("amount", [0, -1, 1.0, "10", True, None, float("nan"), 10**40])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    """Money is a positive integer of minor units, and nothing that looks like one."""
    with pytest.raises(MoneyError) as refused:
        check_amount_minor(amount, USD)
    assert "amount" == refused.value.param and str(refused.value)


@pytest.mark.parametrize("code", ["usd", "", "XAU", "XXX", "US", None, 840, "DOGE"])
def test_what_is_no_currency_is_refused(code: object) -> None:
    """Only active codes that people are paid in."""
    with pytest.raises(MoneyError):
        parse_currency(code)


def test_limits_are_inclusive() -> None:
    """The largest amount is allowed, one more is not."""
    assert (10**12 - 1, 10**10 - 1, 10**13 - 1) == tuple(map(max_amount_minor, (USD, JPY, KWD)))
    assert max_amount_minor(USD) == check_amount_minor(max_amount_minor(USD), USD)
    with pytest.raises(MoneyError):
        check_amount_minor(max_amount_minor(USD) + 1, USD)


def test_amounts_read_as_people_write_them() -> None:
    """Reports show the right number of decimals."""
    shown = (format_amount(2599, USD), format_amount(5, KWD), format_amount(-7, JPY), format_amount(0, USD))
    assert ("25.99 USD", "0.005 KWD", "-7 JPY", "0.00 USD") == shown


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_ids_name_exactly_their_parts(first: list[str], second: list[str]) -> None:
    """Different parts never share an id, however they are cut."""
    assert (ids.digest(*first) == ids.digest(*second)) == (first == second)


def test_every_id_finds_its_payment() -> None:
    """Any id of a payment leads to its partition without a look-up."""
    merchant = ids.merchant_id(cell="a7", mode="test", idempotency_key="m")
    key = ids.payment_key(mode="test", merchant=merchant, source="api", idempotency_key="o")
    made = (f"pi_{key}", f"pay_{key}", ids.authorization_id(key, 1), ids.operation_id("ref", key, "cmd_1"))
    assert "a7" == key[:2] and 26 == len(key)
    assert [key] * 4 == [ids.key_of(identifier) for identifier in made]


@pytest.mark.parametrize("identifier", ["", "pay", "pay_", "pay_short", "pay_" + "A" * 26, "pay_" + "%" * 26])
def test_what_is_no_id_has_no_key(identifier: str) -> None:
    """A made-up id is not found; it never reaches a partition."""
    assert ids.key_of(identifier) is None


def creation(**changes: object) -> CreatePaymentIntent:
    fields: dict[str, object] = {"amount_minor": 1, "currency": "USD", "capture_method": "manual", **changes}
    return CreatePaymentIntent(**fields)  # type: ignore[arg-type]  # a test's words


def test_fingerprints_name_what_differs() -> None:
    """A merchant who burnt a key wants to know which parameter did it."""
    first = fingerprint(creation(notes=PaymentNotes(description="a", metadata={"x": "1", "y": "2"})))
    same = creation(notes=PaymentNotes(description="a", metadata={"y": "2", "x": "1"}))
    other = creation(amount_minor=2, notes=PaymentNotes(description="b", metadata={"x": "1", "y": "2"}))
    assert () == differing(same, first)
    assert ("amount", "description") == differing(other, first)


def test_fingerprints_of_different_commands_differ() -> None:
    """One key used for two kinds of command is no repeat."""
    assert differing(RefundPayment(amount_minor=1), fingerprint(creation()))


def test_outcome_numbers_are_unique() -> None:
    """A stored number must mean one outcome for ever."""
    numbers = [outcome.value.number for outcome in Outcome]
    assert len(numbers) == len(set(numbers))
    assert all(Outcome.numbered(number).value.number == number for number in numbers)


@pytest.mark.parametrize(
    ("name", "value"),
    [("API_PRT", "1"), ("API_PORT", "0"), ("API_PORT", "x"), ("MODE", "prod"), ("CELL", "abc")],
)
def test_bad_settings_are_refused_by_name(name: str, value: str) -> None:
    """A typo in an environment file must not run with a default."""
    with pytest.raises(SettingsError, match=f"MILLRACE_{name}"):
        parse_settings({f"MILLRACE_{name}": value})


def test_settings_come_from_the_environment() -> None:
    """Every address and limit is one variable."""
    assert 9 == parse_settings({variable("partitions"): "9", "PATH": "ignored"}).partitions
    assert Settings() == parse_settings({})
