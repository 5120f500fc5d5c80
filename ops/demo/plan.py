"""Which platform does a demo drive, and how much does it ask of it?"""

from dataclasses import dataclass
from pathlib import Path

from schemas.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running platform: its addresses and settings, and the key that may create merchants.

    bank_dir: where settlement files are delivered and kept.
    """

    api_url: str
    operator_key: str
    simulator_url: str
    settings: Settings
    bank_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """What a demo does; the same seed gives the same amounts, customers, steps and arrivals.

    payments: how many; with a requests file at most as many as it holds.
    concurrency: payments that are being worked on at once; those that wait for a provider do not count.
    arrivals_per_s: how fast customers arrive; requests of a file come as fast as `concurrency` lets them.
    requests_file: replay these payment requests instead of generated ones.
    receipts: every webhook received is added to this file, one JSON line each.
    client_log: every answer is added to this file, one JSON line each.
    forget_keys: the provider forgets idempotency keys at once, and goes on to after the demo.
    run_id: begins every idempotency key; empty draws one. The same one again repeats the same requests.
    answer_deadline_s: how long one request is repeated while the platform is away or busy.
    rest_deadline_s: how long a payment with an unknown outcome is waited for.
    """

    payments: int = 2_000
    seed: int = 1
    concurrency: int = 32
    arrivals_per_s: float = 100.0
    requests_file: Path | None = None
    client_log: Path | None = None
    receipts: Path | None = None
    forget_keys: bool = False
    run_id: str = ""
    answer_deadline_s: float = 120.0
    rest_deadline_s: float = 180.0
