"""What happens to a settlement file? Examined whole, then told whole, then kept; or refused whole."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import BinaryIO

import structlog
from prometheus_client import CollectorRegistry

from connectors.bank import formats
from connectors.bank.directory import Claimed, Directory, copied
from connectors.bank.messages import Reading
from connectors.bank.model import Examination, Header, Line, Refusal, Trailer, file_id
from connectors.bank.teller import Teller
from schemas import metrics
from schemas.settings import Settings

_log = structlog.get_logger(__name__)


class Reader:
    """Reads what is delivered, one file after the other; a file at fault never stops the others."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        teller: Teller,
        now_ms: Callable[[], int],
        registry: CollectorRegistry,
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._teller = teller
        self._now_ms = now_ms
        self._files = metrics.SETTLEMENT_FILES.counter(registry)
        self._lines_told = metrics.SETTLEMENT_LINES.counter(registry)

    def run(self, stopping: Event) -> None:
        """Look for files until stopped. Raises Undelivered, and OSError where a file cannot be moved."""
        _log.info("reading settlement files", inbox=str(self._directory.inbox))
        while not stopping.is_set():
            self.read_all(stopping)
            stopping.wait(self._settings.bank_poll_ms / 1000)

    def read_all(self, stopping: Event) -> None:
        """Read every file that waits, until stopped; a file that was begun is finished."""
        for file in self._directory.claim_each():
            self.read(file)
            if stopping.is_set():
                return

    def read(self, file: Claimed) -> None:
        """Take a file in or refuse it, then keep it aside.

        A crash at any point leaves it claimed: it is read again and says the same again.
        """
        sha256 = ""
        examination = Examination()
        try:
            content, sha256 = copied(file)
            with content:
                header, trailer = _examined(content, file.suffix, examination)
                self._accept(file, content, sha256, header, trailer)
        except Refusal as refusal:
            self._refuse(file, sha256, examination.header, refusal)

    def _accept(
        self, file: Claimed, content: BinaryIO, sha256: str, header: Header, trailer: Trailer
    ) -> None:
        reading, batch = self._reading(file, sha256), file_id(header)
        told = reading.lines(header)
        for number, line in _lines(content, file.suffix):
            self._teller.line(*told(number, line))
        self._teller.flush()
        is_restated = self._directory.has_other_content(batch, sha256)
        self._teller.file(reading.accepted(header, trailer, is_restated=is_restated))
        self._teller.flush()
        self._directory.keep_accepted(file, batch, sha256)
        self._files.labels("accepted").inc()
        self._lines_told.inc(trailer.lines)
        _log.info(
            "settlement file accepted",
            file=file.name,
            file_id=batch,
            lines=trailer.lines,
            is_restated=is_restated,
        )

    def _refuse(self, file: Claimed, sha256: str, header: Header | None, refusal: Refusal) -> None:
        message = self._reading(file, sha256).refused(header, refusal)
        self._teller.file(message)
        self._teller.flush()
        self._directory.keep_refused(file, sha256, refusal)
        self._files.labels(refusal.problem).inc()
        _log.error(
            "settlement file refused",
            file=file.name,
            problem=refusal.problem,
            detail=refusal.detail,
            line=refusal.line,
        )

    def _reading(self, file: Claimed, sha256: str) -> Reading:
        settings = self._settings
        return Reading(
            file_name=file.name,
            sha256=sha256,
            mode=settings.mode,
            cell=settings.cell,
            now_ms=self._now_ms(),
        )


def directory_of(settings: Settings) -> Path:
    """Where settlement files are delivered, in a folder `inbox`."""
    return Path(settings.bank_dir) if settings.bank_dir else Path(settings.data_dir) / "bank"


def _examined(content: BinaryIO, suffix: str, examination: Examination) -> tuple[Header, Trailer]:
    for number, row in formats.rows(content, suffix):
        examination.row(number, row)
    return examination.finish()


def _lines(content: BinaryIO, suffix: str) -> Iterator[tuple[int, Line]]:
    content.seek(0)
    return ((number, row) for number, row in formats.rows(content, suffix) if isinstance(row, Line))
