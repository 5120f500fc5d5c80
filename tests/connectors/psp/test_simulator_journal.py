"""Is what the journal calls durable there again after a crash?"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from connectors.psp.simulator.entries import Attempt, Operation, Resolution, entry_of, line_of
from connectors.psp.simulator.journal import Journal, JournalError


def attempt(number: int) -> Attempt:
    return Attempt(idempotency_key=f"k{number}", payment_reference="pay_1", cause="test", at_ms=number)


@asynccontextmanager
async def written(path: Path) -> AsyncIterator[Journal]:
    """A journal whose writer runs."""
    with Journal(path) as journal:
        running = asyncio.create_task(journal.run())
        yield journal
        journal.stop()
        await running


def read(path: Path) -> list[object]:
    with Journal(path) as journal:
        return list(journal.entries())


async def test_durable_entries_are_in_the_file_before_the_wait_ends(tmp_path: Path) -> None:
    """An answer may only say what a crash can not take back."""
    path = tmp_path / "deep" / "book"
    async with written(path) as journal:
        journal.append(attempt(1))
        await journal.durable()
        assert line_of(attempt(1)) == path.read_bytes()
    assert read(path) == [attempt(1)]


async def test_durable_means_synchronized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel merely holds is gone when the machine loses power."""
    path, synchronized = tmp_path / "book", list[bytes]()
    fsync = os.fsync

    def observed(descriptor: int) -> None:
        fsync(descriptor)
        synchronized.append(path.read_bytes())

    async with written(path) as journal:
        monkeypatch.setattr(os, "fsync", observed)
        journal.append(attempt(1))
        await journal.durable()
        assert synchronized == [line_of(attempt(1))]


async def test_many_waiters_share_few_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One fsync per call would cap the provider at the disk's pace."""
    writes: list[bytes] = []
    write = Journal._write

    def counted(journal: Journal, lines: bytes) -> None:
        writes.append(lines)
        write(journal, lines)

    monkeypatch.setattr(Journal, "_write", counted)
    async with written(tmp_path / "book") as journal:

        async def enter(number: int) -> None:
            journal.append(attempt(number))
            await journal.durable()

        await asyncio.gather(*(enter(number) for number in range(500)))
    assert len(writes) < 10
    assert read(tmp_path / "book") == [attempt(number) for number in range(500)]


async def test_what_was_appended_before_the_stop_is_written(tmp_path: Path) -> None:
    """A clean end loses nothing, even what nobody waited for."""
    async with written(tmp_path / "book") as journal:
        journal.append(attempt(1))
    assert read(tmp_path / "book") == [attempt(1)]


async def test_waiting_with_nothing_to_write_returns(tmp_path: Path) -> None:
    """Readers wait for durability too and must not hang on an idle book."""
    async with written(tmp_path / "book") as journal:
        await journal.durable()


@pytest.mark.parametrize("torn", [b"{", line_of(attempt(2))[:-1], b"\x00\x00"])
async def test_a_torn_last_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    """A crash in mid-write leaves a piece of a line that nobody was told about."""
    path = tmp_path / "book"
    path.write_bytes(line_of(attempt(1)) + torn)
    async with written(path) as journal:
        assert list(journal.entries()) == [attempt(1)]
        journal.append(attempt(3))
    assert read(path) == [attempt(1), attempt(3)]


async def test_a_bad_line_in_the_middle_is_named(tmp_path: Path) -> None:
    """A damaged book must not be taken for a shorter one."""
    path = tmp_path / "book"
    path.write_bytes(line_of(attempt(1)) + b"garbage\n" + line_of(attempt(2)))
    with pytest.raises(JournalError, match="line 2"):
        read(path)


async def test_a_book_has_one_holder(tmp_path: Path) -> None:
    """Two providers on one book would each know half of it."""
    with Journal(tmp_path / "book"), pytest.raises(JournalError, match="held by another"):
        Journal(tmp_path / "book")


def test_every_kind_of_entry_survives_its_line() -> None:
    """What is read back must equal what was decided."""
    operation = Operation(
        provider_ref="op_1",
        idempotency_key="k",
        fingerprint="f",
        payment_reference="pay_1",
        operation="sale",
        amount_minor=1,
        currency="JPY",
        status="requires_action",
        created_at_ms=1,
        action_expires_at_ms=2,
    )
    resolution = Resolution(provider_ref="op_1", status="declined", settled_at_ms=3, decline_code="lost_card")
    for entry in (operation, resolution, attempt(1)):
        assert entry == entry_of(line_of(entry))
