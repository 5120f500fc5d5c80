"""Does a request get the one key it named, and do keys mean one thing only in their scope?"""

import pytest

from api.idempotency import Scope, chosen_key
from api.problems import Problem
from schemas import ids
from schemas.outcomes import Outcome

MERCHANT = ids.merchant_id(cell="00", mode="test", idempotency_key="m")


def scope(**changed: str) -> Scope:
    parts = {"merchant": MERCHANT, "route": "/v1/payment_intents", "key": "k", **changed}
    return Scope(mode="test", merchant=parts["merchant"], route=parts["route"], key=parts["key"])


def test_header_or_body_or_both_alike() -> None:
    """Both places are common; what matters is that they agree."""
    assert "a" == chosen_key(["a"], None) == chosen_key([], "a") == chosen_key(["a"], "a")


def test_two_keys_are_refused() -> None:
    """Choosing one of two would make the other mean nothing."""
    for headers, body in ((["a"], "b"), (["a", "b"], None)):
        with pytest.raises(Problem) as caught:
            chosen_key(headers, body)
        assert Outcome.IDEMPOTENCY_KEYS_DIFFER is caught.value.outcome


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "\u00e9", "a\x00"])
def test_a_key_is_printable_ascii(key: str) -> None:
    """The key is echoed in a header and kept in logs."""
    with pytest.raises(Problem) as caught:
        chosen_key([], key)
    assert (Outcome.PARAMETER_INVALID, "idempotency_key") == (caught.value.outcome, caught.value.param)


def test_a_drawn_key_is_new() -> None:
    """Two requests without a key are two requests."""
    assert chosen_key([], None) != chosen_key([], None)


def test_ids_follow_from_scope_and_key() -> None:
    """The same request always has the same ids, and nothing outside its scope shares them."""
    assert scope().command_id("t") == scope().command_id("t")
    others = {
        scope(key="l").command_id("t"),
        scope(route="/v1/other").command_id("t"),
        scope(merchant=MERCHANT[:-1] + "0").command_id("t"),
        scope().command_id("u"),
    }
    assert 4 == len(others - {scope().command_id("t")})
    assert MERCHANT[4:6] == scope().payment_key()[:2]
