"""P13: do the events of every aggregate count 1, 2, 3, ..., each with its own id?"""

from typing import Final

from ops.verify.report import Finding, Invariant
from schemas import ids
from schemas.envelope import CommandRefused, Envelope, Message

# A command whose handled row has been swept may be refused once more, under the same id.
_REFUSED_ONCE_FOR_MS: Final = 35 * 24 * 60 * 60 * 1000


class Versions:
    """Judges the events of all event topics in the order of their partitions."""

    def __init__(self) -> None:
        self._finding = Finding("P13", "per-aggregate versions without gap or repeat, event ids unique")
        self._last: dict[str, int] = {}
        self._refused_at_ms: dict[str, int] = {}

    def event(self, key: str, message: Message[object], place: str) -> bool:
        """One event and the key of its record. False when it repeats what came before."""
        self._finding.checked += 1
        envelope, body = message.envelope, message.body
        if isinstance(body, CommandRefused):
            self._refusal(body, envelope, place)
            return True
        if envelope.aggregate_key != key:
            self._finding.wrong(f"{place}: an event of {envelope.aggregate_key} lies under the key {key}")
        # The id is derived from aggregate and version, so ids are unique where versions are.
        if envelope.message_id != ids.event_id(key, envelope.version):
            self._finding.wrong(
                f"{place}: {envelope.message_id} is not the id of version {envelope.version} of {key}"
            )
        expected = self._last.get(key, 0) + 1
        if envelope.version != expected:
            what = "repeats" if envelope.version < expected else "leaves a gap"
            self._finding.wrong(
                f"{place}: version {envelope.version} of {key} {what}; {expected} would follow"
            )
        self._last[key] = max(envelope.version, expected - 1)
        return envelope.version >= expected

    def undecodable(self, place: str, reason: str) -> None:
        """A record of an event topic that is no event."""
        self._finding.wrong(f"{place}: {reason}")

    def anomaly(self, told: str) -> None:
        """A row of meta.anomalies: the load came across an event out of order."""
        self._finding.wrong(f"meta.anomalies: {told}")

    def join(self, other: "Versions") -> None:
        """Take in what was found in another partition."""
        self._finding.add(other._finding)
        self._last.update(other._last)
        self._refused_at_ms.update(other._refused_at_ms)

    def verdict(self) -> Invariant:
        """What was found."""
        return self._finding.invariant(
            f"versions and ids of the events of {len(self._last)} aggregates and of {len(self._refused_at_ms)} refusals"
        )

    def _refusal(self, body: CommandRefused, envelope: Envelope, place: str) -> None:
        event_id, now_ms = envelope.message_id, envelope.occurred_at_ms
        if event_id != ids.refusal_id(body.command_id):
            self._finding.wrong(f"{place}: {event_id} is not the id of the refusal of {body.command_id}")
        before_ms = self._refused_at_ms.get(event_id)
        if before_ms is not None and now_ms - before_ms < _REFUSED_ONCE_FOR_MS:
            self._finding.wrong(f"{place}: the refusal of {body.command_id} is recorded again")
        self._refused_at_ms[event_id] = now_ms
