"""P2: did the provider do what our events say, and nothing else? Judged from its own book alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from ops.verify.history import HOLDING, OperationHistory, PaymentHistory
from ops.verify.report import Finding, Invariant
from schemas import ids
from schemas.payments import PaymentStatus

_NOTHING_HELD: Final = frozenset(
    {
        PaymentStatus.FAILED,
        PaymentStatus.VOIDED,
        PaymentStatus.EXPIRED,
        PaymentStatus.CANCELED,
        PaymentStatus.CAPTURED,
        PaymentStatus.PARTIALLY_REFUNDED,
        PaymentStatus.REFUNDED,
    }
)


class Effect(Struct, frozen=True, kw_only=True, gc=False):
    """One thing the provider did. Amount in minor units; payment_reference is our payment id.

    provider_ref: the provider's name for it, as its settlement files tell it.
    """

    idempotency_key: str
    payment_reference: str
    operation: str
    amount_minor: int
    currency: str
    provider_ref: str = ""


class Effects:
    """Judges every payment of ours against what the provider did for it.

    What is still open may have happened or not, so it is counted and not judged, except that the
    provider never moves more than it was asked to.
    """

    def __init__(self, effects: Iterable[Effect]) -> None:
        self._finding = Finding("P2", "provider effects are ours, once")
        self._by_payment: dict[str, list[Effect]] = defaultdict(list)
        for effect in effects:
            self._by_payment[effect.payment_reference].append(effect)
        self._open: Counter[str] = Counter()
        self._moving = self._past_window = self._payments = 0

    def payment(self, history: PaymentHistory, status: PaymentStatus | None, *, is_quiet: bool) -> None:
        """A payment as of the newest event read.

        is_quiet: none of its events came after the cut, so the book was read while it stood so.
        """
        effects = self._by_payment.pop(history.payment_id, [])
        self._payments += 1
        for effect in effects:
            if effect.currency != history.currency:
                self._wrong(
                    history, f"{effect.operation} in {effect.currency}, ours is in {history.currency}"
                )
        if not is_quiet:
            self._moving += 1
            return
        self._operations(history, effects)
        self._hold(history, status, effects)

    def check_keys(self) -> None:
        """Judge the book by itself: one effect under one key. Call it before the first payment."""
        under_key = Counter(one.idempotency_key for effects in self._by_payment.values() for one in effects)
        self._finding.checked += under_key.total()
        for key, count in under_key.items():
            if count > 1:
                self._finding.wrong(f"the provider acted {count} times under the key {key}")

    def join(self, other: "Effects") -> None:
        """Take in what was found in another partition; unknown is what neither knows."""
        self._finding.add(other._finding)
        self._open.update(other._open)
        self._moving += other._moving
        self._past_window += other._past_window
        self._payments += other._payments
        for payment_reference in self._by_payment.keys() - other._by_payment.keys():
            del self._by_payment[payment_reference]

    def verdict(self) -> Invariant:
        """What was found; call it after the last payment."""
        for payment_reference, effects in self._by_payment.items():
            self._finding.wrong(f"{payment_reference}: {len(effects)} effects for a payment we do not know")
        for status, count in sorted(self._open.items()):
            self._finding.remark(f"not judged: {count} operations that are {status}")
        if self._moving:
            self._finding.remark(f"not judged: {self._moving} payments that changed while the book was read")
        if self._past_window:
            self._finding.remark(
                f"{self._past_window} holds ended by the scheme's window, not by the provider"
            )
        return self._finding.invariant(
            f"{self._finding.checked} effects in the provider's book against the events of {self._payments} payments"
        )

    def _operations(self, history: PaymentHistory, effects: Sequence[Effect]) -> None:
        owner = {
            ids.psp_key(operation.operation_id, attempt): operation
            for operation in history.operations.values()
            for attempt in range(operation.calls)
        }
        moved_minor: Counter[str] = Counter()
        for effect in effects:
            operation = owner.get(effect.idempotency_key)
            if operation is None:
                self._wrong(
                    history,
                    f"{effect.operation} of {effect.amount_minor} under {effect.idempotency_key}, a key we never used",
                )
            elif operation.kind != effect.operation:
                self._wrong(
                    history, f"{operation.operation_id} is a {operation.kind}, it did a {effect.operation}"
                )
            else:
                moved_minor[operation.operation_id] += effect.amount_minor
        for operation in history.operations.values():
            self._operation(history, operation, moved_minor[operation.operation_id])

    def _operation(self, history: PaymentHistory, operation: OperationHistory, moved_minor: int) -> None:
        is_contested = operation.is_contested and not operation.is_open
        if operation.is_open or is_contested or operation.is_reversed:
            self._open[
                "contested" if is_contested else "reversed" if operation.is_reversed else operation.status
            ] += 1
            if moved_minor > operation.amount_minor:
                self._differs(history, operation, moved_minor, f"asked for {operation.amount_minor}")
        elif moved_minor != operation.moved_minor:
            self._differs(
                history, operation, moved_minor, f"ours is {operation.status} with {operation.moved_minor}"
            )

    def _hold(self, history: PaymentHistory, status: PaymentStatus | None, effects: Sequence[Effect]) -> None:
        held_minor = largest_minor = 0
        for effect in effects:
            match effect.operation:
                case "authorize":
                    held_minor += effect.amount_minor
                    largest_minor = max(largest_minor, effect.amount_minor)
                case "capture" | "void":
                    held_minor -= effect.amount_minor
        if held_minor > largest_minor:
            # One authorization cannot hold more than it was for.
            self._wrong(history, f"holds {held_minor}: more than one live authorization")
        if held_minor < 0:
            self._wrong(history, f"took and released {-held_minor} more than it held")
        if history.is_past_window:
            self._past_window += 1
        elif held_minor > 0 and status in _NOTHING_HELD and not history.open_kinds() & HOLDING:
            self._wrong(history, f"still holds {held_minor}, our payment is {status}")

    def _differs(
        self, history: PaymentHistory, operation: OperationHistory, moved_minor: int, ours: str
    ) -> None:
        self._wrong(history, f"{operation.kind} {operation.operation_id}: moved {moved_minor}, {ours}")

    def _wrong(self, history: PaymentHistory, what: str) -> None:
        self._finding.wrong(f"{history.payment_id}: the provider {what}")


def not_judged() -> Invariant:
    """The verdict where nobody gave us the provider's book."""
    return Finding("P2", "provider effects are ours, once").invariant(
        "not judged: there is no provider's book to read"
    )
