-- What a search needs to stay fast however much is stored.

-- +goose Up

-- The numbers of the messages that were received in an hour: a time becomes a range of numbers, in which every listing
-- goes. It replaces an index of times, and costs a row for each hour.
CREATE TABLE message_hour (
    hour  INTEGER PRIMARY KEY, -- since 1970
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT;
INSERT INTO message_hour (hour, first, last)
    SELECT received_at / 3600000000000, min(seq), max(seq) FROM message GROUP BY 1;
DROP INDEX message_received;
CREATE INDEX message_party_kind ON message (party, kind) WHERE kind <> '';
CREATE INDEX message_status_party ON message (status, party) WHERE status <> 'processed';
CREATE INDEX receipt_external ON receipt (content ->> '$.external_id');

-- The words of what went wrong with a message or its deliveries: party, kind, format, fault code and fault text. A message
-- without trouble has no row.
CREATE TABLE trouble (
    seq   INTEGER PRIMARY KEY,
    words TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE trouble_text USING fts5(words, content='trouble', content_rowid='seq', columnsize=0, detail=none,
    tokenize='unicode61 remove_diacritics 0');
-- Words of an erased person are taken out at once, not at some later merge.
INSERT INTO trouble_text (trouble_text, rank) VALUES ('secure-delete', 1);
INSERT INTO trouble (seq, words)
    SELECT m.seq, m.party || ' ' || m.kind || ' ' || m.format || ' ' || m.fault || ' ' || m.fault_text || coalesce((SELECT group_concat(' ' || d.party || ' ' || d.kind
            || ' ' || d.fault || ' ' || d.fault_text, '') FROM delivery d WHERE d.message = m.seq AND d.message IS NOT NULL AND d.fault <> ''), '')
        FROM message m WHERE m.fault <> '' OR EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq AND d.message IS NOT NULL AND d.fault <> '');
INSERT INTO trouble_text (rowid, words) SELECT seq, words FROM trouble;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
