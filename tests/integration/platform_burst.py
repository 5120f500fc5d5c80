"""How does a card tester behave: one device, one address, and card after card?"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from tests.integration.platform_merchant import Merchant

BURST: Final = 14
"""Attempts of one burst, each with a card of its own."""
BLOCKED_FROM: Final = 9
"""Position of the first attempt that the standard rules block: the tenth card within the hour."""


async def burst(
    merchant: Merchant, device: str, deeds: Mapping[int, Callable[[], None]] | None = None
) -> list[int]:
    """The HTTP status of every attempt, in order. deeds: done in a thread before the attempt of this number."""
    statuses = []
    # Of the block for documentation; another device comes from another address.
    address = f"203.0.113.{sum(device.encode()) % 250}"
    for number in range(BURST):
        if deeds and number in deeds:
            await asyncio.to_thread(deeds[number])
        payment = await merchant.persist(
            "/v1/payment_intents",
            {
                "amount": 10_000,
                "currency": "USD",
                "payment_method": {"type": "card", "token": f"tok_stolen_{number}"},
            },
            f"{device}-{number}",
        )
        path = f"/v1/payment_intents/{payment.body['payment_intent_id']}/confirm"
        body = {"device_id": device, "customer_ip": address}
        answered = await merchant.persist(path, body, f"{device}-{number}-confirm")
        while answered.status == 202:
            await asyncio.sleep(0.2)
            answered = await merchant.persist(path, body, f"{device}-{number}-confirm")
        statuses.append(answered.status)
    return statuses
