-- The bodies of records are checked like those of messages, deliveries and plans. As with the migrations before it the statement can be
-- run again, and does not hold up the gateways that run.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE integrity ADD COLUMN IF NOT EXISTS record bigint NOT NULL DEFAULT 0; -- the last record that was looked at in this round

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
