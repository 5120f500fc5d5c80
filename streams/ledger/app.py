"""Which topics is the ledger's decider bound to?"""

from typing import Any, Final

from schemas import ids, topics
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

_OF_BOOKS: Final = (
    topics.LEDGER_COMMANDS_PAYMENTS,
    topics.LEDGER_COMMANDS_OPS,
    topics.LEDGER_COMMANDS_INTERBOOK,
)


def reader_of(topic: Topic) -> Reader:
    """How an input is read. Accounts are called after the owner of their book, so it has to have an owner's form.

    Entries of operators are for test mode: in live mode each movement has its stage.
    """
    read = registered_reader(topic)
    if topic not in _OF_BOOKS:
        return read

    def read_of_a_book(value: bytes | None) -> Message[Any]:
        message = read(value)
        if topic is topics.LEDGER_COMMANDS_OPS and message.envelope.mode != "test":
            raise CorruptMessage(f"{topic.name}: entries are posted by hand in test mode only")
        if not ids.is_book(message.envelope.merchant_id):
            raise CorruptMessage(f"{topic.name}: {message.envelope.merchant_id[:40]!r} has no book")
        return message

    return read_of_a_book


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
