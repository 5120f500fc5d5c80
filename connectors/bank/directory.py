"""Where do settlement files wait, and where do they go? One directory, moved through by renames alone.

inbox     what was delivered: complete once it has its name, because a rename is atomic
claimed   the file that is being read; what a crash leaves here is read again first
accepted  by file id: every content of the batch that was taken in
refused   what was not, each with the reason beside it
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import msgspec

from connectors.bank.formats import FORMATS
from connectors.bank.model import Refusal
from connectors.runtime import ConnectorError

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_COPY_BYTES: Final = 1024 * 1024
_MAX_NAME_BYTES: Final = 200
_SHOWN_SHA: Final = 16


class DirectoryHeld(ConnectorError):
    """Another reader works on the directory; two would read a claimed file twice."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A file that nobody else delivers into any more. name: as delivered, made printable."""

    path: Path

    @property
    def name(self) -> str:
        return os.fsencode(self.path.name).decode("utf-8", "replace")[-255:]

    @property
    def suffix(self) -> str:
        return self.path.suffix


class Directory:
    """The directory of settlement files, held by one process at a time."""

    def __init__(self, root: Path) -> None:
        """Prepare the directory. Raises DirectoryHeld, OSError."""
        self.inbox, self._claimed = root / "inbox", root / "claimed"
        self._accepted, self._refused = root / "accepted", root / "refused"
        for folder in (self.inbox, self._claimed, self._accepted, self._refused):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = (root / ".lock").open("ab")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise DirectoryHeld(
                f"{root} is read by another process; stop it or set another bank_dir"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._lock.close()

    def claim_each(self) -> Iterator[Claimed]:
        """Every file that waits: what a crash left first, then the oldest; each must be kept before the next."""
        for path in _by_age(self._claimed):
            yield Claimed(path)
        for path in _by_age(self.inbox):
            claimed = self._claimed / path.name
            try:
                path.rename(claimed)
            except FileNotFoundError:
                continue  # taken back by whoever delivered it
            yield Claimed(claimed)

    def has_other_content(self, file_id: str, sha256: str) -> bool:
        """Whether the batch was taken in before, saying something else."""
        folder = self._accepted / file_id
        if not folder.is_dir():
            return False
        return any(not name.startswith(sha256[:_SHOWN_SHA]) for name in os.listdir(folder))

    def keep_accepted(self, file: Claimed, file_id: str, sha256: str) -> None:
        """The file was told in whole; the same content again replaces itself."""
        folder = self._accepted / file_id
        folder.mkdir(exist_ok=True)
        _move(file.path, folder / f"{sha256[:_SHOWN_SHA]}-{_stored(file.path.name)}")

    def keep_refused(self, file: Claimed, sha256: str, refusal: Refusal) -> None:
        """Nothing of the file was told; the reason lies beside it as `<name>.reason.json`."""
        kept = _free(self._refused, _stored(file.path.name))
        reason = {
            "file_name": file.name,
            "sha256": sha256,
            "problem": refusal.problem,
            "detail": refusal.detail,
            "line": refusal.line,
        }
        kept.with_name(kept.name + ".reason.json").write_bytes(msgspec.json.encode(reason) + b"\n")
        _move(file.path, kept)


def copied(file: Claimed) -> tuple[BinaryIO, str]:
    """A private copy of a file, which nobody can change while it is told, and its SHA-256 in hex.

    Raises Refusal for what is no readable file of bounded size, or still being written; OSError where
    there is no room for the copy.
    """
    digest = hashlib.sha256()
    with ExitStack() as stack:
        source = stack.enter_context(_opened(file.path))
        before = os.fstat(source.fileno())
        copy = tempfile.TemporaryFile(dir=file.path.parent)  # noqa: SIM115  # the caller closes it
        stack.callback(copy.close)
        for chunk in _chunks(source):
            digest.update(chunk)
            copy.write(chunk)
            _check_size(copy.tell())
        if _content_stamp(before) != _content_stamp(os.fstat(source.fileno())):
            raise Refusal(
                "content_changed",
                "the file was written while it was read; write under another name, then rename",
            )
        stack.pop_all()
        source.close()
        copy.seek(0)
        return copy, digest.hexdigest()


def _opened(path: Path) -> BinaryIO:
    try:
        # Neither a link out of the directory nor a pipe that never ends may be followed.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        what = "a symbolic link; deliver the file itself" if path.is_symlink() else _unreadable(error)
        raise Refusal("unreadable", what) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Refusal("unreadable", "not a regular file; deliver a file")
        _check_size(found.st_size)
        return os.fdopen(descriptor, "rb")
    except Refusal:
        os.close(descriptor)
        raise


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    try:
        while chunk := source.read(_COPY_BYTES):
            yield chunk
    except OSError as error:
        raise Refusal("unreadable", _unreadable(error)) from error


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_FILE_BYTES:
        raise Refusal("unreadable", f"larger than {MAX_FILE_BYTES} bytes; settle in several batches")


def _content_stamp(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _by_age(folder: Path) -> list[Path]:
    """The files that may be read, oldest first, so that a restated file is told after what it corrects."""
    found: list[tuple[int, str, Path]] = []
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if path.suffix in FORMATS and not entry.name.startswith("."):
            try:
                found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name, path))
            except FileNotFoundError:
                continue  # taken back by whoever delivered it
    return [path for _, _, path in sorted(found)]


def _stored(name: str) -> str:
    # Room for what is put before and behind a name, however long it is.
    return os.fsdecode(os.fsencode(name)[-_MAX_NAME_BYTES:])


def _free(folder: Path, name: str) -> Path:
    path, number = folder / name, 0
    while os.path.lexists(path):
        number += 1
        path = folder / f"{number}-{name}"
    return path


def _move(source: Path, target: Path) -> None:
    source.rename(target)
    for folder in (source.parent, target.parent):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
