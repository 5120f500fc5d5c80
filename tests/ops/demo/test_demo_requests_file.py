"""A file is replayed as it is written, or refused before anything is sent."""

import json
from pathlib import Path

import pytest

from ops.demo.errors import RequestsFileRefused
from ops.demo.requests_file import MERCHANTS, check, merchant_of, replayed
from ops.demo.steps import Confirm, Create

GOOD: dict[str, object] = {
    "type": "payment_request",
    "tx_id": 7,
    "idempotency_key": "fdh-0000007",
    "merchant_id": "term_00042",
    "customer_id": "cust_0001",
    "payment_method": "tok_fdh_0001",
    "amount": {"value": 5716, "currency": "EUR"},
    "created_at": "2026-04-01T00:00:31Z",
}
LABEL = {"type": "fraud_label", "tx_id": 7, "fraud": True}


def written(tmp_path: Path, *lines: object) -> Path:
    """A file of these lines; what is no text is written as JSON."""
    path = tmp_path / "requests.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return path


def test_a_request_becomes_a_payment_that_is_created_and_confirmed(tmp_path: Path) -> None:
    """The file decides key, amount, customer and card; nothing of it is made up."""
    (scenario,) = replayed(written(tmp_path, GOOD), payments=10)
    created, confirmed = (step.action for step in scenario.steps)
    expected = Create(
        amount_minor=5716,
        currency="EUR",
        capture_method="automatic",
        customer_id="cust_0001",
        card="tok_fdh_0001",
    )
    assert expected == created
    assert Confirm() == confirmed
    assert scenario.key == "fdh-0000007"
    assert scenario.merchant == merchant_of("term_00042")


def test_other_lines_are_skipped_and_counted(tmp_path: Path) -> None:
    """A stream with labels in it is replayed without them, and says so."""
    path = written(tmp_path, LABEL, GOOD, "", LABEL)
    checked = check(path)
    assert checked.payment_requests == 1
    assert {"fraud_label": 2} == checked.skipped
    assert len(list(replayed(path, payments=10))) == 1


def test_payments_limit_how_many_are_replayed(tmp_path: Path) -> None:
    """A million lines are also good for a demo of ten."""
    path = written(tmp_path, *({**GOOD, "idempotency_key": f"k{n}"} for n in range(5)))
    assert ["k0", "k1"] == [scenario.key for scenario in replayed(path, payments=2)]


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "[]",
        '{"type": 3}',
        '"payment_request"',
        {"idempotency_key": "k"},
        {**GOOD, "amount": {"value": 1.5, "currency": "EUR"}},
        {**GOOD, "amount": {"value": True, "currency": "EUR"}},
        {**GOOD, "amount": {"value": 0, "currency": "EUR"}},
        {**GOOD, "amount": {"value": 10, "currency": "EURO"}},
        {**GOOD, "idempotency_key": ""},
        {**GOOD, "idempotency_key": "snow\u2603"},
        {**GOOD, "payment_method": "4242424242424242"},
        {name: value for name, value in GOOD.items() if name != "customer_id"},
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, bad: object) -> None:
    """The third line is wrong; saying so saves a search through a million."""
    with pytest.raises(RequestsFileRefused, match="line 3: "):
        check(written(tmp_path, GOOD, LABEL, bad, GOOD))


def test_many_malformed_lines_are_named_up_to_a_bound(tmp_path: Path) -> None:
    """A file of another format must not fill the screen."""
    with pytest.raises(RequestsFileRefused) as refused:
        check(written(tmp_path, *["no json"] * 50))
    assert "line 10: " in str(refused.value)
    assert "line 11: " not in str(refused.value)
    assert str(refused.value).endswith("and more")


def test_bytes_that_are_no_text_are_malformed(tmp_path: Path) -> None:
    """Another encoding is refused, not guessed."""
    path = tmp_path / "latin1.jsonl"
    path.write_bytes(b'{"type": "caf\xe9"}\n')
    with pytest.raises(RequestsFileRefused, match="line 1: "):
        check(path)


def test_a_file_without_requests_or_without_being_there_is_refused(tmp_path: Path) -> None:
    """A demo of nothing would look like a success."""
    with pytest.raises(RequestsFileRefused, match="holds no line"):
        check(written(tmp_path, LABEL))
    with pytest.raises(RequestsFileRefused, match="cannot be read"):
        check(tmp_path / "missing.jsonl")


def test_merchants_of_a_file_are_spread_over_a_bounded_number() -> None:
    """Ten thousand terminals must not become ten thousand accounts, yet one stays one."""
    found = [merchant_of(f"term_{number:05d}") for number in range(10_000)]
    assert set(range(MERCHANTS)) == set(found)
    assert merchant_of("term_00042") == found[42]
