"""Which page of a list is asked for, and what does it look like?"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from api.answers import Answer, ListAnswer, to_json
from api.calls import Call
from api.problems import Problem
from schemas.outcomes import Outcome

MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 10

_ID: Final = re.compile(r"[a-z]{2,4}_[0-9a-z]{1,60}\Z")


class Page(NamedTuple):
    """limit: 1..100 objects. starting_after: id of the object the page comes after; None: the newest."""

    limit: int
    starting_after: str | None


def page_of(query: Mapping[str, str]) -> Page:
    """The page in a query. Raises Problem for a limit out of range or a malformed id."""
    limit, after = query.get("limit", str(DEFAULT_LIMIT)), query.get("starting_after")
    if not re.fullmatch(r"[0-9]{1,3}", limit) or not 1 <= int(limit) <= MAX_LIMIT:
        raise Problem(Outcome.PARAMETER_INVALID, f"a whole number from 1 to {MAX_LIMIT}", param="limit")
    if after is not None and not _ID.match(after):
        raise Problem(Outcome.PARAMETER_INVALID, "the id of an object of this list", param="starting_after")
    return Page(int(limit), after)


def list_answer(call: Call, page: Page, found: Sequence[Struct]) -> Answer:
    """The page; `found` holds one object more than the limit if there are more."""
    body = ListAnswer(url=call.route, has_more=len(found) > page.limit, data=list(found[: page.limit]))
    return Answer(outcome=Outcome.SUCCEEDED, body=to_json(body))
