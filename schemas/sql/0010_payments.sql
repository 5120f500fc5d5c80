-- Refunds wait for the ledger before a provider is asked, and everything about a payment is found by its ids.

COMMENT ON COLUMN mart.payment_operations.status IS
    'reserving (the ledger is asked first), requested, postponed, requires_action, unknown, in_review, succeeded or failed';
COMMENT ON COLUMN mart.payment_operations.queries IS
    'How often the provider was asked what became of the last call; while reserving, how often the ledger was asked again';
COMMENT ON COLUMN mart.payment_operations.requested_at IS 'When it was asked for';

CREATE OR REPLACE VIEW mart.refunds AS
SELECT
    operation_id AS refund_id,
    payment_id,
    merchant_id,
    amount_minor,
    currency,
    CASE
        WHEN status IN ('reserving', 'requested', 'postponed', 'requires_action') THEN 'pending'
        WHEN status = 'succeeded' AND conflict IS NOT NULL THEN 'in_review'
        ELSE status
    END AS status,
    cause,
    failure_code,
    provider_ref,
    mode,
    version,
    requested_at AS created_at,
    updated_at,
    _event_id, _version, _topic, _partition, _offset, _event_at, _loaded_at
FROM mart.payment_operations
WHERE kind = 'refund';

CREATE OR REPLACE VIEW mart.command_refusals AS
SELECT
    event_id,
    body ->> 'command_id' AS command_id,
    body ->> 'command' AS command,
    body ->> 'outcome' AS outcome,
    merchant_id,
    payment_id AS subject,
    occurred_at AS refused_at,
    correlation_id,
    mode,
    _event_id, _version, _topic, _partition, _offset, _event_at, _loaded_at
FROM raw.payment_events
WHERE type = 'CommandRefused'
UNION ALL
SELECT
    event_id,
    body ->> 'command_id' AS command_id,
    body ->> 'command' AS command,
    body ->> 'outcome' AS outcome,
    merchant_id,
    account_key AS subject,
    occurred_at AS refused_at,
    correlation_id,
    mode,
    _event_id, _version, _topic, _partition, _offset, _event_at, _loaded_at
FROM raw.merchant_events
WHERE type = 'CommandRefused'
UNION ALL
SELECT
    event_id,
    body ->> 'command_id' AS command_id,
    body ->> 'command' AS command,
    body ->> 'outcome' AS outcome,
    merchant_id,
    book AS subject,
    occurred_at AS refused_at,
    correlation_id,
    mode,
    _event_id, _version, _topic, _partition, _offset, _event_at, _loaded_at
FROM raw.webhook_messages
WHERE type = 'CommandRefused';

CREATE INDEX api_requests_by_object ON raw.api_requests (object_id) WHERE object_id IS NOT NULL;
COMMENT ON COLUMN meta.anomalies.aggregate_key IS 'Key of the payment, account, book or reference the event belongs to';
