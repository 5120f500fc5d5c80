-- Entries besides those of payments: in the books of merchants, wallets and the treasury.

ALTER TABLE mart.ledger_transactions
    ALTER COLUMN payment_id DROP NOT NULL,
    ALTER COLUMN provider DROP NOT NULL,
    ADD COLUMN reserve_at timestamptz,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN reverses text,
    ADD COLUMN other_book text;
CREATE INDEX ledger_transactions_by_reversed ON mart.ledger_transactions (reverses) WHERE reverses IS NOT NULL;
CREATE INDEX ledger_transactions_by_reference ON mart.ledger_transactions (reference_id);
COMMENT ON COLUMN mart.ledger_transactions.reference_id IS
    'What it is about: an authorization, capture, refund, dispute, payout, settlement line, ...';
COMMENT ON COLUMN mart.ledger_transactions.payment_id IS 'Payment it is about; null where it is about none';
COMMENT ON COLUMN mart.ledger_transactions.provider IS 'Provider whose accounts it may touch; null where it touches none';
COMMENT ON COLUMN mart.ledger_transactions.merchant_id IS 'Whose book it is in: a merchant, a wallet or the treasury';
COMMENT ON COLUMN mart.ledger_transactions.available_at IS 'Of a sale: when its net becomes available to the merchant';
COMMENT ON COLUMN mart.ledger_transactions.reserve_at IS 'Of a sale: when its rolling reserve is released';
COMMENT ON COLUMN mart.ledger_transactions.expires_at IS 'Of a hold: when the ledger itself takes it back';
COMMENT ON COLUMN mart.ledger_transactions.reverses IS 'Transaction it undoes; null for what is no reversal';
COMMENT ON COLUMN mart.ledger_transactions.other_book IS 'Book the money went to or came from; null within one book';

COMMENT ON COLUMN mart.ledger_entries.merchant_id IS 'Whose book the transaction is in: a merchant, a wallet or the treasury';

ALTER TABLE mart.ledger_refusals
    ALTER COLUMN payment_id DROP NOT NULL,
    ADD COLUMN template text,
    ADD COLUMN other_book text;
COMMENT ON COLUMN mart.ledger_refusals.payment_id IS 'Payment it is about; null where it is about none';
COMMENT ON COLUMN mart.ledger_refusals.template IS 'Entry template that was asked for; null for the commands of payments';
COMMENT ON COLUMN mart.ledger_refusals.other_book IS 'Book the money was to come from or go to; null within one book';

ALTER TABLE mart.merchant_terms
    ADD COLUMN fee_refund_policy text NOT NULL DEFAULT 'keep',
    ADD COLUMN tax_bps integer NOT NULL DEFAULT 0,
    ADD COLUMN reserve_bps integer NOT NULL DEFAULT 0,
    ADD COLUMN reserve_days integer NOT NULL DEFAULT 0,
    ADD COLUMN prices jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN calendar jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN effective_from timestamptz;
COMMENT ON COLUMN mart.merchant_terms.fee_refund_policy IS 'keep or proportional: whether a refund gives its part of the fee back';
COMMENT ON COLUMN mart.merchant_terms.tax_bps IS 'Tax on the fee, in basis points of it';
COMMENT ON COLUMN mart.merchant_terms.reserve_bps IS 'Of each sale, what goes into the rolling reserve, in basis points';
COMMENT ON COLUMN mart.merchant_terms.reserve_days IS 'For so many days';
COMMENT ON COLUMN mart.merchant_terms.prices IS 'Prices by payment method and currency, before the standard fee';
COMMENT ON COLUMN mart.merchant_terms.calendar IS 'rest_days, holidays and utc_offset_minutes of the settlement days';
COMMENT ON COLUMN mart.merchant_terms.effective_from IS 'Sales from then on are under these terms; null: from when they were read';

CREATE VIEW mart.interbook_in_flight AS
SELECT
    t.reference_id,
    e.currency,
    e.mode,
    sum(CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END)::bigint AS amount_minor,
    min(e.created_at) AS since
FROM mart.ledger_entries AS e
INNER JOIN mart.ledger_transactions AS t ON t.transaction_id = e.transaction_id
WHERE e.account_id LIKE '%.1700.%'
GROUP BY t.reference_id, e.currency, e.mode
HAVING sum(CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) <> 0;
COMMENT ON VIEW mart.interbook_in_flight IS
    'Movements between books that have left one and not reached the other; none at rest';
COMMENT ON COLUMN mart.interbook_in_flight.reference_id IS 'What the movement is about, such as a payment from a wallet';
COMMENT ON COLUMN mart.interbook_in_flight.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.interbook_in_flight.mode IS 'test or live';
COMMENT ON COLUMN mart.interbook_in_flight.amount_minor IS 'Amount on its way, in minor units of currency';
COMMENT ON COLUMN mart.interbook_in_flight.since IS 'When it left: its age is a measure of trouble';
