"""Which faults does the provider show on purpose, and on which calls?"""

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from connectors.psp.simulator.problems import Problem, invalid
from connectors.psp.simulator.requests import field_named_by

FaultName = Literal[
    "timeout_before",
    "timeout_after",
    "error_5xx_before",
    "error_5xx_after",
    "slow",
    "duplicate_callback",
    "late_callback",
    "wrong_amount",
]

Rate = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0, le=10_000_000.0)]


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of calls, 0..1, on which each fault shows.

    timeout_before, error_5xx_before: without acting; the error states so. timeout_after, error_5xx_after:
    after acting; the error states nothing. slow: answered after slow_s.
    wrong_amount: one minor unit less than asked is really authorized, captured or refunded.
    duplicate_callback, late_callback: sent twice; sent after late_callback_s.
    """

    timeout_before: Rate = 0.0
    timeout_after: Rate = 0.0
    error_5xx_before: Rate = 0.0
    error_5xx_after: Rate = 0.0
    slow: Rate = 0.0
    duplicate_callback: Rate = 0.0
    late_callback: Rate = 0.0
    wrong_amount: Rate = 0.0


class Conduct(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the provider behaves beyond its rules; changed while it runs.

    key_memory_s: how long a repeated key is recognised; 0 forgets at once, so a repeat acts again.
    hang_s: how long a call without answer is held open.
    """

    rates: Rates = Rates()
    seed: int = 0
    key_memory_s: Seconds = 24 * 3600.0
    hang_s: Seconds = 30.0
    slow_s: Seconds = 2.0
    late_callback_s: Seconds = 5.0


def conduct_of(body: bytes, standard: Conduct) -> Conduct | Problem:
    """The conduct a JSON document asks for; what it leaves out is as in `standard`."""
    try:
        asked = msgspec.json.decode(body, type=dict[str, object])
        return msgspec.convert({**msgspec.to_builtins(standard), **asked}, Conduct)
    except msgspec.DecodeError as error:
        return invalid(field_named_by(error), f"{error}.")


def shows(fault: FaultName, conduct: Conduct, *, key: str, call: int) -> bool:
    """Whether a fault shows on the call-th call under a key: the same for the same seed, always."""
    rate: float = getattr(conduct.rates, fault)
    if rate == 0.0:
        return False
    digest = hashlib.sha256(f"{conduct.seed}/{fault}/{call}/{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < rate * 2**64


def callback_delays_s(conduct: Conduct, *, key: str, call: int) -> tuple[float, ...]:
    """When each copy of a callback is sent, in seconds from now."""
    delay_s = conduct.late_callback_s if shows("late_callback", conduct, key=key, call=call) else 0.0
    copies = 2 if shows("duplicate_callback", conduct, key=key, call=call) else 1
    return (delay_s,) * copies
