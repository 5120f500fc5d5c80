"""Which SQL do the numbers of the report come from? Its text is in the report, to be run again."""

from collections.abc import Sequence
from typing import Final, LiteralString

from msgspec import Struct
from psycopg.sql import SQL, Literal

_OPEN_OPERATIONS: Final = 20
"""Operations that are not at rest and are named."""


class Queries(Struct, frozen=True, kw_only=True):
    """The statements of one demo, each complete. Amounts in minor units.

    payments_by_status: status, payments. amounts: currency, authorized, captured, refunded.
    declines: code, attempts. answers: HTTP status, answers, replays. open_operations: what a provider's
    answer is still to come for, and how many there are. payment_ids: every payment.
    verdicts: of risk, and how many. announced: merchant, events it is told of. deliveries: endpoint,
    status, messages. breaks: of reconciliation, over everything a provider ever settled.
    files: what became of settlement files, accepted or refused and why.
    """

    payments_by_status: str
    amounts: str
    declines: str
    answers: str
    open_operations: str
    payment_ids: str
    verdicts: str
    announced: str
    deliveries: str
    breaks: str
    files: str


_PAYMENTS_BY_STATUS: Final[LiteralString] = """
SELECT status, count(*) FROM mart.payments WHERE merchant_id IN ({merchants})
GROUP BY status ORDER BY status"""
_AMOUNTS: Final[LiteralString] = """
SELECT currency, sum(amount_authorized_minor)::bigint, sum(amount_captured_minor)::bigint,
sum(amount_refunded_minor)::bigint FROM mart.payments WHERE merchant_id IN ({merchants})
GROUP BY currency ORDER BY currency"""
_DECLINES: Final[LiteralString] = """
SELECT failure_code, count(*) FROM mart.payment_operations WHERE merchant_id IN ({merchants})
AND kind IN ('authorize', 'sale') AND status = 'failed' AND failure_proof = 'answered'
GROUP BY failure_code ORDER BY failure_code"""
_ANSWERS: Final[LiteralString] = """
SELECT status, count(*), count(*) FILTER (WHERE is_replayed) FROM mart.api_requests
WHERE merchant_id IN ({merchants}) OR object_id IN ({merchants}) GROUP BY status ORDER BY status"""
_OPEN: Final[LiteralString] = """
SELECT payment_id, operation_id, kind, status, count(*) OVER () FROM mart.payment_operations
WHERE merchant_id IN ({merchants}) AND status NOT IN ('succeeded', 'failed')
ORDER BY operation_id LIMIT {limit}"""
_PAYMENT_IDS: Final[LiteralString] = "SELECT payment_id FROM mart.payments WHERE merchant_id IN ({merchants})"

_VERDICTS: Final[LiteralString] = """
SELECT verdict, count(*) FROM mart.risk_decisions WHERE merchant_id IN ({merchants})
GROUP BY verdict ORDER BY verdict"""
_ANNOUNCED: Final[LiteralString] = """
SELECT merchant_id, count(*) FROM raw.payment_events WHERE merchant_id IN ({merchants})
AND type IN ('PaymentAuthorized', 'PaymentCaptured', 'PaymentVoided', 'PaymentExpired',
'PaymentIntentCanceled', 'PaymentFailed', 'PaymentBlocked', 'PaymentRequiresAction',
'PaymentHeldForReview', 'RefundSucceeded', 'RefundFailed')
GROUP BY merchant_id ORDER BY merchant_id"""
_DELIVERIES: Final[LiteralString] = """
SELECT endpoint_id, status, count(*) FROM mart.webhook_deliveries WHERE merchant_id IN ({merchants})
GROUP BY endpoint_id, status ORDER BY endpoint_id, status"""
_BREAKS: Final[LiteralString] = """
SELECT status, count(*) FROM mart.recon_results WHERE status <> 'matched' GROUP BY status
UNION ALL SELECT 'duplicate', sum(duplicates) FROM mart.recon_results"""
_FILES: Final[LiteralString] = """
SELECT CASE WHEN status = 'refused' THEN 'refused: ' || problem ELSE status END, count(DISTINCT (file_name, sha256))
FROM mart.settlement_files WHERE file_name LIKE {files} GROUP BY 1 ORDER BY 1"""

BEHIND: Final[LiteralString] = """
SELECT count(*) FROM unnest(%s::text[], %s::bigint[]) AS seen (payment_id, version)
LEFT JOIN mart.payments USING (payment_id)
WHERE coalesce(mart.payments.version, 0) < seen.version"""
"""How many payments the tables have in an older version than the client has seen."""


def queries_of(merchant_ids: Sequence[str], settlement_file: str = "") -> Queries:
    """The statements about the payments of these merchants, and about a settlement file and its copies."""
    return Queries(
        payments_by_status=_written(_PAYMENTS_BY_STATUS, merchant_ids),
        amounts=_written(_AMOUNTS, merchant_ids),
        declines=_written(_DECLINES, merchant_ids),
        answers=_written(_ANSWERS, merchant_ids),
        open_operations=_written(_OPEN, merchant_ids),
        payment_ids=_written(_PAYMENT_IDS, merchant_ids),
        verdicts=_written(_VERDICTS, merchant_ids),
        announced=_written(_ANNOUNCED, merchant_ids),
        deliveries=_written(_DELIVERIES, merchant_ids),
        breaks=_written(_BREAKS, merchant_ids),
        files=_written(_FILES, merchant_ids, f"%{settlement_file}"),
    )


def _written(statement: LiteralString, merchant_ids: Sequence[str], files: str = "") -> str:
    merchants = SQL(", ").join(Literal(merchant_id) for merchant_id in merchant_ids)
    filled = SQL(statement).format(merchants=merchants, limit=Literal(_OPEN_OPERATIONS), files=Literal(files))
    return " ".join(filled.as_string(None).split())
