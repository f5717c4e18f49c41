-- Where the check of stored bodies stands, and what it found.

-- +goose Up
CREATE TABLE integrity (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    message  INTEGER NOT NULL, -- the last row of each table that was looked at in this round
    delivery INTEGER NOT NULL,
    checked  INTEGER NOT NULL, -- bodies looked at in this round
    began    INTEGER NOT NULL, -- when this round began
    ended    INTEGER NOT NULL  -- when the last whole round ended, 0: never
) STRICT;
INSERT INTO integrity VALUES (1, 0, 0, 0, 0, 0);

-- Bodies that could not be read, found in this round or the last.
CREATE TABLE damage (
    kind  TEXT    NOT NULL, -- message | delivery
    seq   INTEGER NOT NULL,
    found INTEGER NOT NULL,
    PRIMARY KEY (kind, seq)
) STRICT, WITHOUT ROWID;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
