"""How does the book survive kill -9? An append-only file of lines, on disk before anything is said."""

import asyncio
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from connectors.psp.simulator.entries import Entry, entry_of, line_of


class JournalError(Exception):
    """The book's file can not be used; the message names it and says why."""


@dataclass(slots=True)
class _Batch:
    lines: list[bytes] = field(default_factory=list)
    written: asyncio.Event = field(default_factory=asyncio.Event)


class Journal:
    """The book's file, held by one process at a time. `run` writes while the process lives."""

    def __init__(self, path: Path) -> None:
        """Open or create the file; a torn last line, left by a crash, is cut off.

        Raises JournalError where another process holds the file.
        """
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise JournalError(f"{path} is held by another provider; give each its own book") from error
        self._cut_torn_line()
        self._sync_directory()
        self._open = _Batch()
        self._underway = _Batch()
        self._underway.written.set()
        self._wanted = asyncio.Event()
        self._is_stopping = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def entries(self) -> Iterator[Entry]:
        """All entries, oldest first. Raises JournalError, naming the line, where one is none."""
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            try:
                yield entry_of(line)
            except msgspec.DecodeError as error:
                raise JournalError(f"{self._path}, line {number}, is no entry of a book: {error}") from error

    def append(self, entry: Entry) -> None:
        """Give an entry to the next write; `durable` tells when it is on disk."""
        self._open.lines.append(line_of(entry))
        self._wanted.set()

    async def durable(self) -> None:
        """Return once everything appended so far is on disk; never, where writing failed."""
        batch = self._open if self._open.lines else self._underway
        await batch.written.wait()

    async def run(self) -> None:
        """Write what is appended, one write and fsync for all that came in meanwhile, until stopped."""
        while self._open.lines or not self._is_stopping:
            await self._wanted.wait()
            self._wanted.clear()
            if self._open.lines:
                self._underway, self._open = self._open, _Batch()
                await asyncio.to_thread(self._write, b"".join(self._underway.lines))
                self._underway.written.set()

    def stop(self) -> None:
        """Let `run` return when all that was appended is on disk."""
        self._is_stopping = True
        self._wanted.set()

    def _write(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _cut_torn_line(self) -> None:
        self._file.seek(0)
        end = 0
        for line in self._file:
            end += len(line) if line.endswith(b"\n") else 0
        self._file.truncate(end)

    def _sync_directory(self) -> None:
        # A new file is only there after a crash once its directory entry is on disk too.
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
