-- Times at which somebody must look at something about a patient.

-- +goose Up
CREATE TABLE due (
    patient TEXT    NOT NULL,
    id      TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    rule    TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    fired   INTEGER NOT NULL, -- when somebody acted on it, 0: nobody yet
    PRIMARY KEY (patient, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX due_open ON due (at) WHERE fired = 0;

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
