-- What retention drops of aged bodies is room for the next ones only after a VACUUM, and only then does the disk budget count it as
-- free. By default that comes when a fifth of the table is dead: with bodies that are kept for three months, after weeks.

-- +goose Up
ALTER TABLE aged SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
