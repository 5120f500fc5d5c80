-- What merchants were told: their endpoints, the events, every delivery and every attempt. Secrets are in no table.

CREATE TABLE mart.webhook_endpoints (
    endpoint_id text PRIMARY KEY,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    url text NOT NULL,
    event_types jsonb NOT NULL,
    is_deleted boolean NOT NULL,
    version bigint NOT NULL,
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
CREATE INDEX webhook_endpoints_by_merchant ON mart.webhook_endpoints (merchant_id);
COMMENT ON TABLE mart.webhook_endpoints IS 'Where merchants receive events';
COMMENT ON COLUMN mart.webhook_endpoints.endpoint_id IS 'Id of the endpoint';
COMMENT ON COLUMN mart.webhook_endpoints.merchant_id IS 'Merchant whose events go there';
COMMENT ON COLUMN mart.webhook_endpoints.mode IS 'test or live';
COMMENT ON COLUMN mart.webhook_endpoints.url IS 'Address';
COMMENT ON COLUMN mart.webhook_endpoints.event_types IS 'Types that go there, as a list; * stands for all';
COMMENT ON COLUMN mart.webhook_endpoints.is_deleted IS 'True when no more events go there';
COMMENT ON COLUMN mart.webhook_endpoints.version IS 'Version of the merchant at its last change';
COMMENT ON COLUMN mart.webhook_endpoints.created_at IS 'When it was created';
COMMENT ON COLUMN mart.webhook_endpoints.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.webhook_endpoints._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.webhook_endpoints._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.webhook_endpoints._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.webhook_endpoints._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.webhook_endpoints._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.webhook_endpoints._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.webhook_endpoints._loaded_at IS 'When this row was written';

CREATE TABLE mart.merchant_terms (
    merchant_id text PRIMARY KEY,
    mode text NOT NULL,
    number integer NOT NULL,
    fee_bps integer NOT NULL,
    fee_fixed_minor bigint NOT NULL,
    settlement_days integer NOT NULL,
    refund_policy text NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mart.merchant_terms IS 'What each merchant agreed to, as it holds now';
COMMENT ON COLUMN mart.merchant_terms.merchant_id IS 'Merchant';
COMMENT ON COLUMN mart.merchant_terms.mode IS 'test or live';
COMMENT ON COLUMN mart.merchant_terms.number IS 'Number of the terms: 1, 2, ...';
COMMENT ON COLUMN mart.merchant_terms.fee_bps IS 'Fee of each capture, in basis points';
COMMENT ON COLUMN mart.merchant_terms.fee_fixed_minor IS 'Fixed part of the fee of each capture, in minor units';
COMMENT ON COLUMN mart.merchant_terms.settlement_days IS 'Captured money is available this many days later';
COMMENT ON COLUMN mart.merchant_terms.refund_policy IS 'owe or refuse: what becomes of a refund that needs more than there is';
COMMENT ON COLUMN mart.merchant_terms.version IS 'Version of the merchant since which they hold';
COMMENT ON COLUMN mart.merchant_terms.updated_at IS 'Since when they hold';
COMMENT ON COLUMN mart.merchant_terms._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.merchant_terms._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.merchant_terms._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.merchant_terms._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.merchant_terms._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.merchant_terms._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.merchant_terms._loaded_at IS 'When this row was written';

CREATE TABLE raw.webhook_messages (
    event_id text PRIMARY KEY,
    book text NOT NULL,
    merchant_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    schema text NOT NULL,
    occurred_at timestamptz NOT NULL,
    mode text NOT NULL,
    cell text NOT NULL,
    clock_id text NOT NULL,
    causation_id text NOT NULL,
    correlation_id text NOT NULL,
    actor_role text NOT NULL,
    actor_principal text NOT NULL,
    actor_key_id text,
    body jsonb NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_messages_by_book ON raw.webhook_messages (book, version);
COMMENT ON TABLE raw.webhook_messages IS 'Every event of webhooks.messages.v1';
COMMENT ON COLUMN raw.webhook_messages.event_id IS 'Id of the record, the same for every copy of it';
COMMENT ON COLUMN raw.webhook_messages.book IS 'The part after the prefix of the merchant id';
COMMENT ON COLUMN raw.webhook_messages.merchant_id IS 'Merchant it is recorded under';
COMMENT ON COLUMN raw.webhook_messages.version IS
    'Position among those of the merchant: 1, 2, ...; 0 for refusals, which change nothing';
COMMENT ON COLUMN raw.webhook_messages.type IS 'Name of the record, such as EventPublished';
COMMENT ON COLUMN raw.webhook_messages.schema IS 'Name and version of its schema, such as EventPublished.v1';
COMMENT ON COLUMN raw.webhook_messages.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.webhook_messages.mode IS 'test or live';
COMMENT ON COLUMN raw.webhook_messages.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.webhook_messages.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.webhook_messages.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.webhook_messages.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.webhook_messages.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.webhook_messages.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.webhook_messages.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.webhook_messages.body IS
    'The record, without its payload, which is in mart.webhook_events, and without secrets';
COMMENT ON COLUMN raw.webhook_messages._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.webhook_messages._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.webhook_messages._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.webhook_messages._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.webhook_messages._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.webhook_messages._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.webhook_messages._loaded_at IS 'When this row was written';

CREATE TABLE mart.webhook_events (
    event_id text PRIMARY KEY,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    type text NOT NULL,
    payment_id text NOT NULL,
    payload bytea NOT NULL,
    endpoint_ids jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_events_by_payment ON mart.webhook_events (payment_id);
CREATE INDEX webhook_events_by_merchant ON mart.webhook_events (merchant_id, created_at);
COMMENT ON TABLE mart.webhook_events IS 'Every event a merchant is told, as it was first rendered';
COMMENT ON COLUMN mart.webhook_events.event_id IS 'Id of the event, as the merchant sees it';
COMMENT ON COLUMN mart.webhook_events.merchant_id IS 'Merchant it is for';
COMMENT ON COLUMN mart.webhook_events.mode IS 'test or live';
COMMENT ON COLUMN mart.webhook_events.type IS 'Type, such as payment.captured';
COMMENT ON COLUMN mart.webhook_events.payment_id IS 'Payment it is about';
COMMENT ON COLUMN mart.webhook_events.payload IS 'What is sent and signed, byte for byte: JSON';
COMMENT ON COLUMN mart.webhook_events.endpoint_ids IS 'Endpoints it went to when it was first rendered, as a list';
COMMENT ON COLUMN mart.webhook_events.created_at IS 'When it was rendered';
COMMENT ON COLUMN mart.webhook_events._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.webhook_events._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.webhook_events._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.webhook_events._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.webhook_events._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.webhook_events._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.webhook_events._loaded_at IS 'When this row was written';

CREATE TABLE raw.webhook_attempts (
    event_id text PRIMARY KEY,
    message_id text NOT NULL,
    webhook_event_id text NOT NULL,
    endpoint_id text NOT NULL,
    merchant_id text NOT NULL,
    type text NOT NULL,
    payment_id text NOT NULL,
    attempt integer NOT NULL,
    outcome text NOT NULL,
    http_status integer,
    error text,
    latency_ms integer NOT NULL,
    next_attempt_at timestamptz,
    occurred_at timestamptz NOT NULL,
    mode text NOT NULL,
    cell text NOT NULL,
    clock_id text NOT NULL,
    causation_id text NOT NULL,
    correlation_id text NOT NULL,
    actor_role text NOT NULL,
    actor_principal text NOT NULL,
    actor_key_id text,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_attempts_by_message ON raw.webhook_attempts (message_id, _offset);
CREATE INDEX webhook_attempts_by_endpoint ON raw.webhook_attempts (endpoint_id, occurred_at);
CREATE INDEX webhook_attempts_by_payment ON raw.webhook_attempts (payment_id);
COMMENT ON TABLE raw.webhook_attempts IS 'Every attempt to deliver a message, from webhooks.attempts.v1';
COMMENT ON COLUMN raw.webhook_attempts.event_id IS 'Id of the record, the same for every copy of it';
COMMENT ON COLUMN raw.webhook_attempts.message_id IS 'Message that was sent; see mart.webhook_deliveries';
COMMENT ON COLUMN raw.webhook_attempts.webhook_event_id IS 'Event in it; see mart.webhook_events';
COMMENT ON COLUMN raw.webhook_attempts.endpoint_id IS 'Endpoint it was sent to';
COMMENT ON COLUMN raw.webhook_attempts.merchant_id IS 'Merchant who owns the endpoint';
COMMENT ON COLUMN raw.webhook_attempts.type IS 'Type of the event, such as payment.captured';
COMMENT ON COLUMN raw.webhook_attempts.payment_id IS 'Payment it is about';
COMMENT ON COLUMN raw.webhook_attempts.attempt IS 'Number of the attempt, from 1';
COMMENT ON COLUMN raw.webhook_attempts.outcome IS 'delivered; failed: tried again; exhausted: never tried again';
COMMENT ON COLUMN raw.webhook_attempts.http_status IS 'HTTP status of the answer; null without one';
COMMENT ON COLUMN raw.webhook_attempts.error IS 'Why there was no answer';
COMMENT ON COLUMN raw.webhook_attempts.latency_ms IS 'Milliseconds until the answer or the failure';
COMMENT ON COLUMN raw.webhook_attempts.next_attempt_at IS 'When it is tried again';
COMMENT ON COLUMN raw.webhook_attempts.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.webhook_attempts.mode IS 'test or live';
COMMENT ON COLUMN raw.webhook_attempts.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.webhook_attempts.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.webhook_attempts.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.webhook_attempts.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.webhook_attempts.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.webhook_attempts.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.webhook_attempts.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.webhook_attempts._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.webhook_attempts._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.webhook_attempts._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.webhook_attempts._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.webhook_attempts._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.webhook_attempts._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.webhook_attempts._loaded_at IS 'When this row was written';

CREATE TABLE mart.webhook_deliveries (
    message_id text PRIMARY KEY,
    event_id text NOT NULL,
    endpoint_id text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    type text NOT NULL,
    payment_id text NOT NULL,
    status text NOT NULL,
    attempts integer NOT NULL,
    resends integer NOT NULL,
    last_http_status integer,
    last_error text,
    last_latency_ms integer,
    next_attempt_at timestamptz,
    delivered_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    published_version bigint NOT NULL,
    attempted_offset bigint NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_deliveries_by_payment ON mart.webhook_deliveries (payment_id);
CREATE INDEX webhook_deliveries_by_event ON mart.webhook_deliveries (event_id);
CREATE INDEX webhook_deliveries_by_merchant ON mart.webhook_deliveries (merchant_id, created_at);
CREATE INDEX webhook_deliveries_open ON mart.webhook_deliveries (status) WHERE status <> 'delivered';
COMMENT ON TABLE mart.webhook_deliveries IS 'Every message to an endpoint: one event on its way to one place, over all attempts';
COMMENT ON COLUMN mart.webhook_deliveries.message_id IS 'Id of the message, the same for every attempt and resend';
COMMENT ON COLUMN mart.webhook_deliveries.event_id IS 'Event it carries; see mart.webhook_events';
COMMENT ON COLUMN mart.webhook_deliveries.endpoint_id IS 'Endpoint it goes to';
COMMENT ON COLUMN mart.webhook_deliveries.merchant_id IS 'Merchant who owns the endpoint';
COMMENT ON COLUMN mart.webhook_deliveries.mode IS 'test or live';
COMMENT ON COLUMN mart.webhook_deliveries.type IS 'Type of the event, such as payment.captured';
COMMENT ON COLUMN mart.webhook_deliveries.payment_id IS 'Payment it is about';
COMMENT ON COLUMN mart.webhook_deliveries.status IS
    'delivered once any attempt was; else as the last attempt left it: failed (tried again) or exhausted; pending before the first';
COMMENT ON COLUMN mart.webhook_deliveries.attempts IS 'Attempts so far, those of resends included';
COMMENT ON COLUMN mart.webhook_deliveries.resends IS 'How often it was asked for once more';
COMMENT ON COLUMN mart.webhook_deliveries.last_http_status IS 'HTTP status of the last attempt; null without an answer';
COMMENT ON COLUMN mart.webhook_deliveries.last_error IS 'Why the last attempt had no answer';
COMMENT ON COLUMN mart.webhook_deliveries.last_latency_ms IS 'Milliseconds the last attempt took';
COMMENT ON COLUMN mart.webhook_deliveries.next_attempt_at IS 'When it is tried again; null when it is not';
COMMENT ON COLUMN mart.webhook_deliveries.delivered_at IS 'When an attempt first succeeded';
COMMENT ON COLUMN mart.webhook_deliveries.created_at IS 'When the event was sent on its way';
COMMENT ON COLUMN mart.webhook_deliveries.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.webhook_deliveries.published_version IS
    'Of what published or resent it, the last version counted here; 0 when none is loaded yet';
COMMENT ON COLUMN mart.webhook_deliveries.attempted_offset IS
    'Of its attempts, the last offset counted here; -1 when none is loaded yet';
COMMENT ON COLUMN mart.webhook_deliveries._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.webhook_deliveries._version IS
    'How many records of webhooks.messages.v1 and webhooks.attempts.v1 it adds up';
COMMENT ON COLUMN mart.webhook_deliveries._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.webhook_deliveries._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.webhook_deliveries._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.webhook_deliveries._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.webhook_deliveries._loaded_at IS 'When this row was written';
