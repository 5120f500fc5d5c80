"""What is remembered of a merchant's webhooks: the endpoints that are there, and the last resend."""

from msgspec import Struct

from schemas.envelope import WALL_CLOCK, Mode
from schemas.webhooks import EVERY_TYPE, Endpoint, ResendView
from streams.core import NO_SUBJECT, Moment

MAX_RESENDS = 8
"""Resends whose answers can be told again in full."""


class Resend(Struct, frozen=True, kw_only=True):
    """What an answer to a resend shows. version: of the aggregate after it."""

    event_id: str
    endpoint_ids: tuple[str, ...]
    version: int


class Webhooks(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant's endpoints. resends: the last ones, oldest first."""

    state_version: int = 1
    merchant_id: str
    mode: Mode
    version: int
    clock_id: str = WALL_CLOCK
    endpoints: tuple[Endpoint, ...] = ()
    resends: tuple[Resend, ...] = ()


class WebhooksSnapshot(Struct, frozen=True, kw_only=True):
    """The topic of messages shows no aggregate after its events; the version stands for it."""

    version: int


def takers(state: Webhooks | None, event_type: str) -> tuple[str, ...]:
    """Ids of the endpoints that take events of a type, in the order they were added."""
    endpoints = () if state is None else state.endpoints
    return tuple(
        one.endpoint_id for one in endpoints if not {event_type, EVERY_TYPE}.isdisjoint(one.event_types)
    )


def endpoint_of(state: Webhooks | None, endpoint_id: str) -> Endpoint | None:
    """The endpoint of this id, while it is there."""
    endpoints = () if state is None else state.endpoints
    return next((one for one in endpoints if one.endpoint_id == endpoint_id), None)


def moment(state: Webhooks, subject: int) -> Moment:
    """The version; of a resend that of the aggregate right after it."""
    return (state.version,) if subject == NO_SUBJECT else (subject,)


def view(state: Webhooks, at: Moment) -> ResendView:
    """A resend as an answer shows it; one that is no longer remembered without its particulars."""
    (version,) = at
    found = next((one for one in state.resends if one.version == version), None)
    if found is None:
        return ResendView(event_id="", endpoint_ids=(), version=version)
    return ResendView(event_id=found.event_id, endpoint_ids=found.endpoint_ids, version=version)


def after(state: Webhooks) -> WebhooksSnapshot:
    """What events show of the aggregate."""
    return WebhooksSnapshot(version=state.version)
