"""Which topics is the ledger's decider bound to?"""

from typing import Any

from schemas import topics
from schemas.codec import CorruptMessage
from schemas.envelope import Message
from schemas.ledger import AggregateEvent
from schemas.settings import Settings
from schemas.topics import Topic
from streams.core import Decider
from streams.definition import Reader, StageDefinition, registered_reader
from streams.ledger.accounts import SHARD
from streams.ledger.book import Book, Books
from streams.ledger.decider import decide
from streams.ledger.elapsed import deadline_ms
from streams.ledger.fold import evolve
from streams.ledger.journal import Journal
from streams.ledger.reactions import after, moment, react, view
from streams.ledger.rows import BOOK
from streams.ledger.shards import report


def reader_of(topic: Topic) -> Reader:
    """How an input is read. Entries of operators are for test mode: in live mode each movement has its stage."""
    read = registered_reader(topic)
    if topic is not topics.LEDGER_COMMANDS_OPS:
        return read

    def read_test(value: bytes | None) -> Message[Any]:
        message = read(value)
        if message.envelope.mode != "test":
            raise CorruptMessage(f"{topic.name}: entries are posted by hand in test mode only")
        return message

    return read_test


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
            topics.LEDGER_COMMANDS_API,
            topics.LEDGER_COMMANDS_OPS,
            topics.LEDGER_COMMANDS_INTERBOOK,
            topics.MERCHANTS_EVENTS,
        ),
        events=topics.LEDGER_JOURNAL,
        reader_of=reader_of,
        log_of=Journal,
        on_tick=report,
        folded=(BOOK, SHARD),
    )
