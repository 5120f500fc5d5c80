"""Whatever is changed in a sealed journal is found, and the first place that is wrong is named."""

import ast
import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.audit import standalone
from schemas import topics
from schemas.audit import plain
from schemas.codec import codec_of
from schemas.envelope import Message
from schemas.merkle import Tree
from tests.ops.audit.histories import Lines, changed, export, journal, others, sealed, write


def verdict(directory: Path) -> dict[str, Any]:
    """What the verifier says of an export."""
    return standalone.verdict(standalone.check_export, directory)


def test_a_history_as_it_was_sealed_passes(tmp_path: Path) -> None:
    """Nothing is wrong with what nobody touched."""
    assert {"passed": True, "first_bad": None} == {
        name: found for name, found in verdict(export(tmp_path)).items() if name != "reason"
    }


def _flip(lines: Lines) -> None:
    value = bytearray(base64.b64decode(lines[3]["value"]))
    value[-3] ^= 1
    lines[3]["value"] = base64.b64encode(bytes(value)).decode()


def _insert(lines: Lines) -> None:
    lines.insert(4, {**lines[3], "offset": 7})


def _swap(lines: Lines) -> None:
    lines[2]["value"], lines[3]["value"] = lines[3]["value"], lines[2]["value"]


def _edit_balance(lines: Lines) -> None:
    lines[0]["debits_posted_minor"] += 1


def _edit_entry(lines: Lines) -> None:
    lines[2]["amount_minor"] += 1


ATTACKS: dict[str, tuple[str, Callable[[Lines], None], tuple[int, int, str]]] = {
    "flip a byte": ("journal-0.jsonl", _flip, (0, 6, "value")),
    "delete a record": ("journal-0.jsonl", lambda lines: lines.pop(3) and None, (0, 8, "seq")),
    "insert a record": ("journal-0.jsonl", _insert, (0, 7, "seq")),
    "swap two records": ("journal-0.jsonl", _swap, (0, 4, "seq")),
    "cut off the end": ("journal-1.jsonl", lambda lines: lines.pop() and None, (1, 3, "record")),
    "edit a balance row": (
        "balances.jsonl",
        _edit_balance,
        (0, 14, "mart.balances.debits_posted_minor"),
    ),
    "delete a balance row": (
        "balances.jsonl",
        lambda lines: lines.pop(0) and None,
        (0, 14, "mart.balances"),
    ),
    "roll a balance row back": (
        "balances.jsonl",
        lambda lines: lines[0].update(seq=1),
        (0, 14, "mart.balances"),
    ),
    "invent a balance row": (
        "balances.jsonl",
        lambda lines: lines.append({**lines[0], "account_id": "test.2020.merchant.available.mer_x.USD"}),
        (0, 14, "mart.balances"),
    ),
    "raise the number of a balance row": (
        "balances.jsonl",
        lambda lines: lines[0].update(seq=99, debits_posted_minor=1),
        (0, 14, "mart.balances"),
    ),
    "invent a balance row of the time to come": (
        "balances.jsonl",
        lambda lines: lines.append({**lines[0], "account_id": "test.2020.x.y.USD", "seq": 99}),
        (0, 19, "mart.balances"),
    ),
    "invent a balance row of no partition": (
        "balances.jsonl",
        lambda lines: lines.append({**lines[0], "account_id": "test.2020.x.y.USD", "_partition": 9}),
        (9, 0, "mart.balances"),
    ),
    "tell a balance row twice": (
        "balances.jsonl",
        lambda lines: lines.append({**lines[0], "debits_posted_minor": 1}),
        (0, 0, "balances.jsonl"),
    ),
    "tell an entry row twice": (
        "entries.jsonl",
        lambda lines: lines.append({**lines[0], "amount_minor": 1}),
        (0, 2, "entries.jsonl"),
    ),
    "move a balance row": (
        "balances.jsonl",
        lambda lines: lines[0].update(_partition=1),
        (0, 14, "mart.balances"),
    ),
    "move an entry row": (
        "entries.jsonl",
        lambda lines: lines[2].update(_offset=2),
        (0, 4, "mart.ledger_entries._offset"),
    ),
    "edit an entry row": ("entries.jsonl", _edit_entry, (0, 4, "mart.ledger_entries.amount_minor")),
    "delete an entry row": (
        "entries.jsonl",
        lambda lines: lines.pop(2) and None,
        (0, 4, "mart.ledger_entries"),
    ),
    "invent an entry row": (
        "entries.jsonl",
        lambda lines: lines.append({**lines[0], "entry_id": "txn_x:1"}),
        (0, 2, "mart.ledger_entries"),
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_named(attack: str, tmp_path: Path) -> None:
    """By partition, offset and field."""
    file, change, (partition, offset, field) = ATTACKS[attack]
    directory = export(tmp_path)
    changed(directory / file, change)
    found = verdict(directory)
    assert not found["passed"]
    assert {"partition": partition, "offset": offset, "field": field} == found["first_bad"], found["reason"]


def test_a_history_rewritten_whole_is_caught_by_the_file_outside_alone(tmp_path: Path) -> None:
    """Recomputed hashes, seals signed anew with the right key, rows to match: only what was told outside remains."""
    directory = export(tmp_path)
    outside = (directory / "outside.jsonl").read_text()
    forged = journal()
    forged[1] = others(6_000)
    export(directory, forged)
    assert verdict(directory)["passed"], "with a file outside to match the forgery is perfect"
    (directory / "outside.jsonl").write_text("")
    assert "no seal is outside, so nothing is proven" == verdict(directory)["reason"]
    (directory / "outside.jsonl").write_text(outside)
    found = verdict(directory)
    assert (False, 1, "outside") == (
        found["passed"],
        found["first_bad"]["partition"],
        found["first_bad"]["field"],
    )


@pytest.mark.parametrize("field", ["root", "previous", "signature", "sealed_at_ms"])
def test_a_changed_seal_is_named(field: str, tmp_path: Path) -> None:
    """Its signature covers every field of it."""

    def change(lines: Lines) -> None:
        old = lines[1][field]
        lines[1][field] = (
            old + 1 if isinstance(old, int) else "0" + old[1:] if old[0] != "0" else "1" + old[1:]
        )

    directory = export(tmp_path)
    changed(directory / "seals.jsonl", change)
    assert "seal.signature" == verdict(directory)["first_bad"]["field"]


def test_a_lost_seal_is_named(tmp_path: Path) -> None:
    """Each seal names the one before it."""
    directory = export(tmp_path)
    changed(directory / "seals.jsonl", lambda lines: lines.pop(0) and None)
    assert "seal.previous" == verdict(directory)["first_bad"]["field"]


def test_what_is_not_sealed_yet_may_be_on_its_way_to_the_tables(tmp_path: Path) -> None:
    """The last records are under no seal outside: their rows may be missing, and are right where they are there."""
    directory = export(tmp_path)
    for name in ("seals", "outside"):
        changed(directory / f"{name}.jsonl", lambda lines: lines.pop() and None)
    told = verdict(directory)
    assert (True, "6 of 13") == (told["passed"], told["reason"][:7])
    changed(directory / "entries.jsonl", lambda lines: lines.pop() and None)
    assert verdict(directory)["passed"]
    changed(directory / "entries.jsonl", lambda lines: lines[-1].update(amount_minor=1))
    assert not verdict(directory)["passed"]


def test_what_is_no_export_is_told_shortly(tmp_path: Path) -> None:
    """Whoever runs it sees how, and no traceback; its end is not that of a journal that is wrong."""
    (tmp_path / "receipt.json").write_text("{}")
    for arguments in ([], [str(tmp_path / "nowhere")], [str(tmp_path), str(tmp_path / "receipt.json")]):
        ran = subprocess.run(
            [sys.executable, standalone.__file__, *arguments], capture_output=True, text=True, check=False
        )
        assert (2, "") == (ran.returncode, ran.stdout)
        assert "DIRECTORY RECEIPT" in ran.stderr
        assert "Traceback" not in ran.stderr


def _receipt() -> dict[str, Any]:
    values = journal()
    seal = sealed(values)[-1]
    tree = Tree()
    for value in values[0]:
        tree.append(value)
    message: Message[Any] = codec_of(topics.LEDGER_JOURNAL).decode(values[0][2])
    return {
        "transaction_id": message.body.transaction_id,
        "partition": 0,
        "offset": 4,
        "seq": 3,
        "value": base64.b64encode(values[0][2]).decode(),
        "legs": [
            {
                "account_id": leg.account_id,
                "side": leg.side,
                "phase": leg.phase,
                "amount_minor": leg.amount_minor,
            }
            for leg in message.body.legs
        ],
        "inclusion": [part.hex() for part in tree.inclusion(2)],
        "seal": plain(seal),
    }


def test_a_receipt_stands_alone(tmp_path: Path) -> None:
    """The public key and the seals outside are all that is needed; a changed leg, proof or seal is named."""
    directory, receipt = export(tmp_path), json.loads(json.dumps(_receipt()))

    def field_of(**changes: Any) -> str | None:
        found = standalone.verdict(standalone.check_receipt, directory, {**receipt, **changes})
        return found["first_bad"] and found["first_bad"]["field"]

    assert field_of() is None
    assert "legs" == field_of(legs=receipt["legs"][:-1])
    assert "value" == field_of(inclusion=receipt["inclusion"][:-1])
    assert "value" == field_of(seq=4)
    assert "transaction_id" == field_of(transaction_id="txn_other")
    assert "seal.signature" == field_of(seal={**receipt["seal"], "number": 9})
    write(directory / "outside.jsonl", [])
    assert "outside" == field_of()


def test_the_verifier_stands_alone() -> None:
    """Short, and with nothing of ours in it: who judges must not share a mistake with who is judged."""
    source = Path(standalone.__file__).read_text()
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {
        "base64",
        "collections",
        "functools",
        "cryptography",
        "hashlib",
        "io",
        "json",
        "pathlib",
        "sys",
        "typing",
    } == imported
    assert source.count("\n") < 300
