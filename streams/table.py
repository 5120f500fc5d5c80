"""What state does each aggregate of a unit of work have: decoded once, folded in memory, written once."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from schemas.envelope import Message, Mode
from streams import deadlines
from streams.ports import Output, View

STATE: Final = b"state/"
SHARED: Final = ""
"""The merchant of an aggregate that all merchants share; its events go under the merchant of their cause."""
_encode: Final = msgspec.json.Encoder().encode


class Aggregate(Protocol):
    """What the generic stage reads of any state."""

    @property
    def version(self) -> int: ...
    @property
    def merchant_id(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def clock_id(self) -> str: ...


S = TypeVar("S", bound=Aggregate)


class UnitStates(Protocol[S]):
    """The states of the aggregates one unit of work meets.

    load: the state under the key, or None. An aggregate of many rows folds its events into them, so
    it needs them before its first event: its state is then one of version 0, which belongs to nobody yet.
    store: write what the folds have not written themselves.
    finish: write what is kept in memory across aggregates; what the task says of it, and of the events
    that were recorded since it was last called.
    """

    def load(self, key: str) -> S | None: ...
    def store(self, key: str, state: S) -> None: ...
    def finish(self, recorded: Sequence[Message[Any]]) -> Sequence[Output]: ...


class States(Protocol[S]):
    """Where the states of a stage's aggregates lie in the store of each of its tasks.

    within: those of a unit of work of the task of this partition.
    """

    def within(self, view: View, partition: int) -> UnitStates[S]: ...


class StateCodec(Generic[S]):
    """States of one row each: JSON with a `state_version`, older ones upcast step by step.

    upcasters[n] turns the plain form of state version n + 1 into that of n + 2.
    """

    def __init__(
        self, state_type: type[S], upcasters: Sequence[Callable[[dict[str, Any]], dict[str, Any]]] = ()
    ) -> None:
        self._type = state_type
        self._upcasters = upcasters
        self._current = len(upcasters) + 1
        self._decode = msgspec.json.Decoder(state_type).decode
        self._version_of = msgspec.json.Decoder(_Versioned).decode

    def within(self, view: View, partition: int) -> "_RowPerState[S]":
        """The states as they lie in a view."""
        return _RowPerState(view, self.decode)

    def decode(self, value: bytes) -> S:
        """The state in a row's value. Raises ValueError for a version newer than this program."""
        if not self._upcasters:
            return self._decode(value)
        found = self._version_of(value).state_version
        if found > self._current:
            raise ValueError(f"state version {found} is newer than {self._current}; deploy the newer program")
        plain = msgspec.json.decode(value)
        for upcast in self._upcasters[found - 1 :]:
            plain = upcast(plain)
        return msgspec.convert(plain, self._type)


class _RowPerState(Generic[S]):
    """States of one row each in the view of a unit of work."""

    def __init__(self, view: View, decode: Callable[[bytes], S]) -> None:
        self._view, self._decode = view, decode

    def load(self, key: str) -> S | None:
        """The state under `key`, or None."""
        row = self._view.get(STATE + key.encode())
        return None if row is None else self._decode(row)

    def store(self, key: str, state: S) -> None:
        """Write the state under `key`."""
        self._view.put(STATE + key.encode(), _encode(state))

    def finish(self, recorded: Sequence[Message[Any]]) -> Sequence[Output]:
        """Every state was written; there is nothing to say."""
        return ()


class _Versioned(msgspec.Struct):
    state_version: int


class Loaded(Generic[S]):
    """One aggregate inside a unit of work: its state now, and its deadline as stored."""

    __slots__ = ("is_changed", "key", "state", "stored_deadline_ms")

    def __init__(self, key: str, state: S | None, stored_deadline_ms: int | None) -> None:
        self.key = key
        self.state = state
        self.stored_deadline_ms = stored_deadline_ms
        self.is_changed = False


class UnitTable(Generic[S]):
    """The aggregates touched by one unit of work. earliest_ms: the earliest deadline it wrote."""

    def __init__(self, view: View, states: UnitStates[S], deadline_ms: Callable[[S], int | None]) -> None:
        self._view = view
        self._states = states
        self._deadline_ms = deadline_ms
        self._loaded: dict[str, Loaded[S]] = {}
        self.earliest_ms: float = math.inf

    def load(self, key: str) -> Loaded[S]:
        """The aggregate under `key`, loaded at most once per unit."""
        found = self._loaded.get(key)
        if found is None:
            state = self._states.load(key)
            found = Loaded(key, state, None if state is None else self._deadline_ms(state))
            self._loaded[key] = found
        return found

    def write(self, recorded: Sequence[Message[Any]]) -> Sequence[Output]:
        """Write every changed state and its due row, so that scans of the view see them; what is said of them.

        recorded: the events that changed them.
        """
        for key, entry in self._loaded.items():
            if not entry.is_changed:
                continue
            assert entry.state is not None, "a fold never deletes an aggregate"
            self._states.store(key, entry.state)
            deadline_ms = self._deadline_ms(entry.state)
            deadlines.move(
                self._view, entry.state.clock_id, key, old_ms=entry.stored_deadline_ms, new_ms=deadline_ms
            )
            entry.stored_deadline_ms, entry.is_changed = deadline_ms, False
            if deadline_ms is not None:
                self.earliest_ms = min(self.earliest_ms, deadline_ms)
        return self._states.finish(recorded)
