"""How do requests become results: read, carried out side by side, told, and only then behind the mark."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from connectors.dead_letters import DeadLetters
from connectors.psp.asked import Asked, asked, result_message
from connectors.psp.caller import Caller, Learned
from connectors.psp.crew import Crew
from connectors.psp.membership import Membership
from connectors.psp.results import Results
from connectors.runtime import Assigned, Partition, Record
from connectors.watermark import Watermark
from schemas.codec import CorruptMessage
from schemas.tracing import ids_of

DRAIN_S: Final = 8.0
COMMIT_INTERVAL_S: Final = 0.1
_DRAIN_POLL_S: Final = 0.05

_log = structlog.get_logger(__name__)


class Positions(Protocol):
    """Where the group's next offsets are kept."""

    def commit(self, positions: Mapping[Partition, int]) -> None: ...
    def commit_and_wait(self, positions: Mapping[Partition, int]) -> None: ...


@dataclass(slots=True, kw_only=True, eq=False)
class _Holding:
    """A partition while this process holds it.

    end_offset: where it ended when we got it; another process may have read what lies below.
    """

    end_offset: int
    watermark: Watermark
    committed_offset: int
    is_held: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    holding: _Holding
    offset: int


class Gateway:
    """The handler of psp.requests. All but `_carry_out` runs in the thread of the connector loop.

    most_in_hand: requests read and not yet told; no more are read beyond it.
    now_ms: Unix milliseconds.
    """

    def __init__(
        self,
        positions: Positions,
        caller: Caller,
        crew: Crew,
        *,
        results: Results,
        letters: DeadLetters,
        membership: Membership,
        most_in_hand: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._positions = positions
        self._caller = caller
        self._crew = crew
        self._results = results
        self._letters = letters
        self._membership = membership
        self._most_in_hand = most_in_hand
        self._now_ms = now_ms
        self._held: dict[Partition, _Holding] = {}
        self._commit_due_s = 0.0
        # Each counter is written by one thread only: the first two by the loop's, the last by the crew's.
        self._begun = 0
        self._told = 0
        self._left = 0

    def capacity(self) -> int:
        """How many more requests are taken; called before every poll, so it also keeps house."""
        self._membership.renew()
        self._crew.check()
        self._results.serve()
        if time.monotonic() >= self._commit_due_s:
            self._commit_due_s = time.monotonic() + COMMIT_INTERVAL_S
            self._positions_moved(self._held, self._positions.commit)
        return max(0, self._most_in_hand - self.in_hand)

    def on_assigned(self, assigned: Sequence[Assigned]) -> None:
        """Take partitions over; everything up to their ends may have been called for by somebody else."""
        for partition, low_offset, end_offset in assigned:
            self._held[partition] = _Holding(
                end_offset=end_offset, watermark=Watermark(low_offset), committed_offset=low_offset
            )
        self._membership.begin()

    def on_records(self, records: Sequence[Record]) -> None:
        """Begin requests; set those aside that are none."""
        corrupt: list[_Place] = []
        for record in records:
            holding = self._held[record.partition]
            holding.watermark.begin(record.offset)
            self._begun += 1
            place = _Place(holding=holding, offset=record.offset)
            try:
                request = asked(record)
            except CorruptMessage as error:
                self._letters.put(record, error)
                corrupt.append(place)
            else:
                self._crew.add(request.key, partial(self._carry_out, request, place))
        self._letters.flush()
        for place in corrupt:
            self._finish(place)

    def on_end(self, partition: Partition, next_offset: int) -> None:
        """Only the markers of transactions lie between the last request and here."""
        self._held[partition].watermark.skip_to(next_offset)

    def on_idle(self) -> None:
        """Nothing came; what is under way is looked after before every poll."""

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Finish what was read, as long as we may; nobody else gets the partitions before this returns."""
        released = {
            partition: self._held.pop(partition) for partition in partitions if partition in self._held
        }
        deadline_s = time.monotonic() + DRAIN_S
        # Nothing is polled meanwhile, so calls may be begun only while the last poll is recent.
        self._finish_until(time.monotonic() + self._membership.longest_silence_s / 3)
        for holding in released.values():
            holding.is_held = False
        self._finish_until(deadline_s)
        if not self._held:
            self._membership.end()
        self._positions_moved(released, self._positions.commit_and_wait)
        _log.info("partitions released", in_hand=self.in_hand)

    @property
    def in_hand(self) -> int:
        """Requests read and not yet told the result of; may be asked from any thread."""
        return self._begun - self._told - self._left

    def _finish_until(self, deadline_s: float) -> None:
        while self.in_hand and time.monotonic() < deadline_s:
            self._results.serve(_DRAIN_POLL_S)
            self._crew.check()

    async def _carry_out(self, request: Asked, place: _Place) -> None:
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
        self._results.tell(request.key, result, partial(self._finish, place))

    def _finish(self, place: _Place) -> None:
        place.holding.watermark.finish(place.offset)
        self._told += 1

    def _positions_moved(
        self, holdings: Mapping[Partition, _Holding], commit: Callable[[Mapping[Partition, int]], None]
    ) -> None:
        moved: dict[Partition, int] = {}
        for partition, holding in holdings.items():
            if holding.watermark.next_offset > holding.committed_offset:
                moved[partition] = holding.committed_offset = holding.watermark.next_offset
        if moved:
            commit(moved)


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
