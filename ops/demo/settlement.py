"""What does the provider settle at the end of a demo, and what does it get wrong on purpose?

One settlement with a break of each kind, and then files no reader may take: cut in the middle, with
wrong totals, in an unknown currency; and one that was read before.
"""

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from msgspec import Struct

from ops.demo.errors import BookUnreadable
from ops.demo.patience import pause_s
from ops.stack.directory import write_atomically

SETTLEMENT_PATH: Final = "/_simulator/settlement"
BREAKS: Final = {"duplicate": 1, "wrong_amount": 1, "unknown": 1, "omit": 1}
"""How many of each kind a demo injects."""
REFUSED_FILES: Final = ("cut", "totals", "currency")
_DEADLINE_S: Final = 60.0
_LOOK_AGAIN_S: Final = 0.2
_ERRORS: Final = (aiohttp.ClientError, TimeoutError, msgspec.DecodeError)


class Break(Struct, frozen=True, kw_only=True):
    """One thing the provider tells wrongly on purpose."""

    kind: str
    provider_ref: str


class Batch(Struct, frozen=True, kw_only=True):
    """One batch the provider believes it settled."""

    batch_id: str
    file_name: str
    breaks: tuple[Break, ...] = ()


class Settlements(Struct, frozen=True, kw_only=True):
    """Everything the provider has settled, in this demo and before, and the references in no batch yet."""

    batches: tuple[Batch, ...]
    pending: tuple[str, ...] = ()

    @property
    def last_file(self) -> str:
        """The file of the last batch; empty before anything was settled."""
        return self.batches[-1].file_name if self.batches else ""

    @property
    def breaks(self) -> Counter[str]:
        """How many breaks of each kind there are."""
        return Counter(one.kind for batch in self.batches for one in batch.breaks)


async def settled(session: aiohttp.ClientSession, simulator_url: str, *, seed: int) -> Settlements:
    """Let the provider settle what moved, with one break of each kind; what it has settled by then.

    Asked again after an answer was lost, it settles only what is new: its book tells what there is.
    Raises BookUnreadable after a minute.
    """
    ends_at, failures = time.monotonic() + _DEADLINE_S, 0
    body = {"breaks": BREAKS, "seed": seed}
    while True:
        try:
            before = await _read(session, simulator_url)
            if before.pending:
                async with session.post(simulator_url + SETTLEMENT_PATH, json=body) as response:
                    response.raise_for_status()
            return await _read(session, simulator_url)
        except _ERRORS as error:
            failures += 1
            if time.monotonic() >= ends_at:
                raise BookUnreadable(f"{simulator_url}{SETTLEMENT_PATH}: {error}") from error
            await asyncio.sleep(pause_s(failures, jitter=0))


async def deliver_bad_files(bank_dir: Path, settlements: Settlements) -> None:
    """Put copies of the last batch that was read into the inbox: three broken ones and an equal one.

    Raises BookUnreadable when the batch is not read within a minute.
    """
    name = settlements.last_file
    ends_at = time.monotonic() + _DEADLINE_S
    while not (taken := sorted((bank_dir / "accepted").glob(f"*/*-{name}"))):
        if time.monotonic() >= ends_at:
            raise BookUnreadable(f"{bank_dir} has not taken {name} after a minute; is the reader running?")
        await asyncio.sleep(_LOOK_AGAIN_S)
    for change, text in broken(taken[0].read_bytes().decode()).items():
        write_atomically(bank_dir / "inbox" / f"{change}-{name}", text.encode())


def broken(text: str) -> dict[str, str]:
    """The file of a batch as it must not be taken, by what is wrong with it, and `again` as it was."""
    cut = text[: len(text) // 2]
    currency = re.search(r'"currency"\s*:\s*"([A-Z]{3})"|\b([A-Z]{3})\b(?=\s*$)', text, flags=re.MULTILINE)
    code = next(group for group in currency.groups() if group) if currency else "USD"
    lines = text.rstrip("\n").split("\n")
    trailer = re.sub(r"\d+(?=\D*$)", lambda found: str(int(found[0]) + 1), lines[-1])
    return {
        "cut": cut,
        "totals": "\n".join((*lines[:-1], trailer)) + "\n",
        "currency": text.replace(code, "XQX"),
        "again": text,
    }


async def _read(session: aiohttp.ClientSession, simulator_url: str) -> Settlements:
    async with session.get(simulator_url + SETTLEMENT_PATH) as response:
        response.raise_for_status()
        return msgspec.json.decode(await response.read(), type=Settlements)
