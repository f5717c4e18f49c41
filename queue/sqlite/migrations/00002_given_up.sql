-- Deliveries given up are few and asked for by state like the open ones.

-- +goose Up
DROP INDEX delivery_open;
CREATE INDEX delivery_open ON delivery (state, party) WHERE state IN ('queued', 'waiting', 'stopped', 'given-up');

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
