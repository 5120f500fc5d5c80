"""A tick must be the same message for the same moment, so that a repeat is one."""

from connectors.clock.ticks import tick
from schemas import topics
from schemas.codec import codec_of
from schemas.settings import Settings

NOW_MS = 1_800_000_000_123


def test_the_same_moment_is_the_same_tick() -> None:
    """Ids are derived: two clocks that tell the same time say the same thing."""
    assert tick(NOW_MS, Settings()) == tick(NOW_MS, Settings())
    assert tick(NOW_MS, Settings()).envelope.message_id != tick(NOW_MS + 1, Settings()).envelope.message_id


def test_a_tick_survives_its_topic() -> None:
    """Every stage reads it back with the settings' mode and cell."""
    said = tick(NOW_MS, Settings(mode="live", cell="07"))
    codec = codec_of(topics.CLOCK_TICKS)
    read = codec.decode(codec.encode(said))
    assert said == read
    assert ("live", "07", NOW_MS) == (read.envelope.mode, read.envelope.cell, read.envelope.occurred_at_ms)
