"""What happens to the whole platform under one seed: merchants, stages, gateway, provider and time.

Every random choice comes from the seed: duplicates, delays, crashes at every point of a commit,
lost disks, two owners at once, a provider that acts and then stays silent.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, Final

from ops.simulation.provider import SimulatedProvider
from ops.simulation.settlement import Settlement
from schemas import ids, topics
from schemas.api import Reply
from schemas.codec import codec_of
from schemas.envelope import PLATFORM, WALL_CLOCK, Actor, Body, Envelope, Message, ReplyAddress, Request
from schemas.fingerprint import fingerprint
from schemas.ledger import Terms
from schemas.merchants import ApiKey, CreateMerchant, CreateWebhookEndpoint, Profile
from schemas.payment_commands import (
    CancelPaymentIntent,
    CapturePayment,
    ConfirmPaymentIntent,
    CreatePaymentIntent,
    RefundPayment,
    VoidPayment,
)
from schemas.payments import PaymentMethod
from schemas.platform import Tick
from schemas.psp import ExecuteOperation, OperationResult, QueryOperation
from schemas.settings import Settings
from schemas.topics import Topic
from streams.ports import Output, Record
from streams.simulator import CrashPoint, Fenced, Log, SimulatedTask
from streams.stages import DEFINITIONS

START_MS: Final = 1_800_000_000_000
_MERCHANTS: Final = tuple(ids.merchant_id(cell="00", mode="test", idempotency_key=f"m{n}") for n in range(3))
_METHOD: Final = PaymentMethod(type="card", token="tok_visa")  # noqa: S106  # a test token is no secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much happens and how badly: counts, and rates between 0 and 1."""

    payments: int = 12
    rounds: int = 300
    partitions: int = 2
    fault_rate: float = 0.3
    crash_rate: float = 0.1
    duplicate_rate: float = 0.1


class World:
    """The platform under one seed. `run` plays the plan out and then lets everything come to rest."""

    def __init__(self, seed: int, plan: Plan | None = None) -> None:
        self.random = Random(seed)  # noqa: S311  # a reproducible history, no secret
        self.plan = plan or Plan()
        self.now_ms = START_MS
        self.log = Log(self.plan.partitions, lambda key: sum(key) % self.plan.partitions)
        self.provider = SimulatedProvider(self.random, fault_rate=self.plan.fault_rate)
        self.replies: list[Reply] = []
        self.definitions = {name: define(Settings()) for name, define in DEFINITIONS.items()}
        self.tasks = {
            (stage, partition): self._task(stage, partition)
            for stage in self.definitions
            for partition in range(self.plan.partitions)
        }
        self._zombies: list[SimulatedTask] = []
        self.settlement = Settlement(self.random, self.provider)
        for number in range(len(_MERCHANTS)):
            self._register(number)
        self._sent: list[tuple[str, Message[Any]]] = []
        self._asked = [0] * self.plan.partitions
        self._attempted: set[str] = set()
        self.keys = [
            ids.payment_key(mode="test", merchant=self._owner(n), source="api", idempotency_key=f"order-{n}")
            for n in range(self.plan.payments)
        ]

    def run(self) -> "World":
        """Play every round, then let nine days pass without faults until nothing is open."""
        for _ in range(self.plan.rounds):
            self._merchant_acts()
            for _ in range(self.random.choice((1, 2, 5))):
                self._stages_work(self.plan.crash_rate)
            self._gateway_works(self.plan.crash_rate)
            self._provider_settles(0.05)
            self._time_passes(self.random.choice((20, 200, 2_000, 60_000)))
        self.provider.fault_rate = 0.0
        for hours in (*([1] * 48), *([24] * 9)):
            for _ in range(4):
                self._stages_work(0)
                self._gateway_works(0)
            self._provider_settles(1)
            self._time_passes(hours * 3_600_000)
        return self

    def messages(self, topic: Topic) -> list[Message[Any]]:
        """Everything said on a topic, partition by partition."""
        return [codec_of(topic).decode(one.value) for one in self.log.all(topic)]

    def _merchant_acts(self) -> None:
        number = self.random.randrange(self.plan.payments)
        if self._sent and self.random.random() < self.plan.duplicate_rate:
            key, message = self.random.choice(self._sent)
        else:
            key, message = self.keys[number], self._command(number)
            self._sent.append((key, message))
        self._write(topics.PAYMENTS_COMMANDS_API, key, message)

    def _command(self, number: int) -> Message[Any]:
        amount = self.random.choice((None, 1_000, 4_000, 10_000))
        body: Body = self.random.choice(
            (
                self._creation(number),
                ConfirmPaymentIntent(),
                ConfirmPaymentIntent(),
                CapturePayment(amount_minor=amount),
                CapturePayment(amount_minor=amount),
                VoidPayment(),
                RefundPayment(amount_minor=amount),
                RefundPayment(amount_minor=amount),
                CancelPaymentIntent() if self.random.random() < 0.2 else ConfirmPaymentIntent(),
            )
        )
        is_creation = isinstance(body, CreatePaymentIntent)
        key = f"order-{number}" if is_creation else f"key-{len(self._sent)}"
        merchant = self._owner(number)
        route = type(body).__name__
        command_id = ids.command_id(
            mode="test", merchant=merchant, route=route, target=str(number), idempotency_key=key
        )
        caller = ReplyAddress(
            partition=0, request_id=f"req-{len(self._sent)}", expires_at_ms=self.now_ms + 10_000
        )
        request = Request(command_id=command_id, fingerprint=fingerprint(body), reply_to=caller)
        actor = Actor(role="merchant", principal=merchant)
        return Message(envelope=self._envelope(command_id, merchant, actor, request=request), body=body)

    def _creation(self, number: int) -> CreatePaymentIntent:
        method = "automatic" if number % 3 == 0 else "manual"
        return CreatePaymentIntent(
            amount_minor=10_000,
            currency="USD",
            capture_method=method,  # type: ignore[arg-type]  # one of the two words above
            payment_method=_METHOD,
        )

    def _stages_work(self, crash_rate: float) -> None:
        for (stage, partition), task in self.tasks.items():
            crash = self.random.choice(list(CrashPoint)) if self.random.random() < crash_rate else None
            replies = task.work(self.random.choice((1, 5, 50)), self.now_ms, crash)
            if replies is None:
                task.take_over(is_disk_lost=self.random.random() < 0.5)
            else:
                self.replies.extend(codec_of(topics.API_REPLIES).decode(one.value).body for one in replies)
            if self.random.random() < crash_rate / 2:
                self._zombies.append(task)
                self.tasks[stage, partition] = self._task(stage, partition)
        self._zombies_wake()

    def _zombies_wake(self) -> None:
        for zombie in self._zombies:
            try:
                zombie.work(50, self.now_ms)
            except Fenced:
                continue
            raise AssertionError("an owner that was replaced committed")
        self._zombies.clear()

    def _gateway_works(self, crash_rate: float) -> None:
        """Calls made but not yet acknowledged are asked about after a crash, never made again."""
        for partition in range(self.plan.partitions):
            records = self.log.read(topics.PSP_REQUESTS.name, partition, self._asked[partition], 20)
            for one in records:
                self._call(one)
                if self.random.random() < crash_rate:
                    break
            else:
                self._asked[partition] += len(records)

    def _call(self, one: Record) -> None:
        message: Message[Any] = codec_of(topics.PSP_REQUESTS).decode(one.value)
        request = message.body
        if isinstance(request, ExecuteOperation):
            result = self._execute(request, message.envelope)
        else:
            result = self.provider.query(request, self.now_ms)
        times = 2 if self.random.random() < self.plan.duplicate_rate else 1
        for _ in range(times):
            self._answer(one.key or b"", message.envelope, result)

    def _execute(self, request: ExecuteOperation, envelope: Envelope) -> OperationResult:
        if request.psp_key in self._attempted:
            return self.provider.query(_query_of(request, envelope), self.now_ms)
        assert envelope.not_after_ms is not None, "every call has a time after which it must not be made"
        if self.now_ms > envelope.not_after_ms:
            return self.provider.query(_query_of(request, envelope), self.now_ms)
        self._attempted.add(request.psp_key)
        return self.provider.execute(request)

    def _answer(self, key: bytes, cause: Envelope, result: OperationResult) -> None:
        actor = Actor(role="provider", principal="simulator")
        message_id = ids.digest(result.psp_key, result.source, cause.message_id)
        envelope = self._envelope(message_id, cause.merchant_id, actor)
        self._write(topics.PSP_RESULTS, key.decode(), Message(envelope=envelope, body=result))

    def _provider_settles(self, rate: float) -> None:
        """The provider writes a file of what it has not settled yet; the reader may tell a line twice."""
        if self.random.random() >= rate:
            return
        for line in self.settlement.batch().lines:
            actor = Actor(role="provider", principal="simulator")
            envelope = self._envelope(ids.digest(line.file_id, line.line_id), "platform", actor)
            message = Message(envelope=envelope, body=line)
            key = ids.match_key(line.provider, line.provider_ref)
            for _ in range(2 if self.random.random() < self.plan.duplicate_rate else 1):
                self._write(topics.RECON_LINES, key, message)

    def _register(self, number: int) -> None:
        """A merchant of each kind: money available at once or later, debts allowed or not; all hear of events."""
        merchant = _MERCHANTS[number]
        terms = Terms(settlement_days=number, refund_policy="refuse" if number % 2 else "owe")
        api_key = ApiKey(key_id=f"key_{number}", key_sha256=f"{number:064x}", last4="abcd")
        endpoint_id = ids.endpoint_id(merchant=merchant, idempotency_key="first")
        creation = CreateMerchant(
            profile=Profile(display_name=f"Shop {number}"), api_key=api_key, terms=terms
        )
        endpoint = CreateWebhookEndpoint(
            endpoint_id=endpoint_id, url="https://shop.example", event_types=("*",), sealed_secret=b"sealed"
        )
        for body in (creation, endpoint):
            command_id = ids.digest(merchant, type(body).__name__)
            request = Request(command_id=command_id, fingerprint=fingerprint(body))
            actor = Actor(role="operator", principal="opr_1")
            key = ids.key_of(merchant)
            assert key is not None, f"{merchant} is no merchant id"
            message: Message[Any] = Message(
                envelope=self._envelope(command_id, merchant, actor, request=request), body=body
            )
            self._write(topics.MERCHANTS_COMMANDS, key, message)

    def _time_passes(self, duration_ms: int) -> None:
        self.now_ms += duration_ms
        tick = Message(
            envelope=self._envelope(f"tick-{self.now_ms}", "platform", PLATFORM),
            body=Tick(now_ms=self.now_ms),
        )
        value = codec_of(topics.CLOCK_TICKS).encode(tick)
        for partition in range(self.plan.partitions):
            self.log.append(
                Output(topics.CLOCK_TICKS.name, WALL_CLOCK.encode(), value, partition), self.now_ms
            )

    def _write(self, topic: Topic, key: str, message: Message[Any]) -> None:
        self.log.append(Output(topic.name, key.encode(), codec_of(topic).encode(message)), self.now_ms)

    def _envelope(
        self, message_id: str, merchant: str, actor: Actor, request: Request | None = None
    ) -> Envelope:
        return Envelope(
            message_id=message_id,
            causation_id=message_id,
            correlation_id=message_id,
            occurred_at_ms=self.now_ms,
            mode="test",
            merchant_id=merchant,
            cell="00",
            actor=actor,
            request=request,
        )

    def _task(self, stage: str, partition: int) -> SimulatedTask:
        return SimulatedTask(self.log, self.definitions[stage], partition)

    def _owner(self, number: int) -> str:
        return _MERCHANTS[number % len(_MERCHANTS)]


def _query_of(request: ExecuteOperation, envelope: Envelope) -> QueryOperation:
    return QueryOperation(
        operation_id=request.operation_id,
        payment_id=request.payment_id,
        kind=request.kind,
        psp_key=request.psp_key,
        call_attempt=request.call_attempt,
        provider=request.provider,
        called_not_after_ms=envelope.not_after_ms or envelope.occurred_at_ms,
    )
