-- Traces and names of erased messages can go too; numbers are not given again.

-- +goose Up
ALTER TABLE erased ADD COLUMN at INTEGER NOT NULL DEFAULT 0; -- when it was erased last
UPDATE erased SET at = unixepoch() * 1000000000;
-- Numbers given before rows were deleted.
ALTER TABLE erasure ADD COLUMN message INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN delivery INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN event INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erasure ADD COLUMN receipt INTEGER NOT NULL DEFAULT 0;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
