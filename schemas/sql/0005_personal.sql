-- What people typed or what names a person: for ops and the API only.

CREATE TABLE personal.payment_notes (
    payment_id text PRIMARY KEY,
    merchant_id text NOT NULL,
    description text,
    metadata jsonb NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE personal.payment_notes IS 'What the merchant typed about a payment';
COMMENT ON COLUMN personal.payment_notes.payment_id IS 'Payment the notes belong to';
COMMENT ON COLUMN personal.payment_notes.merchant_id IS 'Merchant who typed them';
COMMENT ON COLUMN personal.payment_notes.description IS 'Free text';
COMMENT ON COLUMN personal.payment_notes.metadata IS 'Free keys and values';
COMMENT ON COLUMN personal.payment_notes._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN personal.payment_notes._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN personal.payment_notes._topic IS 'Topic of that event';
COMMENT ON COLUMN personal.payment_notes._partition IS 'Partition of that event';
COMMENT ON COLUMN personal.payment_notes._offset IS 'Offset of that event';
COMMENT ON COLUMN personal.payment_notes._event_at IS 'When that event occurred';
COMMENT ON COLUMN personal.payment_notes._loaded_at IS 'When this row was written';

CREATE TABLE personal.refund_reasons (
    refund_id text PRIMARY KEY,
    payment_id text NOT NULL,
    merchant_id text NOT NULL,
    reason text NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refund_reasons_by_payment ON personal.refund_reasons (payment_id);
COMMENT ON TABLE personal.refund_reasons IS 'What the merchant typed about a refund';
COMMENT ON COLUMN personal.refund_reasons.refund_id IS 'Refund the reason belongs to';
COMMENT ON COLUMN personal.refund_reasons.payment_id IS 'Payment of the refund';
COMMENT ON COLUMN personal.refund_reasons.merchant_id IS 'Merchant who typed it';
COMMENT ON COLUMN personal.refund_reasons.reason IS 'Free text';
COMMENT ON COLUMN personal.refund_reasons._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN personal.refund_reasons._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN personal.refund_reasons._topic IS 'Topic of that event';
COMMENT ON COLUMN personal.refund_reasons._partition IS 'Partition of that event';
COMMENT ON COLUMN personal.refund_reasons._offset IS 'Offset of that event';
COMMENT ON COLUMN personal.refund_reasons._event_at IS 'When that event occurred';
COMMENT ON COLUMN personal.refund_reasons._loaded_at IS 'When this row was written';

CREATE TABLE personal.account_profiles (
    account_id text PRIMARY KEY,
    display_name text NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE personal.account_profiles IS 'What names a merchant or operator';
COMMENT ON COLUMN personal.account_profiles.account_id IS 'Merchant or operator';
COMMENT ON COLUMN personal.account_profiles.display_name IS 'Name shown to people';
COMMENT ON COLUMN personal.account_profiles._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN personal.account_profiles._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN personal.account_profiles._topic IS 'Topic of that event';
COMMENT ON COLUMN personal.account_profiles._partition IS 'Partition of that event';
COMMENT ON COLUMN personal.account_profiles._offset IS 'Offset of that event';
COMMENT ON COLUMN personal.account_profiles._event_at IS 'When that event occurred';
COMMENT ON COLUMN personal.account_profiles._loaded_at IS 'When this row was written';
