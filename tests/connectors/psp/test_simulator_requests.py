"""Is a malformed request refused by naming what is wrong?"""

import msgspec
import pytest

from connectors.psp.simulator.problems import Problem
from connectors.psp.simulator.requests import OperationRequest, fingerprint, parsed, parsed_key

SALE = {
    "operation": "sale",
    "payment_reference": "pay_1",
    "amount_minor": 1000,
    "currency": "EUR",
    "payment_method": {"type": "card", "token": "tok_visa"},
}
CAPTURE = {
    "operation": "capture",
    "payment_reference": "pay_1",
    "amount_minor": 1000,
    "currency": "EUR",
    "original_reference": "op_1",
}


@pytest.mark.parametrize(
    ("base", "change", "param"),
    [
        (SALE, {"amount_minor": 10.5}, "amount_minor"),
        (SALE, {"amount_minor": "10"}, "amount_minor"),
        (SALE, {"amount_minor": True}, "amount_minor"),
        (SALE, {"amount_minor": 0}, "amount_minor"),
        (SALE, {"amount_minor": -1}, "amount_minor"),
        (SALE, {"amount_minor": 10**16}, "amount_minor"),
        (SALE, {"amount_minor": None}, "amount_minor"),
        (SALE, {"currency": "eur"}, "currency"),
        (SALE, {"currency": "EUR\n"}, "currency"),
        (SALE, {"operation": "charge"}, "operation"),
        (SALE, {"payment_reference": ""}, "payment_reference"),
        (SALE, {"payment_method": None}, "payment_method"),
        (SALE, {"payment_method": {"type": "card", "token": "4242424242424242"}}, "payment_method.token"),
        (SALE, {"payment_method": {"type": "card", "token": "tok_1", "cvc": "1"}}, "payment_method.cvc"),
        (SALE, {"original_reference": "op_1"}, "original_reference"),
        (SALE, {"callback_url": "file:///etc/passwd"}, "callback_url"),
        (SALE, {"amount": 1000}, "amount"),
        (CAPTURE, {"original_reference": None}, "original_reference"),
        (CAPTURE, {"amount_minor": None}, "amount_minor"),
        (CAPTURE, {"payment_method": SALE["payment_method"]}, "payment_method"),
    ],
)
def test_the_field_at_fault_is_named(base: dict[str, object], change: dict[str, object], param: str) -> None:
    """Whoever integrates must see at once which field to mend."""
    problem = parsed(msgspec.json.encode(base | change))
    assert isinstance(problem, Problem)
    assert (400, param, False) == (problem.http_status, problem.param, problem.executed)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"1", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    """Whatever arrives is answered, never crashed on."""
    problem = parsed(body)
    assert isinstance(problem, Problem)
    assert problem.http_status == 400


@pytest.mark.parametrize("base", [SALE, CAPTURE, CAPTURE | {"operation": "void", "amount_minor": None}])
def test_a_well_formed_request_is_taken(base: dict[str, object]) -> None:
    """Null stands for absence, so callers may send every field always."""
    assert isinstance(parsed(msgspec.json.encode(base)), OperationRequest)


def test_the_fingerprint_ignores_spelling() -> None:
    """A repeat that orders its fields otherwise or sends nulls is the same request."""
    plain = parsed(msgspec.json.encode(SALE))
    spelt = parsed(msgspec.json.encode({"callback_url": None, **dict(reversed(SALE.items()))}))
    other = parsed(msgspec.json.encode(SALE | {"amount_minor": 1001}))
    assert isinstance(plain, OperationRequest)
    assert isinstance(spelt, OperationRequest)
    assert isinstance(other, OperationRequest)
    assert fingerprint(plain) == fingerprint(spelt)
    assert fingerprint(plain) != fingerprint(other)


@pytest.mark.parametrize("header", [None, "", "x" * 256, "schl\u00fcssel", "a\tb"])
def test_a_bad_key_is_refused(header: str | None) -> None:
    """Without a usable key a lost answer could never be asked after."""
    problem = parsed_key(header)
    assert isinstance(problem, Problem)
    assert problem.param == "Idempotency-Key"
