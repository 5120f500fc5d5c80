"""The same names and values in every process: ids of messages, and the trace of a chain."""

import pytest

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.platform import Tick
from schemas.psp import OperationResult
from schemas.testing import MERCHANT, PAYMENT_KEY, START_MS, envelope
from schemas.tracing import ids_in, ids_of, payment_of, trace_id, trace_of_caller

RESULT = OperationResult(
    operation_id=f"auth_{PAYMENT_KEY}01",
    psp_key="key",
    call_attempt=0,
    provider="simulator",
    source="answer",
    outcome="succeeded",
    provider_ref="ch_1",
    amount_minor=100,
    currency="USD",
)
OF_RESULT = {
    "request_id": "req_1",
    "trace_id": trace_id("req_1"),
    "message_id": "result-1",
    "merchant_id": MERCHANT,
    "operation_id": f"auth_{PAYMENT_KEY}01",
    "payment_id": f"pay_{PAYMENT_KEY}",
    "provider_ref": "ch_1",
}


def test_a_trace_follows_from_the_request() -> None:
    """Nothing has to carry it, and every process comes to the same; dashboards keep it for years."""
    assert "8dd3fc8eaf50b9f117ab58af2b5692a6" == trace_id("req_0123")
    assert 32 == len(trace_id(""))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_the_trace_of_a_caller_is_taken_only_where_valid(header: str | None, expected: str | None) -> None:
    """A header anyone may write must not put text of theirs into our lines."""
    assert expected == trace_of_caller(header)


def test_a_message_tells_its_ids() -> None:
    """The payment follows from the operation where the body does not name it."""
    assert OF_RESULT == ids_of(Message(envelope=envelope("result-1"), body=RESULT))


def test_a_message_about_nothing_tells_its_cause() -> None:
    """A tick belongs to no payment."""
    found = ids_of(Message(envelope=envelope("tck_1"), body=Tick(now_ms=START_MS)))
    assert {"request_id", "trace_id", "message_id", "merchant_id"} == found.keys()


def test_a_record_tells_the_ids_of_what_is_in_it() -> None:
    """The line about a record that stops a stage names its payment, and is written whatever the bytes are."""
    value = codec_of(topics.PSP_RESULTS).encode(Message(envelope=envelope("result-1"), body=RESULT))
    assert OF_RESULT == ids_in(topics.PSP_RESULTS.name, value)
    assert {} == ids_in(topics.PSP_RESULTS.name, b"{")
    assert {} == ids_in(topics.PSP_RESULTS.name, None)
    assert {} == ids_in("another.topic", value)


@pytest.mark.parametrize("prefix", ["pi", "pay", "auth", "cap", "void", "ref"])
def test_ids_of_a_payments_things_name_it(prefix: str) -> None:
    """An answer about a refund is found by its payment too."""
    assert f"pay_{PAYMENT_KEY}" == payment_of(f"{prefix}_{PAYMENT_KEY}00")


@pytest.mark.parametrize("other", [None, MERCHANT, "pay_short", "", "evt_" + PAYMENT_KEY])
def test_ids_of_other_things_name_no_payment(other: str | None) -> None:
    """A merchant's id has the form of a payment's."""
    assert payment_of(other) is None
