"""What do the handlers of one process share?"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from api.auth import KeyRing
from api.commands import Commands, PaymentCommands
from api.ledger_queries import LedgerQueries
from api.metrics import Metrics
from api.producer import Producer
from api.queries import Queries
from api.reader import TopicReader
from api.recent import RecentViews
from api.replies import Replies
from api.requests_log import RequestsLog
from api.webhook_queries import WebhookQueries
from schemas.sealing import Sealer
from schemas.settings import Settings

Clock = Callable[[], int]
"""Wall clock in Unix milliseconds; read once per request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use.

    readers: what has to be read before the process is ready, by name. sealer: None without a key.
    """

    settings: Settings
    clock: Clock
    keys: KeyRing
    producer: Producer
    replies: Replies
    commands: Commands
    payments: PaymentCommands
    queries: Queries
    webhooks: WebhookQueries
    ledger: LedgerQueries
    sealer: Sealer | None
    recent: RecentViews
    requests_log: RequestsLog
    metrics: Metrics
    readers: dict[str, TopicReader]
    description: bytes

    def missing(self) -> list[str]:
        """Names of what this process still waits for before it can take commands."""
        return [name for name, reader in self.readers.items() if not reader.is_ready]


SERVICES = web.AppKey("services", Services)
