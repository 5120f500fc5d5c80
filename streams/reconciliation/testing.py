"""How do tests tell the story of one reference: each word is a message the decider receives."""

from typing import Any

from schemas import ids
from schemas.envelope import Message
from schemas.reconciliation import ExpectMovement, MatchSnapshot, SettlementLine
from schemas.settings import Settings
from schemas.testing import START_MS, from_provider
from streams.core import Refused, Repeated
from streams.reconciliation.app import reconciliation
from streams.reconciliation.state import Match, snapshot
from streams.testing import History

PROVIDER, REF = "simulator", "psp_1"
EXPECTED_WINDOW_MS, LINE_WINDOW_MS = 10_000, 1_000
SETTINGS = Settings(recon_expected_window_ms=EXPECTED_WINDOW_MS, recon_line_window_ms=LINE_WINDOW_MS)


def movement(amount_minor: int = 1000, **changes: Any) -> ExpectMovement:
    """A capture of 10.00 USD; refunds are positive here, as our operations are."""
    fields: dict[str, Any] = {
        "provider": PROVIDER,
        "provider_ref": REF,
        "payment_id": "pay_1",
        "operation_id": "cap_1",
        "kind": "capture",
        "amount_minor": amount_minor,
        "currency": "USD",
    }
    return ExpectMovement(**{**fields, **changes})


def line(gross_minor: int = 1000, fee_minor: int = 24, **changes: Any) -> SettlementLine:
    """The line that settles `movement()`."""
    fields: dict[str, Any] = {
        "line_id": "l1",
        "file_id": "stl_1",
        "provider": PROVIDER,
        "provider_ref": REF,
        "kind": "capture",
        "gross_minor": gross_minor,
        "fee_minor": fee_minor,
        "net_minor": gross_minor - fee_minor,
        "currency": "USD",
        "settled_on": "2027-01-15",
    }
    return SettlementLine(**{**fields, **changes})


class Story:
    """One reference told in short words."""

    def __init__(self) -> None:
        self.history: History[Match] = History(reconciliation(SETTINGS).decider, ids.match_key(PROVIDER, REF))
        self.now_ms = START_MS
        self.said: Any = ()

    @property
    def shown(self) -> MatchSnapshot:
        """The reference as its events show it."""
        assert self.history.state is not None
        return snapshot(self.history.state)

    def names(self) -> list[str]:
        """Names of the events that followed the last message."""
        assert not isinstance(self.said, Refused | Repeated)
        return [type(body).__name__ for body in self.said]

    def tell(self, body: ExpectMovement | SettlementLine) -> "Story":
        """A movement or a line comes now."""
        message: Message[Any] = from_provider(body, message_id=f"m-{self.now_ms}", at_ms=self.now_ms)
        self.said = self.history.receive(message)
        return self

    def wait(self, duration_ms: int) -> "Story":
        """Let time pass and its deadline, if any, come once."""
        self.now_ms += duration_ms
        self.said = () if self.history.state is None else self.history.elapse(self.now_ms)
        return self
