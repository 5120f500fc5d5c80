"""Does the provider settle every movement once, tell breaks where it injects them, and survive crashes?"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.psp.simulator import settlement_files
from connectors.psp.simulator.entries import Operation, entry_of
from connectors.psp.simulator.server import serving
from connectors.psp.simulator.settings import Settings
from connectors.psp.simulator.settlement import (
    Breaks,
    Occasion,
    SettlementRequest,
    fee_minor,
    planned,
)
from connectors.psp.simulator.settlement_files import rendered

Json = dict[str, Any]


class Desk:
    """One provider after the other over one book and one directory."""

    def __init__(self, root: Path) -> None:
        self.book, self.inbox = root / "book.jsonl", root / "inbox"
        self._stack = AsyncExitStack()
        self._sold = 0
        self._session: aiohttp.ClientSession
        self.url = ""

    async def start(self, **settings: Any) -> "Desk":
        given = {"book": self.book, "settlement_dir": self.inbox} | settings
        provider = await self._stack.enter_async_context(serving(Settings(**given)))
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession())
        self.url = provider.url
        return self

    async def stop(self) -> None:
        await self._stack.aclose()

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._session.request(method, self.url + path, json=body) as response:
            return response.status, await response.json()

    async def operate(self, operation: str, amount_minor: int, currency: str, **more: Any) -> str:
        self._sold += 1
        body = {
            "operation": operation,
            "payment_reference": f"pay_{self._sold}",
            "amount_minor": amount_minor,
            "currency": currency,
            **more,
        }
        headers = {"Idempotency-Key": f"key-{self._sold}"}
        async with self._session.post(f"{self.url}/v1/operations", json=body, headers=headers) as response:
            return str((await response.json())["provider_ref"])

    async def sell(self, amount_minor: int = 1000, currency: str = "EUR", token: str = "tok_visa") -> str:
        method = {"type": "card", "token": token}
        return await self.operate("sale", amount_minor, currency, payment_method=method)

    async def settle(self, **body: Any) -> Json:
        status, answer = await self.ask("POST", "/_simulator/settlement", body)
        assert 200 == status, answer
        return dict(answer)

    async def account(self) -> Json:
        return dict((await self.ask("GET", "/_simulator/settlement"))[1])

    def files(self) -> dict[str, bytes]:
        if not self.inbox.is_dir():
            return {}
        return {path.name: path.read_bytes() for path in sorted(self.inbox.iterdir())}

    def lines(self) -> list[Json]:
        rows = [json.loads(line) for content in self.files().values() for line in content.splitlines()]
        return [row for row in rows if row["record"] == "line"]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    with suppress(RuntimeError):
        await desk.stop()


async def test_money_that_moved_is_settled_and_nothing_else(desk: Desk) -> None:
    """Captures and refunds move money; authorizations, voids and declines do not."""
    await desk.start()
    method = {"type": "card", "token": "tok_visa"}
    sale = await desk.sell(1000)
    held = await desk.operate("authorize", 700, "EUR", payment_method=method)
    of_held = {"original_reference": held, "payment_reference": "pay_2"}
    capture = await desk.operate("capture", 500, "EUR", **of_held)
    await desk.operate("void", 200, "EUR", **of_held)
    of_sale = {"original_reference": sale, "payment_reference": "pay_1"}
    refund = await desk.operate("refund", 300, "EUR", **of_sale)
    await desk.sell(token="tok_lost_card")
    await desk.settle(format="jsonl")
    assert [
        (sale, "capture", 1000, 24, 976),
        (capture, "capture", 500, 17, 483),
        (refund, "refund", -300, 0, -300),
    ] == [
        (
            line["provider_ref"],
            line["kind"],
            line["gross_minor"],
            line["fee_minor"],
            line["net_minor"],
        )
        for line in desk.lines()
    ]


async def test_every_currency_has_its_batch_and_formats_take_turns(desk: Desk) -> None:
    """A file is in one currency; a reader has to know both formats."""
    await desk.start()
    for currency in ("USD", "EUR"):
        await desk.sell(currency=currency)
    answer = await desk.settle()
    assert ["EUR", "USD"] == [batch["currency"] for batch in answer["batches"]]
    assert [".jsonl", ".csv"] == [Path(batch["file_name"]).suffix for batch in answer["batches"]]
    assert sorted(desk.files()) == sorted(batch["file_name"] for batch in answer["batches"])


async def test_a_movement_is_settled_once_also_after_a_restart(desk: Desk) -> None:
    """A second line for one movement would be money that does not exist."""
    await desk.start()
    first = await desk.sell()
    await desk.settle(format="jsonl")
    assert [] == (await desk.settle())["batches"]
    await desk.stop()
    await desk.start()
    second = await desk.sell()
    await desk.settle(format="jsonl")
    assert [first, second] == [line["provider_ref"] for line in desk.lines()]
    assert 2 == len({line["line_id"] for line in desk.lines()})


async def test_a_file_can_be_written_again_byte_for_byte(desk: Desk) -> None:
    """A lost delivery is repeated, not invented anew."""
    await desk.start()
    await desk.sell()
    answer = await desk.settle(breaks={"duplicate": 1, "unknown": 1})
    before = desk.files()
    for path in desk.inbox.iterdir():
        path.unlink()
    await desk.stop()
    await desk.start()
    batch_id = answer["batches"][0]["batch_id"]
    assert 200 == (await desk.ask("POST", f"/_simulator/settlement/{batch_id}"))[0]
    assert before == desk.files()
    assert 404 == (await desk.ask("POST", "/_simulator/settlement/none"))[0]


async def test_a_batch_whose_file_a_crash_kept_back_is_delivered_at_the_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the book says is settled has to reach whoever waits for it."""
    await desk.start()
    await desk.sell()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(settlement_files, "write_whole", full)
        status, _ = await _failing(desk)
    assert (500, {}) == (status, desk.files())
    await desk.stop()
    await desk.start()
    await delivered(desk)
    assert 1 == len(desk.files())


async def delivered(desk: Desk) -> None:
    """Return once there is a file."""
    for _ in range(1000):
        if desk.files():
            return
        await asyncio.sleep(0.01)


async def _failing(desk: Desk) -> tuple[int, str]:
    async with desk._session.post(desk.url + "/_simulator/settlement") as response:
        return response.status, await response.text()


async def test_breaks_are_told_where_they_are(desk: Desk) -> None:
    """The answer is the oracle a judge holds the reconciliation against."""
    await desk.start()
    refs = [await desk.sell(1000 + index) for index in range(12)]
    breaks = {"duplicate": 2, "wrong_amount": 3, "unknown": 1, "omit": 2}
    answer = await desk.settle(format="jsonl", breaks=breaks)
    assert breaks == Counter(one["kind"] for one in answer["breaks"])
    by_kind = {
        kind: [one["provider_ref"] for one in answer["breaks"] if one["kind"] == kind] for kind in breaks
    }
    assert set(refs) >= {ref for kind, found in by_kind.items() if kind != "unknown" for ref in found}
    lines = desk.lines()
    counts = Counter(line["provider_ref"] for line in lines)
    amounts = {line["provider_ref"]: line["gross_minor"] for line in lines}
    assert dict.fromkeys(by_kind["duplicate"], 2) == {ref: n for ref, n in counts.items() if n > 1}
    assert set(by_kind["omit"]) == set(refs) - set(counts)
    assert set(by_kind["unknown"]) == set(counts) - set(refs)
    wrong = {ref for index, ref in enumerate(refs) if amounts.get(ref, 1000 + index) != 1000 + index}
    assert set(by_kind["wrong_amount"]) == wrong
    (path,) = desk.book.parent.glob("*.breaks.jsonl")
    assert answer["breaks"] == [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_what_is_left_out_once_is_never_settled(desk: Desk) -> None:
    """A judge has to be sure that the line will not come after all."""
    await desk.start()
    await desk.sell()
    await desk.settle(format="jsonl", breaks={"omit": 1})
    await desk.stop()
    await desk.start()
    assert [] == (await desk.settle())["batches"]
    assert [] == desk.lines()


async def test_the_account_lists_batches_lines_breaks_and_what_is_pending(desk: Desk) -> None:
    """A verifier reads here what the provider believes it settled."""
    await desk.start()
    first = await desk.sell()
    await desk.settle(breaks={"wrong_amount": 1})
    second = await desk.sell()
    account = await desk.account()
    (batch,) = account["batches"]
    assert [second] == account["pending"]
    assert [first] == [line["provider_ref"] for line in batch["lines"]]
    assert [("wrong_amount", first)] == [(one["kind"], one["provider_ref"]) for one in batch["breaks"]]


async def test_the_log_of_breaks_is_the_same_after_a_restart(desk: Desk) -> None:
    """A crash between file and log must not lose or repeat a break."""
    await desk.start()
    await desk.sell()
    await desk.settle(breaks={"duplicate": 1})
    (path,) = desk.book.parent.glob("*.breaks.jsonl")
    before = path.read_bytes()
    await desk.stop()
    path.write_bytes(before + before[:10])
    await desk.start()
    await desk.settle()
    assert before == path.read_bytes()


async def test_settlements_come_by_themselves(desk: Desk) -> None:
    """A provider settles daily, asked or not."""
    await desk.start(settlement_every_s=0.05)
    await desk.sell()
    await delivered(desk)
    assert 1 == len((await desk.account())["batches"])


async def test_a_provider_without_a_directory_settles_nothing(desk: Desk) -> None:
    """The movements stay pending for the day there is one."""
    await desk.start(settlement_dir=None)
    ref = await desk.sell()
    status, answer = await desk.ask("POST", "/_simulator/settlement", {})
    assert (409, "no_settlement_directory") == (status, answer["error"]["code"])
    assert [ref] == (await desk.account())["pending"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"format": "xml"}, "format"),
        ({"breaks": {"duplicate": -1}}, "breaks.duplicate"),
        ({"breaks": {"lost": 1}}, "breaks.lost"),
        ({"fromat": "csv"}, "fromat"),
    ],
)
async def test_a_bad_request_names_the_field(desk: Desk, body: Json, param: str) -> None:
    """And settles nothing."""
    await desk.start()
    await desk.sell()
    status, answer = await desk.ask("POST", "/_simulator/settlement", body)
    assert (400, param) == (status, answer["error"]["param"])
    assert {} == desk.files()


async def test_two_requests_at_once_settle_once(desk: Desk) -> None:
    """Whoever comes second finds nothing left."""
    await desk.start()
    for _ in range(5):
        await desk.sell()
    await asyncio.gather(*(desk.settle(format="jsonl") for _ in range(3)))
    assert 5 == len(desk.lines())


def movements(amounts: Sequence[int], currency: str = "EUR") -> list[Operation]:
    return [
        Operation(
            provider_ref=f"psp_{index}",
            idempotency_key=f"k{index}",
            fingerprint="",
            payment_reference=f"pay_{index}",
            operation="sale",
            amount_minor=amount_minor,
            currency=currency,
            status="succeeded",
            created_at_ms=index,
        )
        for index, amount_minor in enumerate(amounts)
    ]


OCCASION = Occasion(provider="simulator", settled_on="2027-01-15", number=0)


def test_the_same_request_plans_the_same() -> None:
    """A demonstration with a seed can be repeated."""
    request = SettlementRequest(breaks=Breaks(duplicate=2, wrong_amount=2, unknown=2, omit=2), seed=7)
    once, again = (planned(movements(range(1, 20)), request, OCCASION) for _ in range(2))
    assert once == again
    other = planned(movements(range(1, 20)), SettlementRequest(breaks=request.breaks, seed=8), OCCASION)
    assert once[0].breaks != other[0].breaks


def test_more_breaks_than_movements_are_as_many_as_there_are() -> None:
    """The account says what was really done."""
    (batch,) = planned(
        movements([1]), SettlementRequest(breaks=Breaks(wrong_amount=5, duplicate=5)), OCCASION
    )
    assert ["wrong_amount"] == [one.kind for one in batch.breaks]
    assert [2] == [line.gross_minor for line in batch.lines]


def test_both_formats_carry_the_same_facts_and_totals() -> None:
    """Totals are of the lines in the file, breaks included."""
    request = SettlementRequest(format="jsonl", breaks=Breaks(duplicate=1, wrong_amount=1, unknown=1))
    (batch,) = planned(movements([100, 200, 300]), request, OCCASION)
    rows = [list(json.loads(line).values()) for line in rendered(batch).splitlines()]
    (same,) = planned(
        movements([100, 200, 300]), SettlementRequest(format="csv", breaks=request.breaks), OCCASION
    )
    assert [[str(value) for value in row] for row in rows] == [
        line.split(",") for line in rendered(same).decode().splitlines()
    ]
    assert [4 + 1, sum(line.gross_minor for line in batch.lines)] == [rows[-1][1], rows[-1][2]]
    assert entry_of(json.dumps({"entry": "delivery", "batch_id": "b"}).encode())


@pytest.mark.parametrize(
    ("gross_minor", "fee"), [(1, 10), (35, 10), (36, 11), (1000, 24), (107, 11), (108, 12), (-1000, 0)]
)
def test_the_tariff(gross_minor: int, fee: int) -> None:
    """1.4 % rounded half up, and 10 minor units; refunds are free."""
    assert fee == fee_minor(gross_minor)
