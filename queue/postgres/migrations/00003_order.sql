-- What is about one patient is processed in the order of acceptance, whichever gateway does it: a message that is
-- received says whose it is, and what comes after it about that patient waits.
--
-- What gateways of the version before receive has no key: as long as such a one is running, its messages are in order among
-- themselves as they were before.

-- As with the migration before it each statement can be run again, and none holds up the gateways that run.

-- +goose NO TRANSACTION
-- +goose Up
ALTER TABLE open_message ADD COLUMN IF NOT EXISTS key bigint NOT NULL DEFAULT 0; -- of a received one: stands for its patient, 0 for none

-- A piece that waits for one row holds others meanwhile.
SET lock_timeout = '1s';
-- +goose StatementBegin
DO $$
DECLARE
    upto bigint := (SELECT coalesce(max(seq), 0) FROM open_message WHERE status = 'received');
    piece bigint := 0;
BEGIN
    WHILE piece < upto LOOP
        UPDATE open_message o SET key = hashtextextended(m.patient, 0) FROM message m
            WHERE m.seq = o.seq AND m.patient <> '' AND o.seq IN (SELECT seq FROM open_message
                WHERE seq > piece AND seq <= piece + 2000 AND status = 'received' AND key = 0 ORDER BY seq FOR UPDATE);
        COMMIT;
        piece := piece + 2000;
    END LOOP;
END
$$;
-- +goose StatementEnd
SET lock_timeout = 0; -- what follows holds up nobody while it waits
DROP INDEX CONCURRENTLY IF EXISTS open_message_key;
CREATE INDEX CONCURRENTLY open_message_key ON open_message (key, seq) WHERE status = 'received' AND key <> 0;
RESET lock_timeout;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
