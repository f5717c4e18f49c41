-- Bodies of records that are too large for their rows are checked like those of messages, deliveries and plans.

-- +goose Up
ALTER TABLE integrity ADD COLUMN record INTEGER NOT NULL DEFAULT 0; -- the last record that was looked at in this round

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
