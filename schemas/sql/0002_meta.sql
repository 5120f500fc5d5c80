-- How far the load is, how fresh the tables are, and what the topics should never have held.

CREATE TABLE meta.sink_offset (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    newest_record_at timestamptz,
    loaded_at timestamptz,
    caught_up_at timestamptz,
    PRIMARY KEY (topic, partition)
);
COMMENT ON TABLE meta.sink_offset IS 'The position of the load, moved in the transaction that writes the rows below it';
COMMENT ON COLUMN meta.sink_offset.topic IS 'Topic';
COMMENT ON COLUMN meta.sink_offset.partition IS 'Partition of the topic';
COMMENT ON COLUMN meta.sink_offset.next_offset IS 'Offset of the first record that is not loaded yet; everything below is';
COMMENT ON COLUMN meta.sink_offset.newest_record_at IS 'When the newest loaded record was written to the topic';
COMMENT ON COLUMN meta.sink_offset.loaded_at IS 'When records were last loaded';
COMMENT ON COLUMN meta.sink_offset.caught_up_at IS 'When the load was last seen to have reached the end of the partition';

CREATE VIEW meta.freshness AS
SELECT
    topic,
    count(*)::integer AS partitions,
    sum(next_offset)::bigint AS loaded_offsets,
    max(newest_record_at) AS newest_record_at,
    extract(epoch FROM now() - max(newest_record_at))::double precision AS seconds_since_newest_record,
    max(loaded_at) AS loaded_at,
    extract(epoch FROM now() - min(greatest(caught_up_at, newest_record_at)))::double precision AS lag_seconds
FROM meta.sink_offset
GROUP BY topic;
COMMENT ON VIEW meta.freshness IS 'How fresh the tables are, by topic they are loaded from';
COMMENT ON COLUMN meta.freshness.topic IS 'Topic';
COMMENT ON COLUMN meta.freshness.partitions IS 'Partitions that are being loaded';
COMMENT ON COLUMN meta.freshness.loaded_offsets IS 'Sum of the positions of its partitions';
COMMENT ON COLUMN meta.freshness.newest_record_at IS 'When the newest loaded record was written to the topic';
COMMENT ON COLUMN meta.freshness.seconds_since_newest_record IS 'Seconds since then; grows while nothing happens';
COMMENT ON COLUMN meta.freshness.loaded_at IS 'When records were last loaded';
COMMENT ON COLUMN meta.freshness.lag_seconds IS 'What was on the topic this many seconds ago is in the tables';

CREATE TABLE meta.anomalies (
    anomaly_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    aggregate_key text NOT NULL,
    event_id text NOT NULL,
    version bigint NOT NULL,
    expected_version bigint NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, partition, record_offset)
);
COMMENT ON TABLE meta.anomalies IS 'Events whose version does not follow the one before; there should be none';
COMMENT ON COLUMN meta.anomalies.anomaly_id IS 'Running number';
COMMENT ON COLUMN meta.anomalies.kind IS
    'gap: a version is missing before it; repeat: the same event again; conflict: an old version with other content';
COMMENT ON COLUMN meta.anomalies.topic IS 'Topic of the record';
COMMENT ON COLUMN meta.anomalies.partition IS 'Partition of the record';
COMMENT ON COLUMN meta.anomalies.record_offset IS 'Offset of the record';
COMMENT ON COLUMN meta.anomalies.aggregate_key IS 'Key of the payment or account the event belongs to';
COMMENT ON COLUMN meta.anomalies.event_id IS 'Id of the event';
COMMENT ON COLUMN meta.anomalies.version IS 'Version the event carries';
COMMENT ON COLUMN meta.anomalies.expected_version IS 'Version that would have followed';
COMMENT ON COLUMN meta.anomalies.found_at IS 'When the load came across it';

CREATE TABLE meta.currencies (
    code text PRIMARY KEY,
    exponent smallint NOT NULL
);
COMMENT ON TABLE meta.currencies IS 'Active ISO 4217 currencies; divide minor units by 10 ^ exponent to show an amount';
COMMENT ON COLUMN meta.currencies.code IS 'Three capitals, such as USD';
COMMENT ON COLUMN meta.currencies.exponent IS 'Decimal digits of the minor unit: USD 2, JPY 0, KWD 3';
