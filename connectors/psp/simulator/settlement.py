"""What is in the next settlement batches: the movements since the last ones, the provider's fee, breaks on purpose."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from connectors.psp.simulator.entries import Batch, Break, FileFormat, Operation, SettledKind, SettledLine
from connectors.psp.simulator.problems import Problem, invalid
from connectors.psp.simulator.requests import field_named_by

FEE_PER_MILLE: Final = 14
FEE_FIXED_MINOR: Final = 10
_FORMATS: Final[tuple[FileFormat, ...]] = ("jsonl", "csv")

Count = Annotated[int, Meta(ge=0, le=1_000_000)]


class Breaks(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many movements are told wrongly on purpose, each in one way; fewer where there are too few.

    duplicate: settled by two lines. wrong_amount: one minor unit less, or more where there is only one.
    unknown: lines of references nobody has. omit: left out of this and every later batch.
    """

    duplicate: Count = 0
    wrong_amount: Count = 0
    unknown: Count = 0
    omit: Count = 0


class SettlementRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settle now. format: of the files; None: JSON lines and CSV in turn. seed: picks who is told wrongly."""

    format: FileFormat | None = None
    breaks: Breaks = Breaks()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and as whom the provider settles. number: of batches there are already."""

    provider: str
    settled_on: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Which references are told wrongly; the rest is told as it was."""

    omitted: frozenset[str]
    wrong: frozenset[str]
    duplicated: frozenset[str]
    unknown: Mapping[str, Sequence[str]]


def settlement_of(body: bytes) -> SettlementRequest | Problem:
    """The request in a body, empty for all defaults, or what is wrong with it, naming the field."""
    try:
        return msgspec.json.decode(body or b"{}", type=SettlementRequest)
    except msgspec.DecodeError as error:
        return invalid(field_named_by(error), f"{error}.")


def planned(pending: Sequence[Operation], request: SettlementRequest, occasion: Occasion) -> Sequence[Batch]:
    """One batch a currency, in the order of the codes; the same for the same arguments, always."""
    selection = _select(pending, request, occasion)
    by_currency: dict[str, list[Operation]] = {}
    for operation in pending:
        by_currency.setdefault(operation.currency, []).append(operation)
    return [
        _batch(by_currency[currency], request, occasion, selection, occasion.number + index)
        for index, currency in enumerate(sorted(by_currency), start=1)
    ]


def fee_minor(gross_minor: int) -> int:
    """What the provider keeps of a line: 1.4 %, rounded half up, and 10 minor units; nothing of a refund."""
    return 0 if gross_minor < 0 else (gross_minor * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_MINOR


def _select(pending: Sequence[Operation], request: SettlementRequest, occasion: Occasion) -> _Selection:
    """Each movement is told wrongly in one way at most, so that every break can be found by itself."""
    drawn = sorted(
        (operation.provider_ref for operation in pending), key=lambda ref: _draw(request, occasion, ref)
    )
    breaks = request.breaks
    first, second = breaks.omit, breaks.omit + breaks.wrong_amount
    unknown: dict[str, list[str]] = {}
    currencies = sorted({operation.currency for operation in pending})
    for index in range(breaks.unknown if currencies else 0):
        invented = f"unk_{_draw(request, occasion, f'unknown/{index}')[:24]}"
        unknown.setdefault(currencies[index % len(currencies)], []).append(invented)
    return _Selection(
        omitted=frozenset(drawn[:first]),
        wrong=frozenset(drawn[first:second]),
        duplicated=frozenset(drawn[second : second + breaks.duplicate]),
        unknown=unknown,
    )


def _draw(request: SettlementRequest, occasion: Occasion, name: str) -> str:
    return hashlib.sha256(f"{request.seed}/{occasion.number}/{name}".encode()).hexdigest()


def _batch(
    operations: Sequence[Operation],
    request: SettlementRequest,
    occasion: Occasion,
    selection: _Selection,
    number: int,
) -> Batch:
    currency = operations[0].currency
    sheet = _Sheet(f"{occasion.settled_on}-{currency}-{number:06d}")
    for operation in operations:
        sheet.settle(operation, selection)
    for provider_ref in selection.unknown.get(currency, ()):
        sheet.invent(provider_ref)
    return Batch(
        batch_id=sheet.batch_id,
        provider=occasion.provider,
        settled_on=occasion.settled_on,
        currency=currency,
        format=request.format or _FORMATS[(number - 1) % len(_FORMATS)],
        lines=tuple(sheet.lines),
        covered=tuple(one.provider_ref for one in operations if one.provider_ref not in selection.omitted),
        omitted=tuple(one.provider_ref for one in operations if one.provider_ref in selection.omitted),
        breaks=tuple(sheet.breaks),
    )


class _Sheet:
    """A batch while its lines are written."""

    def __init__(self, batch_id: str) -> None:
        self.batch_id = batch_id
        self.lines: list[SettledLine] = []
        self.breaks: list[Break] = []

    def settle(self, operation: Operation, selection: _Selection) -> None:
        ref, amount_minor = operation.provider_ref, operation.amount_minor
        kind: SettledKind = "refund" if operation.operation == "refund" else "capture"
        if ref in selection.omitted:
            self.breaks.append(Break(kind="omit", provider_ref=ref))
            return
        if ref in selection.wrong:
            line_id = self._write(ref, kind, amount_minor - 1 if amount_minor > 1 else amount_minor + 1)
            self.breaks.append(Break(kind="wrong_amount", provider_ref=ref, line_id=line_id))
            return
        self._write(ref, kind, amount_minor)
        if ref in selection.duplicated:
            line_id = self._write(ref, kind, amount_minor)
            self.breaks.append(Break(kind="duplicate", provider_ref=ref, line_id=line_id))

    def invent(self, provider_ref: str) -> None:
        amount_minor = 100 + int.from_bytes(hashlib.sha256(provider_ref.encode()).digest()[:2], "big")
        line_id = self._write(provider_ref, "capture", amount_minor)
        self.breaks.append(Break(kind="unknown", provider_ref=provider_ref, line_id=line_id))

    def _write(self, provider_ref: str, kind: SettledKind, amount_minor: int) -> str:
        gross_minor = -amount_minor if kind == "refund" else amount_minor
        fee = fee_minor(gross_minor)
        line_id = f"{self.batch_id}-{len(self.lines) + 1:06d}"
        self.lines.append(
            SettledLine(
                line_id=line_id,
                provider_ref=provider_ref,
                kind=kind,
                gross_minor=gross_minor,
                fee_minor=fee,
                net_minor=gross_minor - fee,
            )
        )
        return line_id
