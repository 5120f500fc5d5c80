"""Which topics is the ledger's decider bound to?"""

from schemas import topics
from schemas.ledger import AggregateEvent
from schemas.settings import Settings
from streams.core import Decider
from streams.definition import StageDefinition
from streams.ledger.accounts import SHARD
from streams.ledger.book import Book, Books
from streams.ledger.decider import decide
from streams.ledger.elapsed import deadline_ms
from streams.ledger.fold import evolve
from streams.ledger.journal import Journal
from streams.ledger.reactions import after, moment, react, view
from streams.ledger.rows import BOOK
from streams.ledger.shards import report


def ledger(settings: Settings) -> StageDefinition[Book]:
    """The ledger stage: what payments did and merchants agreed to in; the journal, balances and results out."""
    decider: Decider[Book, AggregateEvent] = Decider(
        decide=decide,
        evolve=evolve,
        react=react,
        deadline_ms=deadline_ms,
        moment=moment,
        view=view,
        after=after,
    )
    return StageDefinition(
        name="ledger",
        version=topics.STAGES["ledger"],
        decider=decider,
        states=Books(),
        inputs=(
            topics.LEDGER_COMMANDS_PAYMENTS,
            topics.LEDGER_COMMANDS_OPS,
            topics.LEDGER_COMMANDS_INTERBOOK,
            topics.MERCHANTS_EVENTS,
        ),
        events=topics.LEDGER_JOURNAL,
        log_of=Journal,
        on_tick=report,
        folded=(BOOK, SHARD),
    )
