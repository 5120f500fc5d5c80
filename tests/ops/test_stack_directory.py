"""Is a data directory recognised, and refused when it is not ours?"""

import errno
from collections import namedtuple
from pathlib import Path

import pytest

from ops.stack import directory
from ops.stack.errors import DiskFull, ForeignDirectory


def test_a_new_directory_becomes_ours_and_stays_the_same(tmp_path: Path) -> None:
    """The cluster id must survive restarts: Kafka refuses storage of another cluster."""
    first = directory.claim(tmp_path / "new")
    assert first == directory.claim(tmp_path / "new")


def test_refuses_a_directory_with_other_things_in_it(tmp_path: Path) -> None:
    """A typing error in --data-dir must not scatter our files over someone's home."""
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(ForeignDirectory, match=r"thesis\.txt"):
        directory.claim(tmp_path)


def test_refuses_a_later_format(tmp_path: Path) -> None:
    """An older program must not misread the data of a newer one."""
    (tmp_path / directory.MARKER).write_text('{"format_version": 99, "cluster_id": "x"}')
    with pytest.raises(ForeignDirectory, match="99"):
        directory.claim(tmp_path)


def test_refuses_a_damaged_marker(tmp_path: Path) -> None:
    """Guessing what a damaged directory holds could format it anew."""
    (tmp_path / directory.MARKER).write_text("{")
    with pytest.raises(ForeignDirectory, match="damaged"):
        directory.claim(tmp_path)


def test_refuses_to_start_on_a_nearly_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka ends at its first failed write; better not to begin."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(directory.shutil, "disk_usage", lambda path: usage(10**9, 10**9, 2**20))
    with pytest.raises(DiskFull, match="1 MiB free"):
        directory.claim(tmp_path)


def test_explains_a_disk_that_fills_up_while_starting(tmp_path: Path) -> None:
    """The system's own message does not say which disk is meant."""
    with pytest.raises(DiskFull, match=tmp_path.name), directory.explain_full_disk(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_other_errors_pass_unchanged(tmp_path: Path) -> None:
    """A missing permission must not be reported as a full disk."""
    with pytest.raises(PermissionError), directory.explain_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")
