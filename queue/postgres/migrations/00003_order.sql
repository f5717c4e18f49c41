-- What is about one patient is processed in the order of acceptance, whichever gateway does it: a message that is
-- received says whose it is, and what comes after it about that patient waits.
--
-- What gateways of the version before receive has no key: as long as such a one is running, its messages are in order among
-- themselves as they were before.

-- +goose Up
ALTER TABLE open_message ADD COLUMN key bigint NOT NULL DEFAULT 0; -- of a received one: stands for its patient, 0 for none
UPDATE open_message o SET key = hashtextextended(m.patient, 0) FROM message m
    WHERE m.seq = o.seq AND o.status = 'received' AND m.patient <> '';
CREATE INDEX open_message_key ON open_message (key, seq) WHERE status = 'received' AND key <> 0;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
