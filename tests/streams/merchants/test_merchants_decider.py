"""Merchants and operators are created once, and known by hashed keys only."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.codec import codec_of
from schemas.envelope import Body, Recorded
from schemas.ledger import Terms
from schemas.merchants import (
    ApiKey,
    CreateMerchant,
    CreateOperator,
    CreateWebhookEndpoint,
    DeleteWebhookEndpoint,
    MerchantCreated,
    MerchantTermsSet,
    OperatorCreated,
    Profile,
    SetTerms,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
    WebhookEndpointView,
)
from schemas.outcomes import Outcome
from schemas.settings import Settings
from schemas.testing import MERCHANT, command
from schemas.webhooks import MAX_ENDPOINTS
from streams.core import Again, Refused, Repeated, Resolve
from streams.merchants.app import merchants
from streams.merchants.state import MAX_ENDPOINTS_EVER, Account
from streams.table import StateCodec
from streams.testing import History

KEY = ApiKey(key_id="key_1", key_sha256="0" * 64, last4="abcd")
SHOP = CreateMerchant(profile=Profile(display_name="Shop"), api_key=KEY)
CLERK = CreateOperator(profile=Profile(display_name="Clerk"), role="viewer", api_key=KEY)


DECIDER = merchants(Settings()).decider


def history() -> History[Account]:
    return History(DECIDER, MERCHANT.partition("_")[2])


def created(told: History[Account], *bodies: Body) -> Sequence[Any]:
    """What followed from the last of some commands."""
    for number, body in enumerate(bodies):
        events = told.receive(command(body, key=f"k{number}"))
        assert not isinstance(events, Refused | Repeated | Again), events
    return events


def endpoint(name: str = "we_1", **changed: Any) -> CreateWebhookEndpoint:
    fields = {"url": "https://shop.example/hooks", "event_types": ("*",), "sealed_secret": b"sealed"}
    return CreateWebhookEndpoint(endpoint_id=name, **{**fields, **changed})


def test_a_merchant_is_created() -> None:
    """The first thing anyone does here."""
    event, terms = created(history(), SHOP)
    assert isinstance(event, MerchantCreated)
    assert (MERCHANT, "Shop") == (event.merchant_id, event.profile.display_name)
    assert MerchantTermsSet(merchant_id=MERCHANT, number=1, terms=Terms()) == terms


def test_an_operator_is_created() -> None:
    """Operators are accounts with a role, and no merchants."""
    told = history()
    (event,) = created(told, CLERK)
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


def test_terms_are_numbered() -> None:
    """The ledger tells by the number under which terms it posted."""
    told = history()
    (event,) = created(told, SHOP, SetTerms(terms=Terms(fee_bps=10)))
    assert MerchantTermsSet(merchant_id=MERCHANT, number=2, terms=Terms(fee_bps=10)) == event


def test_an_account_from_before_there_were_terms_takes_them() -> None:
    """Rows written by an older program are read as they are."""
    told = history()
    created(told, SHOP)
    assert told.state is not None
    row = msgspec.to_builtins(told.state)
    old = {name: value for name, value in row.items() if name not in ("terms_number", "endpoints")}
    told.state = StateCodec(Account).decode(msgspec.json.encode({**old, "version": 1}))
    (event,) = created(told, SetTerms(terms=Terms(fee_bps=10)))
    assert isinstance(event, MerchantTermsSet)
    assert 2 == event.number


@pytest.mark.parametrize(
    "body",
    [SetTerms(terms=Terms()), endpoint(), DeleteWebhookEndpoint(endpoint_id="we_1")],
    ids=lambda body: type(body).__name__,
)
def test_only_merchants_have_terms_and_endpoints(body: Body) -> None:
    """An operator's id or an unknown one is no merchant."""
    clerk = history()
    created(clerk, CLERK)
    for told in (history(), clerk):
        assert Refused(Outcome.NOT_FOUND) == told.receive(command(body, key="other"))


def test_an_endpoint_comes_and_goes() -> None:
    """Both are told with the endpoint as it is then."""
    told = history()
    (made,) = created(told, SHOP, endpoint())
    assert isinstance(made, WebhookEndpointCreated)
    (gone,) = created(told, DeleteWebhookEndpoint(endpoint_id="we_1"))
    assert WebhookEndpointDeleted(endpoint_id="we_1") == gone
    assert told.state is not None
    (result,) = DECIDER.react(told.state, told.events[-1])
    assert isinstance(result, Resolve)
    shown = DECIDER.view(told.state, DECIDER.moment(told.state, result.subject))
    assert isinstance(shown, WebhookEndpointView)
    assert ("we_1", MERCHANT, True, 4) == (
        shown.endpoint_id,
        shown.merchant_id,
        shown.is_deleted,
        shown.version,
    )


def test_what_was_told_of_an_endpoint_is_told_again() -> None:
    """A repeat of the creation answers as it did then, whatever happened since."""
    told = history()
    created(told, SHOP, endpoint())
    assert told.state is not None
    then = DECIDER.moment(told.state, 0)
    first = DECIDER.view(told.state, then)
    created(told, DeleteWebhookEndpoint(endpoint_id="we_1"))
    assert first == DECIDER.view(told.state, then)


def test_endpoints_are_created_and_deleted_once() -> None:
    """Their ids are derived: the same creation is a repeat for ever, and so is a second deletion."""
    told = history()
    created(told, SHOP, endpoint(), endpoint("we_2"))
    assert Repeated(Outcome.CREATED, 1) == told.receive(command(endpoint("we_2"), key="late"))
    other = endpoint("we_2", url="https://other.example")
    assert Refused(Outcome.IDEMPOTENCY_MISMATCH) == told.receive(command(other, key="late"))
    delete = DeleteWebhookEndpoint(endpoint_id="we_2")
    created(told, delete)
    assert Repeated(Outcome.SUCCEEDED, 1) == told.receive(command(delete, key="late"))
    unknown = DeleteWebhookEndpoint(endpoint_id="we_3")
    assert Refused(Outcome.NOT_FOUND) == told.receive(command(unknown, key="late"))


def test_a_merchant_has_so_many_endpoints_and_no_more() -> None:
    """A deleted one makes room, until so many have been that they no longer fit into one row."""
    told = history()
    created(told, SHOP, *(endpoint(f"we_{number}") for number in range(MAX_ENDPOINTS)))
    assert Refused(Outcome.TOO_MANY_ENDPOINTS) == told.receive(command(endpoint("we_x"), key="one more"))
    for number in range(MAX_ENDPOINTS, MAX_ENDPOINTS_EVER):
        created(told, DeleteWebhookEndpoint(endpoint_id=f"we_{number - 1}"), endpoint(f"we_{number}"))
    created(told, DeleteWebhookEndpoint(endpoint_id="we_0"))
    assert Refused(Outcome.TOO_MANY_ENDPOINTS) == told.receive(command(endpoint("we_x"), key="one more"))


NAMES = st.sampled_from(["we_1", "we_2", "we_3"])
COMMANDS = st.one_of(
    st.sampled_from([SHOP, CLERK, SetTerms(terms=Terms(fee_bps=1))]),
    st.builds(endpoint, NAMES),
    st.builds(lambda name: DeleteWebhookEndpoint(endpoint_id=name), NAMES),
)


@given(st.lists(COMMANDS, max_size=12))
def test_the_state_is_the_fold_of_the_events(asked: list[Body]) -> None:
    """The laws of every decider: total, deterministic, folds equal, encodings exact."""
    told = history()
    for number, body in enumerate(asked):
        before, message = told.state, command(body, key=f"k{number}")
        decision = told.receive(message)
        assert decision == DECIDER.decide(before, message)
        if isinstance(decision, Repeated):
            assert told.state is not None
            DECIDER.view(told.state, DECIDER.moment(told.state, decision.subject))
    assert told.state == told.fold()
    if told.state is None:
        return
    assert told.state == StateCodec(Account).decode(msgspec.json.encode(told.state))
    assert len(told.events) == told.state.version
    codec = codec_of(topics.MERCHANTS_EVENTS)
    for event in told.events:
        shown = Recorded(envelope=event.envelope, body=event.body, after=DECIDER.after(told.state))
        assert shown == codec.decode(codec.encode(shown))
