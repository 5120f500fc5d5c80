"""Does a sealed secret open for the right key and name, and for nobody else?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.sealing import Sealer, SealingError

SEALER = Sealer("00" * 32)


@given(st.binary(max_size=64), st.text(max_size=30))
def test_what_is_sealed_opens(secret: bytes, name: str) -> None:
    """And the same secret is sealed alike, so that a repeated command is the same command."""
    sealed = SEALER.seal(secret, name=name)
    assert secret == SEALER.open(sealed, name=name)
    assert sealed == Sealer("00" * 32).seal(secret, name=name)


@given(st.integers(0, 60), st.integers(1, 255))
def test_changed_bytes_do_not_open(position: int, change: int) -> None:
    """Every byte is bound: format, nonce, text and tag."""
    sealed = bytearray(SEALER.seal(bytes(32), name="we_1"))
    sealed[position] ^= change
    with pytest.raises(SealingError):
        SEALER.open(bytes(sealed), name="we_1")


def test_another_key_or_name_does_not_open() -> None:
    """A row of one endpoint put in place of another's must not verify."""
    sealed = SEALER.seal(b"secret", name="we_1")
    for sealer, name in ((Sealer("11" * 32), "we_1"), (SEALER, "we_2")):
        with pytest.raises(SealingError, match=name):
            sealer.open(sealed, name=name)
    with pytest.raises(SealingError, match="format"):
        SEALER.open(b"", name="we_1")


def test_a_nonce_is_never_used_for_two_secrets() -> None:
    """That would give away both, and the key that authenticates."""
    sealed = {SEALER.seal(bytes([number]), name=name)[1:13] for number in range(50) for name in ("a", "b")}
    assert 100 == len(sealed)
