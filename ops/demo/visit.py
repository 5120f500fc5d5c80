"""How is one payment of the demo driven from its creation to its rest?"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ops.demo.asks import ApiAction, Ask, Subject, ask_of, payment_read, status_read
from ops.demo.client import Client
from ops.demo.errors import GaveUp
from ops.demo.gate import Gate
from ops.demo.patience import pause_s
from ops.demo.steps import Authenticate, Review, Scenario, Step
from ops.demo.told import Answer, Told

POLL_S: Final = 0.5
MOST_POLL_S: Final = 3.0
POLL_GROWTH: Final = 1.3
MOST_REPEATS: Final = 8
"""Requests made anew after a proof that nothing was done; a payment takes ten confirms."""
_NOT_EXECUTED: Final = "not_executed"
_KEY_LENGTH: Final = 230
_WAITS_FOR_CUSTOMER: Final = "requires_action"
_MISUSE_STATUS: Final = 422


class Visit:
    """One payment in progress.

    The place at the gate is given back while a provider's answer is waited for.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        client: Client,
        gate: Gate,
        secret_key: str,
        operator_key: str,
        rest_deadline_s: float,
    ) -> None:
        self._scenario = scenario
        self._client = client
        self._tally = client.tally
        self._gate = gate
        self._subject = Subject(secret_key=secret_key, operator_key=operator_key)
        self._rest_deadline_s = rest_deadline_s
        self._told = Told()
        self._version = 0
        self._is_accepted = True

    async def run(self) -> None:
        """Do every step that applies, then see how the payment stands."""
        try:
            for index, step in enumerate(self._scenario.steps):
                if (step.after == "accepted") == self._is_accepted:
                    await self._do(step, _idempotency_key(self._scenario.key, index))
            await self._see()
        except* GaveUp as gave_up:
            self._tally.left_unsettled(f"{self._name}: {gave_up.exceptions[0]}")

    @property
    def _name(self) -> str:
        return f"{self._subject.payment_id or self._scenario.key} ({self._scenario.name})"

    async def _do(self, step: Step, idempotency_key: str) -> None:
        if isinstance(step.action, Authenticate):
            await self._authenticate(step.action)
            return
        ask = ask_of(step.action, self._subject, idempotency_key)
        answer = await self._settled(ask, await self._sent(ask, step.copies))
        self._note(step, await self._executed(ask, answer))
        if isinstance(step.action, Review):
            # What the provider says after an operator's word is told by events alone.
            async with self._gate.outside():
                await self._see_until(lambda told: not told.stale and not told.is_moving)
        if step.misuse is not None:
            await self._misuse(step.misuse, idempotency_key)

    async def _sent(self, ask: Ask, copies: int) -> Answer:
        """The answer to the request; of equal requests at once, which must all be about one object."""
        async with asyncio.TaskGroup() as group:
            sending = [group.create_task(self._client.send(ask)) for _ in range(copies)]
        answers = [task.result() for task in sending]
        final = next((answer for answer in answers if not answer.is_pending), answers[0])
        results = [(answer.status, answer.told.id) for answer in answers if not answer.is_pending]
        absorbed = copies - len(results) + results.count((final.status, final.told.id))
        self._tally.copies_sent += copies - 1
        self._tally.copies_absorbed += absorbed - 1
        if absorbed < copies:
            self._tally.surprised(f"{self._name}: equal requests had different results: {results}")
        return final

    async def _executed(self, ask: Ask, answer: Answer) -> Answer:
        """The result of a request; one that is proved not to have been carried out is asked for anew."""
        for again in range(1, MOST_REPEATS + 1):
            if answer.fault is None or answer.fault.code != _NOT_EXECUTED:
                break
            self._tally.retries[_NOT_EXECUTED] += 1
            async with self._gate.outside():
                await asyncio.sleep(pause_s(again, jitter=0))
            # The used key has its result for good, so another try is another request.
            anew = replace(ask, idempotency_key=f"{ask.idempotency_key}-again-{again}")
            answer = await self._settled(anew, await self._client.send(anew))
        return answer

    async def _settled(self, ask: Ask, answer: Answer) -> Answer:
        """The result of a request: while it is pending, its object is polled and the request repeated."""
        if not answer.is_pending:
            return answer
        ends_at = time.monotonic() + self._rest_deadline_s
        async with self._gate.outside():
            while answer.is_pending and time.monotonic() < ends_at:
                await self._polled(answer.status_url, ends_at)
                answer = await self._client.send(ask)
                self._tally.retries["202"] += 1
        if answer.is_pending:
            raise GaveUp(f"{ask.method} {ask.path} is pending after {self._rest_deadline_s:.0f} s")
        return answer

    async def _polled(self, status_url: str, ends_at: float) -> None:
        """Read an object until it is there and at rest, or until it is time to stop."""
        poll = status_read(status_url, self._subject)
        pause = POLL_S
        while time.monotonic() < ends_at:
            await asyncio.sleep(pause)
            answer = await self._client.send(poll)
            if answer.is_accepted and not answer.told.is_moving:
                return
            pause = min(MOST_POLL_S, pause * POLL_GROWTH)

    def _note(self, step: Step, answer: Answer) -> None:
        """Take in a result: what it is about, whether it was accepted, whether that was to be expected."""
        self._is_accepted = answer.is_accepted
        self._learn(answer.told)
        if answer.fault is not None and answer.fault.decline_code is not None:
            self._tally.declines[answer.fault.decline_code] += 1
        if answer.status not in step.expects and not answer.is_pending:
            code = answer.fault.code if answer.fault else "no error"
            self._tally.surprised(
                f"{self._name}: {type(step.action).__name__} had {answer.status} {code} ({answer.request_id})"
            )

    async def _misuse(self, action: ApiAction | Authenticate, idempotency_key: str) -> None:
        """Ask for something else under a key that has been used."""
        assert not isinstance(action, Authenticate), "a customer's check has no idempotency key"
        ask = ask_of(action, self._subject, idempotency_key)
        # A refusal whose reply is lost is answered 202, like any other request; its repeat tells.
        answer = await self._settled(ask, await self._client.send(ask))
        self._tally.misuses_sent += 1
        if answer.status == _MISUSE_STATUS:
            self._tally.misuses_refused += 1
        else:
            self._tally.surprised(f"{self._name}: a key used again had {answer.status} ({answer.request_id})")

    async def _authenticate(self, check: Authenticate) -> None:
        """Be the customer: open the provider's page, then wait until the payment has the result."""
        if self._told.next_action is None:
            self._tally.surprised(f"{self._name}: the customer was not sent anywhere")
            return
        result = "success" if check.passes else "failure"
        await self._client.open_page(f"{self._told.next_action.redirect_url}?result={result}")
        async with self._gate.outside():
            await self._see_until(lambda told: told.status != _WAITS_FOR_CUSTOMER and not told.is_moving)
        self._is_accepted = check.passes
        if self._told.last_error is not None and self._told.last_error.decline_code is not None:
            self._tally.declines[self._told.last_error.decline_code] += 1

    async def _see(self) -> None:
        """Read the payment as new as it is known to be, so that its last status is the one remembered."""
        if self._subject.payment_id:
            await self._see_until(lambda told: not told.stale)

    async def _see_until(self, is_enough: Callable[[Told], bool]) -> None:
        """Read the payment until it is as wished. Raises GaveUp when it does not become so in time."""
        ends_at = time.monotonic() + self._rest_deadline_s
        pause = POLL_S
        while True:
            answer = await self._client.send(payment_read(self._subject, self._version))
            if answer.is_accepted:
                self._learn(answer.told)
                if is_enough(answer.told):
                    return
            if time.monotonic() >= ends_at:
                raise GaveUp(f"the last read, {answer.request_id}, told {answer.status} {answer.told.status}")
            await asyncio.sleep(pause)
            pause = min(MOST_POLL_S, pause * POLL_GROWTH)

    def _learn(self, told: Told) -> None:
        """Remember what an answer says of the payment; of a refund, that the payment is at least so new."""
        self._version = max(self._version, told.version or 0)
        if told.refund_id or not told.payment_id:
            return
        self._told = told
        self._subject = replace(
            self._subject, payment_intent_id=told.payment_intent_id, payment_id=told.payment_id
        )
        self._tally.saw(told.payment_id, told.status, told.version or 0)


def _idempotency_key(key: str, index: int) -> str:
    """The key of a payment's step: of its creation the payment's own. Later steps have it in their scope."""
    return key if index == 0 else f"{key[:_KEY_LENGTH]}-{index}"
