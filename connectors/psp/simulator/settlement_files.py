"""How does a batch become a file that is there whole or not at all, the same bytes every time?"""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from connectors.psp.simulator.entries import Batch

VERSION = 1


class SettlementFiles:
    """The directory files are fetched from, and the log of what was told wrongly on purpose."""

    def __init__(self, directory: Path, breaks_log: Path) -> None:
        self._directory = directory
        self._breaks_log = breaks_log

    def deliver(self, batches: Sequence[Batch]) -> None:
        """Write the files of batches, and log their breaks. Raises OSError."""
        for batch in batches:
            write_whole(self._directory / file_name(batch), rendered(batch))
        with self._breaks_log.open("ab") as log:
            log.write(_break_lines(batches))

    def restore_log(self, delivered: Iterable[Batch]) -> None:
        """Write the log anew from the book: a crash may have come between a file and its lines here."""
        write_whole(self._breaks_log, _break_lines(delivered))


def file_name(batch: Batch) -> str:
    """Name of a batch's file."""
    return f"settlement-{batch.batch_id}.{batch.format}"


def rendered(batch: Batch) -> bytes:
    """The file of a batch; both formats carry the same facts."""
    header = {
        "version": VERSION,
        "provider": batch.provider,
        "batch_id": batch.batch_id,
        "settled_on": batch.settled_on,
        "currency": batch.currency,
    }
    trailer = {
        "lines": len(batch.lines),
        "gross_minor": sum(line.gross_minor for line in batch.lines),
        "fee_minor": sum(line.fee_minor for line in batch.lines),
        "net_minor": sum(line.net_minor for line in batch.lines),
    }
    rows: list[tuple[str, dict[str, object]]] = [
        ("header", {**header}),
        *(("line", msgspec.structs.asdict(line)) for line in batch.lines),
        ("trailer", {**trailer}),
    ]
    if batch.format == "csv":
        text = io.StringIO()
        csv.writer(text).writerows((record, *fields.values()) for record, fields in rows)
        return text.getvalue().encode()
    return b"".join(msgspec.json.encode({"record": record, **fields}) + b"\n" for record, fields in rows)


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place at once, on disk; a reader sees all of it or nothing. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _break_lines(batches: Iterable[Batch]) -> bytes:
    return b"".join(
        msgspec.json.encode({"batch_id": batch.batch_id, **msgspec.to_builtins(one)}) + b"\n"
        for batch in batches
        for one in batch.breaks
    )
