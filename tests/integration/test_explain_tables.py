"""`millrace explain` on the real tables: every id leads to the payment, and its life is whole and in order."""

import msgspec
import pytest

from ops.errors import NotFound, TablesAway
from ops.explain.assembly import life_of
from ops.explain.life import Life
from ops.explain.stored import reading
from ops.explain.text import life_text
from ops.stack import postgres as postgres_stack
from schemas import ids
from schemas.testing import MERCHANT, PAYMENT_KEY
from tests.connectors.postgres.whole_payment import (
    ASSESSMENT,
    AUTH,
    CAPTURE,
    CAPTURE_TXN,
    FILE,
    MATCH,
    MESSAGE,
    PAYMENT,
    REFUND,
    REFUSED_TXN,
    whole_payment,
)
from tests.integration.sink_bench import new_database
from tests.integration.sink_loading import load, writing

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def dsn(postgres: postgres_stack.Server) -> str:
    """A database that holds one payment with everything that follows from it."""
    address = new_database(postgres.dsn, "explained")
    with writing(address) as writer:
        load(writer, whole_payment())
    return address


@pytest.fixture(scope="module")
def life(dsn: str) -> Life:
    with reading(dsn) as tables:
        return life_of(tables.found(PAYMENT))


@pytest.mark.parametrize(
    "identifier",
    [
        PAYMENT,
        f"pi_{PAYMENT_KEY}",
        AUTH,
        CAPTURE,
        REFUND,
        ASSESSMENT,
        "req_1",
        "req_4",
        CAPTURE_TXN,
        REFUSED_TXN,
        ids.event_id(PAYMENT_KEY, 3),
        "evt_captured",
        "evt_j3",
        "evt_w2",
        "evt_a1",
        "evt_r2",
        MESSAGE,
    ],
)
def test_every_id_leads_to_the_payment(dsn: str, identifier: str) -> None:
    """Who looks into a complaint has one id, and not always the same kind."""
    with reading(dsn) as tables:
        assert PAYMENT == tables.payment_of(identifier)


@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        ("nonsense", "no id that leads to a payment"),
        (MERCHANT, "no id that leads to a payment"),
        ("pay_short", "no id that leads to a payment"),
        ("txn_unknown", "not in the tables"),
        ("evt_j1", "not in the tables"),
        (f"pay_{'0' * 26}", "no payment pay_000"),
        ("evt_' OR 1=1 --", "not in the tables"),
    ],
)
def test_what_leads_nowhere_is_said(dsn: str, identifier: str, said: str) -> None:
    """An error names what was asked and what would do."""
    with pytest.raises(NotFound, match=said), reading(dsn) as tables:
        tables.found(identifier)


def test_the_life_is_whole_and_in_order(life: Life) -> None:
    """Each step stands behind what caused it."""
    told = [(step.context, step.what) for step in life.steps]
    assert [
        ("api", "POST /v1/payment_intents -> 201 succeeded"),
        ("payments", "PaymentIntentCreated"),
        ("api", "POST /v1/payment_intents/{payment_intent_id}/confirm -> 200 succeeded"),
        ("payments", "RiskAssessmentRequested"),
        ("risk", "allow: rule known_card, trusted_card"),
        ("payments", "AuthorizationRequested"),
        ("payments", "PaymentAuthorized"),
        ("ledger", "hold posted"),
        ("api", "POST /v1/payments/{payment_id}/capture -> 200 succeeded"),
        ("payments", "CaptureRequested"),
        ("payments", "PaymentCaptured"),
        ("ledger", "capture posted"),
        ("webhooks", "payment.captured sent out: delivered"),
        ("reconciliation", "MovementExpected: expected"),
        ("webhooks", "payment.captured attempt 1 failed: HTTP 503"),
        ("api", "POST /v1/payments/{payment_id}/refunds -> 201 succeeded"),
        ("payments", "RefundRequested"),
        ("ledger", "refund_requested posted"),
        ("payments", "RefundReserved"),
        ("payments", "RefundSucceeded"),
        ("ledger", "refund_succeeded posted"),
        ("ledger", "ReserveRefund refused: insufficient_funds"),
        ("webhooks", "payment.captured attempt 2 delivered: HTTP 204"),
        ("bank", "settlement file simulator-2027-01-15.csv refused"),
        ("bank", "settlement file simulator-2027-01-15.csv accepted"),
        ("reconciliation", "LineMatched: matched"),
    ] == told


def test_steps_carry_what_they_were_made_from(life: Life) -> None:
    """Inputs of a decision, legs of a transaction, messages of an event, the file of a settlement."""
    by_id = {step.id: step for step in life.steps}
    assert ["card_1", "ip_1"] == [one["entity"]["key"] for one in by_id[ASSESSMENT].details["inputs"]]
    assert 4 == len(by_id[CAPTURE_TXN].legs)
    assert MESSAGE == by_id["evt_captured"].details["deliveries"][0]["message_id"]
    assert (FILE, "sim_2", 10_000) == (
        by_id[MATCH].details["file_id"],
        by_id[MATCH].provider_ref,
        by_id[MATCH].amount and by_id[MATCH].amount.amount_minor,
    )
    assert [("authorize", "succeeded"), ("capture", "succeeded"), ("refund", "succeeded")] == [
        (one.kind, one.status) for one in life.operations
    ]


def test_text_and_json_tell_the_same(life: Life) -> None:
    """A program reads what a person reads."""
    text = life_text(life)
    again = msgspec.json.decode(msgspec.json.encode(life), type=Life)
    assert again == life
    for step in life.steps:
        assert step.what in text
        assert str(step.place) in text
    assert "100.00 USD" in text and "3.20 USD" in text and "25.99" not in text


def test_rows_are_read_at_one_moment(dsn: str) -> None:
    """A payment that changes while it is read must not be told half old, half new."""
    with reading(dsn) as tables:
        tables.found(PAYMENT)
        assert "repeatable read" == tables._rows("SHOW transaction_isolation")[0]["transaction_isolation"]


def test_tables_that_are_away_are_said() -> None:
    """One line of error, not a trace."""
    with pytest.raises(TablesAway, match="millrace status"), reading("postgresql://nobody@127.0.0.1:1/none"):
        raise AssertionError("nothing is there to read")


def test_an_empty_database_knows_no_payment(postgres: postgres_stack.Server) -> None:
    """A platform that has just started has no payments, which is no error of the tables."""
    address = new_database(postgres.dsn, "explained_nothing")
    with writing(address) as writer:
        writer.positions([])
    with pytest.raises(NotFound, match="no payment"), reading(address) as tables:
        tables.found(PAYMENT)
