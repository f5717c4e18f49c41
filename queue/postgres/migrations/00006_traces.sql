-- Names of erased messages can go too. As with the migrations before it each statement can be run again, and none holds up the
-- gateways that run; what an earlier version erases meanwhile gets its time from the default.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE erased ADD COLUMN IF NOT EXISTS at bigint; -- when it was erased last
ALTER TABLE erased ALTER COLUMN at SET DEFAULT now_ns();
UPDATE erased SET at = now_ns() WHERE at IS NULL;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
