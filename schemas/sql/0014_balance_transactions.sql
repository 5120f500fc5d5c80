-- Balance transactions as the ledger tells them, in a table of their own; what was loaded before is kept.

CREATE TABLE mart.balance_transactions_told (
    balance_transaction_id text PRIMARY KEY,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    type text NOT NULL,
    source text NOT NULL,
    payment_id text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    available_on timestamptz NOT NULL,
    payout_id text,
    seq bigint NOT NULL,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO mart.balance_transactions_told
SELECT
    b.balance_transaction_id, b.merchant_id, b.mode, b.type, b.source, b.payment_id, b.currency, b.amount_minor,
    b.fee_minor, b.net_minor, b.available_on, b.payout_id, t.seq, b.created_at, b._event_id, b._version, b._topic,
    b._partition, b._offset, b._event_at, b._loaded_at
FROM mart.balance_transactions AS b
INNER JOIN mart.ledger_transactions AS t ON t.transaction_id = b.balance_transaction_id;
DROP VIEW mart.balance_transactions;
ALTER TABLE mart.balance_transactions_told RENAME TO balance_transactions;
CREATE INDEX balance_transactions_newest ON mart.balance_transactions (merchant_id, created_at DESC, balance_transaction_id DESC);
CREATE INDEX balance_transactions_by_place ON mart.balance_transactions (_partition, seq);
COMMENT ON TABLE mart.balance_transactions IS
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
COMMENT ON COLUMN mart.balance_transactions.seq IS 'Number of its record in the journal of its partition';
COMMENT ON COLUMN mart.balance_transactions.created_at IS 'When it was posted';
COMMENT ON COLUMN mart.balance_transactions._event_id IS 'Id of the message the row was written from';
COMMENT ON COLUMN mart.balance_transactions._version IS 'Always 0: the message is about many';
COMMENT ON COLUMN mart.balance_transactions._topic IS 'Topic of that message';
COMMENT ON COLUMN mart.balance_transactions._partition IS 'Partition of that message, which is the one of the journal';
COMMENT ON COLUMN mart.balance_transactions._offset IS 'Offset of that message';
COMMENT ON COLUMN mart.balance_transactions._event_at IS 'When the last of what it tells occurred';
COMMENT ON COLUMN mart.balance_transactions._loaded_at IS 'When the row was written';
