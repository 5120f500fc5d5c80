"""How does a row of a table keep features: the same fields without their names."""

from msgspec.structs import asdict

from schemas.risk import Features


class KeptFeatures(Features, frozen=True, kw_only=True, array_like=True):
    """Features as a row keeps them; a row may hold a hundred of them."""


def kept(features: Features) -> KeptFeatures:
    """Features in the form of a row."""
    return KeptFeatures(**asdict(features))


def told(features: KeptFeatures) -> Features:
    """Features in the form of a message."""
    return Features(**asdict(features))
