-- What providers settled: how each reference matches what we expected, and the files it was told in.

CREATE TABLE raw.recon_events (
    event_id text PRIMARY KEY,
    match_key text NOT NULL,
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
CREATE INDEX recon_events_by_match ON raw.recon_events (match_key, version);
COMMENT ON TABLE raw.recon_events IS 'Every event of recon.results.v1';
COMMENT ON COLUMN raw.recon_events.event_id IS 'Id of the event, the same for every copy of it';
COMMENT ON COLUMN raw.recon_events.match_key IS 'Provider and its reference, joined by a colon';
COMMENT ON COLUMN raw.recon_events.merchant_id IS 'Merchant it is recorded under';
COMMENT ON COLUMN raw.recon_events.version IS 'Position among those of the reference: 1, 2, ...';
COMMENT ON COLUMN raw.recon_events.type IS 'Name of the event, such as LineMatched';
COMMENT ON COLUMN raw.recon_events.schema IS 'Name and version of its schema, such as LineMatched.v1';
COMMENT ON COLUMN raw.recon_events.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.recon_events.mode IS 'test or live';
COMMENT ON COLUMN raw.recon_events.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.recon_events.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.recon_events.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.recon_events.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.recon_events.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.recon_events.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.recon_events.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.recon_events.body IS 'The event';
COMMENT ON COLUMN raw.recon_events.after IS 'How the reference stands after the event';
COMMENT ON COLUMN raw.recon_events._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.recon_events._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN raw.recon_events._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.recon_events._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.recon_events._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.recon_events._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.recon_events._loaded_at IS 'When this row was written';

CREATE TABLE mart.recon_results (
    match_key text PRIMARY KEY,
    provider text NOT NULL,
    provider_ref text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL,
    version bigint NOT NULL,
    duplicates integer NOT NULL,
    payment_id text,
    operation_id text,
    kind text,
    expected_minor bigint,
    expected_currency text,
    line_id text,
    file_id text,
    settled_minor bigint,
    settled_currency text,
    fee_minor bigint,
    settled_on text,
    updated_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX recon_results_by_payment ON mart.recon_results (payment_id);
CREATE INDEX recon_results_by_file ON mart.recon_results (file_id);
CREATE INDEX recon_results_open ON mart.recon_results (status, updated_at) WHERE status <> 'matched';
COMMENT ON TABLE mart.recon_results IS 'Every reference of a provider: what we expected, what it settled, and how they match';
COMMENT ON COLUMN mart.recon_results.match_key IS 'Provider and its reference, joined by a colon';
COMMENT ON COLUMN mart.recon_results.provider IS 'Provider that settles';
COMMENT ON COLUMN mart.recon_results.provider_ref IS 'Reference of the movement at the provider';
COMMENT ON COLUMN mart.recon_results.mode IS 'test or live';
COMMENT ON COLUMN mart.recon_results.status IS
    'expected, unexpected, matched, amount_mismatch, missing_internal or missing_external';
COMMENT ON COLUMN mart.recon_results.version IS 'Number of events of the reference';
COMMENT ON COLUMN mart.recon_results.duplicates IS 'Lines beyond the first that settle the same';
COMMENT ON COLUMN mart.recon_results.payment_id IS 'Payment the movement belongs to; null for what we know nothing of';
COMMENT ON COLUMN mart.recon_results.operation_id IS 'Operation that moved the money';
COMMENT ON COLUMN mart.recon_results.kind IS 'capture or refund';
COMMENT ON COLUMN mart.recon_results.expected_minor IS 'What we expected, in minor units of expected_currency';
COMMENT ON COLUMN mart.recon_results.expected_currency IS 'ISO 4217 code';
COMMENT ON COLUMN mart.recon_results.line_id IS 'Line that settles it, in the numbering of the provider';
COMMENT ON COLUMN mart.recon_results.file_id IS 'File the line is in; see mart.settlement_files';
COMMENT ON COLUMN mart.recon_results.settled_minor IS
    'What the line says, in minor units of settled_currency; negative for refunds';
COMMENT ON COLUMN mart.recon_results.settled_currency IS 'ISO 4217 code';
COMMENT ON COLUMN mart.recon_results.fee_minor IS 'What the provider keeps, in minor units of settled_currency';
COMMENT ON COLUMN mart.recon_results.settled_on IS 'Day of the settlement, ISO 8601';
COMMENT ON COLUMN mart.recon_results.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.recon_results._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.recon_results._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.recon_results._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.recon_results._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.recon_results._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.recon_results._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.recon_results._loaded_at IS 'When this row was written';

CREATE TABLE mart.settlement_files (
    event_id text PRIMARY KEY,
    file_id text NOT NULL,
    sha256 text NOT NULL,
    file_name text NOT NULL,
    status text NOT NULL,
    mode text NOT NULL,
    provider text,
    batch_id text,
    settled_on text,
    currency text,
    lines integer,
    gross_minor bigint,
    fee_minor bigint,
    net_minor bigint,
    is_restated boolean NOT NULL,
    problem text,
    detail text,
    line integer,
    told_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX settlement_files_by_file ON mart.settlement_files (file_id);
CREATE INDEX settlement_files_refused ON mart.settlement_files (told_at) WHERE status = 'refused';
COMMENT ON TABLE mart.settlement_files IS 'Every file of a provider: taken in whole, or refused whole';
COMMENT ON COLUMN mart.settlement_files.event_id IS 'Id of what was said about the file';
COMMENT ON COLUMN mart.settlement_files.file_id IS 'Id of the provider''s batch, the same for every file of it';
COMMENT ON COLUMN mart.settlement_files.sha256 IS 'SHA-256 of the file, hexadecimal';
COMMENT ON COLUMN mart.settlement_files.file_name IS 'Name it was delivered under';
COMMENT ON COLUMN mart.settlement_files.status IS 'accepted or refused';
COMMENT ON COLUMN mart.settlement_files.mode IS 'test or live';
COMMENT ON COLUMN mart.settlement_files.provider IS 'Provider; null for a refused file';
COMMENT ON COLUMN mart.settlement_files.batch_id IS 'Batch in the numbering of the provider; null for a refused file';
COMMENT ON COLUMN mart.settlement_files.settled_on IS 'Day of the settlement, ISO 8601';
COMMENT ON COLUMN mart.settlement_files.currency IS 'ISO 4217 code of the file';
COMMENT ON COLUMN mart.settlement_files.lines IS 'How many lines it has';
COMMENT ON COLUMN mart.settlement_files.gross_minor IS 'Sum of what was moved for customers, in minor units of currency';
COMMENT ON COLUMN mart.settlement_files.fee_minor IS 'Sum of what the provider keeps, in minor units of currency';
COMMENT ON COLUMN mart.settlement_files.net_minor IS 'Gross less fee, in minor units of currency';
COMMENT ON COLUMN mart.settlement_files.is_restated IS 'True when it says anew what an earlier file of the batch said';
COMMENT ON COLUMN mart.settlement_files.problem IS 'Why it was refused';
COMMENT ON COLUMN mart.settlement_files.detail IS 'What exactly was wrong';
COMMENT ON COLUMN mart.settlement_files.line IS 'Number of the first line at fault, from 1; null for the whole';
COMMENT ON COLUMN mart.settlement_files.told_at IS 'When it was accepted or refused';
COMMENT ON COLUMN mart.settlement_files._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.settlement_files._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.settlement_files._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.settlement_files._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.settlement_files._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.settlement_files._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.settlement_files._loaded_at IS 'When this row was written';
