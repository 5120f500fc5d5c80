"""How do requests become results: read, carried out side by side, told, and only then behind the mark."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import structlog

from connectors.crew import Crew
from connectors.dead_letters import DeadLetters
from connectors.holdings import Holdings, Place, Positions
from connectors.psp.asked import Asked, asked, result_message
from connectors.psp.caller import Caller, Learned
from connectors.psp.lanes import Lanes, Work
from connectors.psp.membership import Membership
from connectors.psp.results import Results
from connectors.runtime import Assigned, Partition, Record
from schemas.codec import CorruptMessage
from schemas.tracing import ids_of

DRAIN_S: Final = 8.0
_DRAIN_POLL_S: Final = 0.05

_log = structlog.get_logger(__name__)


class Gateway:
    """The handler of psp.requests. All but `_carry_out` runs in the thread of the connector loop.

    most_in_hand: requests read and not yet told; no more are read beyond it.
    now_ms: Unix milliseconds.
    """

    def __init__(
        self,
        positions: Positions,
        caller: Caller,
        crew: Crew[Work, Lanes],
        *,
        results: Results,
        letters: DeadLetters,
        membership: Membership,
        most_in_hand: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._holdings = Holdings(positions)
        self._caller = caller
        self._crew = crew
        self._results = results
        self._letters = letters
        self._membership = membership
        self._most_in_hand = most_in_hand
        self._now_ms = now_ms
        # Written by the crew's thread only.
        self._left = 0

    def capacity(self) -> int:
        """How many more requests are taken; called before every poll, so it also keeps house."""
        self._membership.renew()
        self._crew.check()
        self._results.serve()
        self._holdings.commit_when_due()
        return max(0, self._most_in_hand - self.in_hand)

    def on_assigned(self, assigned: Sequence[Assigned]) -> None:
        """Take partitions over; everything up to their ends may have been called for by somebody else."""
        self._holdings.take(assigned)
        self._membership.begin()

    def on_records(self, records: Sequence[Record]) -> None:
        """Begin requests; set those aside that are none."""
        corrupt: list[Place] = []
        for record in records:
            place = self._holdings.begin(record)
            try:
                request = asked(record)
            except CorruptMessage as error:
                self._letters.put(record, error)
                corrupt.append(place)
            else:
                self._crew.add(request.key, partial(self._carry_out, request, place))
        self._letters.flush()
        for place in corrupt:
            self._holdings.finish(place)

    def on_end(self, partition: Partition, next_offset: int) -> None:
        """Only the markers of transactions lie between the last request and here."""
        self._holdings.skip_to(partition, next_offset)

    def on_idle(self) -> None:
        """Nothing came; what is under way is looked after before every poll."""

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Finish what was read, as long as we may; nobody else gets the partitions before this returns."""
        released = self._holdings.take_out(partitions)
        deadline_s = time.monotonic() + DRAIN_S
        # Nothing is polled meanwhile, so calls may be begun only while the last poll is recent.
        self._finish_until(time.monotonic() + self._membership.longest_silence_s / 3)
        for holding in released:
            holding.is_held = False
        self._finish_until(deadline_s)
        if self._holdings.is_empty:
            self._membership.end()
        self._holdings.release(released)
        _log.info("partitions released", in_hand=self.in_hand)

    @property
    def in_hand(self) -> int:
        """Requests read and not yet told the result of; may be asked from any thread."""
        return self._holdings.unfinished - self._left

    def _finish_until(self, deadline_s: float) -> None:
        while self.in_hand and time.monotonic() < deadline_s:
            self._results.serve(_DRAIN_POLL_S)
            self._crew.check()

    async def _carry_out(self, request: Asked, place: Place) -> None:
        if not place.holding.is_held:
            # Whoever holds the partition now finds the request below its end and asks the provider.
            self._left += 1
            return
        _log_beginning(request)
        began_s = time.monotonic()
        may_be_repeated = place.offset < place.holding.end_offset
        learned = await self._caller.carry_out(request, may_be_repeated=may_be_repeated)
        elapsed_ms = round((time.monotonic() - began_s) * 1000)
        result = result_message(
            request.message, learned.statement, source=learned.source, now_ms=self._now_ms()
        )
        _log_end(request, learned, elapsed_ms=elapsed_ms)
        self._results.tell(request.key, result, partial(self._holdings.finish, place))


def _log_beginning(request: Asked) -> None:
    _log.info(
        "request begins",
        asked=type(request.request).__name__,
        operation=request.request.kind,
        call_attempt=request.request.call_attempt,
        **ids_of(request.message),
    )


def _log_end(request: Asked, learned: Learned, *, elapsed_ms: int) -> None:
    statement = learned.statement
    names = ids_of(request.message)
    if statement.provider_ref is not None:
        names["provider_ref"] = statement.provider_ref
    _log.info(
        "request ended",
        operation=request.request.kind,
        call_attempt=request.request.call_attempt,
        source=learned.source,
        outcome=statement.outcome,
        code=statement.code,
        elapsed_ms=elapsed_ms,
        **names,
    )
