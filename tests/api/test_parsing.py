"""Is a body read strictly, and is what is wrong in it named by the precedence of outcomes?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from api.parsing import amount_minor, currency_of, object_key, parse_body, writable
from api.payment_intents import CreateBody
from api.problems import Problem
from api.webhook_endpoints import CreateBody as EndpointBody
from schemas.outcomes import Outcome

KEY = "00" + "a" * 24


def refused(raw: bytes) -> tuple[Outcome, str | None]:
    with pytest.raises(Problem) as caught:
        parse_body(raw, CreateBody)
    return caught.value.outcome, caught.value.param


def status_of(raw: bytes) -> int:
    try:
        parse_body(raw, CreateBody)
    except Problem as problem:
        return problem.outcome.value.http_status
    return 200


def test_a_whole_body_is_read() -> None:
    """What is right must not be refused."""
    body = parse_body(
        b'{"amount":1,"currency":"USD","payment_method":{"type":"card","token":"tok_visa"},"metadata":{"a":"b"}}',
        CreateBody,
    )
    assert (1, "USD", {"a": "b"}) == (body.amount, body.currency, body.metadata)
    assert body.payment_method is not None
    assert "tok_visa" == body.payment_method.token


@pytest.mark.parametrize(
    ("raw", "outcome", "param"),
    [
        (b'{"zzz":1}', Outcome.PARAMETER_UNKNOWN, "zzz"),
        (b'{"currency":7}', Outcome.PARAMETER_MISSING, "amount"),
        (b'{"amount":1,"currency":7,"zzz":1}', Outcome.PARAMETER_UNKNOWN, "zzz"),
        (b'{"amount":1,"currency":7}', Outcome.PARAMETER_INVALID, "currency"),
        (
            b'{"amount":1,"currency":"USD","payment_method":{"type":"card"}}',
            Outcome.PARAMETER_MISSING,
            "payment_method[token]",
        ),
        (
            b'{"amount":1,"currency":"USD","payment_method":{"type":"cash","token":"tok_visa"}}',
            Outcome.PARAMETER_INVALID,
            "payment_method[type]",
        ),
        (b'{"amount":1,"currency":"USD","metadata":{"":"a"}}', Outcome.PARAMETER_INVALID, "metadata"),
    ],
)
def test_the_first_of_several_mistakes_by_precedence_is_told(
    raw: bytes, outcome: Outcome, param: str | None
) -> None:
    """Unknown before missing before invalid, whatever the order in the body."""
    assert (outcome, param) == refused(raw)


@pytest.mark.parametrize(
    ("model", "raw", "choices"),
    [
        (CreateBody, b'{"amount":1,"currency":"USD","capture_method":"x"}', "automatic, manual"),
        (EndpointBody, b'{"url":"https://a.example","event_types":["*","x"]}', "payment.captured"),
    ],
)
def test_a_value_that_is_none_of_a_list_is_answered_with_the_list(
    model: type[Struct], raw: bytes, choices: str
) -> None:
    """Whoever asked need not look it up."""
    with pytest.raises(Problem) as caught:
        parse_body(raw, model)
    assert "use one of " in str(caught.value.detail)
    assert choices in str(caught.value.detail)


def test_an_escaped_backslash_is_no_escape() -> None:
    """A text that only looks like a NUL escape is a text."""
    body = parse_body(b'{"amount":1,"currency":"USD","description":"\\\\u0000"}', CreateBody)
    assert "\\u0000" == body.description


def test_a_surrogate_pair_is_a_character() -> None:
    """Emoji arrive escaped from many clients."""
    body = parse_body(b'{"amount":1,"currency":"USD","description":"\\ud83d\\ude00"}', CreateBody)
    assert "\U0001f600" == body.description


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """No body, however broken, may be a defect of ours."""
    assert status_of(raw) in (200, 400)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_any_value_of_any_parameter_is_read_or_refused(value: object) -> None:
    """Every field meets every kind of value."""
    for name in CreateBody.__struct_fields__:
        raw = json.dumps({"amount": 1, "currency": "USD", name: value}).encode()
        assert status_of(raw) in (200, 400)


def test_amounts_are_positive_integers_of_minor_units() -> None:
    """Money is never rounded on its way in."""
    usd = currency_of("USD")
    assert 2599 == amount_minor(2599, usd)
    assert 10**14 - 1 == amount_minor(10**14 - 1, None)
    for wrong, currency in ((1.0, usd), (0, usd), (-1, None), (10**12, usd), (10**14, None), (True, usd)):
        with pytest.raises(Problem) as caught:
            amount_minor(wrong, currency)
        assert "amount" == caught.value.param


def test_only_ids_of_the_right_kind_and_length_hold_a_key() -> None:
    """What cannot be an object of ours is not found without asking any stage."""
    assert KEY == object_key(f"pay_{KEY}", "pay")
    assert KEY == object_key(f"ref_{KEY}0123abcd", "ref")
    for wrong in (
        f"pi_{KEY}",
        f"pay_{KEY}0",
        f"pay_{KEY[:-1]}",
        f"pay_{KEY[:-1]}\u00e9",
        f"pay_{KEY}\n",
        "",
        "pay_",
    ):
        with pytest.raises(Problem) as caught:
            object_key(wrong, "pay")
        assert Outcome.NOT_FOUND is caught.value.outcome


def test_query_text_is_fit_for_the_database() -> None:
    """A NUL would make the query itself fail."""
    assert "cus 1" == writable("cus 1", "customer_id")
    for wrong in ("\0", "\ud800", "x" * 256):
        with pytest.raises(Problem):
            writable(wrong, "customer_id")
