"""How do tests run a decider: given what happened, when a message comes, then these events follow."""

from typing import Any, Generic, TypeVar

from schemas.envelope import Message
from schemas.testing import START_MS, envelope
from streams.core import Again, Decider, Decision, Deferred, Elapsed, Refused, Repeated, record
from streams.table import Aggregate

S = TypeVar("S", bound=Aggregate)


class History(Generic[S]):
    """One aggregate as its decider makes it, message by message; every event is folded as it comes."""

    def __init__(self, decider: Decider[S, Any], key: str) -> None:
        self._decider = decider
        self._key = key
        self.state: S | None = None
        self.events: list[Message[Any]] = []

    def receive(self, message: Message[Any]) -> Decision[Any]:
        """Decide one message and fold what follows; returns the bodies of the events, or the refusal."""
        decision = self._decider.decide(self.state, message)
        if isinstance(decision, Refused | Repeated | Again | Deferred):
            return decision
        for body in decision:
            version = 1 if self.state is None else self.state.version + 1
            event = record(self._key, version, body, message.envelope)
            self.state = self._decider.evolve(self.state, event)
            self._decider.react(self.state, event)
            self.events.append(event)
        return tuple(decision)

    def elapse(self, now_ms: int) -> Decision[Any]:
        """Let time pass to `now_ms`, as a tick would; nothing follows before the deadline."""
        assert self.state is not None, "time passes for what exists"
        deadline_ms = self._decider.deadline_ms(self.state)
        if deadline_ms is None or deadline_ms > now_ms:
            return ()
        tick = envelope(f"tick-{now_ms}", at_ms=now_ms, merchant_id="platform")
        return self.receive(Message(envelope=tick, body=Elapsed(now_ms)))

    def run_until(self, end_ms: int) -> None:
        """Let every deadline up to `end_ms` come, each at its own time."""
        assert self.state is not None, "time passes for what exists"
        while (deadline_ms := self._decider.deadline_ms(self.state)) is not None and deadline_ms <= end_ms:
            self.elapse(max(deadline_ms, START_MS))

    def fold(self) -> S | None:
        """The state folded anew from the events alone."""
        state: S | None = None
        for event in self.events:
            state = self._decider.evolve(state, event)
        return state
