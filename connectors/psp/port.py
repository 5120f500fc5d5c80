"""What can a provider be asked, and how can a call to it end: the port every adapter fills."""

from dataclasses import dataclass
from typing import Protocol

from schemas.psp import ExecuteOperation, QueryOperation


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The provider answered. What that proves is for the mapping to say.

    http_status: 100..599. body: as received, at most what the adapter is willing to read.
    """

    http_status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Not one byte of the request left this machine, so nothing was done."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The request may have arrived, and no usable answer came: nobody knows what was done."""

    reason: str


CallEnd = Answered | NotSent | Unanswered


class Provider(Protocol):
    """One payment provider. Both calls are bounded in time and never raise for what the network does."""

    async def execute(self, request: ExecuteOperation) -> CallEnd:
        """Ask for the operation, once; nothing below repeats the request."""
        ...

    async def query(self, request: ExecuteOperation | QueryOperation) -> CallEnd:
        """Ask what became of the call made under the request's psp_key."""
        ...
