"""Is the platform right after a simulated history: judged from the logs and the provider's book alone."""

from collections import Counter, defaultdict
from typing import Any

import msgspec

from ops.simulation.contexts import (
    books_that_differ,
    features_that_differ,
    results_that_differ,
    tables_that_differ,
    webhooks_that_differ,
)
from ops.simulation.provider import book_of
from ops.simulation.world import World
from schemas import topics
from schemas.envelope import Recorded
from schemas.outcomes import Outcome
from schemas.payment_views import PaymentSnapshot
from schemas.payments import PaymentStatus

Event = Recorded[Any, PaymentSnapshot]
_OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.PENDING_AUTH, PaymentStatus.IN_REVIEW)


def violations(world: World) -> list[str]:
    """Everything that is wrong with a world at rest; empty when it is right."""
    events: dict[str, list[Event]] = defaultdict(list)
    for event in world.messages(topics.PAYMENTS_EVENTS):
        if isinstance(event, Recorded) and event.after is not None:
            events[event.envelope.aggregate_key].append(event)
    found = list(_versions_with_gaps(events))
    found += tables_that_differ(world)
    found += _effects_that_differ(
        world, {key: history[-1].after for key, history in events.items() if history[-1].after}
    )
    found += _answers_that_differ(world)
    found += [
        *books_that_differ(world),
        *features_that_differ(world),
        *webhooks_that_differ(world),
        *results_that_differ(world),
    ]
    return found


def _versions_with_gaps(events: dict[str, list[Event]]) -> list[str]:
    return [
        f"{key}: event versions {[event.envelope.version for event in history]}"
        for key, history in events.items()
        if [event.envelope.version for event in history] != list(range(1, len(history) + 1))
    ]


def _effects_that_differ(world: World, shown: dict[str, PaymentSnapshot]) -> list[str]:
    found = []
    for key, payment in shown.items():
        held, captured, refunded = book_of(world.provider.effects, payment.payment_id)
        if payment.status in _OPEN:
            found.append(f"{key}: still {payment.status} at rest")
        if (captured, refunded) != (payment.amount_captured, payment.amount_refunded):
            found.append(f"{key}: provider took {captured}, gave {refunded}; ours {payment}")
        if held != 0 and payment.status != PaymentStatus.AUTHORIZED:
            found.append(f"{key}: provider still holds {held}, status {payment.status}")
        if not refunded <= captured <= payment.amount_authorized:
            found.append(f"{key}: amounts out of order: {payment}")
    twice = Counter(effect.psp_key for effect in world.provider.effects)
    found += [f"provider acted {count} times under {key}" for key, count in twice.items() if count > 1]
    return found


def _answers_that_differ(world: World) -> list[str]:
    """Every caller of one command is told the same, once there is a result."""
    told: dict[str, set[object]] = defaultdict(set)
    passing = (Outcome.PENDING, Outcome.IDEMPOTENCY_KEY_IN_USE, Outcome.IDEMPOTENCY_MISMATCH)
    for reply in world.replies:
        if Outcome.numbered(reply.outcome) not in passing:
            told[reply.command_id].add((reply.outcome, msgspec.json.encode(reply.view)))
    return [f"{command}: told {answers}" for command, answers in told.items() if len(answers) > 1]
