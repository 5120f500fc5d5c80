"""What a person typed or what names a person never reaches the tables of analysts."""

import json
from typing import Annotated, get_args

import pytest
from msgspec import Meta, Struct

from connectors.postgres.personal import json_text, public_json, withheld_paths
from connectors.postgres.rows import PROJECTORS
from schemas.envelope import Body, PersonalText
from schemas.merchants import ApiKey, MerchantCreated, Profile, WebhookEndpointCreated
from schemas.payments import PaymentIntentCreated, PaymentNotes


class Inner(Struct, frozen=True, kw_only=True):
    secret: PersonalText
    code: str


class Outer(Struct, frozen=True, kw_only=True):
    plain: Annotated[str, Meta(extra={"personal": False})]
    several: tuple[PersonalText, ...] = ()
    listed: list[PersonalText] = []
    inner: Inner
    other: str | None = None


def test_only_the_marked_fields_are_left_out() -> None:
    """A new sub-record or list of personal text needs no change here."""
    outer = Outer(plain="a", several=("b",), listed=["c"], inner=Inner(secret="d", code="e"))
    assert {"plain": "a", "inner": {"code": "e"}, "other": None} == json.loads(public_json(outer))


def test_a_record_of_nothing_but_personal_fields_goes_as_a_whole() -> None:
    """An empty object in its place would say that there was something to hide."""
    created = PaymentIntentCreated(
        amount_minor=1,
        currency="USD",
        capture_method="manual",
        fingerprint=b"f",
        notes=PaymentNotes(description="for Ada", metadata={"table": "Ada"}),
    )
    assert "notes" not in json.loads(public_json(created))
    assert "Ada" not in public_json(created)


def test_the_events_with_withheld_fields_are_known() -> None:
    """Adding one is a decision about a table in the personal schema, or about a secret, not an accident."""
    members: list[type[Body]] = [
        member for topic in PROJECTORS for member in get_args(topic.body) or (topic.body,)
    ]
    found = {member.__name__: withheld_paths(member) for member in members if withheld_paths(member)}
    assert {
        "WebhookEndpointCreated": {"sealed_secret": {}},
        "EndpointAdded": {"endpoint": {"sealed_secret": {}}},
        "PaymentIntentCreated": {"notes": {}},
        "RefundRequested": {"reason": {}},
        "MerchantCreated": {"profile": {}},
        "OperatorCreated": {"profile": {}},
    } == found


def test_a_sealed_secret_reaches_no_table() -> None:
    """Sealed or not, what signs a merchant's events has no business in a table."""
    created = WebhookEndpointCreated(
        endpoint_id="we_1", url="https://example.org", event_types=("*",), sealed_secret=b"sealed"
    )
    assert {
        "schema": "WebhookEndpointCreated.v1",
        "endpoint_id": "we_1",
        "url": "https://example.org",
        "event_types": ["*"],
    } == json.loads(public_json(created))


def test_a_merchant_keeps_what_is_not_personal() -> None:
    """Analysts may see that a merchant exists and which key it has."""
    created = MerchantCreated(
        merchant_id="mer_1",
        profile=Profile(display_name="Ada's"),
        api_key=ApiKey(key_id="key_1", key_sha256="0" * 64, last4="abcd"),
        fingerprint=b"f",
    )
    assert {"schema", "merchant_id", "api_key", "fingerprint"} == json.loads(public_json(created)).keys()


@pytest.mark.parametrize(
    ("text", "stored"),
    [("a\0b", "a\ufffdb"), ("\\u0000", "\\u0000"), ("\\\0", "\\\ufffd"), ("plain", "plain")],
)
def test_text_that_postgres_refuses_is_replaced(text: str, stored: str) -> None:
    """One NUL typed by one customer must not stop the sink; the same letters escaped are harmless."""
    assert {stored: [stored]} == json.loads(json_text({text: [text]}))
