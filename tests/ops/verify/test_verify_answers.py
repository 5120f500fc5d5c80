"""P1, P10, P11 and P14: acknowledged answers, repeated keys, dead letters and secrets."""

from typing import Any

import msgspec
import pytest

from ops.verify.acknowledged import Acknowledged, ClientLine
from ops.verify.answers import Answers
from ops.verify.client_log import read_client_log
from ops.verify.confidential import Confidential, passes_luhn
from ops.verify.errors import ClientLogInvalid
from ops.verify.letters import Letter, Letters
from ops.verify.log import LogRecord
from ops.verify.report import MAX_EVIDENCE, Finding
from schemas import topics
from schemas.api import AnsweredRequest
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.testing import PAYMENT_KEY, envelope

PAYMENT, REFUND = f"pay_{PAYMENT_KEY}", f"ref_{PAYMENT_KEY}abcdefgh"
CARD = "4242424242424242"


def answered(**changes: Any) -> AnsweredRequest:
    fields: dict[str, Any] = {
        "request_id": "req_1",
        "method": "POST",
        "route": "/v1/payment_intents",
        "status": 201,
        "outcome": "created",
        "mode": "test",
        "idempotency_key": "k",
        "object_id": PAYMENT,
        "object_version": 1,
    }
    return AnsweredRequest(**{**fields, **changes})


def record_of(value: bytes | None, topic: str = "some.topic") -> LogRecord:
    return LogRecord(topic, 0, 1, b"key", value, ())


def acknowledged(
    *answers: AnsweredRequest,
    stored: dict[str, int] | None = None,
    version: int = 1,
    refunds: tuple[str, ...] = (),
) -> Acknowledged:
    judge = Acknowledged()
    for one in answers:
        judge.answer(one, {"req_1": 201, "req_2": 200} if stored is None else stored)
    judge.stored_payment(PAYMENT, version)
    for refund_id in refunds:
        judge.stored(refund_id)
    return judge


def test_what_is_stored_was_rightly_acknowledged() -> None:
    """A 2xx is a promise kept."""
    verdict = acknowledged(answered()).verdict()
    assert verdict.passed
    assert 1 == verdict.checked


def test_an_answer_missing_from_the_log_table_is_seen() -> None:
    """The request log is what a dispute about an answer is settled with."""
    assert not acknowledged(answered(), stored={}).verdict().passed
    assert not acknowledged(answered(), stored={"req_1": 500}).verdict().passed


def test_an_acknowledged_object_that_is_gone_or_older_is_seen() -> None:
    """The merchant was told of it, so it must be there, as new as it was told."""
    told = answered(object_version=3)
    assert not acknowledged(told, version=2).verdict().passed
    assert acknowledged(told, version=3).verdict().passed
    other = answered(object_id="pay_" + "0" * 26)
    assert not acknowledged(other).verdict().passed
    for account_id in ("mer_1", "opr_1"):
        assert not acknowledged(answered(object_id=account_id)).verdict().passed


def test_an_acknowledged_refund_that_is_gone_is_seen() -> None:
    """A refund is an object of its own."""
    told = answered(object_id=REFUND)
    assert not acknowledged(told).verdict().passed
    assert acknowledged(told, refunds=(REFUND,)).verdict().passed


def test_what_only_the_client_knows_is_looked_for() -> None:
    """A killed API may not have noted its last answer; what it promised must be there all the same."""
    judge = acknowledged()
    judge.client(ClientLine(status=200, request_id="req_9", object_id=PAYMENT, version=1))
    assert not judge.verdict().passed
    judge = Acknowledged()
    judge.client(ClientLine(status=200, request_id="req_9", object_id=PAYMENT, version=1))
    judge.stored_payment(PAYMENT, 1)
    verdict = judge.verdict()
    assert verdict.passed
    assert "client's log alone" in verdict.evidence[1]


def test_a_promise_without_an_object_is_not_looked_for() -> None:
    """A 202 may still become a refusal that leaves nothing."""
    told = answered(status=202, outcome="pending", object_id="pay_" + "0" * 26, object_version=None)
    assert acknowledged(told, stored={"req_1": 202}).verdict().passed


def test_refused_requests_promise_nothing() -> None:
    """A 4xx is no acknowledgement."""
    assert acknowledged(answered(status=404, object_id="pay_" + "0" * 26), stored={}).verdict().passed


def test_a_load_that_is_behind_breaks_the_promise() -> None:
    """What is acknowledged and not loaded in time is not in Postgres."""
    judge = Acknowledged()
    judge.behind("payments.events.v1:0 is loaded up to offset 1, and holds 2")
    assert not judge.verdict().passed


def test_repeats_of_one_key_agree() -> None:
    """The same key is the same command, so it has one result."""
    judge = Answers()
    for outcome in ("created", "pending", "idempotency_mismatch", "idempotency_key_in_use", "created"):
        judge.answer(answered(outcome=outcome), "mer_1")
    judge.answer(answered(object_id=f"pay_{'0' * 26}", idempotency_key="other"), "mer_1")
    judge.answer(answered(outcome="declined"), "mer_2")
    assert judge.verdict().passed


@pytest.mark.parametrize(
    "change", [{"outcome": "declined"}, {"object_id": f"ref_{PAYMENT_KEY}00000000"}, {"object_version": 2}]
)
def test_another_result_for_the_same_key_is_seen(change: dict[str, Any]) -> None:
    """Two results of one command mean that it was done twice, or forgotten."""
    judge = Answers()
    judge.answer(answered(), "mer_1")
    judge.answer(answered(request_id="req_2", **change), "mer_1")
    verdict = judge.verdict()
    assert not verdict.passed
    assert "req_1" in verdict.evidence[0] and "req_2" in verdict.evidence[0]


def test_a_dead_letter_is_named_unless_it_was_expected() -> None:
    """Somebody wrote bytes nobody understands."""
    letter = Letter("a.v1.dlq", 0, 4, "a.v1:0:9", "no JSON")
    for expected, is_right in (((), False), (("a.v1:0:9",), True)):
        judge = Letters(expected)
        judge.letter(letter)
        verdict = judge.verdict()
        assert is_right == verdict.passed
        assert any("a.v1.dlq" in line for line in verdict.evidence)


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        f"card {CARD}!",
        "tok_4242424242424242",
        "4242 4242 4242 4242",
        "3782-822463-10005",
        "sk_test_abc",
        "sk_live_x",
    ],
)
def test_a_card_number_or_key_is_found_in_any_topic(text: str) -> None:
    """It must not lie where everybody reads."""
    judge = Confidential()
    judge.record(record_of(msgspec.json.encode({"note": text})))
    verdict = judge.verdict()
    assert not verdict.passed
    assert CARD not in "".join(verdict.evidence)
    row = Confidential()
    row.row("raw.x, from x:0:1", ({"a": [text]}, None))
    assert not row.verdict().passed


def test_a_card_number_is_found_in_avro() -> None:
    """In Avro nothing parts one text from the next."""
    message = Message(envelope=envelope("req_1"), body=answered(object_id=CARD, idempotency_key="k" * 30))
    judge = Confidential()
    judge.record(record_of(codec_of(topics.API_REQUESTS).encode(message), topics.API_REQUESTS.name))
    assert not judge.verdict().passed


@pytest.mark.parametrize(
    "value",
    [
        {"at_ms": 1_800_000_000_000, "amount_minor": int(CARD)},
        {"id": f"pay_00{CARD}abcdefgh"},
        {"id": "op_424242424242424242424242"},
        {"text": "4242424242424241"},
        {"text": "+49 89 1234 5678"},
    ],
)
def test_times_amounts_and_ids_are_no_card_numbers(value: dict[str, Any]) -> None:
    """A judge that cries wolf is not listened to."""
    judge = Confidential()
    judge.record(record_of(msgspec.json.encode(value)))
    judge.record(record_of(None))
    assert judge.verdict().passed


def test_the_check_digit() -> None:
    """The examples of the card schemes."""
    assert all(map(passes_luhn, (CARD, "378282246310005", "5555555555554444", "4222222222222")))
    assert not passes_luhn("4242424242424243")


def test_evidence_is_short_and_counts_the_rest() -> None:
    """A thousand faults are told in ten lines."""
    finding = Finding("P0", "many")
    for number in range(1000):
        finding.wrong(f"fault {number}")
    verdict = finding.invariant("all")
    assert MAX_EVIDENCE == len(verdict.evidence)
    assert "and 991 more" == verdict.evidence[-1]


def test_a_client_log_is_read_up_to_its_last_whole_line(tmp_path: Any) -> None:
    """A killed client leaves half a line; a line that is none is told with its number."""
    path = tmp_path / "client.jsonl"
    path.write_bytes(b'{"status":201,"request_id":"req_1","path":"/x"}\n{"status":2')
    assert ["req_1"] == [line.request_id for line in read_client_log(path)]
    path.write_bytes(b"{}\n")
    with pytest.raises(ClientLogInvalid, match="line 1"):
        list(read_client_log(path))
    with pytest.raises(ClientLogInvalid):
        list(read_client_log(tmp_path / "none"))
