-- How things stand: one row per thing as its last event left it. Amounts are integers of minor units.

CREATE TABLE mart.payments (
    payment_id text PRIMARY KEY,
    payment_intent_id text NOT NULL,
    merchant_id text NOT NULL,
    customer_id text,
    amount_minor bigint NOT NULL,
    amount_authorized_minor bigint NOT NULL,
    amount_captured_minor bigint NOT NULL,
    amount_refunded_minor bigint NOT NULL,
    currency text NOT NULL,
    status text NOT NULL,
    capture_method text NOT NULL,
    payment_method_type text,
    payment_method_token text,
    authorization_id text,
    next_action_url text,
    failure_code text,
    provider text,
    provider_ref text,
    version bigint NOT NULL,
    mode text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_by_merchant ON mart.payments (merchant_id, created_at, payment_id);
CREATE INDEX payments_by_intent ON mart.payments (payment_intent_id);
CREATE INDEX payments_by_customer ON mart.payments (merchant_id, customer_id, created_at) WHERE customer_id IS NOT NULL;
COMMENT ON TABLE mart.payments IS 'Payments as they stand';
COMMENT ON COLUMN mart.payments.payment_id IS 'Id of the payment';
COMMENT ON COLUMN mart.payments.payment_intent_id IS 'Id of its payment intent';
COMMENT ON COLUMN mart.payments.merchant_id IS 'Merchant who is paid';
COMMENT ON COLUMN mart.payments.customer_id IS 'Customer who pays, as the merchant names them';
COMMENT ON COLUMN mart.payments.amount_minor IS 'Amount asked for, in minor units of currency';
COMMENT ON COLUMN mart.payments.amount_authorized_minor IS 'Amount the provider holds or held, in minor units';
COMMENT ON COLUMN mart.payments.amount_captured_minor IS 'Amount taken from the customer, in minor units';
COMMENT ON COLUMN mart.payments.amount_refunded_minor IS 'Amount given back, in minor units';
COMMENT ON COLUMN mart.payments.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.payments.status IS 'Status, derived from amounts and operations';
COMMENT ON COLUMN mart.payments.capture_method IS 'automatic or manual';
COMMENT ON COLUMN mart.payments.payment_method_type IS 'How the customer pays, such as card';
COMMENT ON COLUMN mart.payments.payment_method_token IS 'Token that stands for the card';
COMMENT ON COLUMN mart.payments.authorization_id IS 'The last authorization or sale';
COMMENT ON COLUMN mart.payments.next_action_url IS 'Where the customer has to act, while they have to';
COMMENT ON COLUMN mart.payments.failure_code IS 'Why the last authorization failed';
COMMENT ON COLUMN mart.payments.provider IS 'Provider the payment was sent to';
COMMENT ON COLUMN mart.payments.provider_ref IS 'Reference of the authorization or sale at the provider';
COMMENT ON COLUMN mart.payments.version IS 'Number of events of the payment';
COMMENT ON COLUMN mart.payments.mode IS 'test or live';
COMMENT ON COLUMN mart.payments.created_at IS 'When it was created';
COMMENT ON COLUMN mart.payments.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.payments._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.payments._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.payments._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.payments._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.payments._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.payments._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.payments._loaded_at IS 'When this row was written';

CREATE TABLE mart.payment_operations (
    operation_id text PRIMARY KEY,
    payment_id text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    kind text NOT NULL,
    cause text,
    status text NOT NULL,
    amount_minor bigint NOT NULL,
    amount_moved_minor bigint,
    currency text NOT NULL,
    provider text NOT NULL,
    provider_ref text,
    attempt integer,
    call_attempt integer NOT NULL,
    queries integer NOT NULL,
    failure_code text,
    failure_proof text,
    conflict text,
    is_late boolean NOT NULL,
    is_reversed boolean NOT NULL,
    command_id text,
    due_at timestamptz,
    requested_at timestamptz NOT NULL,
    resolved_at timestamptz,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_operations_by_payment ON mart.payment_operations (payment_id);
CREATE INDEX payment_operations_refunds ON mart.payment_operations (merchant_id, requested_at) WHERE kind = 'refund';
CREATE INDEX payment_operations_open ON mart.payment_operations (status) WHERE status NOT IN ('succeeded', 'failed');
COMMENT ON TABLE mart.payment_operations IS 'Everything a provider was asked to do, and what became of it';
COMMENT ON COLUMN mart.payment_operations.operation_id IS 'Id of the operation: auth_, cap_, void_ or ref_';
COMMENT ON COLUMN mart.payment_operations.payment_id IS 'Payment it belongs to';
COMMENT ON COLUMN mart.payment_operations.merchant_id IS 'Merchant who is paid';
COMMENT ON COLUMN mart.payment_operations.mode IS 'test or live';
COMMENT ON COLUMN mart.payment_operations.kind IS 'authorize, sale, capture, void or refund';
COMMENT ON COLUMN mart.payment_operations.cause IS 'Of a refund or void: who or what asked for it';
COMMENT ON COLUMN mart.payment_operations.status IS 'requested, postponed, requires_action, unknown, in_review, succeeded or failed';
COMMENT ON COLUMN mart.payment_operations.amount_minor IS 'Amount the provider was asked to move, hold or release, in minor units';
COMMENT ON COLUMN mart.payment_operations.amount_moved_minor IS 'Amount it did move, hold or release, in minor units; null before it did and after a reversal';
COMMENT ON COLUMN mart.payment_operations.currency IS 'ISO 4217 code';
COMMENT ON COLUMN mart.payment_operations.provider IS 'Provider it was sent to';
COMMENT ON COLUMN mart.payment_operations.provider_ref IS 'Reference of the operation at the provider';
COMMENT ON COLUMN mart.payment_operations.attempt IS 'Of an authorize or sale: number of the confirm, from 1';
COMMENT ON COLUMN mart.payment_operations.call_attempt IS 'Number of the last call, from 0; each has its own idempotency key';
COMMENT ON COLUMN mart.payment_operations.queries IS 'How often the provider was asked what became of the last call';
COMMENT ON COLUMN mart.payment_operations.failure_code IS 'Outcome or decline code of a failure';
COMMENT ON COLUMN mart.payment_operations.failure_proof IS 'How we know that nothing moved';
COMMENT ON COLUMN mart.payment_operations.conflict IS 'What an operator has to settle about it';
COMMENT ON COLUMN mart.payment_operations.is_late IS 'True when it succeeded after we had given up on it';
COMMENT ON COLUMN mart.payment_operations.is_reversed IS 'True when it failed after it had succeeded';
COMMENT ON COLUMN mart.payment_operations.command_id IS 'Command it came from; null when the platform started it';
COMMENT ON COLUMN mart.payment_operations.due_at IS 'When it is looked at again; null when it is over or held for review';
COMMENT ON COLUMN mart.payment_operations.requested_at IS 'When the provider was first asked';
COMMENT ON COLUMN mart.payment_operations.resolved_at IS 'When it succeeded or failed';
COMMENT ON COLUMN mart.payment_operations.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.payment_operations.version IS 'Version of the payment at its last change';
COMMENT ON COLUMN mart.payment_operations._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.payment_operations._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.payment_operations._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.payment_operations._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.payment_operations._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.payment_operations._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.payment_operations._loaded_at IS 'When this row was written';

CREATE VIEW mart.refunds AS
SELECT
    operation_id AS refund_id,
    payment_id,
    merchant_id,
    amount_minor,
    currency,
    CASE
        WHEN status IN ('requested', 'postponed', 'requires_action') THEN 'pending'
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
COMMENT ON VIEW mart.refunds IS 'Refunds as they stand: the operations of kind refund';
COMMENT ON COLUMN mart.refunds.refund_id IS 'Id of the refund';
COMMENT ON COLUMN mart.refunds.payment_id IS 'Payment of which it gives back';
COMMENT ON COLUMN mart.refunds.merchant_id IS 'Merchant who gives back';
COMMENT ON COLUMN mart.refunds.amount_minor IS 'Amount, in minor units of currency';
COMMENT ON COLUMN mart.refunds.currency IS 'ISO 4217 code';
COMMENT ON COLUMN mart.refunds.status IS 'pending, unknown, in_review, succeeded or failed';
COMMENT ON COLUMN mart.refunds.cause IS 'requested, or late_success when the platform gave back what it should not have got';
COMMENT ON COLUMN mart.refunds.failure_code IS 'Why it failed';
COMMENT ON COLUMN mart.refunds.provider_ref IS 'Reference of the refund at the provider';
COMMENT ON COLUMN mart.refunds.mode IS 'test or live';
COMMENT ON COLUMN mart.refunds.version IS 'Version of the payment at the last change of the refund';
COMMENT ON COLUMN mart.refunds.created_at IS 'When it was asked for';
COMMENT ON COLUMN mart.refunds.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.refunds._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.refunds._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.refunds._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.refunds._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.refunds._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.refunds._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.refunds._loaded_at IS 'When this row was written';

CREATE TABLE mart.merchants (
    merchant_id text PRIMARY KEY,
    key_id text NOT NULL,
    mode text NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mart.merchants IS 'Merchants as they stand; their names are in personal.account_profiles';
COMMENT ON COLUMN mart.merchants.merchant_id IS 'Id of the merchant';
COMMENT ON COLUMN mart.merchants.key_id IS 'Id of its secret key';
COMMENT ON COLUMN mart.merchants.mode IS 'test or live';
COMMENT ON COLUMN mart.merchants.version IS 'Number of events of the merchant';
COMMENT ON COLUMN mart.merchants.created_at IS 'When it was registered';
COMMENT ON COLUMN mart.merchants._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.merchants._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.merchants._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.merchants._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.merchants._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.merchants._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.merchants._loaded_at IS 'When this row was written';

CREATE TABLE mart.operators (
    operator_id text PRIMARY KEY,
    role text NOT NULL,
    key_id text NOT NULL,
    version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mart.operators IS 'Operators as they stand; their names are in personal.account_profiles';
COMMENT ON COLUMN mart.operators.operator_id IS 'Id of the operator';
COMMENT ON COLUMN mart.operators.role IS 'admin or viewer';
COMMENT ON COLUMN mart.operators.key_id IS 'Id of its secret key';
COMMENT ON COLUMN mart.operators.version IS 'Number of events of the operator';
COMMENT ON COLUMN mart.operators.created_at IS 'When it was registered';
COMMENT ON COLUMN mart.operators._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.operators._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.operators._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.operators._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.operators._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.operators._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.operators._loaded_at IS 'When this row was written';

CREATE VIEW mart.api_requests AS
SELECT
    request_id,
    occurred_at AS answered_at,
    method,
    route,
    status,
    outcome,
    status BETWEEN 200 AND 299 AS is_acknowledged,
    is_replayed,
    merchant_id,
    idempotency_key,
    object_id,
    object_version,
    duration_us,
    mode,
    _event_id, _version, _topic, _partition, _offset, _event_at, _loaded_at
FROM raw.api_requests;
COMMENT ON VIEW mart.api_requests IS 'Every answer the API gave';
COMMENT ON COLUMN mart.api_requests.request_id IS 'The Request-Id header of the answer';
COMMENT ON COLUMN mart.api_requests.answered_at IS 'When it was answered';
COMMENT ON COLUMN mart.api_requests.method IS 'HTTP method';
COMMENT ON COLUMN mart.api_requests.route IS 'Name of the route';
COMMENT ON COLUMN mart.api_requests.status IS 'HTTP status sent';
COMMENT ON COLUMN mart.api_requests.outcome IS 'Code of the outcome';
COMMENT ON COLUMN mart.api_requests.is_acknowledged IS 'True for a 2xx: what was asked is done or will be told later';
COMMENT ON COLUMN mart.api_requests.is_replayed IS 'True when the result existed before this request';
COMMENT ON COLUMN mart.api_requests.merchant_id IS 'Merchant whose key was used; null when there was none';
COMMENT ON COLUMN mart.api_requests.idempotency_key IS 'Key the request was sent or answered with';
COMMENT ON COLUMN mart.api_requests.object_id IS 'What the answer was about';
COMMENT ON COLUMN mart.api_requests.object_version IS 'Version of that object in the answer';
COMMENT ON COLUMN mart.api_requests.duration_us IS 'Microseconds from accepting the request to the answer';
COMMENT ON COLUMN mart.api_requests.mode IS 'test or live';
COMMENT ON COLUMN mart.api_requests._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.api_requests._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.api_requests._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.api_requests._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.api_requests._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.api_requests._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.api_requests._loaded_at IS 'When this row was written';

CREATE VIEW mart.command_refusals AS
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
WHERE type = 'CommandRefused';
COMMENT ON VIEW mart.command_refusals IS 'Commands that were refused and changed nothing';
COMMENT ON COLUMN mart.command_refusals.event_id IS 'Id of the event that records the refusal';
COMMENT ON COLUMN mart.command_refusals.command_id IS 'Command that was refused';
COMMENT ON COLUMN mart.command_refusals.command IS 'Name of the command, such as CapturePayment';
COMMENT ON COLUMN mart.command_refusals.outcome IS 'Code of the outcome';
COMMENT ON COLUMN mart.command_refusals.merchant_id IS 'Merchant who asked';
COMMENT ON COLUMN mart.command_refusals.subject IS 'Payment id or account key the command was about';
COMMENT ON COLUMN mart.command_refusals.refused_at IS 'When it was refused';
COMMENT ON COLUMN mart.command_refusals.correlation_id IS 'Request id of the API call';
COMMENT ON COLUMN mart.command_refusals.mode IS 'test or live';
COMMENT ON COLUMN mart.command_refusals._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.command_refusals._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.command_refusals._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.command_refusals._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.command_refusals._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.command_refusals._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.command_refusals._loaded_at IS 'When this row was written';
