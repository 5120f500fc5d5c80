-- What a merchant owns, change by change: read from the entries, so that it cannot say anything else.

CREATE VIEW mart.balance_transactions AS
SELECT
    t.transaction_id AS balance_transaction_id,
    t.merchant_id,
    t.mode,
    t.type,
    t.reference_id AS source,
    t.payment_id,
    e.currency,
    (e.net_minor + e.fee_minor)::bigint AS amount_minor,
    e.fee_minor::bigint AS fee_minor,
    e.net_minor::bigint AS net_minor,
    coalesce(t.available_at, t.created_at) AS available_on,
    CASE WHEN t.type LIKE 'payout\_%' THEN t.reference_id END AS payout_id,
    t.created_at,
    t._event_id, t._version, t._topic, t._partition, t._offset, t._event_at, t._loaded_at
FROM mart.ledger_transactions AS t
CROSS JOIN LATERAL (
    SELECT
        x.currency,
        coalesce(sum(CASE WHEN x.account_id LIKE '%.' || t.merchant_id || '.%' THEN x.signed_minor END), 0) AS net_minor,
        coalesce(sum(x.signed_minor) FILTER (WHERE split_part(x.account_id, '.', 2) IN
            ('2300', '4010', '4020', '4030', '4060')), 0) AS fee_minor
    FROM (
        SELECT account_id, currency, CASE direction WHEN 'credit' THEN amount_minor ELSE -amount_minor END AS signed_minor
        FROM mart.ledger_entries
        WHERE transaction_id = t.transaction_id AND phase = 'posted'
    ) AS x
    GROUP BY x.currency
) AS e
WHERE e.net_minor <> 0 AND t.merchant_id LIKE 'mer\_%';
COMMENT ON VIEW mart.balance_transactions IS
    'Every transaction that changed what a merchant owns; their nets sum to what its accounts (20xx less 1300) hold';
COMMENT ON COLUMN mart.balance_transactions.balance_transaction_id IS 'Id of the ledger transaction';
COMMENT ON COLUMN mart.balance_transactions.merchant_id IS 'Merchant';
COMMENT ON COLUMN mart.balance_transactions.mode IS 'test or live';
COMMENT ON COLUMN mart.balance_transactions.type IS 'Entry template, such as capture or refund_succeeded';
COMMENT ON COLUMN mart.balance_transactions.source IS 'What it is about: a capture, refund, dispute, payout, ...';
COMMENT ON COLUMN mart.balance_transactions.payment_id IS 'Payment it is about; null where it is about none';
COMMENT ON COLUMN mart.balance_transactions.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.balance_transactions.amount_minor IS 'Gross: net and fee together; below zero where the merchant paid';
COMMENT ON COLUMN mart.balance_transactions.fee_minor IS 'What of it went to the platform as fees, and to tax on them';
COMMENT ON COLUMN mart.balance_transactions.net_minor IS 'The change of what the merchant owns: its liability accounts less what it owes';
COMMENT ON COLUMN mart.balance_transactions.available_on IS 'When the net counts as available';
COMMENT ON COLUMN mart.balance_transactions.payout_id IS 'Payout it belongs to; null where it belongs to none';
COMMENT ON COLUMN mart.balance_transactions.created_at IS 'When it was posted';
COMMENT ON COLUMN mart.balance_transactions._event_id IS 'Id of the event the transaction was last written from';
COMMENT ON COLUMN mart.balance_transactions._version IS 'Version of the book after that record';
COMMENT ON COLUMN mart.balance_transactions._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.balance_transactions._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.balance_transactions._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.balance_transactions._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.balance_transactions._loaded_at IS 'When the row was written';
