"""What do decisions cost by themselves: ledger, risk and reconciliation through the generic step, in memory?"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

from ops.bench.commands import START_MS, capture, envelope
from ops.bench.errors import BenchFailed
from ops.bench.result import Result
from schemas import ids, topics
from schemas.codec import codec_of
from schemas.envelope import Body, Message
from schemas.ledger import Terms
from schemas.merchants import MerchantTermsSet
from schemas.reconciliation import ExpectMovement, SettlementLine
from schemas.risk import AssessPayment, EntityFeatures, EntityKind, LookUpEntity, RiskEntity
from schemas.settings import Settings
from schemas.topics import Topic
from streams.definition import StageDefinition
from streams.ports import Output, Record
from streams.simulator import MemoryStore, UnitView
from streams.stages import DEFINITIONS
from streams.step import StageStep

_COUNT: Final = 5_000
_CHUNK: Final = 500
_MERCHANTS: Final = 50


def ledger() -> Result:
    """Captures posted with their fee. Raises BenchFailed, as all of these do, when not every unit was decided."""
    task, merchants = _Task("ledger"), [_merchant(number) for number in range(_MERCHANTS)]
    task.feed([_terms(merchant) for merchant in merchants])
    before_s = task.cpu_s
    captures = [_capture(merchants[number % _MERCHANTS], number) for number in range(_COUNT)]
    outputs = task.feed(captures)
    journal = sum(one.topic == topics.LEDGER_JOURNAL.name for one in outputs)
    return _result(
        "ledger", "capture of three legs and more", "transaction", journal, task, task.cpu_s - before_s
    )


def risk() -> Result:
    """Payments assessed, from the look-ups of their entities to the verdict."""
    windows, rules = _Task("windows"), _Task("risk")
    features = windows.feed([one for number in range(_COUNT) for one in _lookups(number)])
    decided = rules.feed(
        [
            *(_request(number) for number in range(_COUNT)),
            *(
                _record(topics.RISK_FEATURES, one.key.decode(), one.value)
                for one in features
                if _is_told(one)
            ),
        ]
    )
    decisions = sum(one.topic == topics.RISK_DECISIONS.name for one in decided)
    return _result(
        "risk", "payment of four entities", "payment", decisions, windows, windows.cpu_s + rules.cpu_s
    )


def reconciliation() -> Result:
    """Settlement lines that match what was expected."""
    task = _Task("reconciliation")
    task.feed([_movement(number) for number in range(_COUNT)])
    before_s = task.cpu_s
    outputs = task.feed([_line(number) for number in range(_COUNT)])
    matched = sum(one.topic == topics.RECON_RESULTS.name for one in outputs)
    return _result("reconciliation", "line that matches", "line", matched, task, task.cpu_s - before_s)


class _Task:
    """One task of a stage in memory, committed chunk by chunk. cpu_s: what its steps took so far."""

    def __init__(self, stage: str) -> None:
        self._definition: StageDefinition[Any] = DEFINITIONS[stage](Settings())
        self._step = StageStep(self._definition)
        self._store = MemoryStore()
        self.cpu_s = self.wall_s = 0.0

    def feed(self, records: Sequence[Record]) -> list[Output]:
        """Handle records; what follows from them."""
        outputs: list[Output] = []
        for start in range(0, len(records), _CHUNK):
            view = UnitView(self._store)
            began_s, cpu_s = time.perf_counter(), time.process_time()
            outputs += self._step(view, records[start : start + _CHUNK]).outputs
            self.cpu_s += time.process_time() - cpu_s
            self.wall_s += time.perf_counter() - began_s
            self._store.apply(view.changes.items())
        return outputs


def _result(name: str, variant: str, unit: str, done: int, task: _Task, cpu_s: float) -> Result:
    if done != _COUNT:
        raise BenchFailed(f"{name}: {done} of {_COUNT} units were decided")
    return Result(
        name=name,
        variant=variant,
        unit=unit,
        units=done,
        cpu_us_per_unit=round(cpu_s / done * 1_000_000, 1),
        units_per_second=round(done / cpu_s, 1),
        processes={},
    )


def _merchant(number: int) -> str:
    return ids.merchant_id(cell="00", mode="test", idempotency_key=f"bench-{number}")


def _payment(number: int) -> str:
    return ids.payment_key(
        mode="test", merchant=_merchant(0), source="api", idempotency_key=f"order-{number}"
    )


def _terms(merchant: str) -> Record:
    body = MerchantTermsSet(merchant_id=merchant, number=1, terms=Terms())
    return _said(topics.MERCHANTS_EVENTS, _key(merchant), body, merchant)


def _capture(merchant: str, number: int) -> Record:
    payment = _payment(number)
    return _said(topics.LEDGER_COMMANDS_PAYMENTS, _key(merchant), capture(merchant, payment), merchant)


def _entities(number: int) -> tuple[RiskEntity, ...]:
    return tuple(
        RiskEntity(kind=kind, key=ids.entity_key(kind, "test", f"{number}")) for kind in get_args(EntityKind)
    )


def _lookups(number: int) -> Iterator[Record]:
    payment, entities = _payment(number), _entities(number)
    for entity in entities:
        body = LookUpEntity(
            assessment_id=ids.assessment_id(payment, 1),
            payment_key=payment,
            entity=entity,
            card_key=entities[0].key,
            amount_minor=2_599,
            currency="USD",
        )
        yield _said(topics.RISK_LOOKUPS, entity.key, body)


def _request(number: int) -> Record:
    payment = _payment(number)
    body = AssessPayment(
        assessment_id=ids.assessment_id(payment, 1),
        payment_id=f"pay_{payment}",
        attempt=1,
        amount_minor=2_599,
        currency="USD",
        entities=_entities(number),
        due_at_ms=START_MS + 2_000,
    )
    return _said(topics.RISK_REQUESTS, payment, body)


def _movement(number: int) -> Record:
    body = ExpectMovement(
        provider="simulator",
        provider_ref=f"op_{number}",
        payment_id=f"pay_{_payment(number)}",
        operation_id=ids.authorization_id(_payment(number), 1),
        kind="capture",
        amount_minor=2_599,
        currency="USD",
    )
    return _said(topics.RECON_EXPECTED_PAYMENTS, ids.match_key("simulator", body.provider_ref), body)


def _line(number: int) -> Record:
    body = SettlementLine(
        line_id=f"line-{number}",
        file_id=ids.file_id("simulator", "bench"),
        provider="simulator",
        provider_ref=f"op_{number}",
        kind="capture",
        gross_minor=2_599,
        fee_minor=46,
        net_minor=2_553,
        currency="USD",
        settled_on="2027-01-15",
    )
    return _said(topics.RECON_LINES, ids.match_key("simulator", body.provider_ref), body)


def _is_told(output: Output) -> bool:
    """Features, which the windows tell besides their own events."""
    return output.topic == topics.RISK_FEATURES.name and isinstance(
        codec_of(topics.RISK_FEATURES).decode(output.value).body, EntityFeatures
    )


def _key(merchant: str) -> str:
    key = ids.key_of(merchant)
    assert key is not None, f"{merchant} is no merchant id"
    return key


def _said(topic: Topic, key: str, body: Body, merchant: str = "") -> Record:
    message_id = ids.digest(topic.name, key, repr(body))
    return _record(
        topic,
        key,
        codec_of(topic).encode(Message(envelope=envelope(message_id, merchant or _merchant(0)), body=body)),
    )


def _record(topic: Topic, key: str, value: bytes) -> Record:
    return Record(topic.name, 0, 0, key.encode(), value, START_MS)
