-- Bodies that have aged are pressed: those of messages and deliveries move from the segments of the journal into aged segments,
-- which are numbered from 50,000,000 on, and those of records, plans and envelopes become smaller in their rows.

-- +goose Up
CREATE TABLE aging (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    message  INTEGER NOT NULL, -- the last row of each table that was looked at
    delivery INTEGER NOT NULL,
    record   INTEGER NOT NULL,
    plan     INTEGER NOT NULL,
    result   INTEGER NOT NULL,
    segment  INTEGER NOT NULL, -- the aged segment in use and where its next body goes: what lies behind belongs to nobody
    at       INTEGER NOT NULL,
    before   INTEGER NOT NULL, -- bytes that were pressed so far, and what became of them
    after    INTEGER NOT NULL
) STRICT;
INSERT INTO aging VALUES (1, 0, 0, 0, 0, 0, 50000000, 0, 0, 0);
ALTER TABLE segment ADD COLUMN bodies INTEGER NOT NULL DEFAULT 0; -- of an aged one: how many were put into it
ALTER TABLE record ADD COLUMN pressed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE plan_version ADD COLUMN pressed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE message_result ADD COLUMN pressed INTEGER NOT NULL DEFAULT 0; -- the envelope

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
