"""On which delay topic does a message wait, and when is it looked at again?

Every record of one topic waits equally long, so that only the oldest of a partition has to be looked
at. Longer times are waited for in several turns. A message is never early, and late by at most a
tenth of the delays it waited.
"""

from typing import Final

from schemas.topics import WEBHOOKS_DELAYED

TIERS_MS: Final = tuple(sorted(WEBHOOKS_DELAYED))
SHORTEST_MS: Final = TIERS_MS[0]
LONGEST_MS: Final = TIERS_MS[-1]


def tier_for(remaining_ms: int) -> int:
    """The longest delay that does not end much after `remaining_ms`; the shortest if all do.

    A turn always ends a little late; without the tolerance, what should be five minutes more would
    become sixty turns of five seconds.
    """
    fitting = [tier for tier in TIERS_MS if tier - tier // 10 <= remaining_ms]
    return fitting[-1] if fitting else SHORTEST_MS


def looked_at_ms(*, written_at_ms: int, tier_ms: int, due_at_ms: int) -> int:
    """When the head of a partition is handled: when it is due if that is soon after its delay, else after it."""
    ends_at_ms = written_at_ms + tier_ms
    patience_ms = max(SHORTEST_MS, tier_ms // 10)
    return due_at_ms if due_at_ms <= ends_at_ms + patience_ms else ends_at_ms
