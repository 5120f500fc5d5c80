"""Do the provider's rules of money hold?"""

from dataclasses import replace as with_terms

import pytest
from msgspec.structs import replace

from connectors.psp.simulator.book import Book
from connectors.psp.simulator.charges import Summary
from connectors.psp.simulator.entries import Operation
from connectors.psp.simulator.problems import Problem
from connectors.psp.simulator.requests import Kind, OperationRequest, PaymentMethod
from connectors.psp.simulator.rules import Terms, expire, judge, resolve
from connectors.psp.simulator.tokens import TEST_TOKENS, Behaviour

NOW_MS = 1_750_000_000_000
DAY_MS = 24 * 3600 * 1000
TERMS = Terms(authorization_window_s=7 * 24 * 3600, action_window_s=900)

# A step is (operation, amount, step it acts on); a void without amount releases what is left.
Step = tuple[Kind, int | None, int | None]


def pay(operation: Kind, amount_minor: int, token: str = "tok_visa") -> OperationRequest:
    return OperationRequest(
        operation=operation,
        payment_reference="pay_1",
        amount_minor=amount_minor,
        currency="EUR",
        payment_method=PaymentMethod(type="card", token=token),
    )


def act(operation: Kind, amount_minor: int | None, original_reference: str) -> OperationRequest:
    return OperationRequest(
        operation=operation,
        payment_reference="pay_1",
        amount_minor=amount_minor,
        currency="EUR",
        original_reference=original_reference,
    )


def judged(book: Book, request: OperationRequest, *, key: str = "key", now_ms: int = NOW_MS) -> object:
    return judge(book, request, key=key, now_ms=now_ms, terms=TERMS)


def entered(book: Book, request: OperationRequest, *, key: str = "given", now_ms: int = NOW_MS) -> Operation:
    operation = judged(book, request, key=key, now_ms=now_ms)
    assert isinstance(operation, Operation), operation
    book.apply(operation)
    return operation


def request_of(step: Step, done: list[Operation]) -> OperationRequest:
    operation, amount_minor, original = step
    if original is None:
        assert amount_minor is not None
        return pay(operation, amount_minor)
    return act(operation, amount_minor, done[original].provider_ref)


def check(*, given: list[Step], when: Step, then: str | int) -> None:
    """After the given steps, the step succeeds with an amount or is refused with a code."""
    book, done = Book(), list[Operation]()
    for number, step in enumerate(given):
        done.append(entered(book, request_of(step, done), key=f"given-{number}"))
    answer = judged(book, request_of(when, done))
    match answer:
        case Problem():
            assert then == answer.code
            assert answer.http_status == 409
            assert answer.executed is False
        case Operation():
            assert then == answer.amount_minor
            book.apply(answer)  # The book's own assertions hold as well.


AUTHORIZED: Step = ("authorize", 1000, None)
SOLD: Step = ("sale", 1000, None)


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        ([AUTHORIZED], ("capture", 1000, 0), 1000),
        ([AUTHORIZED], ("capture", 1001, 0), "amount_exceeds_authorized"),
        ([AUTHORIZED, ("capture", 600, 0)], ("capture", 400, 0), 400),
        ([AUTHORIZED, ("capture", 600, 0)], ("capture", 401, 0), "amount_exceeds_authorized"),
        ([AUTHORIZED, ("capture", 1000, 0)], ("capture", 1, 0), "authorization_captured"),
        ([AUTHORIZED], ("void", None, 0), 1000),
        ([AUTHORIZED, ("capture", 600, 0)], ("void", None, 0), 400),
        ([AUTHORIZED, ("capture", 600, 0)], ("void", 400, 0), 400),
        ([AUTHORIZED, ("capture", 600, 0)], ("void", 401, 0), "amount_exceeds_authorized"),
        ([AUTHORIZED, ("capture", 1000, 0)], ("void", None, 0), "authorization_captured"),
        ([AUTHORIZED, ("void", None, 0)], ("void", None, 0), "authorization_voided"),
        ([AUTHORIZED, ("void", None, 0)], ("capture", 1000, 0), "authorization_voided"),
        ([AUTHORIZED, ("capture", 600, 0), ("void", None, 0)], ("capture", 1, 0), "authorization_voided"),
        ([AUTHORIZED], ("refund", 1, 0), "amount_exceeds_captured"),
        ([AUTHORIZED, ("capture", 600, 0)], ("refund", 600, 0), 600),
        ([AUTHORIZED, ("capture", 600, 0)], ("refund", 600, 1), 600),
        ([AUTHORIZED, ("capture", 600, 0)], ("refund", 601, 1), "amount_exceeds_captured"),
        (
            [AUTHORIZED, ("capture", 600, 0), ("capture", 400, 0)],
            ("refund", 601, 1),
            "amount_exceeds_captured",
        ),
        ([AUTHORIZED, ("capture", 600, 0), ("capture", 400, 0)], ("refund", 1000, 0), 1000),
        (
            [AUTHORIZED, ("capture", 600, 0), ("refund", 500, 1)],
            ("refund", 101, 1),
            "amount_exceeds_captured",
        ),
        ([SOLD], ("refund", 1000, 0), 1000),
        ([SOLD, ("refund", 600, 0)], ("refund", 600, 0), "amount_exceeds_captured"),
        ([SOLD, ("refund", 600, 0)], ("refund", 400, 0), 400),
        ([SOLD], ("capture", 1000, 0), "not_an_authorization"),
        ([SOLD], ("void", None, 0), "not_an_authorization"),
        ([AUTHORIZED, ("capture", 600, 0)], ("capture", 1, 1), "not_an_authorization"),
        ([AUTHORIZED, ("void", None, 0)], ("capture", 1, 1), "original_not_found"),
        ([SOLD, ("refund", 1, 0)], ("refund", 1, 1), "original_not_found"),
    ],
)
def test_money_moves_within_what_is_there(given: list[Step], when: Step, then: str | int) -> None:
    """Captured <= authorized and refunded <= captured must hold at the provider whatever callers send."""
    check(given=given, when=when, then=then)


@pytest.mark.parametrize("operation", ["capture", "void", "refund"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"original_reference": "op_unknown"}, "original_not_found"),
        ({"payment_reference": "pay_2"}, "payment_mismatch"),
        ({"currency": "USD"}, "currency_mismatch"),
    ],
)
def test_an_operation_must_fit_its_original(operation: Kind, change: dict[str, str], code: str) -> None:
    """A mixed-up reference must never touch another payment's money."""
    book = Book()
    original = entered(book, pay("authorize", 1000))
    answer = judged(book, replace(act(operation, 10, original.provider_ref), **change))
    assert isinstance(answer, Problem)
    assert code == answer.code


def test_an_authorization_expires() -> None:
    """After the window nothing is held on the card, so nothing can be captured or released."""
    book = Book()
    original = entered(book, pay("authorize", 1000))
    end_ms = NOW_MS + 7 * DAY_MS
    assert isinstance(judged(book, act("capture", 1, original.provider_ref), now_ms=end_ms - 1), Operation)
    for operation in ("capture", "void"):
        late = judged(book, act(operation, 1, original.provider_ref), now_ms=end_ms)
        assert isinstance(late, Problem)
        assert late.code == "authorization_expired"
    assert book.summary("pay_1", end_ms - 1).live_authorizations == 1
    assert book.summary("pay_1", end_ms).live_authorizations == 0


def test_an_expired_authorization_still_refunds_what_it_captured() -> None:
    """Money taken can be given back long after the authorization's window."""
    book = Book()
    original = entered(book, pay("authorize", 1000))
    entered(book, act("capture", 400, original.provider_ref), key="capture")
    late = judged(book, act("refund", 400, original.provider_ref), now_ms=NOW_MS + 90 * DAY_MS)
    assert isinstance(late, Operation)


def test_a_window_of_zero_never_ends() -> None:
    """Expiry can be switched off for tests that move their own clock."""
    terms = with_terms(TERMS, authorization_window_s=0)
    authorized = judge(Book(), pay("authorize", 1000), key="key", now_ms=NOW_MS, terms=terms)
    assert isinstance(authorized, Operation)
    assert authorized.expires_at_ms is None


@pytest.mark.parametrize(
    "token", [known.token for known in TEST_TOKENS if known.behaviour is Behaviour.DECLINE]
)
@pytest.mark.parametrize("operation", ["authorize", "sale"])
def test_declining_tokens_decline_with_their_name(operation: Kind, token: str) -> None:
    """Each decline code must be reachable, and a decline moves no money."""
    book = Book()
    declined = entered(book, pay(operation, 1000, token))
    assert ("declined", token.removeprefix("tok_")) == (declined.status, declined.decline_code)
    empty = Summary(authorized_live_minor=0, captured_minor=0, refunded_minor=0, live_authorizations=0)
    assert empty == book.summary("pay_1", NOW_MS)
    answer = judged(book, act("refund", 1, declined.provider_ref))
    assert isinstance(answer, Problem)
    assert answer.code == "original_not_found"


@pytest.mark.parametrize("token", ["tok_visa", "tok_mastercard", "tok_fdh_0001", "tok_psp_slow"])
def test_other_tokens_succeed(token: str) -> None:
    """Replayed data brings tokens of its own."""
    operation = judged(Book(), pay("sale", 1000, token))
    assert isinstance(operation, Operation)
    assert operation.status == "succeeded"


def test_a_second_authorization_of_a_payment_is_a_second_effect() -> None:
    """The book judges callers: their mistakes must show in it, not be prevented by it."""
    book = Book()
    entered(book, pay("authorize", 1000), key="first")
    entered(book, pay("authorize", 1000), key="second")
    summary = book.summary("pay_1", NOW_MS)
    assert (2, 2000) == (summary.live_authorizations, summary.authorized_live_minor)


def test_an_action_moves_money_only_when_completed() -> None:
    """Until the customer authenticated nothing may be held, captured or acted on."""
    book = Book()
    pending = entered(book, pay("authorize", 1000, "tok_requires_action"))
    assert (pending.status, pending.action_expires_at_ms) == ("requires_action", NOW_MS + 900_000)
    assert book.summary("pay_1", NOW_MS).live_authorizations == 0
    later_ms = NOW_MS + 60_000
    book.apply(resolve(pending, is_authenticated=True, now_ms=later_ms, terms=TERMS))
    assert book.summary("pay_1", later_ms).authorized_live_minor == 1000
    done = book.operation(pending.provider_ref)
    assert done is not None
    assert (done.status, done.expires_at_ms) == ("succeeded", later_ms + 7 * DAY_MS)


def test_a_failed_action_is_a_decline() -> None:
    """A customer who fails to authenticate ends the operation."""
    pending = entered(Book(), pay("sale", 1000, "tok_requires_action"))
    failed = resolve(pending, is_authenticated=False, now_ms=NOW_MS, terms=TERMS)
    assert ("declined", "authentication_required") == (failed.status, failed.decline_code)


def test_an_action_nobody_takes_is_a_decline() -> None:
    """A customer who walks away must not leave the operation open for ever."""
    book = Book()
    pending = entered(book, pay("sale", 1000, "tok_requires_action"))
    assert list(book.overdue_actions(NOW_MS + 899_999)) == []
    for overdue in book.overdue_actions(NOW_MS + 900_000):
        book.apply(expire(overdue, NOW_MS + 900_000))
    ended = book.operation(pending.provider_ref)
    assert ended is not None
    assert ("declined", "authentication_expired") == (ended.status, ended.decline_code)
    assert list(book.overdue_actions(NOW_MS + 900_000)) == []
