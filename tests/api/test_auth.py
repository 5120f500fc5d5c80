"""Is a caller known by the hash of its key, and by nothing else?"""

import base64

import pytest

from api.auth import KeyRing, api_key_of, key_sha256, secret_key_of
from api.problems import Problem
from schemas.envelope import CommandRefused
from schemas.merchants import MerchantCreated, OperatorCreated, Profile
from schemas.outcomes import Outcome

SECRET = "sk_test_" + "s" * 43


def test_bearer_and_basic_carry_the_key() -> None:
    """Both are what merchants' clients send."""
    basic = base64.b64encode(f"{SECRET}:".encode()).decode()
    assert SECRET == secret_key_of(f"Bearer {SECRET}") == secret_key_of(f"basic {basic}")


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Basic ???", "Basic w6k=", "Digest x", SECRET, "Bearer " + "x" * 257],
)
def test_anything_else_is_unauthenticated(header: str | None) -> None:
    """A challenge tells the client what is missing."""
    with pytest.raises(Problem) as caught:
        secret_key_of(header)
    assert Outcome.UNAUTHENTICATED is caught.value.outcome
    assert "WWW-Authenticate" in caught.value.headers


def test_keys_are_learned_from_events() -> None:
    """The log is where keys are given out, so a new process knows them all."""
    ring = KeyRing(cell="00", first_operator_sha256=key_sha256("op_first"))
    profile = Profile(display_name="Acme")
    ring.learn(
        MerchantCreated(merchant_id="mer_1", profile=profile, api_key=api_key_of(SECRET), fingerprint=b"")
    )
    ring.learn(
        OperatorCreated(
            operator_id="opr_1", profile=profile, role="viewer", api_key=api_key_of("op_2"), fingerprint=b""
        )
    )
    ring.learn(CommandRefused(command_id="cmd_1", command="CreateMerchant", outcome="not_found"))
    merchant, viewer, first = ring.owner(SECRET), ring.owner("op_2"), ring.owner("op_first")
    assert merchant is not None
    assert viewer is not None
    assert first is not None
    assert ("merchant", "mer_1", None) == (merchant.role, merchant.principal, merchant.operator_role)
    assert ("viewer", "admin") == (viewer.operator_role, first.operator_role)
    assert ring.owner("sk_test_other") is None


def test_a_key_is_kept_as_its_hash() -> None:
    """Nothing we store can be used to sign in."""
    key = api_key_of(SECRET)
    assert SECRET not in repr(key)
    assert SECRET[-4:] == key.last4
