"""Which payments does a file of payment requests ask for, and is every line of it one?"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ops.demo.errors import RequestsFileRefused
from ops.demo.steps import Confirm, Create, Scenario, Step
from schemas.money import MoneyError, check_amount_minor, parse_currency

MERCHANTS: Final = 20
"""Merchants the merchant ids of a file are spread over."""
PAYMENT_REQUEST: Final = "payment_request"

_NAMED_LINES: Final = 10
_CREATED: Final = frozenset({201})
_PAID_OR_DECLINED: Final = frozenset({200, 402})


class Money(Struct, frozen=True, kw_only=True):
    """An amount as the file writes it: `value` in minor units."""

    value: int
    currency: str


class PaymentRequest(Struct, frozen=True, kw_only=True):
    """One line; members beyond these are left alone."""

    idempotency_key: Annotated[str, Meta(pattern=r"^[\x20-\x7e]{1,255}\Z")]
    merchant_id: Annotated[str, Meta(min_length=1)]
    customer_id: Annotated[str, Meta(pattern=r"^[\x21-\x7e]{1,255}\Z")]
    payment_method: Annotated[str, Meta(max_length=64, pattern=r"^tok_[A-Za-z0-9_]+\Z")]
    amount: Money


class _Line(Struct, frozen=True):
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file of which every line was read: its payment requests, and lines of other types."""

    payment_requests: int
    skipped: dict[str, int]


def check(path: Path) -> Checked:
    """Read the whole file once. Raises RequestsFileRefused naming the lines that are malformed."""
    requests, skipped, malformed = 0, Counter[str](), list[str]()
    for number, line in _lines(path):
        try:
            kind = _type_of(line)
            if kind == PAYMENT_REQUEST:
                _parsed(line)
                requests += 1
            else:
                skipped[kind] += 1
        except (msgspec.DecodeError, MoneyError, UnicodeDecodeError) as error:
            malformed.append(f"line {number}: {error}")
            if len(malformed) > _NAMED_LINES:
                break
    if malformed:
        more = "; and more" if len(malformed) > _NAMED_LINES else ""
        named = "; ".join(malformed[:_NAMED_LINES])
        raise RequestsFileRefused(f"{path}: nothing was sent; correct these lines: {named}{more}")
    if not requests:
        raise RequestsFileRefused(f'{path} holds no line with "type": "{PAYMENT_REQUEST}"')
    return Checked(payment_requests=requests, skipped=dict(skipped))


def replayed(path: Path, *, payments: int) -> Iterator[Scenario]:
    """The first `payments` requests of a checked file, each created and confirmed as it comes."""
    return islice((_scenario(_parsed(line)) for _, line in _lines(path) if _is_request(line)), payments)


def merchant_of(merchant_id: str) -> int:
    """Which of the demo's merchants stands for this one of the file: always the same."""
    return int.from_bytes(hashlib.sha256(merchant_id.encode()).digest()[:8], "big") % MERCHANTS


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except OSError as error:
        raise RequestsFileRefused(f"{path} cannot be read: {error.strerror}") from error


def _is_request(line: bytes) -> bool:
    return _type_of(line) == PAYMENT_REQUEST


_type_of_line = msgspec.json.Decoder(_Line)
_request_of_line = msgspec.json.Decoder(PaymentRequest)


def _type_of(line: bytes) -> str:
    return _type_of_line.decode(line).type


def _parsed(line: bytes) -> PaymentRequest:
    request = _request_of_line.decode(line)
    check_amount_minor(request.amount.value, parse_currency(request.amount.currency))
    return request


def _scenario(request: PaymentRequest) -> Scenario:
    create = Create(
        amount_minor=request.amount.value,
        currency=request.amount.currency,
        capture_method="automatic",
        customer_id=request.customer_id,
        card=request.payment_method,
    )
    return Scenario(
        name="replayed",
        merchant=merchant_of(request.merchant_id),
        arrives_at_s=0.0,
        key=request.idempotency_key,
        steps=(
            Step(action=create, expects=_CREATED),
            Step(action=Confirm(), expects=_PAID_OR_DECLINED),
        ),
    )
