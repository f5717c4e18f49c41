-- Times are nanoseconds since 1970 in UTC, 0 = not set. References between tables are numbers, not ids.
--
-- What changes often stands apart from what is found by many indexes: message and delivery are changed without
-- touching an index (HOT), and what is still open stands in small tables of its own, whose rows go when it ends.
-- Bodies are stored out of line and not compressed: a change of a row does not write them again.
--
-- Later migrations only add (tables, indexes, columns with a default), so that the version before goes on working
-- beside the new one; see "Rolling upgrade" in the package comment.

-- +goose Up

-- The last numbers given, and the end of the audit chain. Whoever writes a group holds this row to its commit: so
-- numbers are given in the order in which they can be seen, by all gateways.
CREATE TABLE head (
    one        smallint PRIMARY KEY CHECK (one = 1),
    message    bigint NOT NULL,
    delivery   bigint NOT NULL,
    event      bigint NOT NULL,
    receipt    bigint NOT NULL,
    record     bigint NOT NULL,
    plan       bigint NOT NULL,
    audit      bigint NOT NULL,
    audit_hash text   NOT NULL,
    erased     boolean NOT NULL -- something was erased: a repeated message may be one that is known by its hash only
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);
INSERT INTO head VALUES (1, 0, 0, 0, 0, 0, 0, 0, '', false);

-- The last group of each gateway, written with the group: after a lost connection it tells whether the group was
-- committed. A row is kept for days after its gateway is gone.
CREATE TABLE mark (
    owner text   COLLATE "C" PRIMARY KEY,
    grp   bigint NOT NULL,
    at    bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- Gateways that are alive, by the clock of the database.
CREATE TABLE gateway (
    owner text   COLLATE "C" PRIMARY KEY,
    until bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

-- Who leads in a thing that one gateway does for all.
CREATE TABLE leader (
    name  text   COLLATE "C" PRIMARY KEY,
    owner text   COLLATE "C" NOT NULL,
    until bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE message (
    seq          bigint  PRIMARY KEY,
    id           text    COLLATE "C" NOT NULL UNIQUE,
    party        text    COLLATE "C" NOT NULL,
    format       text    COLLATE "C" NOT NULL,
    kind         text    COLLATE "C" NOT NULL,
    version      text    COLLATE "C" NOT NULL,
    external_id  text    COLLATE "C" NOT NULL,
    patient      text    COLLATE "C" NOT NULL,
    generated_at bigint  NOT NULL,
    received_at  bigint  NOT NULL,
    status       text    COLLATE "C" NOT NULL,
    reused       boolean NOT NULL, -- its id was that of an earlier message
    fault        text    COLLATE "C" NOT NULL,
    fault_text   text    COLLATE "C" NOT NULL,
    checksum     text    COLLATE "C" NOT NULL,
    size         bigint  NOT NULL,
    content_type text    COLLATE "C" NOT NULL,
    trace_parent text    COLLATE "C" NOT NULL,
    envelope     bytea,
    notes        bytea,
    raw          bytea  -- NULL: erased or dropped when its time was over
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE message ALTER COLUMN raw SET STORAGE EXTERNAL;
ALTER TABLE message ALTER COLUMN envelope SET STORAGE EXTERNAL;
ALTER TABLE message ALTER COLUMN notes SET STORAGE EXTERNAL;
CREATE INDEX message_party ON message (party, seq);
CREATE INDEX message_kind ON message (kind, seq) WHERE kind <> '';
CREATE INDEX message_patient ON message (patient, seq) WHERE patient <> '';
CREATE INDEX message_external ON message (external_id, party, seq) WHERE external_id <> '';
CREATE INDEX message_checksum ON message (checksum, party, seq) WHERE external_id = '' OR reused;
CREATE INDEX message_received ON message (received_at);

-- Messages that are not processed. Owner is the gateway that has a received one in hand, '' for nobody.
CREATE TABLE open_message (
    seq    bigint PRIMARY KEY,
    status text   COLLATE "C" NOT NULL,
    owner  text   COLLATE "C" NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX open_message_status ON open_message (status, seq);
CREATE INDEX open_message_free ON open_message (seq) WHERE status = 'received' AND owner = '';

CREATE TABLE record (
    seq         bigint PRIMARY KEY,
    key         text   COLLATE "C" NOT NULL,
    hash        text   COLLATE "C" NOT NULL,
    patient     text   COLLATE "C" NOT NULL,
    message_id  text   COLLATE "C" NOT NULL,
    received_at bigint NOT NULL,
    body        bytea  NOT NULL,
    UNIQUE (key, hash)
);
ALTER TABLE record ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX record_patient ON record (patient, seq);

CREATE TABLE plan_version (
    seq        bigint PRIMARY KEY,
    patient    text   COLLATE "C" NOT NULL,
    version    bigint NOT NULL,
    at         bigint NOT NULL,
    message_id text   COLLATE "C" NOT NULL,
    body       bytea  NOT NULL,
    UNIQUE (patient, version)
);
ALTER TABLE plan_version ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE delivery (
    seq          bigint  PRIMARY KEY,
    id           text    COLLATE "C" NOT NULL UNIQUE,
    message      bigint,
    party        text    COLLATE "C" NOT NULL,
    purpose      text    COLLATE "C" NOT NULL,
    lane         text    COLLATE "C" NOT NULL,
    key          bigint  NOT NULL, -- stands for party and lane
    patient      text    COLLATE "C" NOT NULL,
    external_id  text    COLLATE "C" NOT NULL,
    kind         text    COLLATE "C" NOT NULL,
    format       text    COLLATE "C" NOT NULL,
    version      text    COLLATE "C" NOT NULL,
    content_type text    COLLATE "C" NOT NULL,
    rule         text    COLLATE "C" NOT NULL,
    state        text    COLLATE "C" NOT NULL, -- never sending: that is the lease in its lane
    hold         boolean NOT NULL,             -- stopped, and what is behind it in the lane waits
    attempts     bigint  NOT NULL,
    created_at   bigint  NOT NULL,
    due_at       bigint  NOT NULL,
    sent_at      bigint  NOT NULL,
    done_at      bigint  NOT NULL,
    expect_by    bigint  NOT NULL,
    fault        text    COLLATE "C" NOT NULL,
    fault_text   text    COLLATE "C" NOT NULL,
    checksum     text    COLLATE "C" NOT NULL,
    size         bigint  NOT NULL,
    trace_parent text    COLLATE "C" NOT NULL,
    original     boolean NOT NULL, -- the body is that of the message
    body         bytea   -- NULL: original, erased, or dropped when its time was over
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE delivery ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX delivery_message ON delivery (message, seq) WHERE message IS NOT NULL;
CREATE INDEX delivery_party ON delivery (party, seq);
CREATE INDEX delivery_patient ON delivery (patient, seq) WHERE patient <> '';
CREATE INDEX delivery_external ON delivery (external_id, party, seq) WHERE external_id <> '';

-- Deliveries that have not come to their end: queued, waiting, stopped, given up, or sent with a receipt awaited.
-- due is when it may be sent; NULL when it does not stand in its lane; the largest number when it holds it.
CREATE TABLE open_delivery (
    seq       bigint PRIMARY KEY,
    party     text   COLLATE "C" NOT NULL,
    key       bigint NOT NULL,
    state     text   COLLATE "C" NOT NULL,
    due       bigint,
    expect_by bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX open_delivery_lane ON open_delivery (key, party, seq) WHERE due IS NOT NULL;
CREATE INDEX open_delivery_state ON open_delivery (state, party, seq);
CREATE INDEX open_delivery_expect ON open_delivery (expect_by) WHERE state = 'sent';

-- Lanes in which something stands. due is when the lane may be leased: that of its first delivery, or the end of the
-- lease while one is in hand, so that a lease that ends is a lane that is due again.
CREATE TABLE lane (
    party    text   COLLATE "C" NOT NULL,
    key      bigint NOT NULL,
    head     bigint NOT NULL, -- the first delivery
    head_due bigint NOT NULL,
    due      bigint NOT NULL,
    leased   bigint NOT NULL, -- the delivery in hand, 0 for none
    token    bigint NOT NULL,
    owner    text   COLLATE "C" NOT NULL,
    PRIMARY KEY (key, party)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX lane_due ON lane (party, due, head);
CREATE INDEX lane_leased ON lane (leased) WHERE leased <> 0;

CREATE TABLE attempt (
    delivery   bigint NOT NULL,
    number     bigint NOT NULL,
    at         bigint NOT NULL,
    took       bigint NOT NULL,
    answer     text   COLLATE "C" NOT NULL,
    class      text   COLLATE "C" NOT NULL,
    fault      text   COLLATE "C" NOT NULL,
    fault_text text   COLLATE "C" NOT NULL,
    PRIMARY KEY (delivery, number)
);

-- Receipts and events of a delivery are found through its message. Those that name another message than their delivery
-- does, or none, have stray set and are found by that.
CREATE TABLE receipt (
    seq      bigint PRIMARY KEY,
    message  bigint,
    delivery bigint,
    stray    bigint,
    party    text   COLLATE "C" NOT NULL,
    note     text   COLLATE "C" NOT NULL,
    content  text   COLLATE "C" NOT NULL -- samvirke.Receipt as JSON
);
CREATE INDEX receipt_message ON receipt (message, seq) WHERE message IS NOT NULL;
CREATE INDEX receipt_stray ON receipt (stray, seq) WHERE stray IS NOT NULL;
CREATE INDEX receipt_note ON receipt (note, seq) WHERE note <> '';

-- The events of a unit stand in one row where they tell of one message and patient: content is a JSON array of
-- [at, delivery, party, name, detail]; the numbers of the events end with seq.
CREATE TABLE event_run (
    seq     bigint PRIMARY KEY,
    message bigint,
    stray   bigint,
    patient text   COLLATE "C" NOT NULL,
    content text   COLLATE "C" NOT NULL
);
CREATE INDEX event_run_message ON event_run (message, seq) WHERE message IS NOT NULL;
CREATE INDEX event_run_stray ON event_run (stray, seq) WHERE stray IS NOT NULL;

CREATE TABLE counter (
    name  text   COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

CREATE TABLE setting (
    name  text COLLATE "C" PRIMARY KEY,
    value text COLLATE "C" NOT NULL
);

CREATE TABLE due (
    patient text   COLLATE "C" NOT NULL,
    id      text   COLLATE "C" NOT NULL,
    at      bigint NOT NULL,
    rule    text   COLLATE "C" NOT NULL,
    body    bytea  NOT NULL,
    fired   bigint NOT NULL, -- when somebody acted on it, 0: nobody yet
    PRIMARY KEY (patient, id)
);
CREATE INDEX due_open ON due (at, patient, id) WHERE fired = 0;

-- The hash covers patient_digest, not patient: erasing a person blanks patient and salt, and the chain still verifies.
CREATE TABLE audit (
    seq            bigint PRIMARY KEY,
    at             bigint NOT NULL,
    who            text   COLLATE "C" NOT NULL,
    action         text   COLLATE "C" NOT NULL,
    object         text   COLLATE "C" NOT NULL,
    patient        text   COLLATE "C" NOT NULL,
    salt           text   COLLATE "C" NOT NULL,
    patient_digest text   COLLATE "C" NOT NULL,
    reason         text   COLLATE "C" NOT NULL,
    previous       text   COLLATE "C" NOT NULL,
    hash           text   COLLATE "C" NOT NULL
);

-- Totals, kept in the same transaction as what they count.
-- kind: accepted | message (state = status) | delivery (party, state) | awaited (party)
CREATE TABLE tally (
    kind  text   COLLATE "C" NOT NULL,
    party text   COLLATE "C" NOT NULL,
    state text   COLLATE "C" NOT NULL,
    n     bigint NOT NULL,
    PRIMARY KEY (kind, party, state)
) WITH (fillfactor = 20, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

-- What an erasure leaves behind: keyed hashes of what must be known again, and nothing that names anybody.
CREATE TABLE erased (
    hash bytea  PRIMARY KEY,
    ref  bigint NOT NULL -- number of the message or delivery, 0 for a record
);
CREATE TABLE erasure (
    one    smallint PRIMARY KEY CHECK (one = 1),
    salt   bytea  NOT NULL,
    anchor bigint NOT NULL, -- the last audit entry that was dropped, and its hash
    hash   text   COLLATE "C" NOT NULL
);
INSERT INTO erasure VALUES (1, decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'), 0, '');

-- +goose StatementBegin
CREATE FUNCTION now_ns() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint * 1000
$$;
-- +goose StatementEnd

-- +goose Down
SELECT 1 / 0; -- there is no way back: restore a backup
