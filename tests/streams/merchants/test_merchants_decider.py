"""Merchants and operators are created once, and known by hashed keys only."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Recorded
from schemas.merchants import (
    ApiKey,
    CreateMerchant,
    CreateOperator,
    MerchantCreated,
    OperatorCreated,
    Profile,
)
from schemas.outcomes import Outcome
from schemas.settings import Settings
from schemas.testing import MERCHANT, command
from streams.core import Refused, Repeated
from streams.merchants.app import merchants
from streams.merchants.decider import Account
from streams.table import StateCodec
from streams.testing import History

KEY = ApiKey(key_id="key_1", key_sha256="0" * 64, last4="abcd")
SHOP = CreateMerchant(profile=Profile(display_name="Shop"), api_key=KEY)
CLERK = CreateOperator(profile=Profile(display_name="Clerk"), role="viewer", api_key=KEY)


def history() -> History[Account]:
    return History(merchants(Settings()).decider, MERCHANT.partition("_")[2])


def test_a_merchant_is_created() -> None:
    """The first thing anyone does here."""
    (event,) = history().receive(command(SHOP))
    assert isinstance(event, MerchantCreated)
    assert (MERCHANT, "Shop") == (event.merchant_id, event.profile.display_name)


def test_an_operator_is_created() -> None:
    """Operators are accounts with a role, and no merchants."""
    told = history()
    (event,) = told.receive(command(CLERK))
    assert isinstance(event, OperatorCreated)
    assert told.state is not None
    assert "viewer" == told.state.operator_role


def test_the_same_creation_again_is_a_repeat() -> None:
    """A lost answer must not make a second merchant."""
    told = history()
    told.receive(command(SHOP))
    assert Repeated(Outcome.CREATED) == told.receive(command(SHOP))


def test_another_creation_under_the_same_id_is_refused() -> None:
    """One idempotency key names one merchant."""
    told = history()
    told.receive(command(SHOP))
    other = CreateMerchant(profile=Profile(display_name="Other"), api_key=KEY)
    assert Refused(Outcome.IDEMPOTENCY_MISMATCH) == told.receive(command(other))


@given(st.lists(st.sampled_from([SHOP, CLERK]), min_size=1, max_size=5))
def test_the_state_is_the_fold_of_the_events(asked: list[CreateMerchant | CreateOperator]) -> None:
    """The laws of every decider: one event at most, folds equal, encodings exact."""
    told = history()
    for body in asked:
        told.receive(command(body))
    assert told.state is not None and 1 == len(told.events)
    assert told.state == told.fold() == StateCodec(Account).decode(msgspec.json.encode(told.state))
    event = told.events[0]
    shown = Recorded(
        envelope=event.envelope, body=event.body, after=merchants(Settings()).decider.after(told.state)
    )
    codec = codec_of(topics.MERCHANTS_EVENTS)
    assert shown == codec.decode(codec.encode(shown))
