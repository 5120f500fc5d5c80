-- Entries by hand: what one operator proposed, and another approved or rejected.

CREATE TABLE mart.ledger_adjustments (
    adjustment_id text PRIMARY KEY,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL,
    template text NOT NULL,
    currency text NOT NULL,
    reason text NOT NULL,
    reference text NOT NULL,
    proposed_by text NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    transaction_id text,
    document jsonb NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_adjustments_newest ON mart.ledger_adjustments (proposed_at DESC, adjustment_id DESC);
COMMENT ON TABLE mart.ledger_adjustments IS 'Entries by hand, each proposed by one operator and decided by another';
COMMENT ON COLUMN mart.ledger_adjustments.adjustment_id IS 'Id of the adjustment';
COMMENT ON COLUMN mart.ledger_adjustments.merchant_id IS 'Whose book it is in: a merchant, a wallet or the treasury';
COMMENT ON COLUMN mart.ledger_adjustments.mode IS 'test or live';
COMMENT ON COLUMN mart.ledger_adjustments.status IS 'proposed, posted or rejected';
COMMENT ON COLUMN mart.ledger_adjustments.template IS 'Entry template, such as fee_credited';
COMMENT ON COLUMN mart.ledger_adjustments.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.ledger_adjustments.reason IS 'Why, as a code';
COMMENT ON COLUMN mart.ledger_adjustments.reference IS 'Case or document that shows it';
COMMENT ON COLUMN mart.ledger_adjustments.proposed_by IS 'Operator who proposed it';
COMMENT ON COLUMN mart.ledger_adjustments.proposed_at IS 'When it was proposed';
COMMENT ON COLUMN mart.ledger_adjustments.decided_by IS 'Operator who approved or rejected it; never the one who proposed what is posted';
COMMENT ON COLUMN mart.ledger_adjustments.decided_at IS 'When it was approved or rejected';
COMMENT ON COLUMN mart.ledger_adjustments.transaction_id IS 'Ledger transaction it was posted as; null where it was not';
COMMENT ON COLUMN mart.ledger_adjustments.document IS 'All of it, with the amounts stated and the legs they make';
COMMENT ON COLUMN mart.ledger_adjustments._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.ledger_adjustments._version IS 'Version of the book after that record';
COMMENT ON COLUMN mart.ledger_adjustments._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.ledger_adjustments._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.ledger_adjustments._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.ledger_adjustments._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.ledger_adjustments._loaded_at IS 'When this row was written';
