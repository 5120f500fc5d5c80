"""What does a handler know of the one request it answers?"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from api.auth import Caller
from api.idempotency import HEADER, Scope, chosen_key
from api.problems import Problem
from schemas.envelope import Actor, Mode
from schemas.logs import extend_subject
from schemas.outcomes import Outcome


@dataclass(slots=True, kw_only=True)
class Call:
    """One request with its identity. secret_key: as sent. idempotency_key: once it is known."""

    request: web.Request
    request_id: str
    route: str
    mode: Mode
    accepted_at_ms: int
    body: bytes = b""
    caller: Caller | None = None
    secret_key: str = field(default="", repr=False)
    idempotency_key: str | None = None

    @property
    def merchant_id(self) -> str:
        """The merchant that asks; routes of merchants only."""
        return self.authenticated.principal

    @property
    def authenticated(self) -> Caller:
        """Who asks; every route but the open ones."""
        assert self.caller is not None, f"{self.route} asks who calls, but is open to all"
        return self.caller

    @property
    def actor(self) -> Actor:
        """Who initiates what this request leads to."""
        caller = self.authenticated
        return Actor(role=caller.role, principal=caller.principal, key_id=caller.key_id)

    def part(self, name: str) -> str:
        """A part of the path, such as `payment_id`."""
        return self.request.match_info[name]

    def keep_key(self, key_in_body: str | None) -> str:
        """The idempotency key of this request, which from here on is known to its answer."""
        self.idempotency_key = chosen_key(self.request.headers.getall(HEADER, []), key_in_body)
        extend_subject(idempotency_key=self.idempotency_key)
        return self.idempotency_key

    def scope(self, key_in_body: str | None, *, owner: str | None = None) -> Scope:
        """The idempotency scope of this request, of the merchant that asks or another `owner`."""
        key = self.keep_key(key_in_body)
        return Scope(mode=self.mode, merchant=owner or self.merchant_id, route=self.route, key=key)

    def query(self, *known: str) -> Mapping[str, str]:
        """The query parameters; each known one at most once. Raises Problem for any other."""
        given = self.request.query
        for name in given:
            if name not in known:
                raise Problem(Outcome.PARAMETER_UNKNOWN, param=name[:64])
            if len(given.getall(name)) > 1:
                raise Problem(Outcome.PARAMETER_INVALID, "the parameter is given twice", param=name)
        return given
