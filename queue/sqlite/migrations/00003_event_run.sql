-- The events of a unit stand in one row where they tell of one message: a third of the rows, and an index less.
-- Content is a JSON array of [at, delivery, party, name, detail]; the numbers of the events end with seq.
--
-- Events and receipts of a delivery are found through its message. Only those that name another
-- message than their delivery does, or none, have stray set and are found by that.

-- +goose Up
CREATE TABLE event_run (
    seq     INTEGER PRIMARY KEY, -- number of the last event in the row
    message INTEGER,
    stray   INTEGER,
    patient TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
INSERT INTO event_run (seq, message, stray, patient, content)
    SELECT e.seq, e.message, CASE WHEN e.message IS NULL OR d.message IS NOT e.message THEN d.seq END, e.patient,
        json_array(json_array(e.at, e.delivery, e.party, e.name, e.detail))
    FROM event e LEFT JOIN delivery d ON d.seq = e.delivery;
DROP TABLE event;
CREATE INDEX event_run_message ON event_run (message) WHERE message IS NOT NULL;
CREATE INDEX event_run_stray ON event_run (stray) WHERE stray IS NOT NULL;

ALTER TABLE receipt ADD COLUMN stray INTEGER;
UPDATE receipt SET stray = delivery WHERE delivery IS NOT NULL
    AND (message IS NULL OR message IS NOT (SELECT d.message FROM delivery d WHERE d.seq = receipt.delivery));
DROP INDEX receipt_delivery;
DROP INDEX receipt_party;
CREATE INDEX receipt_stray ON receipt (stray) WHERE stray IS NOT NULL;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
