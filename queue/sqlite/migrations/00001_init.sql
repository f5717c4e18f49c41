-- Times are nanoseconds since 1970 in UTC, 0 = not set. References between
-- tables are sequence numbers, not ids: they are small, and because they grow,
-- index entries land at the right edge of their tree instead of on random pages.
-- Bodies have tables of their own, so that a change of status rewrites a small row.
-- Large bodies are files: then "file" is the SHA-256 of the content and the blob is NULL.

-- +goose Up
CREATE TABLE message (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    party        TEXT    NOT NULL,
    format       TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    external_id  TEXT    NOT NULL,
    patient      TEXT    NOT NULL,
    generated_at INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    status       TEXT    NOT NULL,
    fault        TEXT    NOT NULL,
    fault_text   TEXT    NOT NULL,
    checksum     TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    content_type TEXT    NOT NULL,
    trace_parent TEXT    NOT NULL
) STRICT;
CREATE INDEX message_party ON message (party);
CREATE INDEX message_kind ON message (kind) WHERE kind <> '';
CREATE INDEX message_patient ON message (patient) WHERE patient <> '';
CREATE INDEX message_external ON message (external_id, party) WHERE external_id <> '';
CREATE INDEX message_checksum ON message (checksum, party) WHERE external_id = '' OR status = 'quarantined';
CREATE INDEX message_status ON message (status) WHERE status <> 'processed';
CREATE INDEX message_received ON message (received_at);

CREATE TABLE message_body (
    seq  INTEGER PRIMARY KEY,
    file TEXT    NOT NULL,
    body BLOB
) STRICT;
CREATE INDEX message_body_file ON message_body (file) WHERE file <> '';

CREATE TABLE message_result (
    seq      INTEGER PRIMARY KEY,
    envelope BLOB,
    notes    BLOB
) STRICT;

CREATE TABLE record (
    seq         INTEGER PRIMARY KEY,
    key         TEXT    NOT NULL,
    hash        TEXT    NOT NULL,
    patient     TEXT    NOT NULL,
    message_id  TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    file        TEXT    NOT NULL,
    body        BLOB,
    UNIQUE (key, hash)
) STRICT;
CREATE INDEX record_patient ON record (patient);
CREATE INDEX record_file ON record (file) WHERE file <> '';

CREATE TABLE plan_version (
    seq        INTEGER PRIMARY KEY,
    patient    TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    message_id TEXT    NOT NULL,
    file       TEXT    NOT NULL,
    body       BLOB,
    UNIQUE (patient, version)
) STRICT;
CREATE INDEX plan_version_file ON plan_version (file) WHERE file <> '';

CREATE TABLE delivery (
    seq          INTEGER PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    message      INTEGER,
    party        TEXT    NOT NULL,
    purpose      TEXT    NOT NULL,
    lane         TEXT    NOT NULL,
    patient      TEXT    NOT NULL,
    external_id  TEXT    NOT NULL,
    kind         TEXT    NOT NULL,
    format       TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    content_type TEXT    NOT NULL,
    rule         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    hold         INTEGER NOT NULL, -- 1: stopped, and what is behind it in the lane waits
    attempts     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    sent_at      INTEGER NOT NULL,
    done_at      INTEGER NOT NULL,
    expect_by    INTEGER NOT NULL,
    fault        TEXT    NOT NULL,
    fault_text   TEXT    NOT NULL,
    checksum     TEXT    NOT NULL,
    size         INTEGER NOT NULL,
    trace_parent TEXT    NOT NULL
) STRICT;
CREATE INDEX delivery_message ON delivery (message) WHERE message IS NOT NULL;
CREATE INDEX delivery_party ON delivery (party);
CREATE INDEX delivery_patient ON delivery (patient) WHERE patient <> '';
CREATE INDEX delivery_external ON delivery (external_id, party) WHERE external_id <> '';
CREATE INDEX delivery_open ON delivery (state, party) WHERE state IN ('queued', 'waiting', 'stopped');
CREATE INDEX delivery_expect ON delivery (expect_by) WHERE state = 'sent' AND expect_by > 0;

CREATE TABLE delivery_body (
    seq  INTEGER PRIMARY KEY,
    file TEXT    NOT NULL,
    body BLOB
) STRICT;
CREATE INDEX delivery_body_file ON delivery_body (file) WHERE file <> '';

CREATE TABLE attempt (
    delivery   INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    took       INTEGER NOT NULL,
    answer     TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    fault      TEXT    NOT NULL,
    fault_text TEXT    NOT NULL,
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    seq      INTEGER PRIMARY KEY,
    message  INTEGER,
    delivery INTEGER,
    party    TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    content  TEXT    NOT NULL -- samvirke.Receipt as JSON
) STRICT;
CREATE INDEX receipt_message ON receipt (message) WHERE message IS NOT NULL;
CREATE INDEX receipt_delivery ON receipt (delivery) WHERE delivery IS NOT NULL;
CREATE INDEX receipt_party ON receipt (party);
CREATE INDEX receipt_note ON receipt (note) WHERE note <> '';

CREATE TABLE event (
    seq      INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    message  INTEGER,
    delivery INTEGER,
    party    TEXT    NOT NULL,
    patient  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;
CREATE INDEX event_message ON event (message) WHERE message IS NOT NULL;
CREATE INDEX event_delivery ON event (delivery) WHERE delivery IS NOT NULL;

CREATE TABLE counter (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The hash covers patient_digest, not patient: erasing a person blanks patient
-- and salt, and the chain still verifies.
CREATE TABLE audit (
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    who            TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    object         TEXT    NOT NULL,
    patient        TEXT    NOT NULL,
    salt           TEXT    NOT NULL,
    patient_digest TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    previous       TEXT    NOT NULL,
    hash           TEXT    NOT NULL
) STRICT;

-- Totals, kept in the same transaction as what they count.
-- kind: accepted | message (state = status) | delivery (party, state) | awaited (party)
CREATE TABLE tally (
    kind  TEXT    NOT NULL,
    party TEXT    NOT NULL,
    state TEXT    NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (kind, party, state)
) STRICT, WITHOUT ROWID;

-- The last hash of the audit, so that cutting off its end is noticed.
CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '');

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
