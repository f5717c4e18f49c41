-- What an erasure leaves behind: salted hashes of what must be known again, and nothing that names anybody.

-- +goose Up
CREATE TABLE erased (
    hash BLOB    PRIMARY KEY, -- keyed with the salt below, 16 bytes
    ref  INTEGER NOT NULL     -- number of the message or delivery, 0 for a record
) STRICT, WITHOUT ROWID;

CREATE TABLE erasure (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    salt   BLOB    NOT NULL,
    clean  INTEGER NOT NULL, -- 1: what is deleted has always been overwritten
    dirty  INTEGER NOT NULL, -- 1: an erasure has to be wiped out of the files still
    plan   INTEGER NOT NULL, -- numbers given before rows were deleted
    record INTEGER NOT NULL,
    anchor INTEGER NOT NULL, -- the last audit entry that was dropped, and its hash
    hash   TEXT    NOT NULL
) STRICT;
INSERT INTO erasure (one, salt, clean, dirty, plan, record, anchor, hash)
    SELECT 1, randomblob(32), NOT EXISTS (SELECT 1 FROM message) AND NOT EXISTS (SELECT 1 FROM audit), 0, 0, 0, 0, '';

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
