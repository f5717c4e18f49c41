-- Traces and names of erased messages can go too; numbers are not given again.

-- +goose Up
ALTER TABLE erased ADD COLUMN at INTEGER NOT NULL DEFAULT 0; -- when it was erased last
UPDATE erased SET at = unixepoch() * 1000000000;
-- Numbers given before rows were deleted.
ALTER TABLE erasure ADD COLUMN message INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN delivery INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN syncs INTEGER NOT NULL DEFAULT 0; -- counted for the sake of the sync: without a change there is none
-- Whose rows are to be blanked still, up to which numbers.
CREATE TABLE erased_patient (
    patient  TEXT    PRIMARY KEY,
    message  INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    event    INTEGER NOT NULL,
    audit    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
ALTER TABLE doomed ADD COLUMN mild INTEGER NOT NULL DEFAULT 0; -- 1: its room is given back without being overwritten first, where that can be
-- What is no row any more and counts in the totals.
CREATE TABLE dropped (
    kind  TEXT    NOT NULL,
    party TEXT    NOT NULL,
    state TEXT    NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (kind, party, state)
) STRICT, WITHOUT ROWID;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
