-- What a search needs to stay fast however much is stored. It is kept by triggers, so that a gateway of the version before keeps
-- it too while both run.
--
-- No statement holds up those gateways: indexes are made CONCURRENTLY, which no transaction can, and what is stored already is
-- added in pieces, after the triggers are there for what is new. So each statement can be run again: an interrupted migration
-- begins anew.
--
-- Statements that lock a table stand first and give up soon (lock_timeout, see migrate_lock.go): then the migration begins anew after
-- a while, and has lost nothing. Those that follow take long, hold up nobody while they wait, and may wait for as long as they must.

-- +goose NO TRANSACTION
-- +goose Up

-- The numbers of the messages that were received in an hour: a time becomes a range of numbers, in which every listing goes.
-- It replaces an index of times, and costs a row for each hour.
CREATE TABLE IF NOT EXISTS message_hour (
    hour  bigint PRIMARY KEY, -- since 1970
    first bigint NOT NULL,
    last  bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION message_hours() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO message_hour AS h SELECT received_at / 3600000000000, min(seq), max(seq) FROM added GROUP BY 1
        ON CONFLICT (hour) DO UPDATE SET first = least(h.first, excluded.first), last = greatest(h.last, excluded.last);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE OR REPLACE TRIGGER message_hours AFTER INSERT ON message REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION message_hours();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION receipt_id(content text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT content::json ->> 'external_id'
$$;
-- +goose StatementEnd

-- The words of what went wrong with a message or its deliveries: party, kind, format, fault code and fault text. A message
-- without trouble has no row.
CREATE TABLE IF NOT EXISTS trouble (
    seq   bigint   PRIMARY KEY,
    words tsvector NOT NULL
);
CREATE INDEX IF NOT EXISTS trouble_words ON trouble USING gin (words);
-- Runs of letters and digits in small letters, as queue.Words takes texts apart, whatever the locale of the database; of what is not
-- ASCII everything counts as a letter.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION words_of(texts text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(coalesce(array_agg(DISTINCT left(w, 60)), '{}')) FROM (
        SELECT w FROM regexp_split_to_table(translate(texts, 'ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅÄÖÜÉ', 'abcdefghijklmnopqrstuvwxyzæøåäöüé'),
            E'[\\x01-/:-@[-`{-\\x7f«»–—’”“…]+') AS w WHERE w <> '' LIMIT 256) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION trouble_add(message bigint, texts text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO trouble AS t VALUES (message, words_of(texts))
        ON CONFLICT (seq) DO UPDATE SET words = t.words || excluded.words WHERE length(t.words) < 256
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION trouble_of_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM trouble_add(NEW.seq, concat_ws(' ', NEW.party, NEW.kind, NEW.format, NEW.fault, NEW.fault_text));
    RETURN NULL;
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION trouble_of_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM trouble_add(m.seq, concat_ws(' ', m.party, m.kind, m.format, NEW.party, NEW.kind, NEW.fault, NEW.fault_text)) FROM message m WHERE m.seq = NEW.message;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE OR REPLACE TRIGGER trouble_new AFTER INSERT ON message FOR EACH ROW WHEN (NEW.fault <> '' OR NEW.fault_text <> '') EXECUTE FUNCTION trouble_of_message();
CREATE OR REPLACE TRIGGER trouble_set AFTER UPDATE ON message FOR EACH ROW WHEN ((NEW.fault <> '' OR NEW.fault_text <> '')
    AND (NEW.fault, NEW.fault_text) IS DISTINCT FROM (OLD.fault, OLD.fault_text)) EXECUTE FUNCTION trouble_of_message();
CREATE OR REPLACE TRIGGER trouble_set AFTER UPDATE ON delivery FOR EACH ROW WHEN ((NEW.fault <> '' OR NEW.fault_text <> '') AND NEW.message IS NOT NULL
    AND (NEW.fault, NEW.fault_text) IS DISTINCT FROM (OLD.fault, OLD.fault_text)) EXECUTE FUNCTION trouble_of_delivery();

SET lock_timeout = 0;
INSERT INTO message_hour AS h SELECT received_at / 3600000000000, min(seq), max(seq) FROM message GROUP BY 1 ORDER BY 1
    ON CONFLICT (hour) DO UPDATE SET first = least(h.first, excluded.first), last = greatest(h.last, excluded.last);
DROP INDEX CONCURRENTLY IF EXISTS message_received;
DROP INDEX CONCURRENTLY IF EXISTS message_party_kind; -- one that was interrupted is there and of no use
CREATE INDEX CONCURRENTLY message_party_kind ON message (party, kind, seq) WHERE kind <> '';
DROP INDEX CONCURRENTLY IF EXISTS receipt_external;
CREATE INDEX CONCURRENTLY receipt_external ON receipt (receipt_id(content));
-- +goose StatementBegin
DO $$
DECLARE
    upto bigint := (SELECT coalesce(max(seq), 0) FROM message);
    piece bigint := 0;
BEGIN
    WHILE piece < upto LOOP
        INSERT INTO trouble AS t SELECT m.seq, words_of(concat_ws(' ', m.party, m.kind, m.format, m.fault, m.fault_text, d.texts)) FROM message m
            LEFT JOIN (SELECT message, string_agg(concat_ws(' ', party, kind, fault, fault_text), ' ') AS texts FROM delivery
                WHERE message > piece AND message <= piece + 20000 AND (fault <> '' OR fault_text <> '') GROUP BY message) d ON d.message = m.seq
            WHERE m.seq > piece AND m.seq <= piece + 20000 AND (m.fault <> '' OR m.fault_text <> '' OR d.message IS NOT NULL) ORDER BY m.seq
            ON CONFLICT (seq) DO UPDATE SET words = t.words || excluded.words;
        COMMIT;
        piece := piece + 20000;
    END LOOP;
END
$$;
-- +goose StatementEnd
RESET lock_timeout;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
