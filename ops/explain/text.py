"""How is the life of a payment laid out for people?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from ops.explain.life import Amount, Life, Operation, Step
from ops.tables import rendered
from schemas.money import Currency, format_amount


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
    for title in ("provider", "reference", "calls", "idempotency key of the last"):
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
    for title in ("by", "provider reference", "record"):
        table.add_column(title)
    for step in life.steps:
        table.add_row(
            step.at.replace("T", " ").rstrip("Z"),
            step.context,
            Text("\n".join((step.what, *(f"  {line}" for line in _below(step))))),
            amount_text(step.amount),
            "" if step.version is None else str(step.version),
            step.actor or "",
            step.provider_ref or "",
            str(step.place),
        )
    return table


def _below(step: Step) -> Iterator[str]:
    """The lines under a step: its id, its legs, and the rest of its record."""
    yield step.id
    widest = max((len(leg.account_id) for leg in step.legs), default=0)
    amounts = [amount_text(leg.amount) for leg in step.legs]
    widest_amount = max(map(len, amounts), default=0)
    for leg, amount in zip(step.legs, amounts, strict=True):
        yield f"{leg.direction:<6} {leg.account_id:<{widest}} {amount:>{widest_amount}} {leg.phase}"
    scalars = [
        _named(name, value) for name, value in step.details.items() if not isinstance(value, list | dict)
    ]
    if scalars:
        yield ", ".join(scalars)
    for name, value in step.details.items():
        if isinstance(value, list):
            yield from (f"{name}: {_flat(one)}" for one in value)
        elif isinstance(value, dict):
            yield f"{name}: {_flat(value)}"


def _named(name: str, value: Any) -> str:
    """Times of records are Unix milliseconds; people read times."""
    if name.endswith("_ms") and isinstance(value, int) and name != "latency_ms":
        at = datetime.fromtimestamp(value / 1000, UTC)
        return f"{name.removesuffix('_ms')} {at:%Y-%m-%d %H:%M:%S}"
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
