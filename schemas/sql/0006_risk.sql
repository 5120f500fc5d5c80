-- What risk decided about each attempt, and from what.

CREATE TABLE mart.risk_decisions (
    assessment_id text PRIMARY KEY,
    payment_id text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    attempt integer NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    verdict text NOT NULL,
    reason_code text NOT NULL,
    rule text,
    ruleset_id text NOT NULL,
    inputs jsonb NOT NULL,
    decided_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX risk_decisions_by_payment ON mart.risk_decisions (payment_id);
CREATE INDEX risk_decisions_by_merchant ON mart.risk_decisions (merchant_id, decided_at);
COMMENT ON TABLE mart.risk_decisions IS 'Every verdict on an attempt to pay, with everything it was decided from';
COMMENT ON COLUMN mart.risk_decisions.assessment_id IS 'Id of the assessment: one of each attempt';
COMMENT ON COLUMN mart.risk_decisions.payment_id IS 'Payment whose attempt was assessed';
COMMENT ON COLUMN mart.risk_decisions.merchant_id IS 'Merchant who is paid';
COMMENT ON COLUMN mart.risk_decisions.mode IS 'test or live';
COMMENT ON COLUMN mart.risk_decisions.attempt IS 'Number of the confirm, from 1';
COMMENT ON COLUMN mart.risk_decisions.amount_minor IS 'Amount of the attempt, in minor units of currency';
COMMENT ON COLUMN mart.risk_decisions.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.risk_decisions.verdict IS 'allow, review or block';
COMMENT ON COLUMN mart.risk_decisions.reason_code IS 'Reason of the rule that matched, or no_rule_matched';
COMMENT ON COLUMN mart.risk_decisions.rule IS 'Name of the rule that matched; null when none did';
COMMENT ON COLUMN mart.risk_decisions.ruleset_id IS 'Rules that were in force, as deployed together';
COMMENT ON COLUMN mart.risk_decisions.inputs IS
    'Every entity looked at and its features; features are null where they did not come in time';
COMMENT ON COLUMN mart.risk_decisions.decided_at IS 'When it was decided';
COMMENT ON COLUMN mart.risk_decisions._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.risk_decisions._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.risk_decisions._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.risk_decisions._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.risk_decisions._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.risk_decisions._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.risk_decisions._loaded_at IS 'When this row was written';
