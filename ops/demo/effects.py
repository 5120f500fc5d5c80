"""What did the provider really do for these payments: read from its own book, and nothing else."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Container
from json import JSONDecodeError, JSONDecoder
from typing import Final, NamedTuple

import aiohttp
import msgspec
from msgspec import Struct

from ops.demo.errors import BookUnreadable
from ops.demo.patience import pause_s

EFFECTS_PATH: Final = "/_simulator/effects"
FAULTS_PATH: Final = "/_simulator/faults"
READ_TIMEOUT_S: Final = 300.0
DEADLINE_S: Final = 60.0
_ERRORS: Final = (aiohttp.ClientError, TimeoutError)


class Moved(NamedTuple):
    """One total of the book: what was authorized, captured or refunded in a currency."""

    measure: str
    currency: str


class Effect(Struct, frozen=True, kw_only=True, gc=False):
    """One thing the provider did; members beyond these are left alone."""

    payment_reference: str
    operation: str
    amount_minor: int
    currency: str


MEASURES: Final[dict[str, tuple[str, ...]]] = {
    "authorize": ("authorized",),
    "sale": ("authorized", "captured"),
    "capture": ("captured",),
    "refund": ("refunded",),
    "void": (),
}
"""What an operation adds to: a sale authorizes and captures in one call."""


async def totals(
    session: aiohttp.ClientSession, simulator_url: str, payment_ids: Container[str]
) -> Counter[Moved]:
    """Sums of the book in minor units over these payments. Raises BookUnreadable after a minute."""
    ends_at, failures = time.monotonic() + DEADLINE_S, 0
    while True:
        try:
            return await _totals(session, simulator_url, payment_ids)
        except _ERRORS as error:
            failures += 1
            if time.monotonic() >= ends_at:
                raise BookUnreadable(f"{simulator_url}{EFFECTS_PATH}: {error}") from error
            await asyncio.sleep(pause_s(failures, jitter=0))


async def forget_keys(session: aiohttp.ClientSession, simulator_url: str) -> None:
    """Let the provider forget idempotency keys at once. Raises BookUnreadable if it does not obey."""
    url = simulator_url + FAULTS_PATH
    try:
        async with session.get(url) as response:
            conduct = msgspec.json.decode(await response.read(), type=dict[str, object])
        async with session.put(url, json={**conduct, "key_memory_s": 0}) as response:
            response.raise_for_status()
    except (*_ERRORS, msgspec.DecodeError) as error:
        raise BookUnreadable(f"{url}: {error}; is the simulator running?") from error


async def _totals(
    session: aiohttp.ClientSession, simulator_url: str, payment_ids: Container[str]
) -> Counter[Moved]:
    found: Counter[Moved] = Counter()
    timeout = aiohttp.ClientTimeout(total=READ_TIMEOUT_S)
    async with session.get(simulator_url + EFFECTS_PATH, timeout=timeout) as response:
        response.raise_for_status()
        async for effect in elements(response.content.iter_any()):
            if effect.payment_reference in payment_ids:
                for measure in MEASURES[effect.operation]:
                    found[Moved(measure, effect.currency)] += effect.amount_minor
    return found


async def elements(chunks: AsyncIterator[bytes]) -> AsyncIterator[Effect]:
    """The elements of a JSON array of flat objects as its pieces arrive; a long book is never held whole."""
    decode = JSONDecoder().raw_decode
    pending = b""
    async for chunk in chunks:
        pending += chunk
        # Only ASCII is cut safely; the book holds ids, codes and numbers.
        text, position = pending.decode("ascii"), 0
        while (start := text.find("{", position)) >= 0:
            try:
                element, position = decode(text, start)
            except JSONDecodeError:
                break
            yield msgspec.convert(element, Effect)
        pending = text[position:].encode("ascii")
