"""How does a request become a command on Kafka, and its result the answer?"""

from api.answers import Answer, PendingAnswer, reply_answer, to_json, view_id
from api.calls import Call
from api.limits import InFlight
from api.problems import Problem
from api.producer import Producer
from api.queries import Queries
from api.recent import RecentViews, newer
from api.replies import Replies, Waiting
from schemas import topics
from schemas.api import Reply
from schemas.codec import codec_of
from schemas.envelope import Body, Envelope, Message, Request
from schemas.fingerprint import fingerprint
from schemas.outcomes import Outcome
from schemas.payment_views import PaymentView, RefundView
from schemas.rendering import shown
from schemas.settings import Settings
from schemas.topics import Topic


class Commands:
    """Writes commands and waits for their results."""

    def __init__(self, settings: Settings, producer: Producer, replies: Replies) -> None:
        self._cell = settings.cell
        self._producer = producer
        self._replies = replies
        self.in_flight = InFlight(partitions=settings.partitions, cap=settings.api_max_in_flight)

    async def ask(
        self, call: Call, topic: Topic, body: Body, *, key: str, command_id: str, merchant_id: str
    ) -> Reply | None:
        """Write `body` under `key` and wait for its result; None: it is written, the result takes longer.

        Raises Problem, before anything is written, when too many commands wait; and when it is not
        certain that the command was written.
        """
        request = Request(
            command_id=command_id,
            fingerprint=fingerprint(body),
            reply_to=self._replies.address(call.request_id, call.accepted_at_ms),
        )
        envelope = Envelope(
            message_id=command_id,
            causation_id=call.request_id,
            correlation_id=call.request_id,
            occurred_at_ms=call.accepted_at_ms,
            mode=call.mode,
            merchant_id=merchant_id,
            cell=self._cell,
            actor=call.actor,
            request=request,
        )
        value = codec_of(topic).encode(Message(envelope=envelope, body=body))
        key_bytes = key.encode()

        def send(waiting: Waiting) -> None:
            self._producer.send(topic.name, key_bytes, value, waiting.on_delivered)

        with self.in_flight.slot(key_bytes):
            return await self._replies.result(call.request_id, send)


class PaymentCommands:
    """Commands on payments, answered with the payment or refund they are about."""

    def __init__(self, commands: Commands, recent: RecentViews, queries: Queries) -> None:
        self._commands = commands
        self._recent = recent
        self._queries = queries

    async def answer(
        self,
        call: Call,
        body: Body,
        *,
        key: str,
        command_id: str,
        status_url: str,
        merchant_id: str | None = None,
    ) -> Answer:
        """The answer to a command on the payment `key`: its result, or 202 and where to look for it."""
        owner = merchant_id or call.merchant_id
        reply = await self._commands.ask(
            call, topics.PAYMENTS_COMMANDS_API, body, key=key, command_id=command_id, merchant_id=owner
        )
        if reply is None:
            return await self._pending(f"pay_{key}", owner, status_url)
        if isinstance(reply.view, PaymentView | RefundView):
            self._recent.remember(reply.view)
        return reply_answer(reply, status_url)

    async def _pending(self, payment_id: str, merchant_id: str, status_url: str) -> Answer:
        """202 with the payment as last known; it may not be known here at all yet."""
        stored = await self._stored(payment_id, merchant_id)
        view = newer(self._recent.payment(payment_id, merchant_id), stored)
        return Answer(
            outcome=Outcome.PENDING,
            body=to_json(
                PendingAnswer(object_id=payment_id, status_url=status_url) if view is None else shown(view)
            ),
            headers={"Location": status_url},
            object_id=payment_id if view is None else view_id(view),
            object_version=None if view is None else view.version,
        )

    async def _stored(self, payment_id: str, merchant_id: str) -> PaymentView | None:
        try:
            return await self._queries.payment(payment_id, merchant_id)
        except Problem:
            # The command is on its way whether or not the database can be read now.
            return None
