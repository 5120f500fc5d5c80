"""How is the life of a payment laid out for people?"""

import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from ops.explain.life import Amount, Life, Operation, Step
from ops.tables import rendered
from schemas.money import EXPONENTS, Currency, format_amount

_INDENT: Final = "  "
_WIDTH: Final = 100
"""Characters of a line under a step."""


def life_text(life: Life) -> str:
    """The payment, what providers were asked, and every step with its evidence."""
    return rendered(_head(life), Text(), _operations(life), Text(), _steps(life))


def amount_text(amount: Amount | None) -> str:
    """An amount such as `25.99 USD`; nothing for none."""
    return "" if amount is None else format_amount(amount.amount_minor, Currency(amount.currency))


def _head(life: Life) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_row("payment", f"{life.payment_id}, {life.status}, version {life.version}, {life.mode}")
    table.add_row("intent", life.payment_intent_id)
    table.add_row("merchant", life.merchant_id)
    table.add_row("amount", amount_text(life.amount))
    moved = (("authorized", life.authorized), ("captured", life.captured), ("refunded", life.refunded))
    table.add_row("moved", ", ".join(f"{name} {amount_text(amount)}" for name, amount in moved))
    table.add_row("as of", life.as_of or "unknown: the load has not read every topic to its end")
    return table


def _operations(life: Life) -> Table:
    table = Table(box=None)
    table.add_column("provider operation")
    table.add_column("status")
    table.add_column("asked", justify="right")
    table.add_column("moved", justify="right")
    for title in ("provider", "reference", "calls", "key of the last call"):
        table.add_column(title)
    for one in life.operations:
        table.add_row(
            f"{one.kind} {one.operation_id}",
            _standing(one),
            amount_text(one.asked),
            amount_text(one.moved),
            one.provider,
            one.provider_ref or "",
            f"{len(one.idempotency_keys)}, {one.queries} queries",
            one.idempotency_keys[-1] if one.idempotency_keys else "",
        )
    return table


def _standing(operation: Operation) -> str:
    why = operation.conflict or operation.failure_code
    return f"{operation.status} ({why})" if why else operation.status


def _steps(life: Life) -> Table:
    table = Table(box=None)
    for title in ("time (UTC)", "where", "what"):
        table.add_column(title, no_wrap=title != "what")
    table.add_column("amount", justify="right")
    table.add_column("version", justify="right")
    table.add_column("provider reference")
    for step in life.steps:
        table.add_row(
            step.at.replace("T", " ").rstrip("Z"),
            step.context,
            Text("\n".join((step.what, *_below(step)))),
            amount_text(step.amount),
            "" if step.version is None else str(step.version),
            step.provider_ref or "",
        )
    return table


def _below(step: Step) -> Iterator[str]:
    """The lines under a step: its legs, the rest of its record, and the record itself."""
    widest = max((len(leg.account_id) for leg in step.legs), default=0)
    amounts = [amount_text(leg.amount) for leg in step.legs]
    widest_amount = max(map(len, amounts), default=0)
    for leg, amount in zip(step.legs, amounts, strict=True):
        yield f"{_INDENT}{leg.direction:<6} {leg.account_id:<{widest}} {amount:>{widest_amount}} {leg.phase}"
    said = {name: value for name, value in step.details.items() if _is_worth_a_line(name, value, step)}
    flat = [_named(name, value, step) for name, value in said.items() if not isinstance(value, list | dict)]
    yield from _folded(", ".join(flat))
    for name, value in said.items():
        for one in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
            yield from _folded(f"{name}: {_flat(one)}")
    by = "" if step.actor is None else f", by {step.actor}"
    yield from _folded(f"{step.id} in {step.place}{by}")


def _folded(line: str) -> list[str]:
    return textwrap.wrap(
        line,
        _WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=_INDENT * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_worth_a_line(name: str, value: Any, step: Step) -> bool:
    """What is not so, or is told already, only makes the rest hard to find; --json has it all."""
    is_told = value == step.id or name == "fingerprint" or name.endswith("_currency")
    return not is_told and value is not False and value not in (None, [], {})


def _named(name: str, value: Any, step: Step) -> str:
    """Records have Unix milliseconds and minor units; people read times and amounts."""
    if name.endswith("_ms") and name != "latency_ms":
        at = datetime.fromtimestamp(value / 1000, UTC)
        return f"{name.removesuffix('_ms')} {at:%Y-%m-%d %H:%M:%S}"
    currency = step.details.get(name.replace("_minor", "_currency"), step.details.get("settled_currency"))
    if name.endswith("_minor") and isinstance(currency, str) and currency in EXPONENTS:
        return f"{name.removesuffix('_minor')} {format_amount(value, Currency(currency))}"
    return f"{name} {value}"


def _flat(value: Any) -> str:
    """A nested value of a record in one line."""
    match value:
        case dict():
            return ", ".join(
                f"{name} {_flat(one)}" for name, one in value.items() if one not in (None, False, [], {})
            )
        case list():
            return "; ".join(_flat(one) for one in value)
        case _:
            return str(value)
