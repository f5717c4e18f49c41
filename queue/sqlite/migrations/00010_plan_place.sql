-- Bodies of plans stay where the journal has them, like those of messages and deliveries: twelve kilobytes for each message that do
-- not go through the tables any more. Once they have aged they stand pressed in their rows, and their place is given up.

-- +goose Up
ALTER TABLE plan_version ADD COLUMN place BLOB;
ALTER TABLE integrity ADD COLUMN plan INTEGER NOT NULL DEFAULT 0; -- the last row of plans that was looked at in this round

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
