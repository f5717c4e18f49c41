-- Units are synced as frames of the journal, a row of append-only segment files beside the database, and written
-- into the tables a little later, many at once. What is not in the tables yet after a crash is read from there.
--
-- Bodies stay where the journal has them: place is segment, offset, length and CRC-32C, four bytes each. The single
-- byte 0 in a delivery means: the body of its message. Bodies of earlier versions stay in message_body and delivery_body.

-- +goose Up
ALTER TABLE message ADD COLUMN place BLOB;
ALTER TABLE delivery ADD COLUMN place BLOB;

CREATE TABLE journal (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    segment INTEGER NOT NULL, -- the first frame that is not in the tables: segment, place in it and number
    at      INTEGER NOT NULL,
    frame   INTEGER NOT NULL
) STRICT;
INSERT INTO journal (one, segment, at, frame) VALUES (1, 1, 0, 1);

CREATE TABLE segment (
    id   INTEGER PRIMARY KEY,
    dead INTEGER NOT NULL -- bodies in it that no row names any more
) STRICT;

-- Bodies that are to be overwritten in the journal.
CREATE TABLE doomed (
    seq   INTEGER PRIMARY KEY,
    place BLOB NOT NULL
) STRICT;

CREATE INDEX message_place ON message (seq) WHERE place IS NOT NULL;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
