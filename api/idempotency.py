"""Which idempotency key does a request have, and which ids follow from it?"""

import re
import secrets
from collections.abc import Sequence
from typing import Final

from api.problems import Problem
from schemas import ids
from schemas.envelope import Mode
from schemas.outcomes import Outcome

HEADER: Final = "Idempotency-Key"
PARAM: Final = "idempotency_key"

_FORM: Final = re.compile(r"[\x20-\x7e]{1,255}\Z")


def chosen_key(headers: Sequence[str], in_body: str | None) -> str:
    """The key of a request: from its header or its body, else a new one drawn at random.

    Raises Problem when they differ or when a key is not 1..255 printable ASCII characters.
    """
    given = [*headers] if in_body is None else [*headers, in_body]
    for key in given:
        if not _FORM.match(key):
            detail = "an idempotency key is 1 to 255 printable ASCII characters"
            raise Problem(Outcome.PARAMETER_INVALID, detail, param=PARAM)
    if len(set(given)) > 1:
        raise Problem(Outcome.IDEMPOTENCY_KEYS_DIFFER, param=PARAM)
    return given[0] if given else secrets.token_urlsafe(24)


class Scope:
    """Where an idempotency key means one thing: a mode, a merchant, a route and its key."""

    def __init__(self, *, mode: Mode, merchant: str, route: str, key: str) -> None:
        self._mode = mode
        self._merchant = merchant
        self._route = route
        self.key = key

    def payment_key(self) -> str:
        """Key of the payment that a creation under this key makes."""
        return ids.payment_key(
            mode=self._mode, merchant=self._merchant, source="api", idempotency_key=self.key
        )

    def command_id(self, target: str) -> str:
        """Id of the command about `target`: the path's object, or what is created."""
        return ids.command_id(
            mode=self._mode,
            merchant=self._merchant,
            route=self._route,
            target=target,
            idempotency_key=self.key,
        )
