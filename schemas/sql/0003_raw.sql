-- What happened: one row per event, never changed, without what is personal.

CREATE TABLE raw.payment_events (
    event_id text PRIMARY KEY,
    payment_id text NOT NULL,
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
    after jsonb,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payment_events_by_payment ON raw.payment_events (payment_id, version);
CREATE INDEX payment_events_by_merchant ON raw.payment_events (merchant_id, occurred_at, event_id);
CREATE INDEX payment_events_refused ON raw.payment_events (occurred_at) WHERE type = 'CommandRefused';
COMMENT ON TABLE raw.payment_events IS 'Every event of payments.events.v1';
COMMENT ON COLUMN raw.payment_events.event_id IS 'Id of the event, the same for every copy of it';
COMMENT ON COLUMN raw.payment_events.payment_id IS 'Payment it belongs to; for a refusal the one that was asked for';
COMMENT ON COLUMN raw.payment_events.merchant_id IS 'Merchant it is recorded under';
COMMENT ON COLUMN raw.payment_events.version IS 'Position in the payment: 1, 2, ...; 0 for refusals, which change nothing';
COMMENT ON COLUMN raw.payment_events.type IS 'Name of the event, such as PaymentCaptured';
COMMENT ON COLUMN raw.payment_events.schema IS 'Name and version of its schema, such as PaymentCaptured.v1';
COMMENT ON COLUMN raw.payment_events.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.payment_events.mode IS 'test or live';
COMMENT ON COLUMN raw.payment_events.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.payment_events.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.payment_events.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.payment_events.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.payment_events.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.payment_events.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.payment_events.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.payment_events.body IS 'The event, without its personal fields';
COMMENT ON COLUMN raw.payment_events.after IS 'The payment after the event; null for refusals';
COMMENT ON COLUMN raw.payment_events._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.payment_events._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.payment_events._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.payment_events._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.payment_events._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.payment_events._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.payment_events._loaded_at IS 'When this row was written';

CREATE TABLE raw.merchant_events (
    event_id text PRIMARY KEY,
    account_key text NOT NULL,
    account_id text,
    version bigint NOT NULL,
    type text NOT NULL,
    schema text NOT NULL,
    merchant_id text NOT NULL,
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
    after jsonb,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX merchant_events_by_account ON raw.merchant_events (account_key, version);
COMMENT ON TABLE raw.merchant_events IS 'Every event of merchants.events.v1';
COMMENT ON COLUMN raw.merchant_events.event_id IS 'Id of the event, the same for every copy of it';
COMMENT ON COLUMN raw.merchant_events.account_key IS 'The part after the prefix of the merchant or operator id';
COMMENT ON COLUMN raw.merchant_events.account_id IS 'Merchant or operator it belongs to; null for refusals';
COMMENT ON COLUMN raw.merchant_events.version IS 'Position in the account: 1, 2, ...; 0 for refusals, which change nothing';
COMMENT ON COLUMN raw.merchant_events.type IS 'Name of the event, such as MerchantCreated';
COMMENT ON COLUMN raw.merchant_events.schema IS 'Name and version of its schema, such as MerchantCreated.v1';
COMMENT ON COLUMN raw.merchant_events.merchant_id IS 'Merchant it is recorded under';
COMMENT ON COLUMN raw.merchant_events.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.merchant_events.mode IS 'test or live';
COMMENT ON COLUMN raw.merchant_events.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.merchant_events.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.merchant_events.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.merchant_events.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.merchant_events.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.merchant_events.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.merchant_events.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.merchant_events.body IS 'The event, without its personal fields';
COMMENT ON COLUMN raw.merchant_events.after IS 'The account after the event; null for refusals';
COMMENT ON COLUMN raw.merchant_events._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.merchant_events._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.merchant_events._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.merchant_events._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.merchant_events._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.merchant_events._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.merchant_events._loaded_at IS 'When this row was written';

CREATE TABLE raw.api_requests (
    event_id text PRIMARY KEY,
    request_id text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status integer NOT NULL,
    outcome text NOT NULL,
    merchant_id text,
    idempotency_key text,
    object_id text,
    object_version bigint,
    is_replayed boolean NOT NULL,
    duration_us bigint NOT NULL,
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
CREATE INDEX api_requests_by_request ON raw.api_requests (request_id);
CREATE INDEX api_requests_by_merchant ON raw.api_requests (merchant_id, occurred_at);
COMMENT ON TABLE raw.api_requests IS 'Every answer the API gave, from api.requests.v1';
COMMENT ON COLUMN raw.api_requests.event_id IS 'Id of the record, the same for every copy of it';
COMMENT ON COLUMN raw.api_requests.request_id IS 'The Request-Id header of the answer';
COMMENT ON COLUMN raw.api_requests.method IS 'HTTP method';
COMMENT ON COLUMN raw.api_requests.route IS 'Name of the route';
COMMENT ON COLUMN raw.api_requests.status IS 'HTTP status sent; 2xx is what acknowledged means';
COMMENT ON COLUMN raw.api_requests.outcome IS 'Code of the outcome';
COMMENT ON COLUMN raw.api_requests.merchant_id IS 'Merchant whose key was used; null when there was none';
COMMENT ON COLUMN raw.api_requests.idempotency_key IS 'Key the request was sent or answered with';
COMMENT ON COLUMN raw.api_requests.object_id IS 'What the answer was about';
COMMENT ON COLUMN raw.api_requests.object_version IS 'Version of that object in the answer';
COMMENT ON COLUMN raw.api_requests.is_replayed IS 'True when the result existed before this request';
COMMENT ON COLUMN raw.api_requests.duration_us IS 'Microseconds from accepting the request to the answer';
COMMENT ON COLUMN raw.api_requests.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.api_requests.mode IS 'test or live';
COMMENT ON COLUMN raw.api_requests.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.api_requests.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.api_requests.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.api_requests.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.api_requests.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.api_requests.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.api_requests.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.api_requests._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.api_requests._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.api_requests._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.api_requests._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.api_requests._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.api_requests._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.api_requests._loaded_at IS 'When this row was written';
