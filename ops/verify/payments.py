"""How are the judges of payments fed: every payment followed event by event, for one partition."""

from typing import Any, NamedTuple

from ops.verify.amounts import Amounts
from ops.verify.effects import Effects
from ops.verify.history import PaymentHistory, moves_money
from ops.verify.tables import Tables
from ops.verify.transitions import Transitions
from schemas import ids
from schemas.envelope import CommandRefused, Recorded
from schemas.payment_views import PaymentSnapshot
from schemas.payments import PaymentStatus


class Booked(NamedTuple):
    """What a payment amounts to by its events, in minor units. is_quiet: nothing happened since the cut."""

    held_minor: int
    captured_minor: int
    refunded_minor: int
    is_quiet: bool


class PaymentsPartition:
    """Follows the payments of one partition and shows each step to the judges.

    cut: end of the partition when the provider's book was about to be read. booked: filled at the end, as
    are the open keys: those under which the provider may have acted without our knowing how it ended.
    """

    def __init__(
        self,
        transitions: Transitions,
        amounts: Amounts,
        tables: Tables,
        effects: Effects | None,
        *,
        cut: int,
        booked: dict[str, Booked],
        open_keys: set[str],
    ) -> None:
        self._transitions = transitions
        self._amounts = amounts
        self._tables = tables
        self._effects = effects
        self._cut = cut
        self._booked = booked
        self._open_keys = open_keys
        self._histories: dict[str, PaymentHistory] = {}
        self._statuses: dict[str, PaymentStatus] = {}

    def event(self, key: str, message: Recorded[Any, PaymentSnapshot], offset: int, place: str) -> None:
        """The next event of a payment, which follows the one before it."""
        body = message.body
        if isinstance(body, CommandRefused):
            return
        history = self._histories.get(key)
        if history is None:
            history = self._histories[key] = PaymentHistory(key)
        self._transitions.event(history, body, place)
        history.add(body, message.envelope.version, offset)
        if message.after is not None:
            self._statuses[key] = message.after.status
        if moves_money(body):
            self._amounts.payment(history, message.after, place)
        self._tables.event(history, body, message.after, message.envelope.message_id)

    def finish(self) -> None:
        """Every payment stands as its newest event left it."""
        self._tables.finish()
        for history in self._histories.values():
            self._booked[history.payment_id] = Booked(
                history.held_minor,
                history.captured_minor,
                history.refunded_minor,
                history.last_offset < self._cut,
            )
            for operation in history.operations.values():
                if operation.is_open or operation.is_contested or operation.is_reversed:
                    self._open_keys.update(
                        ids.psp_key(operation.operation_id, attempt) for attempt in range(operation.calls)
                    )
        if self._effects is None:
            return
        for key, history in self._histories.items():
            self._effects.payment(history, self._statuses.get(key), is_quiet=history.last_offset < self._cut)
