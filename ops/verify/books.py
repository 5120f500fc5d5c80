"""L34: does the ledger say of every payment what the payment's own events say?"""

from collections.abc import Collection, Mapping

from ops.verify.ledger_fold import PaymentAmounts
from ops.verify.log import LogRecord
from ops.verify.payments import Booked
from ops.verify.report import Finding, Invariant
from schemas import topics
from schemas.codec import CodecError, codec_of

_NOTHING = PaymentAmounts()


def payments_named(record: LogRecord) -> set[str]:
    """The payments an operator's command to the ledger names; of these there need be no events."""
    try:
        body = codec_of(topics.LEDGER_COMMANDS_OPS).decode(record.value).body
    except CodecError:
        return set()
    return {body.payment_id} if getattr(body, "payment_id", None) else set()


def books_agree(
    booked: Mapping[str, Booked], posted: Mapping[str, PaymentAmounts], by_hand: Collection[str] = ()
) -> Invariant:
    """Held, captured and refunded, of every payment that was quiet since the cut.

    by_hand: payments that operators' entries are about, in test mode.
    """
    finding = Finding("L34", "ledger amounts equal payments' amounts")
    for payment_id in posted.keys() - booked.keys() - set(by_hand):
        finding.wrong(f"{payment_id}: the ledger says {posted[payment_id]}, there is no such payment")
    moving = 0
    for payment_id, ours in booked.items():
        if not ours.is_quiet:
            moving += 1
            continue
        finding.checked += 1
        theirs = posted.get(payment_id, _NOTHING)
        if ours[:3] != theirs[:3]:
            finding.wrong(
                f"{payment_id}: its events say held, captured, refunded {ours[:3]}, the ledger {theirs[:3]}"
            )
    if moving:
        finding.remark(f"not judged: {moving} payments that changed since the cut")
    return finding.invariant(f"held, captured and refunded of {finding.checked} payments against the journal")
