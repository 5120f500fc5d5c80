"""How is one call treated: recognised, disturbed, refused or acted on, and how is it answered?"""

from dataclasses import dataclass
from enum import Enum, auto

from msgspec.structs import replace

from connectors.psp.simulator.book import Book
from connectors.psp.simulator.entries import Attempt, Entry, Operation
from connectors.psp.simulator.faults import Conduct, FaultName, shows
from connectors.psp.simulator.problems import INTERNAL_ERROR, KEY_REUSED, UNAVAILABLE, Problem
from connectors.psp.simulator.requests import OperationRequest, fingerprint
from connectors.psp.simulator.rules import Terms, judge
from connectors.psp.simulator.tokens import Behaviour, behaviour_of


class Delivery(Enum):
    """How the answer reaches the caller."""

    AT_ONCE = auto()
    SLOWLY = auto()
    NEVER = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What to write before anything is said, what to say, and how. `is_replay`: a known key."""

    answer: Operation | Problem
    entry: Entry | None = None
    delivery: Delivery = Delivery.AT_ONCE
    is_replay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call at one moment; `number` counts the calls under this key that left a trace."""

    request: OperationRequest
    key: str
    number: int
    now_ms: int
    conduct: Conduct

    @property
    def token(self) -> str | None:
        """The token it pays with, if it is one that pays."""
        return None if self.request.payment_method is None else self.request.payment_method.token

    def shows(self, fault: FaultName) -> bool:
        """Whether a drawn fault shows on this call."""
        return shows(fault, self.conduct, key=self.key, call=self.number)


def treat(
    book: Book, request: OperationRequest, *, key: str, now_ms: int, conduct: Conduct, terms: Terms
) -> Treatment:
    """The treatment of a call: recognised keys first, then disturbances, then the rules."""
    number = book.calls_under(key)
    call = Call(request=request, key=key, number=number, now_ms=now_ms, conduct=conduct)
    return _recognise(book, call) or _disturb_before(book, call) or _act(book, call, terms)


def _recognise(book: Book, call: Call) -> Treatment | None:
    known = book.latest_under(call.key)
    if known is None or call.now_ms - known.created_at_ms >= call.conduct.key_memory_s * 1000:
        return None
    if known.fingerprint != fingerprint(call.request):
        return Treatment(answer=KEY_REUSED)
    return Treatment(answer=known, is_replay=True)


def _disturb_before(book: Book, call: Call) -> Treatment | None:
    attempts = book.attempts(call.request.payment_reference)
    by_token = [attempt for attempt in attempts if attempt.cause == call.token]
    match behaviour_of(call.token):
        case Behaviour.HANG_UNDER_FIRST_KEY if not by_token:
            return _hang(call, _attempt(call, call.token or ""))
        case Behaviour.HANG_UNDER_FIRST_KEY if by_token[0].idempotency_key == call.key:
            return _hang(call, None)
        case Behaviour.UNAVAILABLE_TWICE if len(by_token) < 2:
            return Treatment(answer=UNAVAILABLE, entry=_attempt(call, call.token or ""))
    if call.shows("timeout_before"):
        return _hang(call, _attempt(call, "timeout_before"))
    if call.shows("error_5xx_before"):
        return Treatment(answer=UNAVAILABLE, entry=_attempt(call, "error_5xx_before"))
    return None


def _act(book: Book, call: Call, terms: Terms) -> Treatment:
    request = _mistaken(call.request) if call.shows("wrong_amount") else call.request
    judged = judge(book, request, key=call.key, now_ms=call.now_ms, terms=terms)
    if isinstance(judged, Problem):
        return Treatment(answer=judged)
    # A repeat sends the body it sent before, not the one the provider misread.
    operation = replace(judged, fingerprint=fingerprint(call.request))
    behaviour = behaviour_of(call.token)
    if behaviour is Behaviour.ACT_THEN_HANG or call.shows("timeout_after"):
        return Treatment(answer=operation, entry=operation, delivery=Delivery.NEVER)
    if call.shows("error_5xx_after"):
        return Treatment(answer=INTERNAL_ERROR, entry=operation)
    is_slow = behaviour is Behaviour.ACT_SLOWLY or call.shows("slow")
    delivery = Delivery.SLOWLY if is_slow else Delivery.AT_ONCE
    return Treatment(answer=operation, entry=operation, delivery=delivery)


def _mistaken(request: OperationRequest) -> OperationRequest:
    # A void is left alone: releasing a little less would be no other amount but another state.
    if request.operation == "void" or request.amount_minor is None or request.amount_minor == 1:
        return request
    return replace(request, amount_minor=request.amount_minor - 1)


def _hang(call: Call, attempt: Attempt | None) -> Treatment:
    return Treatment(answer=UNAVAILABLE, entry=attempt, delivery=Delivery.NEVER)


def _attempt(call: Call, cause: str) -> Attempt:
    return Attempt(
        idempotency_key=call.key,
        payment_reference=call.request.payment_reference,
        cause=cause,
        at_ms=call.now_ms,
    )
