"""What becomes of an entry by hand: one operator proposes it, and it is posted when another approves?"""

from typing import Final, assert_never

from msgspec.structs import replace

from schemas import ids
from schemas.envelope import Envelope
from schemas.ledger import (
    Adjustment,
    AdjustmentApproved,
    AdjustmentCommand,
    AdjustmentProposed,
    AdjustmentRejected,
    AggregateEvent,
    ApproveAdjustment,
    PostEntry,
    ProposeAdjustment,
    RejectAdjustment,
)
from schemas.outcomes import Outcome
from streams.core import Decision, Refused, Repeated
from streams.ledger.book import Book, opening
from streams.ledger.entering import enter
from streams.ledger.entries import ENTRIES
from streams.ledger.posting import Posted, met
from streams.ledger.templates import REVERSAL, TEMPLATES

BY_HAND: Final = frozenset(
    [REVERSAL, *(name for name, entry in ENTRIES.items() if entry.is_reversible or entry.is_by_hand)]
)
"""Templates an operator may use: of what has a course of its own, such as a payout, none."""


def adjust(book: Book, command: AdjustmentCommand, asked: Envelope) -> Decision[AggregateEvent]:
    """Propose, approve or reject; what is refused changes nothing and leaves a proposal as it is."""
    if isinstance(command, ProposeAdjustment):
        return _propose(book, command, asked)
    found = book.rows.adjustment(command.adjustment_id)
    if found is None or found.mode != asked.mode:
        return Refused(Outcome.NOT_FOUND)
    if found.status != "proposed":
        return Refused(Outcome.UNEXPECTED_STATE)
    ended = replace(found, decided_by=asked.actor.principal, decided_at_ms=asked.occurred_at_ms)
    match command:
        case RejectAdjustment():
            return (AdjustmentRejected(adjustment=replace(ended, status="rejected")),)
        case ApproveAdjustment():
            if ended.decided_by == ended.proposed_by:
                return Refused(Outcome.SECOND_PERSON_REQUIRED)
            said = _entered(book, ended.entry, replace(asked, merchant_id=book.merchant_id))
            if isinstance(said, Outcome):
                return Refused(said)
            return (*said, AdjustmentApproved(adjustment=replace(ended, status="posted")))
        case _:
            assert_never(command)


def _propose(book: Book, command: ProposeAdjustment, asked: Envelope) -> Decision[AggregateEvent]:
    before = book.rows.adjustment(command.adjustment_id)
    if before is not None:
        # The same key long after the command was forgotten.
        stated = (replace(before.entry, expected_legs=()), before.reason, before.reference)
        is_same = stated == (command.entry, command.reason, command.reference)
        return Repeated(Outcome.CREATED, before.version) if is_same else Refused(Outcome.IDEMPOTENCY_MISMATCH)
    # The treasury's book is the one that nobody opens.
    is_treasury = asked.merchant_id == ids.treasury_id(cell=asked.cell, mode=asked.mode)
    if not (book.is_of(asked) if book.version else is_treasury):
        return Refused(Outcome.NOT_FOUND)
    if command.entry.template in TEMPLATES and command.entry.template not in BY_HAND:
        return Refused(Outcome.TEMPLATE_NOT_BY_HAND)
    said = _entered(book, command.entry, asked)
    if isinstance(said, Outcome):
        return Refused(said)
    opened = opening(book)
    proposed = Adjustment(
        adjustment_id=command.adjustment_id,
        merchant_id=asked.merchant_id,
        mode=asked.mode,
        status="proposed",
        entry=replace(command.entry, expected_legs=said[0].legs),
        reason=command.reason,
        reference=command.reference,
        proposed_by=asked.actor.principal,
        proposed_at_ms=asked.occurred_at_ms,
        version=book.version + len(opened) + 1,
    )
    return (*opened, AdjustmentProposed(adjustment=proposed))


def _entered(book: Book, entry: PostEntry, asked: Envelope) -> Posted:
    if book.rows.known(entry.transaction_id) is not None:
        return Outcome.POSTING_ID_REUSED
    return enter(met(book, entry, asked))
