"""What does the clock say at a moment: the message of one tick, the same for the same moment."""

from schemas import ids
from schemas.envelope import PLATFORM, WALL_CLOCK, Envelope, Message
from schemas.platform import Tick
from schemas.settings import Settings


def tick(now_ms: int, settings: Settings) -> Message[Tick]:
    """It is `now_ms` (Unix milliseconds) on the wall clock; told by the platform to everyone."""
    message_id = f"tck_{ids.digest(WALL_CLOCK, str(now_ms))}"
    return Message(
        envelope=Envelope(
            message_id=message_id,
            causation_id=message_id,
            correlation_id=message_id,
            occurred_at_ms=now_ms,
            mode=settings.mode,
            merchant_id="platform",
            cell=settings.cell,
            actor=PLATFORM,
            clock_id=WALL_CLOCK,
        ),
        body=Tick(now_ms=now_ms),
    )
