-- The bodies of plans are checked like those of messages and deliveries. And a message whose kind or format becomes known after it
-- had trouble is found by both: they are among its words from then on.

-- As with the migrations before it each statement can be run again, and none holds up the gateways that run.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE integrity ADD COLUMN IF NOT EXISTS plan bigint NOT NULL DEFAULT 0; -- the last version that was looked at in this round

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION trouble_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE trouble SET words = words || words_of(concat_ws(' ', NEW.kind, NEW.format)) WHERE seq = NEW.seq;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE OR REPLACE TRIGGER trouble_named AFTER UPDATE ON message FOR EACH ROW WHEN ((NEW.kind, NEW.format) IS DISTINCT FROM (OLD.kind, OLD.format))
    EXECUTE FUNCTION trouble_renamed();

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
