"""Is a journal what was sealed? A verifier that stands alone: the standard library, and Ed25519 of `cryptography`.

    python standalone.py DIRECTORY            checks an export of `millrace audit export`
    python standalone.py DIRECTORY RECEIPT    checks one receipt by the public key and the seals outside

Prints JSON: {"passed", "first_bad": {"partition", "offset", "field"} or null, "reason"}. It shares no code with what
it judges. `seal.pub` and `outside.jsonl` are to come from where the platform cannot write: only they are trusted.
"""

import base64
import io
import json
import sys
from collections import Counter
from collections.abc import Callable
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LEG = ("account_id", "side", "phase", "amount_minor")
COLUMNS = ("account_id", "direction", "phase", "amount_minor", "_partition", "_offset")
Seal = dict[str, Any]
Lines = list[dict[str, Any]]
Rows = dict[str, dict[str, Any]]
KINDS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")


class Bad(Exception):
    """The first thing that is not as it was sealed: partition, offset, field, and why."""


class Tree:
    """RFC 6962, section 2.1: the whole subtrees of a tree that grows, from left to right."""

    def __init__(self) -> None:
        self.size, self._whole = 0, list[bytes]()

    def append(self, leaf: bytes) -> None:
        whole, size = sha256(b"\0" + leaf).digest(), self.size
        while size & 1:
            whole, size = _node(self._whole.pop(), whole), size >> 1
        self._whole.append(whole)
        self.size += 1

    def root(self) -> str:
        found = self._whole[-1] if self._whole else sha256(b"").digest()
        return reduce(lambda right, left: _node(left, right), reversed(self._whole[:-1]), found).hex()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _link(before: bytes, value: bytes) -> bytes:
    return sha256(before + len(value).to_bytes(4, "big") + value).digest()


def _long(data: io.BytesIO) -> int:
    byte, shift, result = 128, 0, 0
    while byte & 128:
        byte = data.read(1)[0]
        result, shift = result | (byte & 127) << shift, shift + 7
    return (result >> 1) ^ -(result & 1)


def _avro(data: io.BytesIO, schema: Any, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return _avro(data, schema[_long(data)], named)
    schema = named.get(schema, schema) if isinstance(schema, str) else schema
    kind = schema["type"] if isinstance(schema, dict) else schema
    if kind == "record":
        named[schema["name"]] = schema
        return {field["name"]: _avro(data, field["type"], named) for field in schema["fields"]}
    if kind in ("array", "map"):
        found = []
        while count := _long(data):
            for _ in range(abs(count)):
                key = _avro(data, "string", named) if kind == "map" else ""
                found.append((key, _avro(data, schema["values" if kind == "map" else "items"], named)))
        return dict(found) if kind == "map" else [value for _, value in found]
    if kind in ("null", "long", "boolean"):
        return None if kind == "null" else _long(data) if kind == "long" else data.read(1) == b"\1"
    raw = data.read(size := _long(data))
    if len(raw) != size:
        raise ValueError("the value ends too early")
    return raw if kind == "bytes" else raw.decode()


def _body(value: bytes, schemas: dict[str, Any]) -> Any:
    data = io.BytesIO(value[5:])
    message = _avro(data, schemas[str(int.from_bytes(value[1:5], "big"))], {})
    if value[0] != 0 or data.read(1):
        raise ValueError("the value is longer than its schema")
    return message["body"]


def _canonical(seal: Seal) -> bytes:
    return json.dumps(seal, sort_keys=True, separators=(",", ":")).encode()


def _lines(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


class Partition:
    """A partition from its first record on. sealed: how many are outside; told: accounts at the record of their row."""

    def __init__(self, number: int, records: Lines, schemas: Any, sealed: int, rows: Rows) -> None:
        self.number, self.offsets, self.values = number, [one["offset"] for one in records], list[bytes]()
        self.heads, self.sums, self.tree = [bytes(32)], [Counter[tuple[str, str]]()], Tree()
        self.entries, self.sealed, self.rows = dict[str, tuple[Any, ...]](), sealed, rows
        self.standing, self.told, bodies = dict[str, Counter[str]](), dict[str, Counter[str]](), list[Any]()
        for record in records:
            self.values.append(base64.b64decode(record["value"]))
            self.heads.append(_link(self.heads[-1], self.values[-1]))
            try:
                bodies.append(_body(self.values[-1], schemas))
            except (ValueError, KeyError, IndexError) as error:
                raise self.bad(len(bodies), "value", f"it cannot be read: {error}") from error
        # Numbers first: a record too many or too few breaks every link behind it.
        for at, body in enumerate(bodies):
            if body["seq"] != at + 1:
                raise self.bad(at, "seq", f"number {body['seq']}, {at + 1} would follow")
        for at, body in enumerate(bodies):
            if body["prev_hash"] != self.heads[at]:
                # Either the record before was changed or this one's link: what follows tells which.
                after = bodies[at + 1]["prev_hash"] if at + 1 < len(bodies) else None
                is_intact = at > 0 and after in (None, _link(body["prev_hash"], self.values[at]))
                raise self.bad(at - is_intact, "value" if is_intact else "prev_hash", "the chain breaks here")
            self._post(at, body)

    def bad(self, at: int, field: str, reason: str) -> Bad:
        place = self.offsets[at:] or [last + 1 for last in self.offsets[-1:]] or [0]
        return Bad(self.number, place[0], field, reason)

    def _post(self, at: int, body: dict[str, Any]) -> None:
        sums, balanced = Counter(self.sums[-1]), Counter[tuple[str, str]]()
        for index, leg in enumerate(body.get("legs", ()), 1):
            account, side, phase, amount = (leg[name] for name in LEG)
            currency = account.partition("#")[0].rpartition(".")[2]
            kind = f"{side}s_{'posted' if phase == 'posted' else 'pending'}"
            change = -amount if phase == "released" else amount
            sums[currency, kind] += change
            balanced[currency, phase] += amount if side == "debit" else -amount
            standing = self.standing.setdefault(account, Counter())
            standing[kind], standing["seq"] = standing[kind] + change, at + 1
            standing["sealed"] = at + 1 if at < self.sealed else standing["sealed"]
            if self.rows.get(account, {}).get("seq") == at + 1:
                self.told[account] = Counter(standing)
            place = (account, side, phase, amount, self.number, self.offsets[at])
            self.entries[f"{body['transaction_id']}:{index}"] = (at, *place)
        if any(balanced.values()):
            raise self.bad(at, "legs", f"debits and credits differ: {dict(balanced)}")
        self.sums.append(sums)


def _signed(seal: Seal, directory: Path) -> bool:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex((directory / "seal.pub").read_text().strip()))
    try:
        key.verify(bytes.fromhex(seal["signature"]), _canonical({**seal, "signature": ""}))
    except (InvalidSignature, ValueError):
        return False
    return True


def _check_seal(seal: Seal, before: Seal | None, found: dict[int, Partition], directory: Path) -> None:
    name, whole, sums = f"seal {seal['number']}", Tree(), Counter[tuple[int, str, str]]()
    place = (seal["partitions"][0]["partition"], seal["partitions"][0]["next_offset"] - 1)
    if not _signed(seal, directory):
        raise Bad(*place, "seal.signature", f"{name} is not signed with this key")
    previous = sha256(_canonical(before)).hexdigest() if before else "0" * 64
    if (seal["number"], seal["previous"]) != ((before["number"] if before else 0) + 1, previous):
        raise Bad(*place, "seal.previous", f"{name} does not follow the one before it")
    for one in seal["partitions"]:
        number, size = one["partition"], one["size"]
        mine = found.setdefault(number, Partition(number, [], {}, 0, {}))
        if len(mine.values) < size:
            raise mine.bad(len(mine.values), "record", f"{name} covers {size} records; the end is missing")
        if mine.heads[size].hex() != one["head"]:
            raise mine.bad(size - 1, "value", f"{name} has another hash of the last record")
        while mine.tree.size < size:
            mine.tree.append(mine.values[mine.tree.size])
        if mine.tree.size != size or mine.tree.root() != one["root"]:
            raise mine.bad(size - 1, "seal.root", f"{name} has another root over the records")
        sums.update({(number, *kind): amount for kind, amount in mine.sums[size].items()})
        whole.append((number << 64 | size).to_bytes(12, "big") + bytes.fromhex(one["head"] + one["root"]))
    if whole.root() != seal["root"]:
        raise Bad(*place, "seal.root", f"{name} has another root over its partitions")
    for one in seal["trial_balance"]:
        for kind in KINDS:
            if int(one[kind]) != sums[one["partition"], one["currency"], kind]:
                raise Bad(*place, f"seal.{kind}", f"{name} has another sum of {one['currency']}")


def _check_rows(partitions: dict[int, Partition], entries: Rows, balances: Rows) -> None:
    """What is sealed outside has its rows; of records after that they may be on their way. All rows are right."""
    for number, found in partitions.items():
        for entry_id, (at, *expected) in found.entries.items():
            row = entries.pop(entry_id, None)
            for name, value in zip(COLUMNS, expected, strict=True) if row or at < found.sealed else ():
                if row is None or row[name] != value:
                    field = f"mart.ledger_entries{f'.{name}' if row else ''}"
                    raise found.bad(at, field, f"{entry_id} is {row}, the journal says {expected}")
        for account_id, standing in found.standing.items():
            row, told = balances.pop(account_id, {}), found.told.get(account_id, Counter())
            reason = f"{account_id} is {row}, the journal says {dict(standing)}"
            if told["seq"] < max(bool(row), standing["sealed"]) or row.get("_partition", number) != number:
                raise found.bad(standing["seq"] - 1, "mart.balances", reason)
            for kind in KINDS:
                if row.get(f"{kind}_minor", 0) != told[kind]:
                    raise found.bad(told["seq"] - 1, f"mart.balances.{kind}_minor", reason)
    for row in entries.values():
        raise Bad(row["_partition"], row["_offset"], "mart.ledger_entries", f"no record has it: {row}")
    for row in balances.values():
        found = partitions.get(number := row["_partition"], Partition(number, [], {}, 0, {}))
        raise found.bad(row["seq"] - 1, "mart.balances", f"no record has it: {row}")


def _rows(path: Path, name: str) -> Rows:
    rows: Rows = {}
    for row in _lines(path):
        if rows.setdefault(row[name], row) is not row:
            raise Bad(row["_partition"], row.get("_offset", 0), path.name, f"{row[name]} is there twice")
    return rows


def check_export(directory: Path) -> str:
    """Everything in an export; what is proven of it. Raises Bad."""
    schemas, partitions = json.loads((directory / "schemas.json").read_text()), dict[int, Partition]()
    balances = _rows(directory / "balances.jsonl", "account_id")
    seals, outside = _lines(directory / "seals.jsonl"), _lines(directory / "outside.jsonl")
    sealed = {one["partition"]: one["size"] for seal in outside for one in seal["partitions"]}
    for path in sorted(directory.glob("journal-*.jsonl")):
        number = int(path.stem.rpartition("-")[2])
        partitions[number] = Partition(number, _lines(path), schemas, sealed.get(number, 0), balances)
    for before, seal in zip([None, *seals], seals, strict=False):
        _check_seal(seal, before, partitions, directory)
    # Only this catches a history that was rewritten whole by someone who has the key.
    for at, seal in enumerate(outside):
        if seals[at : at + 1] != [seal]:
            known = [one for mine in seals for one in mine["partitions"]]
            one = next((one for one in seal["partitions"] if one not in known), seal["partitions"][0])
            place = (one["partition"], one["next_offset"] - 1)
            raise Bad(*place, "outside", f"seal {at + 1} outside says something else")
    records = sum(len(found.values) for found in partitions.values())
    if records and not outside:
        raise Bad(min(partitions), 0, "outside", "no seal is outside, so nothing is proven")
    _check_rows(partitions, _rows(directory / "entries.jsonl", "entry_id"), balances)
    return f"{sum(sealed.values())} of {records} records are as they were sealed outside, and tables as all records say"


def check_receipt(directory: Path, receipt: dict[str, Any]) -> str:
    """That a transaction is in the journal as the receipt says (RFC 9162, section 2.1.3.2). Raises Bad."""
    seal, place = receipt["seal"], (receipt["partition"], receipt["offset"])
    if not _signed(seal, directory):
        raise Bad(*place, "seal.signature", "the seal is not signed with this key")
    if seal not in _lines(directory / "outside.jsonl"):
        raise Bad(*place, "outside", "the seal is not among those outside")
    one = next(one for one in seal["partitions"] if one["partition"] == receipt["partition"])
    value = base64.b64decode(receipt["value"])
    at, last, found = receipt["seq"] - 1, one["size"] - 1, sha256(b"\0" + value).digest()
    for part in map(bytes.fromhex, receipt["inclusion"]):
        is_right = bool(at & 1 or at == last)
        found = _node(part, found) if is_right else _node(found, part)
        while is_right and not at & 1 and at:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last != 0 or found.hex() != one["root"]:
        raise Bad(*place, "value", "the record is not under the seal")
    body = _body(value, json.loads((directory / "schemas.json").read_text()))
    for name in ("seq", "transaction_id", "legs"):
        if body[name] != receipt[name]:
            raise Bad(*place, name, f"the record says {body[name]}")
    return f"record {receipt['seq']} of partition {place[0]} lies under seal {seal['number']} outside"


def verdict(check: Callable[..., str], *arguments: Any) -> dict[str, Any]:
    """What a check found."""
    try:
        return {"passed": True, "first_bad": None, "reason": check(*arguments)}
    except Bad as error:
        *place, reason = error.args
        first_bad = dict(zip(("partition", "offset", "field"), place, strict=True))
        return {"passed": False, "first_bad": first_bad, "reason": reason}


if __name__ == "__main__":
    try:
        receipts = [json.loads(Path(name).read_text()) for name in sys.argv[2:]]
        told = verdict(check_receipt if receipts else check_export, Path(sys.argv[1]), *receipts)
    except (OSError, IndexError, KeyError, StopIteration, ValueError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n\n{__doc__}")
        sys.exit(2)
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.exit(0 if told["passed"] else 1)
