-- Events and the audit are gone through once for many erasures. As with the migrations before it each statement can be run again, and
-- none holds up the gateways that run: an earlier version goes through them for each erasure, and writes nothing here.

-- +goose NO TRANSACTION
-- +goose Up
-- People who were erased and whose rows may name them still.
CREATE TABLE IF NOT EXISTS erased_patient (
	seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	patient text NOT NULL,
	-- the last numbers that the erasure is about
	message bigint NOT NULL,
	delivery bigint NOT NULL,
	event bigint NOT NULL,
	audit bigint NOT NULL,
	until bigint NOT NULL -- what came before this time is erased
);

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
