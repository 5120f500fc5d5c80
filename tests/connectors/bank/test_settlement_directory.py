"""Does every file end where it belongs, whatever happens at whichever point, and never stop the others?"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from connectors.bank import directory as directories
from connectors.bank.directory import Directory, DirectoryHeld
from connectors.bank.reader import Reader
from schemas import ids
from schemas.bank import FileEvent, SettlementFileAccepted, SettlementFileRefused
from schemas.envelope import Message
from schemas.reconciliation import SettlementLine
from schemas.settings import Settings
from tests.connectors.bank.settlement_bytes import batch, capture, csv, jsonl

BATCH = ids.file_id("simulator", "b1")


class Killed(BaseException):
    """The process ends here."""


class Told:
    """What has been told, in order; ends the process before its n-th word, if told to."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Message[SettlementLine]]] = []
        self.files: list[Message[FileEvent]] = []
        self.words_left = -1

    def line(self, key: str, message: Message[SettlementLine]) -> None:
        self._count()
        self.lines.append((key, message))

    def file(self, message: Message[FileEvent]) -> None:
        self._count()
        self.files.append(message)

    def flush(self) -> None:
        self._count()

    def _count(self) -> None:
        if self.words_left == 0:
            raise Killed
        self.words_left -= 1

    @property
    def bodies(self) -> list[FileEvent]:
        return [message.body for message in self.files]


class Bank:
    """A bank directory and the readers that work on it, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.told = Told()
        self._age_ns = 0
        (root / "inbox").mkdir(parents=True)

    def deliver(self, name: str, content: bytes) -> Path:
        path = self.root / "inbox" / name
        path.write_bytes(content)
        self._age_ns += 1_000_000_000
        os.utime(path, ns=(self._age_ns, self._age_ns))
        return path

    def read(self) -> None:
        with Directory(self.root) as directory:
            Reader(Settings(), directory, self.told, lambda: 1_800_000_000_000, CollectorRegistry()).read_all(
                Event()
            )

    def tree(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.root))
            for path in self.root.rglob("*")
            if (path.is_symlink() or not path.is_dir()) and path.name != ".lock"
        )

    def reason(self, name: str) -> Any:
        return json.loads((self.root / "refused" / f"{name}.reason.json").read_bytes())


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path / "bank")


def test_an_accepted_file_is_told_and_kept(bank: Bank) -> None:
    """Lines under their references, then the file, then it moves."""
    bank.deliver("day.jsonl", jsonl(batch()))
    bank.read()
    assert ["simulator:psp_1", "simulator:psp_2"] == [key for key, _ in bank.told.lines]
    (accepted,) = bank.told.bodies
    assert isinstance(accepted, SettlementFileAccepted)
    assert (BATCH, "day.jsonl", 2, 600, 24, 576, False) == (
        accepted.file_id,
        accepted.file_name,
        accepted.lines,
        accepted.gross_minor,
        accepted.fee_minor,
        accepted.net_minor,
        accepted.is_restated,
    )
    assert [f"accepted/{BATCH}/{accepted.sha256[:16]}-day.jsonl"] == bank.tree()


def test_a_refused_file_tells_nothing_and_lies_aside_with_the_reason(bank: Bank) -> None:
    """An operator finds the file, the line and what to mend."""
    bank.deliver("day.csv", csv(batch([capture(net_minor=1)])))
    bank.read()
    assert [] == bank.told.lines
    (refused,) = bank.told.bodies
    assert isinstance(refused, SettlementFileRefused)
    assert (BATCH, "line_does_not_add_up", 2) == (refused.file_id, refused.problem, refused.line)
    assert ["refused/day.csv", "refused/day.csv.reason.json"] == bank.tree()
    assert refused.detail == bank.reason("day.csv")["detail"]


def test_a_corrected_file_is_taken_in_under_the_same_name(bank: Bank) -> None:
    """Refused is not the end: the same name may come again."""
    for _ in range(2):
        bank.deliver("day.csv", csv(batch(totals={"lines": 7})))
        bank.read()
    bank.deliver("day.csv", csv(batch()))
    bank.read()
    kept = bank.tree()
    assert kept[1:] == [
        "refused/1-day.csv",
        "refused/1-day.csv.reason.json",
        "refused/day.csv",
        "refused/day.csv.reason.json",
    ]
    assert isinstance(bank.told.bodies[-1], SettlementFileAccepted)


def test_the_same_file_again_says_the_same(bank: Bank) -> None:
    """A file delivered twice has the same ids, so nobody counts it twice."""
    for name in ("day.jsonl", "day.jsonl"):
        bank.deliver(name, jsonl(batch()))
        bank.read()
    assert bank.told.lines[:2] == bank.told.lines[2:]
    assert bank.told.files[0] == bank.told.files[1]
    assert 1 == len(bank.tree())


def test_a_restated_file_is_told_as_such_whenever_it_is_read(bank: Bank) -> None:
    """Whoever reads the events has to know that amounts of a batch changed."""
    first, second = jsonl(batch()), jsonl(batch([capture(gross_minor=2000, net_minor=1976)]))
    bank.deliver("z.jsonl", first)
    bank.deliver("a.jsonl", second)
    bank.read()
    assert [False, True] == [getattr(body, "is_restated", None) for body in bank.told.bodies]
    assert 2 == len(bank.tree())
    bank.deliver("a.jsonl", second)
    bank.read()
    assert True is getattr(bank.told.bodies[-1], "is_restated", None)
    assert bank.told.lines[2][1].envelope.message_id != bank.told.lines[0][1].envelope.message_id


def test_what_is_not_delivered_is_left_alone(bank: Bank) -> None:
    """A file has its name only when it is whole."""
    for name in (".day.jsonl.part", "day.jsonl.tmp", ".day.csv", "notes.txt"):
        bank.deliver(name, b"half")
    before = bank.tree()
    bank.read()
    assert (before, []) == (bank.tree(), bank.told.files)


def _symlink(inbox: Path) -> None:
    (inbox / "bad.jsonl").symlink_to("/etc/hostname")


def _dangling(inbox: Path) -> None:
    (inbox / "bad.jsonl").symlink_to("nowhere")


def _folder(inbox: Path) -> None:
    (inbox / "bad.jsonl").mkdir()


def _pipe(inbox: Path) -> None:
    os.mkfifo(inbox / "bad.jsonl")


def _huge(inbox: Path) -> None:
    with (inbox / "bad.jsonl").open("wb") as file:
        file.truncate(directories.MAX_FILE_BYTES + 1)


@pytest.mark.parametrize("put", [_symlink, _dangling, _folder, _pipe, _huge])
def test_what_is_no_file_does_not_stop_the_others(bank: Bank, put: Callable[[Path], None]) -> None:
    """Anyone who may deliver could otherwise stop everyone's settlement."""
    put(bank.root / "inbox")
    bank.deliver("good.jsonl", jsonl(batch()))
    bank.read()
    kinds = {type(body).__name__: body for body in bank.told.bodies}
    refused = kinds["SettlementFileRefused"]
    assert isinstance(refused, SettlementFileRefused)
    assert ("unreadable", "") == (refused.problem, refused.sha256)
    assert "SettlementFileAccepted" in kinds
    assert os.path.lexists(bank.root / "refused" / "bad.jsonl")
    assert "unreadable" == bank.reason("bad.jsonl")["problem"]


def test_a_file_that_cannot_be_read_is_refused(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions are the deliverer's mistake, not a reason to stop."""
    opened = os.open

    def denied(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path).endswith("bad.jsonl"):
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **named)

    bank.deliver("bad.jsonl", jsonl(batch()))
    monkeypatch.setattr(os, "open", denied)
    bank.read()
    assert "unreadable" == bank.reason("bad.jsonl")["problem"]


def test_a_file_still_being_written_is_refused(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was examined must be what is told."""
    bank.deliver("day.jsonl", jsonl(batch()))
    chunks = directories._chunks

    def growing(source: Any) -> Any:
        yield from chunks(source)
        with (bank.root / "claimed" / "day.jsonl").open("ab") as file:
            file.write(b"more")

    monkeypatch.setattr(directories, "_chunks", growing)
    bank.read()
    assert "content_changed" == bank.reason("day.jsonl")["problem"]
    assert [] == bank.told.lines


def test_strange_names_are_told_and_kept(bank: Bank) -> None:
    """A name may be any bytes and as long as the file system allows."""
    for name in (b"\xff\xfe.jsonl", b"n" * 249 + b".jsonl", "é\n.jsonl".encode()):
        bank.deliver(os.fsdecode(name), b"junk")
    bank.read()
    assert 3 == len(bank.told.files)
    assert 6 == len(bank.tree())
    for body in bank.told.bodies:
        body.file_name.encode()


def test_a_second_reader_is_refused(bank: Bank) -> None:
    """Two processes would tell a claimed file at once."""
    with Directory(bank.root), pytest.raises(DirectoryHeld):
        Directory(bank.root)


GOOD, BAD = jsonl(batch()), jsonl(batch()[:-1])


@pytest.mark.parametrize("content", [GOOD, BAD])
def test_a_crash_before_any_word_loses_and_changes_nothing(tmp_path: Path, content: bytes) -> None:
    """The process may end before each record, flush and move; the next one says the same again."""
    calm = Bank(tmp_path / "calm")
    calm.deliver("day.jsonl", content)
    calm.read()
    for words in range(6):
        bank = Bank(tmp_path / str(words))
        bank.deliver("day.jsonl", content)
        bank.told.words_left = words
        try:
            bank.read()
        except Killed:
            assert ["claimed/day.jsonl"] == bank.tree()
        bank.told.words_left = -1
        bank.read()
        assert calm.tree() == bank.tree()
        assert calm.told.lines == _once(bank.told.lines)
        assert calm.told.files == _once(bank.told.files)


@pytest.mark.parametrize("content", [GOOD, BAD])
@pytest.mark.parametrize("moves", [0, 1])
def test_a_crash_around_a_move_loses_and_changes_nothing(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, content: bytes, moves: int
) -> None:
    """A rename is there or not; either way the file ends in one place."""
    bank.deliver("day.jsonl", content)
    moved = directories._move

    def killed(source: Path, target: Path) -> None:
        if moves:
            moved(source, target)
        raise Killed

    monkeypatch.setattr(directories, "_move", killed)
    with pytest.raises(Killed):
        bank.read()
    monkeypatch.undo()
    bank.read()
    kept = [name for name in bank.tree() if name.endswith("day.jsonl")]
    assert 1 == len(kept)
    assert not kept[0].startswith("claimed")
    assert 1 == len(_once(bank.told.files))


def test_a_claimed_file_is_read_before_new_ones(bank: Bank) -> None:
    """The restated file must be told after what it corrects, even when a crash came between."""
    bank.deliver("z.jsonl", jsonl(batch()))
    bank.told.words_left = 1
    with pytest.raises(Killed):
        bank.read()
    bank.told.words_left = -1
    bank.deliver("a.jsonl", jsonl(batch([capture(fee_minor=25, net_minor=975)])))
    bank.read()
    assert [False, True] == [getattr(body, "is_restated", None) for body in bank.told.bodies]


def test_a_reader_that_is_stopped_finishes_the_file_it_began(bank: Bank) -> None:
    """Stopping takes as long as one file, not as long as the inbox."""
    stopping = Event()
    stopping.set()
    for name in ("1.jsonl", "2.jsonl"):
        bank.deliver(name, jsonl(batch(batch_id=name)))
    with Directory(bank.root) as directory:
        Reader(Settings(), directory, bank.told, lambda: 1, CollectorRegistry()).read_all(stopping)
    assert 1 == len(bank.told.files)
    assert "inbox/2.jsonl" in bank.tree()


def _once(told: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for one in told:
        if one not in kept:
            kept.append(one)
    return kept
