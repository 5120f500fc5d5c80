"""Which files has the sealer: its private key, the public one beside it, and the seals outside?"""

from pathlib import Path

from schemas.settings import Settings


def key_file(settings: Settings) -> Path:
    """The private key, PEM, for the sealer alone."""
    return Path(settings.audit_key_file or Path(settings.data_dir) / "audit" / "seal.key")


def public_key_file(settings: Settings) -> Path:
    """The public key, 64 hexadecimal digits: what auditors keep."""
    return key_file(settings).with_suffix(".pub")


def seals_file(settings: Settings) -> Path:
    """The seals, one JSON object a line; best kept where nobody who can write to Kafka can write."""
    return Path(settings.audit_file or Path(settings.data_dir) / "audit" / "seals.jsonl")
