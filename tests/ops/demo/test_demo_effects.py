"""The provider's book is read as it is, however it arrives."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from connectors.psp.simulator.server import serving
from connectors.psp.simulator.settings import Settings
from ops.demo.effects import Effect, Moved, elements, forget_keys, totals
from ops.demo.errors import BookUnreadable
from ops.stack.ports import free_port

BOOK = (
    b'[{"payment_reference":"pay_1","operation":"sale","amount_minor":5,"currency":"EUR","at":"x"},'
    b'{"payment_reference":"pay_2","operation":"refund","amount_minor":7,"currency":"JPY","at":"}{"}]'
)


async def in_pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 7, 50, 95, 10_000])
async def test_a_book_cut_anywhere_is_read_whole(size: int) -> None:
    """The network cuts where it likes; an effect lost at a cut would hide a double charge."""
    first = Effect(payment_reference="pay_1", operation="sale", amount_minor=5, currency="EUR")
    second = Effect(payment_reference="pay_2", operation="refund", amount_minor=7, currency="JPY")
    assert [first, second] == [effect async for effect in elements(in_pieces(BOOK, size))]


async def test_an_empty_book_has_no_effects() -> None:
    """A demo of payments that were all declined."""
    assert [] == [effect async for effect in elements(in_pieces(b"[]", 1))]


async def test_totals_are_of_the_asked_payments_only(tmp_path: Path) -> None:
    """Another demo's payments in the same book are not this one's."""
    async with serving(Settings(book=tmp_path / "book.jsonl")) as provider, aiohttp.ClientSession() as http:
        for number, operation in ((1, "sale"), (2, "authorize"), (3, "sale")):
            body = {
                "operation": operation,
                "payment_reference": f"pay_{number}",
                "amount_minor": 100 * number,
                "currency": "KWD",
                "payment_method": {"type": "card", "token": "tok_visa"},
            }
            headers = {"Idempotency-Key": f"k{number}"}
            async with http.post(f"{provider.url}/v1/operations", json=body, headers=headers) as answer:
                assert answer.status == 200
        found = await totals(http, provider.url, {"pay_1", "pay_2"})
    assert {Moved("authorized", "KWD"): 300, Moved("captured", "KWD"): 100} == dict(found)


async def test_forgetting_keys_leaves_the_rest_of_the_conduct(tmp_path: Path) -> None:
    """A fault that was switched on before the demo must not vanish with it."""
    async with serving(Settings(book=tmp_path / "book.jsonl")) as provider, aiohttp.ClientSession() as http:
        faults = f"{provider.url}/_simulator/faults"
        async with http.put(faults, json={"slow_s": 0.5, "rates": {"slow": 0.25}}) as answer:
            assert answer.status == 200
        await forget_keys(http, provider.url)
        async with http.get(faults) as answer:
            conduct = await answer.json()
    assert (0, 0.5, 0.25) == (conduct["key_memory_s"], conduct["slow_s"], conduct["rates"]["slow"])


async def test_a_provider_that_is_away_is_named() -> None:
    """A demo that was to forget keys and did not would prove nothing."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(BookUnreadable, match="simulator running"):
            await forget_keys(http, f"http://127.0.0.1:{free_port()}")
