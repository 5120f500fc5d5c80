"""How often did two sides see the same thing?"""

from collections.abc import Mapping

from msgspec import Struct


class Count(Struct, frozen=True, kw_only=True):
    """How often the client saw something, and how often the tables hold it."""

    name: str
    seen: int
    stored: int


def counts(seen: Mapping[str, int], stored: Mapping[str, int]) -> tuple[Count, ...]:
    """Both sides of every name, in the order of the names."""
    names = sorted({*seen, *stored})
    return tuple(Count(name=name, seen=seen.get(name, 0), stored=stored.get(name, 0)) for name in names)
