"""P9: is every message attempted, under the id it always has, and does every receiver trust what it gets?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from ops.verify.followers import Published
from ops.verify.report import Finding, Invariant
from schemas.webhooks import DeliveryAttempted


class Received(Struct, frozen=True, kw_only=True):
    """One line of a receiver's own log. digest: of the body, first 16 hex characters of SHA-256.

    problem: why it was not trusted; None where the signature was valid.
    """

    endpoint_id: str
    message_id: str
    digest: str
    problem: str | None = None


class Deliveries:
    """Judges attempts and receipts against the messages that were published."""

    def __init__(self, published: Mapping[str, Published], finding: Finding) -> None:
        self._published = published
        self._finding = finding
        self._attempts: defaultdict[str, set[int]] = defaultdict(set)
        self._outcomes: dict[str, str] = {}
        self._waiting: set[str] = set()

    def waits(self, message_id: str) -> None:
        """A message that lies before the egress, to be attempted now or later."""
        self._waiting.add(message_id)

    def attempt(self, body: DeliveryAttempted, place: str, *, is_below_cut: bool) -> None:
        """One attempt as the egress tells it; what it is of may have been published after we looked."""
        self._finding.checked += 1
        message = self._published.get(body.message_id)
        if message is None:
            if is_below_cut:
                self._finding.wrong(f"{place}: {body.message_id} was attempted and never published")
            return
        if (message.event_id, message.endpoint_id) != (body.event_id, body.endpoint_id):
            self._finding.wrong(f"{place}: {body.message_id} is {message}, it was attempted as {body}")
        self._attempts[body.message_id].add(body.attempt)
        if self._outcomes.get(body.message_id) != "delivered":
            self._outcomes[body.message_id] = body.outcome

    def received(self, receipts: Iterable[Received]) -> None:
        """What receivers wrote down."""
        for one in receipts:
            self._finding.checked += 1
            message = self._published.get(one.message_id)
            if one.problem is not None:
                self._finding.wrong(f"{one.endpoint_id} did not trust {one.message_id}: {one.problem}")
            elif message is None or message.endpoint_id != one.endpoint_id:
                self._finding.wrong(f"{one.endpoint_id} received {one.message_id}, which is not for it")
            elif message.digest != one.digest:
                self._finding.wrong(f"{one.endpoint_id} received {one.message_id} with another payload")

    def verdict(self) -> Invariant:
        """What was found; call it after the last attempt and receipt."""
        last: Counter[str] = Counter()
        self._finding.checked += len(self._published)
        for message_id, message in self._published.items():
            attempts = self._attempts.get(message_id)
            if attempts is None:
                last["waiting for their first attempt"] += 1
                if message.is_below_cut and message_id not in self._waiting:
                    self._finding.wrong(f"{message_id} of {message.event_id} was neither attempted nor waits")
                continue
            if attempts != set(range(1, max(attempts) + 1)):
                self._finding.wrong(f"{message_id}: attempts {sorted(attempts)} leave one out")
            last[self._outcomes[message_id]] += 1
        for outcome in sorted(last.keys() - {"delivered"}):
            self._finding.remark(f"not delivered yet: {last[outcome]} messages, {outcome}")
        return self._finding.invariant(
            f"{len(self._published)} messages against their attempts and what receivers wrote down"
        )
