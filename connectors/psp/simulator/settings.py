"""What can be set on a provider when it starts?"""

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from connectors.psp.simulator.faults import Conduct
from connectors.psp.simulator.rules import Terms

LOOPBACK = "127.0.0.1"


class CallbackScope(Enum):
    """Which final operations are told: those a customer had to act on, or all."""

    ACTIONS = "actions"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One provider. host: the address it listens on. port 0 takes a free one.

    api_key: callers of /v1 must send it as bearer; None lets everyone in.
    callback_url: where callbacks go; None leaves only operations that name an address of their own.
    callback_secret: signs callbacks; None sends none at all.
    settlement_dir: where settlement files are written; None: nothing is settled.
    settlement_every_s: period of settlements, in seconds; 0: only on request.
    provider_name: what the provider calls itself in its files.
    """

    book: Path
    host: str = LOOPBACK
    port: int = 0
    api_key: str | None = None
    callback_url: str | None = None
    callback_secret: str | None = None
    callback_scope: CallbackScope = CallbackScope.ACTIONS
    settlement_dir: Path | None = None
    settlement_every_s: float = 0.0
    provider_name: str = "simulator"
    terms: Terms = field(default_factory=Terms)
    conduct: Conduct = field(default_factory=Conduct)
