"""Which directory holds everything this machine keeps, and may we use it?"""

import base64
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from ops.stack.errors import DiskFull, ForeignDirectory

MARKER: Final = "millrace.json"
FORMAT_VERSION: Final = 1
LEAST_FREE_BYTES: Final = 400 * 1024 * 1024


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies a data directory. cluster_id: Kafka's id of the cluster that lives in it."""

    format_version: int
    cluster_id: str


def claim(data_dir: Path) -> Marker:
    """Make `data_dir` ours if it is new or empty, and say which one it is.

    Raises ForeignDirectory when it holds something else or a later format, DiskFull when its disk has
    less than LEAST_FREE_BYTES bytes left.
    """
    with explain_full_disk(data_dir):
        data_dir.mkdir(parents=True, exist_ok=True)
        require_space(data_dir)
        marker = read_marker(data_dir)
        if marker is None:
            marker = _mark(data_dir)
    if marker.format_version != FORMAT_VERSION:
        raise ForeignDirectory(
            f"{data_dir} has data format {marker.format_version}, this program reads {FORMAT_VERSION};"
            " use the version that made it, or another --data-dir"
        )
    return marker


def read_marker(data_dir: Path) -> Marker | None:
    """The marker of `data_dir`, None when it has none. Raises ForeignDirectory when it is unreadable."""
    path = data_dir / MARKER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Marker)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ForeignDirectory(
            f"{path} is damaged ({error}); restore it or use another --data-dir"
        ) from error


def require_space(data_dir: Path) -> None:
    """Raises DiskFull when the disk of `data_dir` has less than LEAST_FREE_BYTES bytes left."""
    free_bytes = shutil.disk_usage(data_dir).free
    if free_bytes < LEAST_FREE_BYTES:
        raise DiskFull(
            f"{data_dir} has {free_bytes // 2**20} MiB free, {LEAST_FREE_BYTES // 2**20} MiB are needed;"
            " make room or choose another --data-dir"
        )


@contextmanager
def explain_full_disk(directory: Path) -> Iterator[None]:
    """Turn the system's "no space left" into DiskFull naming the directory."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(f"no space left for {directory}; make room on its disk") from error


def new_cluster_id() -> str:
    """A random id as Kafka writes them: 16 bytes in URL-safe base64."""
    while True:
        cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
        # A leading dash would read as a command line option.
        if not cluster_id.startswith("-"):
            return cluster_id


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` with `content`: a reader sees the old bytes or the new ones, also after a crash."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _mark(data_dir: Path) -> Marker:
    found = sorted(entry.name for entry in data_dir.iterdir())
    if found:
        raise ForeignDirectory(
            f"{data_dir} is not empty ({found[0]}, ...) and has no {MARKER}; choose an empty --data-dir"
        )
    marker = Marker(format_version=FORMAT_VERSION, cluster_id=new_cluster_id())
    write_atomically(data_dir / MARKER, msgspec.json.encode(marker))
    return marker
