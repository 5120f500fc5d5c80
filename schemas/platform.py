"""What is said to every task of every stage: the time, and which records an operator set aside."""

from schemas.envelope import Body, Code, Identifier, PersonalText


class Tick(Body, frozen=True, kw_only=True):
    """It is at least `now_ms` (Unix milliseconds) on the envelope's clock. Repeats are harmless."""

    now_ms: int


class RecordQuarantined(Body, frozen=True, kw_only=True):
    """An operator decided that one record is never handled; it stays on its topic for inspection."""

    topic: Identifier
    partition: int
    offset: int
    decided_by: Identifier
    reason: PersonalText
    stage: Code | None = None
