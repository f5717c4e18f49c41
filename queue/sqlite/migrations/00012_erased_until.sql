-- What came of an erased person after the erasure is not its own, also when it was named late.

-- +goose Up
ALTER TABLE erased_patient ADD COLUMN until INTEGER NOT NULL DEFAULT 9223372036854775807; -- what came before this time is erased

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
