-- Bodies that have aged are pressed and stand in a table of their own: their rows get shorter, which touches no index, and the room
-- that they took is there for the next ones.
--
-- Versions before this one would take a pressed body for one that was dropped. So nothing is pressed while a gateway of such
-- a version is alive; then the floor of the schema is raised, and a minute later, when no such gateway has come, the
-- first body is pressed (aging.ready). In a store without messages it is raised at once.

-- +goose Up
CREATE TABLE aged (
    seq  bigint   NOT NULL,
    kind smallint NOT NULL, -- 1 message, 2 its envelope, 3 delivery, 4 record, 5 plan version
    sum  integer  NOT NULL, -- CRC-32C of the body as it was
    body bytea,             -- NULL: it does not get smaller and stands where it was
    PRIMARY KEY (kind, seq)
);
ALTER TABLE aged ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE aging (
    one      smallint PRIMARY KEY CHECK (one = 1),
    message  bigint NOT NULL, -- the last row of each table that was looked at
    delivery bigint NOT NULL,
    record   bigint NOT NULL,
    plan     bigint NOT NULL,
    before   bigint NOT NULL, -- bytes that were pressed so far, and what became of them
    after    bigint NOT NULL,
    ready    bigint NOT NULL  -- when earlier versions were shut out, 0: not yet
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
INSERT INTO aging SELECT 1, 0, 0, 0, 0, 0, 0, CASE WHEN EXISTS (SELECT 1 FROM message) THEN 0 ELSE 1 END;
CREATE TABLE IF NOT EXISTS schema_floor (one smallint PRIMARY KEY CHECK (one = 1), version bigint NOT NULL);
INSERT INTO schema_floor SELECT 1, 4 FROM aging WHERE ready > 0 ON CONFLICT (one) DO UPDATE SET version = greatest(schema_floor.version, excluded.version);
ALTER TABLE record SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE plan_version SET (autovacuum_vacuum_scale_factor = 0.02);

-- Where the check of stored bodies stands, and what it found in this round or the last.
CREATE TABLE integrity (
    one      smallint PRIMARY KEY CHECK (one = 1),
    message  bigint NOT NULL, -- the last row of each table that was looked at in this round
    delivery bigint NOT NULL,
    checked  bigint NOT NULL, -- bodies looked at in this round
    began    bigint NOT NULL, -- when this round began, 0: none runs
    ended    bigint NOT NULL  -- when the last whole round ended, 0: never
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
INSERT INTO integrity VALUES (1, 0, 0, 0, 0, 0);
CREATE TABLE damage (
    kind  text   COLLATE "C" NOT NULL, -- message | delivery
    seq   bigint NOT NULL,
    found bigint NOT NULL,
    PRIMARY KEY (kind, seq)
);

-- Last, because no gateway can say that it is alive until the end of this transaction.
ALTER TABLE gateway ADD COLUMN knows bigint NOT NULL DEFAULT 0; -- the schema that its version was made for; 0: earlier than 4

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
