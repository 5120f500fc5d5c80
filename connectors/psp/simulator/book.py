"""What has the provider done so far? A fold of its book's entries."""

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import assert_never

from msgspec.structs import replace

from connectors.psp.simulator.charges import Charge, Summary, opened, summed, touched
from connectors.psp.simulator.entries import (
    PENDING_ACTION,
    Attempt,
    Batch,
    Delivery,
    Entry,
    Operation,
    Resolution,
)
from connectors.psp.simulator.settlements import Settlements


class Book:
    """All operations, and what is left of every charge. Changed by `apply` alone."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._charges: dict[str, Charge] = {}
        self._refs_by_key: dict[str, tuple[str, ...]] = {}
        self._refs_by_payment: dict[str, tuple[str, ...]] = {}
        self._attempts_by_payment: dict[str, tuple[Attempt, ...]] = {}
        self._attempt_count_by_key: defaultdict[str, int] = defaultdict(int)
        self._refunded_minor_by_capture: defaultdict[str, int] = defaultdict(int)
        self._action_deadlines: list[tuple[int, str]] = []
        self.settlements = Settlements()

    def apply(self, entry: Entry) -> None:
        """Take one entry in; entries come in the order of the book."""
        match entry:
            case Operation():
                self._enter(entry)
            case Resolution():
                self._resolve(entry)
            case Attempt():
                self._remember(entry)
            case Batch():
                self.settlements.settle(entry)
            case Delivery():
                self.settlements.deliver(entry.batch_id)
            case _:
                assert_never(entry)

    def operation(self, provider_ref: str) -> Operation | None:
        """The operation of a reference, as it stands now."""
        return self._operations.get(provider_ref)

    def latest_under(self, idempotency_key: str) -> Operation | None:
        """The last operation entered under a key, however long ago."""
        refs = self._refs_by_key.get(idempotency_key)
        return None if refs is None else self._operations[refs[-1]]

    def calls_under(self, idempotency_key: str) -> int:
        """How many calls with this key left a trace: operations and attempts."""
        operations = len(self._refs_by_key.get(idempotency_key, ()))
        return operations + self._attempt_count_by_key.get(idempotency_key, 0)

    def attempts(self, payment_reference: str) -> Sequence[Attempt]:
        """The calls for a payment nothing was done for, oldest first."""
        return self._attempts_by_payment.get(payment_reference, ())

    def charge(self, provider_ref: str) -> Charge | None:
        """The charge that an authorization, sale or capture belongs to."""
        return self._charges.get(self._charge_ref(provider_ref))

    def refundable_minor(self, provider_ref: str) -> int:
        """What can still be refunded of a charge, or of one capture where the reference names one."""
        charge, operation = self.charge(provider_ref), self._operations[provider_ref]
        assert charge is not None, provider_ref
        if operation.operation != "capture":
            return charge.refundable_minor
        left_of_capture = operation.amount_minor - self._refunded_minor_by_capture.get(provider_ref, 0)
        return min(charge.refundable_minor, left_of_capture)

    def overdue_actions(self, now_ms: int) -> Iterator[Operation]:
        """Operations whose customer did not act in time; each must be resolved before the next is taken."""
        while self._action_deadlines and self._action_deadlines[0][0] <= now_ms:
            operation = self._operations[self._action_deadlines[0][1]]
            if operation.status == PENDING_ACTION:
                yield operation
            heapq.heappop(self._action_deadlines)

    def operations(self, payment_reference: str | None) -> Sequence[Operation]:
        """The operations of one payment, or of all, in the order they were entered."""
        if payment_reference is None:
            return list(self._operations.values())
        return [self._operations[ref] for ref in self._refs_by_payment.get(payment_reference, ())]

    def summary(self, payment_reference: str, now_ms: int) -> Summary:
        """What a payment's charges amount to, whatever led there."""
        refs = self._refs_by_payment.get(payment_reference, ())
        return summed([self._charges[ref] for ref in refs if ref in self._charges], now_ms)

    def _enter(self, operation: Operation) -> None:
        ref, key, payment = operation.provider_ref, operation.idempotency_key, operation.payment_reference
        assert ref not in self._operations, f"{ref} is in the book twice"
        self._operations[ref] = operation
        self._refs_by_key[key] = (*self._refs_by_key.get(key, ()), ref)
        self._refs_by_payment[payment] = (*self._refs_by_payment.get(payment, ()), ref)
        if operation.status == PENDING_ACTION:
            assert operation.action_expires_at_ms is not None, ref
            heapq.heappush(self._action_deadlines, (operation.action_expires_at_ms, ref))
        elif operation.status == "succeeded":
            self._move_money(operation)

    def _resolve(self, resolution: Resolution) -> None:
        pending = self._operations[resolution.provider_ref]
        assert pending.status == PENDING_ACTION, f"{pending.provider_ref} was resolved twice"
        resolved = replace(
            pending,
            status=resolution.status,
            settled_at_ms=resolution.settled_at_ms,
            decline_code=resolution.decline_code,
            expires_at_ms=resolution.expires_at_ms,
        )
        self._operations[pending.provider_ref] = resolved
        if resolved.status == "succeeded":
            self._move_money(resolved)

    def _move_money(self, operation: Operation) -> None:
        self.settlements.move(operation)
        if operation.operation in ("authorize", "sale"):
            self._charges[operation.provider_ref] = opened(operation)
            return
        assert operation.original_reference is not None, operation.provider_ref
        charge_ref = self._charge_ref(operation.original_reference)
        self._charges[charge_ref] = touched(self._charges[charge_ref], operation)
        if operation.operation == "refund":
            self._refunded_minor_by_capture[operation.original_reference] += operation.amount_minor

    def _charge_ref(self, provider_ref: str) -> str:
        operation = self._operations.get(provider_ref)
        if operation is None or operation.operation != "capture":
            return provider_ref
        assert operation.original_reference is not None, provider_ref
        return operation.original_reference

    def _remember(self, attempt: Attempt) -> None:
        payment = attempt.payment_reference
        self._attempts_by_payment[payment] = (*self._attempts_by_payment.get(payment, ()), attempt)
        self._attempt_count_by_key[attempt.idempotency_key] += 1
