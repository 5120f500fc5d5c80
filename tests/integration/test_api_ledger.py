"""What operators and merchants read of the books is what the ledger posted, by the real API on real Postgres."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.api_process import Client
from tests.integration.engine_cluster import eventually
from tests.integration.platform_running import Running, running

pytestmark = pytest.mark.integration

CARD = {"type": "card", "token": "tok_visa"}


class Shop:
    """A merchant that sold for 100.00 and gave 40.00 back, at once available."""

    def __init__(self, platform: Running) -> None:
        port = int(platform.api_url.rpartition(":")[2])
        self.operator = Client(port, platform.operator_key)
        self.client = Client(port, platform.new_merchant_key("Shop", settlement_days=0))
        self.stranger = Client(port, platform.new_merchant_key("Other"))
        order = {"amount": 10_000, "currency": "USD", "payment_method": CARD}
        intent = self.client.post("/v1/payment_intents", order).body["payment_intent_id"]
        sold = self.client.post(f"/v1/payment_intents/{intent}/confirm", {})
        self.payment_id = sold.body["payment_id"]
        eventually(lambda: len(self.changes()) == 1, "the sale is read")
        eventually(lambda: self.available() == 9_680, "the sale is available")
        self.client.post(f"/v1/payments/{self.payment_id}/refunds", {"amount": 4_000})
        eventually(lambda: len(self.changes()) == 2, "the refund is read")

    def changes(self, more: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"/v1/balance_transactions{more}").body["data"]
        return found

    def available(self) -> int:
        found = self.client.get("/v1/balance").body["available"]
        return sum(one["amount"] for one in found)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with running(tmp_path_factory.mktemp("ledger") / "data") as platform:
        yield Shop(platform)


def test_balance_transactions_sum_to_the_balance(shop: Shop) -> None:
    """Gross, fee and net of each change; what is only moved between a merchant's accounts is none."""
    refund, sale = shop.changes()
    assert ("capture", 10_000, 320, 9_680, "available") == tuple(
        sale[name] for name in ("type", "amount", "fee", "net", "status")
    )
    assert ("refund_succeeded", -4_000, 0, -4_000) == tuple(
        refund[name] for name in ("type", "amount", "fee", "net")
    )
    assert shop.available() == sale["net"] + refund["net"]
    assert [sale] == shop.changes("?type=capture")
    assert [refund] == shop.changes("?limit=1")
    assert [sale] == shop.changes(f"?starting_after={refund['id']}&payment_id={shop.payment_id}")
    assert sale == shop.client.get(f"/v1/balance_transactions/{sale['id']}").body
    assert 404 == shop.stranger.get(f"/v1/balance_transactions/{sale['id']}").status
    assert "currency" == shop.client.get("/v1/balance_transactions?currency=usd").body["error"]["param"]


def _account(shop: Shop) -> str:
    sale = shop.changes("?type=capture")[0]
    legs = shop.client.get(f"/v1/ledger/transactions/{sale['id']}").body["legs"]
    pending: str = next(leg["account_id"] for leg in legs if ".2010." in leg["account_id"])
    return pending.replace("2010.merchant.pending", "2020.merchant.available")


def test_an_account_is_read_with_its_running_balance(shop: Shop) -> None:
    """As it is, as it was at a time, and as it was at a record of the journal."""
    path = f"/v1/ledger/accounts/{_account(shop)}"
    found = shop.client.get(path).body
    assert ("credit", 5_680, 9_680, 4_000) == tuple(
        found[name] for name in ("normal_side", "balance", "credits_posted", "debits_posted")
    )
    assert [5_680, 9_680] == [entry["balance_after"] for entry in found["entries"]]
    first = found["entries"][-1]
    then = shop.operator.get(f"{path}?as_of_seq={first['seq']}").body
    assert (9_680, 9_680, 0) == tuple(then[name] for name in ("balance", "credits_posted", "debits_posted"))
    assert 1 == len(then["entries"])
    before = shop.client.get(f"{path}?as_of=2020-01-01T00:00:00Z").body
    assert (0, 0, 0) == tuple(before[name] for name in ("balance", "credits_posted", "debits_posted"))
    both = shop.client.get(f"{path}?as_of=2020-01-01T00:00:00Z&as_of_seq=1")
    assert (400, "as_of_seq") == (both.status, both.body["error"]["param"])
    assert 404 == shop.stranger.get(path).status
    assert 404 == shop.client.get("/v1/ledger/accounts/test.2020.nothing.USD").status
    assert "as_of_seq" == shop.client.get(f"{path}?as_of_seq=-1").body["error"]["param"]


def test_a_statement_is_a_table_from_opening_to_closing_balance(shop: Shop) -> None:
    """For a spreadsheet, and for whoever asks in a year."""
    span = "from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z"
    answered = shop.client.get(f"/v1/ledger/accounts/{_account(shop)}/statement?{span}")
    assert answered.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answered.body.decode())))
    assert ["opening_balance", "available", "refund_reserved", "closing_balance"] == [
        row["type"] for row in rows
    ]
    assert ["0", "9680", "5680", "5680"] == [row["balance"] for row in rows]
    span = "from=2100-01-01T00:00:00Z&to=2020-01-01T00:00:00Z"
    refused = shop.client.get(f"/v1/ledger/accounts/{_account(shop)}/statement?{span}")
    assert (400, "to") == (refused.status, refused.body["error"]["param"])


def test_a_transaction_names_its_place_in_the_journal(shop: Shop) -> None:
    """With which its receipt can be asked for."""
    refund = shop.changes()[0]
    found = shop.operator.get(f"/v1/ledger/transactions/{refund['id']}").body
    assert {"debit": 4_000, "credit": 4_000} == {leg["side"]: leg["amount"] for leg in found["legs"]}
    assert found["seq"] > 0 and 64 == len(found["prev_hash"]) and found["reversed_by"] is None
    assert 404 == shop.stranger.get(f"/v1/ledger/transactions/{refund['id']}").status


def test_the_trial_balance_is_zero_now_and_before_anything(shop: Shop) -> None:
    """For operators alone: it is about all merchants."""
    found = shop.operator.get("/v1/ledger/trial_balance").body
    assert found["is_balanced"] and found["totals"]
    assert 0 == sum(total["balance"] for total in found["totals"] if total["currency"] == "USD")
    assert [] == shop.operator.get("/v1/ledger/trial_balance?as_of=2020-01-01T00:00:00Z").body["totals"]
    assert 403 == shop.client.get("/v1/ledger/trial_balance").status


def test_two_operators_correct_a_fee_by_hand(shop: Shop) -> None:
    """One proposes, another approves; the merchant sees it, and the journal names both."""
    charged = shop.operator.post("/v1/merchants", {"display_name": "Charged too much"}).body
    merchant_id, merchant = charged["merchant_id"], shop.operator.under(charged["secret_key"])
    made = shop.operator.post("/v1/operators", {"display_name": "Second", "role": "admin"}).body
    looks = shop.operator.post("/v1/operators", {"display_name": "Viewer", "role": "viewer"}).body
    second, viewer = (shop.operator.under(one["secret_key"]) for one in (made, looks))
    url = "/v1/ledger/adjustments"
    asked = {
        "book": merchant_id,
        "template": "fee_credited",
        "currency": "USD",
        "amounts": {"amount": 320},
        "reason": "fee_correction",
        "reference": "CASE-17",
    }
    assert 403 == shop.client.post(url, asked).status == viewer.post(url, asked).status
    wrong = shop.operator.post(url, {**asked, "template": "payout_paid"})
    assert (400, "template_not_by_hand") == (wrong.status, wrong.body["error"]["code"])
    assert "template" == wrong.body["error"]["param"]
    assert "reason" == shop.operator.post(url, {**asked, "reason": "so"}).body["error"]["param"]
    assert "book" == shop.operator.post(url, {**asked, "book": "nobody"}).body["error"]["param"]
    stranger = shop.operator.post(url, {**asked, "book": f"mer_00{'0' * 24}"})
    assert (404, "not_found") == (stranger.status, stranger.body["error"]["code"])

    proposed = shop.operator.post(url, asked, key="fee-17")
    assert (201, "proposed", None) == (
        proposed.status,
        proposed.body["status"],
        proposed.body["transaction_id"],
    )
    assert {"debit": 320, "credit": 320} == {leg["side"]: leg["amount"] for leg in proposed.body["legs"]}
    assert proposed.body == shop.operator.post(url, asked, key="fee-17").body
    own = f"{url}/{proposed.body['adjustment_id']}"
    alone = shop.operator.post(f"{own}/approve", {})
    assert (403, "second_person_required") == (alone.status, alone.body["error"]["code"])
    assert [] == merchant.get("/v1/balance_transactions").body["data"]

    approved = second.post(f"{own}/approve", {}, key="yes")
    assert (200, "posted") == (approved.status, approved.body["status"])
    assert approved.body == second.post(f"{own}/approve", {}, key="yes").body
    assert 409 == second.post(f"{own}/reject", {}).status
    eventually(lambda: viewer.get(own).body == approved.body, "it is read as it was answered")
    assert [approved.body] == viewer.get(f"{url}?status=posted&book={merchant_id}").body["data"]
    assert [] == viewer.get(f"{url}?status=rejected").body["data"]
    (change,) = merchant.get("/v1/balance_transactions?type=fee_credited").body["data"]
    assert (approved.body["transaction_id"], 0, -320, 320) == tuple(
        change[name] for name in ("id", "amount", "fee", "net")
    )
