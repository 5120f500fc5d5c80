"""One payment with everything that follows from it, as every topic that the sink loads tells it."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from connectors.postgres.events import Event
from connectors.runtime import Partition, Record
from schemas import ids, topics
from schemas.api import AnsweredRequest
from schemas.balances import (
    AccountBalance,
    BalancesChanged,
    BalanceTransaction,
    BalanceTransactionsPosted,
    ShardReported,
    TotalChanged,
)
from schemas.bank import SettlementFileAccepted, SettlementFileRefused
from schemas.envelope import Body, Message, Recorded
from schemas.ledger import BookOpened, Leg, PostingRefused, Terms, TransactionPosted
from schemas.merchants import (
    AccountSnapshot,
    ApiKey,
    MerchantCreated,
    MerchantTermsSet,
    Profile,
    WebhookEndpointCreated,
    WebhookEndpointDeleted,
)
from schemas.payment_views import PaymentSnapshot
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentIntentCreated,
    PaymentMethod,
    PaymentStatus,
    RefundRequested,
    RefundReserved,
    RefundSucceeded,
    RiskAssessmentRequested,
)
from schemas.reconciliation import (
    ExpectMovement,
    LineMatched,
    MatchSnapshot,
    MovementExpected,
    SettlementLine,
)
from schemas.risk import Features, GatheredEntity, RiskDecided, RiskEntity
from schemas.testing import MERCHANT, PAYMENT_KEY, START_MS, envelope
from schemas.topics import Topic
from schemas.webhooks import DeliveryAttempted, Endpoint, EndpointAdded, EventPublished, EventResent

PAYMENT: Final = f"pay_{PAYMENT_KEY}"
BOOK: Final = MERCHANT.partition("_")[2]
AUTH: Final = ids.authorization_id(PAYMENT_KEY, 1)
CAPTURE: Final = ids.operation_id("cap", PAYMENT_KEY, "capture")
REFUND: Final = ids.operation_id("ref", PAYMENT_KEY, "refund")
REFUSED: Final = ids.operation_id("ref", PAYMENT_KEY, "too much")
ASSESSMENT: Final = ids.assessment_id(PAYMENT_KEY, 1)
HOLD_TXN, CAPTURE_TXN, RESERVE_TXN, REFUND_TXN, REFUSED_TXN = (
    ids.transaction_id(MERCHANT, cause, "t") for cause in ("hold", "capture", "reserve", "refund", "refused")
)
ENDPOINT: Final = ids.endpoint_id(merchant=MERCHANT, idempotency_key="first")
OTHER_ENDPOINT: Final = ids.endpoint_id(merchant=MERCHANT, idempotency_key="second")
CAPTURED_EVENT: Final = "evt_captured"
MESSAGE: Final = ids.webhook_message_id(CAPTURED_EVENT, ENDPOINT)
MATCH: Final = ids.match_key("simulator", "sim_2")
FILE: Final = ids.file_id("simulator", "2027-01-15")
PENDING_ACCOUNT: Final = f"test.2010.merchant.pending.{MERCHANT}.USD"
AVAILABLE_ACCOUNT: Final = f"test.2020.merchant.available.{MERCHANT}.USD"
CLEARING_ACCOUNT: Final = f"test.2060.merchant.refund_clearing.{MERCHANT}.USD"
RECEIVABLE_ACCOUNT: Final = "test.1100.psp.receivable.simulator.USD#0"
FEE_ACCOUNT: Final = "test.4010.fee.processing.USD#0"
SECRET: Final = b"sealed beyond reading"


def of(topic: Topic, key: str, body: Body, message_id: str, **more: Any) -> Message[Any]:
    """A message of a topic, with the aggregate after it where the topic's events show one."""
    after = more.pop("after", None)
    stamped = envelope(message_id, aggregate_key=key, **more)
    if topic.after is None:
        return Message(envelope=stamped, body=body)
    return Recorded(envelope=stamped, body=body, after=after)


def event(topic: Topic, key: str, message: Message[Any], offset: int, partition: int = 0) -> Event:
    """A decoded record as the sink has it."""
    return Event(
        Record(Partition(topic.name, partition), offset, START_MS, key.encode(), b"", ()), key, message
    )


def whole_payment() -> list[Event]:
    """Every record, topic by topic, each topic in its order."""
    found: list[Event] = []
    for topic, key, message in _messages():
        found.append(
            event(topic, key, message, sum(1 for one in found if one.record.partition.topic == topic.name))
        )
    return found


def _messages() -> Iterator[tuple[Topic, str, Message[Any]]]:
    yield from _merchant()
    yield from _requests()
    yield from _payment()
    yield from _risk()
    yield from _ledger()
    yield from _balances()
    yield from _webhooks()
    yield from _settlement()


def _merchant() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.MERCHANTS_EVENTS
    bodies: list[Body] = [
        MerchantCreated(
            merchant_id=MERCHANT,
            profile=Profile(display_name="Ada's books"),
            api_key=ApiKey(key_id="key_1", key_sha256="0" * 64, last4="wxyz"),
            fingerprint=b"f",
        ),
        MerchantTermsSet(merchant_id=MERCHANT, number=1, terms=Terms()),
        WebhookEndpointCreated(
            endpoint_id=ENDPOINT, url="https://shop.example/hooks", event_types=("*",), sealed_secret=SECRET
        ),
        WebhookEndpointCreated(
            endpoint_id=OTHER_ENDPOINT,
            url="https://old.example/",
            event_types=("payment.captured", "refund.failed"),
            sealed_secret=SECRET,
        ),
        WebhookEndpointDeleted(endpoint_id=OTHER_ENDPOINT),
    ]
    for version, body in enumerate(bodies, 1):
        after = AccountSnapshot(account_id=MERCHANT, key_id="key_1", created_at_ms=START_MS, version=version)
        yield topic, BOOK, of(topic, BOOK, body, f"evt_m{version}", version=version, after=after)


def _requests() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.API_REQUESTS
    asked = (
        ("req_1", "/v1/payment_intents", 201, PAYMENT, 0),
        ("req_2", "/v1/payment_intents/{payment_intent_id}/confirm", 200, PAYMENT, 1_000),
        ("req_3", "/v1/payments/{payment_id}/capture", 200, PAYMENT, 2_000),
        ("req_4", "/v1/payments/{payment_id}/refunds", 201, REFUND, 3_000),
    )
    for request_id, route, status, object_id, after_ms in asked:
        body = AnsweredRequest(
            request_id=request_id,
            method="POST",
            route=route,
            status=status,
            outcome="succeeded",
            mode="test",
            merchant_id=MERCHANT,
            object_id=object_id,
        )
        yield topic, request_id, of(topic, request_id, body, request_id, at_ms=START_MS + after_ms)


def _payment() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic, key = topics.PAYMENTS_EVENTS, PAYMENT_KEY
    method = PaymentMethod(type="card", token="tok_visa")
    times = {"not_after_ms": START_MS + 60_000, "due_at_ms": START_MS + 90_000}
    asked = {"amount_minor": 10_000, "provider": "simulator", **times}
    entity = RiskEntity(kind="card", key="card_1")
    told: list[tuple[Body, int, str, str]] = [
        (
            PaymentIntentCreated(
                amount_minor=10_000, currency="USD", capture_method="manual", fingerprint=b"f"
            ),
            0,
            "req_1",
            "cmd_1",
        ),
        (
            RiskAssessmentRequested(
                assessment_id=ASSESSMENT,
                attempt=1,
                payment_method=method,
                entities=(entity,),
                decide_by_ms=START_MS + 2_000,
                not_after_ms=START_MS + 60_000,
            ),
            1_000,
            "req_2",
            "cmd_2",
        ),
        (
            AuthorizationRequested(
                operation_id=AUTH, kind="authorize", attempt=1, payment_method=method, **asked
            ),
            1_000,
            "req_2",
            "decision_1",
        ),
        (
            PaymentAuthorized(
                operation_id=AUTH,
                amount_minor=10_000,
                provider_ref="sim_1",
                expires_at_ms=START_MS + 10**8,
                window_closes_at_ms=START_MS + 10**8,
            ),
            1_400,
            "req_2",
            "result_1",
        ),
        (CaptureRequested(operation_id=CAPTURE, **asked), 2_000, "req_3", "cmd_3"),
        (
            PaymentCaptured(operation_id=CAPTURE, amount_minor=10_000, provider_ref="sim_2"),
            2_300,
            "req_3",
            "result_2",
        ),
        (
            RefundRequested(operation_id=REFUND, cause="requested", **{**asked, "amount_minor": 4_000}),
            3_000,
            "req_4",
            "cmd_4",
        ),
        (RefundReserved(operation_id=REFUND, **times), 3_000, "req_4", "result_3"),
        (
            RefundSucceeded(operation_id=REFUND, amount_minor=4_000, provider_ref="sim_3"),
            3_200,
            "req_4",
            "result_4",
        ),
    ]
    for version, (body, after_ms, request_id, cause) in enumerate(told, 1):
        more = {"version": version, "correlation_id": request_id, "causation_id": cause}
        after = _snapshot(version, START_MS + after_ms)
        message_id = ids.event_id(key, version)
        yield topic, key, of(topic, key, body, message_id, at_ms=START_MS + after_ms, after=after, **more)


def _snapshot(version: int, at_ms: int) -> PaymentSnapshot:
    return PaymentSnapshot(
        payment_intent_id=f"pi_{PAYMENT_KEY}",
        payment_id=PAYMENT,
        merchant_id=MERCHANT,
        status=PaymentStatus.PARTIALLY_REFUNDED if version == 9 else PaymentStatus.CAPTURED,
        amount=10_000,
        amount_authorized=10_000,
        amount_captured=10_000,
        amount_refunded=4_000 if version == 9 else 0,
        currency="USD",
        capture_method="manual",
        created_at_ms=START_MS,
        updated_at_ms=at_ms,
        version=version,
    )


def _risk() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.RISK_DECISIONS
    seen = Features(
        attempts_1m=1,
        attempts_10m=1,
        attempts_1h=2,
        attempts_24h=2,
        cards_1h=1,
        cards_24h=1,
        amount_24h_minor=10_000,
    )
    body = RiskDecided(
        assessment_id=ASSESSMENT,
        payment_id=PAYMENT,
        attempt=1,
        amount_minor=10_000,
        currency="USD",
        verdict="allow",
        reason_code="trusted_card",
        ruleset_id="rules_1",
        inputs=(
            GatheredEntity(entity=RiskEntity(kind="card", key="card_1"), features=seen),
            GatheredEntity(entity=RiskEntity(kind="ip", key="ip_1")),
        ),
        rule="known_card",
    )
    yield topic, PAYMENT_KEY, of(topic, PAYMENT_KEY, body, "decision_1", at_ms=START_MS + 1_000)


def _ledger() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.LEDGER_JOURNAL
    records: list[tuple[Body, int]] = [
        (BookOpened(seq=1, prev_hash=bytes(32), terms=Terms(), terms_version=1), 0),
        (
            _posted(
                2,
                HOLD_TXN,
                "hold",
                AUTH,
                10_000,
                (("debit", RECEIVABLE_ACCOUNT, 10_000), ("credit", PENDING_ACCOUNT, 10_000)),
                phase="pending",
            ),
            1_400,
        ),
        (
            _posted(
                3,
                CAPTURE_TXN,
                "capture",
                CAPTURE,
                10_000,
                (
                    ("debit", RECEIVABLE_ACCOUNT, 10_000),
                    ("credit", PENDING_ACCOUNT, 10_000),
                    ("debit", PENDING_ACCOUNT, 320),
                    ("credit", FEE_ACCOUNT, 320),
                ),
            ),
            2_300,
        ),
        (
            _posted(
                4,
                RESERVE_TXN,
                "refund_requested",
                REFUND,
                4_000,
                (("debit", PENDING_ACCOUNT, 4_000), ("credit", CLEARING_ACCOUNT, 4_000)),
            ),
            3_000,
        ),
        (
            _posted(
                5,
                REFUND_TXN,
                "refund_succeeded",
                REFUND,
                4_000,
                (("debit", CLEARING_ACCOUNT, 4_000), ("credit", RECEIVABLE_ACCOUNT, 4_000)),
            ),
            3_200,
        ),
        (
            PostingRefused(
                seq=6,
                prev_hash=b"\6" * 32,
                transaction_id=REFUSED_TXN,
                command="ReserveRefund",
                outcome="insufficient_funds",
                operation_id=REFUSED,
                payment_id=PAYMENT,
                amount_minor=99_000,
                currency="USD",
                fingerprint=b"\xff\x00",
            ),
            4_000,
        ),
    ]
    for version, (body, after_ms) in enumerate(records, 1):
        yield (
            topic,
            BOOK,
            of(topic, BOOK, body, f"evt_j{version}", version=version, at_ms=START_MS + after_ms),
        )


def _posted(
    seq: int,
    transaction_id: str,
    template: str,
    operation_id: str,
    amount_minor: int,
    legs: tuple[tuple[Any, str, int], ...],
    *,
    phase: Any = "posted",
) -> TransactionPosted:
    return TransactionPosted(
        seq=seq,
        prev_hash=bytes([seq]) * 32,
        transaction_id=transaction_id,
        template=template,
        operation_id=operation_id,
        payment_id=PAYMENT,
        provider="simulator",
        amount_minor=amount_minor,
        currency="USD",
        legs=tuple(
            Leg(account_id=name, side=side, phase=phase, amount_minor=minor) for side, name, minor in legs
        ),
        terms_version=1,
        fingerprint=b"\xff\x00",
        available_at_ms=START_MS + 172_800_000 if template == "capture" else None,
    )


def account(
    account_id: str, counters: tuple[int, int, int, int], *, owner: str | None = None
) -> AccountBalance:
    """How an account stands: pending and posted debits, pending and posted credits."""
    _, code, kind, *_ = account_id.split(".", 3)
    return AccountBalance(
        account_id=account_id,
        code=int(code),
        kind=kind,
        seq=0,
        changed_at_ms=0,
        currency="USD",
        debits_pending_minor=counters[0],
        debits_posted_minor=counters[1],
        credits_pending_minor=counters[2],
        credits_posted_minor=counters[3],
        owner=owner,
        shard=0 if account_id.endswith("#0") else None,
    )


def _balances() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.LEDGER_BALANCES
    told = (
        (2, account(PENDING_ACCOUNT, (0, 0, 10_000, 0), owner=MERCHANT)),
        (2, account(RECEIVABLE_ACCOUNT, (10_000, 0, 0, 0), owner="simulator")),
        (3, account(PENDING_ACCOUNT, (0, 320, 2_500, 10_000), owner=MERCHANT)),
        (3, account(RECEIVABLE_ACCOUNT, (0, 10_000, 0, 0), owner="simulator")),
        (3, account(FEE_ACCOUNT, (0, 0, 0, 320))),
        (4, account(PENDING_ACCOUNT, (0, 4_320, 2_500, 10_000), owner=MERCHANT)),
        (4, account(CLEARING_ACCOUNT, (0, 0, 0, 4_000), owner=MERCHANT)),
        (5, account(CLEARING_ACCOUNT, (0, 4_000, 0, 4_000), owner=MERCHANT)),
        (5, account(RECEIVABLE_ACCOUNT, (0, 10_000, 0, 4_000), owner="simulator")),
        (6, account(AVAILABLE_ACCOUNT, (0, 0, 0, 1_000), owner=MERCHANT)),
    )
    for number, (seq, balance) in enumerate(told):
        stands = replace(balance, seq=seq, changed_at_ms=START_MS + seq)
        body = BalancesChanged(balances=(stands,))
        yield topic, BOOK, of(topic, BOOK, body, f"bal_{number}", at_ms=START_MS + seq)
    change = BalanceTransaction(
        transaction_id=CAPTURE_TXN,
        seq=3,
        merchant_id=MERCHANT,
        mode="test",
        type="capture",
        source=CAPTURE,
        currency="USD",
        amount_minor=10_000,
        fee_minor=320,
        net_minor=9_680,
        available_at_ms=START_MS + 2,
        created_at_ms=START_MS,
    )
    posted = BalanceTransactionsPosted(transactions=(change,))
    yield topics.LEDGER_STATEMENTS, BOOK, of(topics.LEDGER_STATEMENTS, BOOK, posted, "stm_1")
    total = "test.4010.fee.processing.USD"
    for version in (1, 2):
        report = ShardReported(
            account_id=total,
            shard=0,
            code=4010,
            kind="fee.processing",
            currency="USD",
            debits_posted_minor=0,
            credits_posted_minor=320 * version,
            as_of_ms=START_MS,
        )
        changed = TotalChanged(
            report=report, debits_posted_minor=0, credits_posted_minor=320 * version, watermark_ms=START_MS
        )
        yield (
            topics.LEDGER_TOTALS,
            total,
            of(topics.LEDGER_TOTALS, total, changed, f"evt_t{version}", version=version),
        )


PUBLISHED: Final = EventPublished(
    event_id=CAPTURED_EVENT,
    type="payment.captured",
    payment_id=PAYMENT,
    payload=b'{"id":"evt_captured","odd":"\\u0000\xc3\xa9"}',
    endpoint_ids=(ENDPOINT,),
)
RESENT: Final = EventResent(**{name: getattr(PUBLISHED, name) for name in PUBLISHED.__struct_fields__})


def attempt(number: int, outcome: Any, **more: Any) -> DeliveryAttempted:
    """An attempt to deliver the event of the capture to the first endpoint."""
    return DeliveryAttempted(
        message_id=MESSAGE,
        event_id=CAPTURED_EVENT,
        type="payment.captured",
        payment_id=PAYMENT,
        endpoint_id=ENDPOINT,
        attempt=number,
        outcome=outcome,
        latency_ms=12,
        **more,
    )


def _webhooks() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.WEBHOOKS_MESSAGES
    added = EndpointAdded(
        endpoint=Endpoint(
            endpoint_id=ENDPOINT, url="https://shop.example/hooks", event_types=("*",), sealed_secret=SECRET
        )
    )
    for version, body in enumerate((added, PUBLISHED), 1):
        yield topic, BOOK, of(topic, BOOK, body, f"evt_w{version}", version=version, at_ms=START_MS + 2_300)
    tried = (
        attempt(1, "failed", http_status=503, next_attempt_at_ms=START_MS + 7_500),
        attempt(2, "delivered", http_status=204),
    )
    for number, body in enumerate(tried, 1):
        at_ms = START_MS + 2_500 * number
        yield (
            topics.WEBHOOKS_ATTEMPTS,
            ENDPOINT,
            of(topics.WEBHOOKS_ATTEMPTS, ENDPOINT, body, f"evt_a{number}", at_ms=at_ms),
        )


def _settlement() -> Iterator[tuple[Topic, str, Message[Any]]]:
    topic = topics.RECON_RESULTS
    movement = ExpectMovement(
        provider="simulator",
        provider_ref="sim_2",
        payment_id=PAYMENT,
        operation_id=CAPTURE,
        kind="capture",
        amount_minor=10_000,
        currency="USD",
    )
    line = SettlementLine(
        line_id="line_1",
        file_id=FILE,
        provider="simulator",
        provider_ref="sim_2",
        kind="capture",
        gross_minor=10_000,
        fee_minor=50,
        net_minor=9_950,
        currency="USD",
        settled_on="2027-01-15",
    )
    expected = MatchSnapshot(
        provider="simulator",
        provider_ref="sim_2",
        status="expected",
        version=1,
        payment_id=PAYMENT,
        operation_id=CAPTURE,
        kind="capture",
        expected_minor=10_000,
        expected_currency="USD",
    )
    matched = MatchSnapshot(
        **{
            **{name: getattr(expected, name) for name in expected.__struct_fields__},
            "status": "matched",
            "version": 2,
            "line_id": "line_1",
            "file_id": FILE,
            "settled_minor": 10_000,
            "settled_currency": "USD",
            "fee_minor": 50,
            "settled_on": "2027-01-15",
        }
    )
    told = (
        (MovementExpected(movement=movement, due_at_ms=START_MS + 10**9), expected, 2_300),
        (LineMatched(movement=movement, line=line), matched, 90_000),
    )
    for version, (body, after, after_ms) in enumerate(told, 1):
        more = {"version": version, "at_ms": START_MS + after_ms, "after": after}
        yield topic, MATCH, of(topic, MATCH, body, f"evt_r{version}", **more)
    accepted = SettlementFileAccepted(
        file_id=FILE,
        file_name="simulator-2027-01-15.csv",
        sha256="ab" * 32,
        provider="simulator",
        batch_id="2027-01-15",
        settled_on="2027-01-15",
        currency="USD",
        lines=1,
        gross_minor=10_000,
        fee_minor=50,
        net_minor=9_950,
    )
    refused = SettlementFileRefused(
        file_id=FILE,
        file_name="simulator-2027-01-15.csv",
        sha256="cd" * 32,
        problem="totals_differ",
        detail="net is 9,950, the lines add up to 9,900",
        line=3,
    )
    for number, file in enumerate((refused, accepted), 1):
        at_ms = START_MS + 80_000 + number
        yield topics.BANK_FILES, FILE, of(topics.BANK_FILES, FILE, file, f"evt_f{number}", at_ms=at_ms)
