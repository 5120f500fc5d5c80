-- Who may read what: four schemas, and the roles that see them.

CREATE SCHEMA meta;
CREATE SCHEMA raw;
CREATE SCHEMA mart;
CREATE SCHEMA personal;
COMMENT ON SCHEMA meta IS 'How the load is doing: positions, freshness, anomalies, migrations, reference tables';
COMMENT ON SCHEMA raw IS 'One row per event as it stands on its topic, without what is personal';
COMMENT ON SCHEMA mart IS 'One row per thing (payment, operation, merchant, ...) as its last event left it';
COMMENT ON SCHEMA personal IS 'What people typed or what names a person; erased with its payment or account';

-- Roles belong to the whole cluster, so another database may have made them already.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['reader', 'analyst', 'api', 'ops'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA mart, meta TO reader, analyst, api, ops;
GRANT USAGE ON SCHEMA raw TO analyst, api, ops;
GRANT USAGE ON SCHEMA personal TO api, ops;
ALTER DEFAULT PRIVILEGES IN SCHEMA mart, meta GRANT SELECT ON TABLES TO reader, analyst, api, ops;
ALTER DEFAULT PRIVILEGES IN SCHEMA raw GRANT SELECT ON TABLES TO analyst, api, ops;
ALTER DEFAULT PRIVILEGES IN SCHEMA personal GRANT SELECT ON TABLES TO api, ops;

CREATE TABLE meta.migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE meta.migrations IS 'Which files of schemas/sql have been applied; an applied file never changes';
COMMENT ON COLUMN meta.migrations.number IS 'The four digits the file name starts with';
COMMENT ON COLUMN meta.migrations.name IS 'File name';
COMMENT ON COLUMN meta.migrations.sha256 IS 'SHA-256 of the file as applied, hexadecimal';
COMMENT ON COLUMN meta.migrations.applied_at IS 'When it was applied';
