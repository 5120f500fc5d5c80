"""Where does a task keep its table on this machine: one RocksDB, a cache of the changelog."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec
from rocksdict import (
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from streams.engine.overlay import Changes
from streams.engine.positions import POSITIONS_KEY

LOCAL_KEY: Final = b"\x00local"
_MEBIBYTE: Final = 1024 * 1024
_BUFFER_BYTES: Final = 32 * _MEBIBYTE
"""Each fourth buffer of one task is merged with a quarter of a gigabyte of its rows, so small ones cost more."""
_CACHE: Final = Cache(320 * _MEBIBYTE)
"""Memory of all tables of the process: a busy one may use what a quiet one does not."""
_BUFFERS: Final = WriteBufferManager.new_write_buffer_manager_with_cache(256 * _MEBIBYTE, False, _CACHE)
"""What of it all buffers take together; near it, buffers are written out before they are full. A quiet task
takes a megabyte, so a hundred leave the busy ones enough."""
_AFTER_LAST: Final = b"\xff" * 64


class LocalCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What a local copy is a copy of. It is written in the same batch as the rows it describes.

    owner: the task's transactional id. changelog_id: topic id. positions_offset: changelog offset of
    the positions record the rows belong to. written_at_ms: Unix milliseconds.
    """

    owner: str
    changelog_id: str
    positions_offset: int
    written_at_ms: int


_encode_local: Final = msgspec.json.Encoder().encode
_decode_local: Final = msgspec.json.Decoder(LocalCopy).decode


class TaskStore:
    """The rows of one task, in key order, as of its last finished commit or restore."""

    def __init__(self, directory: Path, *, write_ahead: bool) -> None:
        self._directory = directory
        self._write = WriteOptions()
        self._write.disable_wal = not write_ahead  # type: ignore[assignment,method-assign]  # a property
        self._open()

    def _open(self) -> None:
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        options = _options()
        # Without a family of its own, a store that exists is opened with the table options it was made with.
        self._rows = Rdict(str(self._directory), options, {"default": options})

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, or None."""
        value: bytes | None = self._rows.get(key)
        return value

    def scan(self, start: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows with start <= key < end, in key order."""
        bounds = ReadOptions()
        bounds.set_iterate_upper_bound(end)
        found = self._rows.iter(bounds)
        found.seek(start)
        while found.valid():
            yield found.key(), found.value()
            found.next()
        found.status()

    def rows(self) -> Iterator[tuple[bytes, bytes]]:
        """Every row, the engine's own included."""
        return self.scan(b"", _AFTER_LAST)

    def local_copy(self) -> tuple[LocalCopy, bytes] | None:
        """What the rows are a copy of and the positions record they belong to; None: not known."""
        local, positions = self.get(LOCAL_KEY), self.get(POSITIONS_KEY)
        if local is None or positions is None:
            return None
        try:
            return _decode_local(local), positions
        except msgspec.DecodeError:
            return None

    def apply(self, changes: Changes, local: LocalCopy, positions: bytes) -> None:
        """Write one finished transaction (or several) together with where it ends."""
        batch = _batch(changes.items())
        batch.put(LOCAL_KEY, _encode_local(local))
        batch.put(POSITIONS_KEY, positions)
        self._rows.write(batch, self._write)

    def apply_unfinished(self, changes: Changes) -> None:
        """Write rows whose positions are still to come; until then the rows are no usable copy."""
        batch = _batch(changes.items())
        batch.delete(LOCAL_KEY)
        self._rows.write(batch, self._write)

    def wipe(self) -> None:
        """Forget every row."""
        self._rows.close()
        shutil.rmtree(self._directory)
        self._open()

    def close(self) -> None:
        """Write everything to disk and let go of the directory."""
        self._rows.flush()
        self._rows.close()


def _batch(changes: Iterable[tuple[bytes, bytes | None]]) -> WriteBatch:
    batch = WriteBatch(raw_mode=True)
    put, delete = batch.put, batch.delete
    for key, value in changes:
        if value is None:
            delete(key)
        else:
            put(key, value)
    return batch


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(_BUFFER_BYTES)
    options.set_max_write_buffer_number(3)
    options.set_write_buffer_manager(_BUFFERS)
    # Rows are read at random, from pages the kernel has: to copy each block into a cache costs more than to read it.
    options.set_allow_mmap_reads(True)
    # Most rows that are asked for are either new or were written a moment ago.
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.02)
    options.set_arena_block_size(_MEBIBYTE // 4)
    options.set_max_background_jobs(1)
    # All stay open. RocksDB bounds them per shard of 64, so of any fewer some that share one take turns, and
    # each turn reads the index and the filter again: a megabyte for a row.
    options.set_max_open_files(-1)
    options.set_keep_log_file_num(2)
    options.set_compression_type(DBCompressionType.none())
    table = BlockBasedOptions()
    table.set_bloom_filter(10, False)
    table.set_block_cache(_CACHE)
    options.set_block_based_table_factory(table)
    return options
