package sqlite

// lookups are what the writer asks the tables while it serves, on a connection of its own: the other one may be writing into
// them at the same time. Each one seeks by key: none may scan (TestPlans).
type lookups struct {
	messageFirst, messageSame, messageSameID, messageByID, messageSeq, messageFull *stmt

	planHead, deliveryByID, deliverySeq *stmt

	counterGet, dueGet, erasedGet *stmt
}

// statements are what is written into the tables, and what is asked for that. Each one seeks by key too.
type statements struct {
	begin, commit, rollback *stmt

	// set are the statements that change rows, by the change they stand for; rows those that add them.
	set  [changeCount]*stmt
	rows [changeCount]*batch

	auditHead, journalAt *stmt

	troubleDelivery, troubleMessage, troubleForget, troubleSet, troubleIndex, hourSet *stmt
}

const (
	messageColumns = `seq, id, party, format, kind, version, external_id, patient, generated_at,
		received_at, status, fault, fault_text, checksum, size, content_type, trace_parent`
	deliveryInsert = `INSERT INTO delivery (seq, id, message, party, purpose, lane, patient, external_id,
		kind, format, version, content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at,
		expect_by, fault, fault_text, checksum, size, trace_parent, place) VALUES `
)

// query is a statement with the place that it is prepared into.
type query struct {
	to  **stmt
	sql string
}

// text is kept apart from its use so that a test can ask for the plan of each.
//
// "external_id = +?" keeps SQLite from comparing the bound value with the ” of a partial index: it would
// plan the statement again for each value, which costs more than running it.
func (l *lookups) text() []query {
	return []query{
		{&l.messageFirst, `SELECT seq, checksum FROM message INDEXED BY message_external
			WHERE external_id = +? AND party = ? AND external_id <> '' ORDER BY seq LIMIT 1`},
		{&l.messageSame, `SELECT seq FROM message INDEXED BY message_checksum
			WHERE checksum = ? AND party = ? AND external_id = '' ORDER BY seq LIMIT 1`},
		// Those of one id are few: each has another content, whatever became of it.
		{&l.messageSameID, `SELECT seq FROM message INDEXED BY message_external
			WHERE checksum = +? AND party = ? AND external_id = ? AND external_id <> '' ORDER BY seq LIMIT 1`},
		{&l.erasedGet, `SELECT ref FROM erased WHERE hash = ? AND EXISTS (SELECT 1 FROM message WHERE seq = ref)`},
		{&l.messageFull, `SELECT ` + messageColumns + ` FROM message WHERE seq = ?`},
		{&l.messageByID, `SELECT seq, status, format, kind, version, external_id, patient, generated_at, party
			FROM message WHERE id = ?`},
		{&l.messageSeq, `SELECT seq FROM message WHERE id = ?`},
		{&l.planHead, `SELECT version FROM plan_version WHERE patient = ? ORDER BY version DESC LIMIT 1`},
		{&l.deliveryByID, `SELECT d.seq, d.state, d.hold, d.party, d.lane, d.attempts, d.created_at, d.sent_at,
			d.done_at, d.expect_by, d.due_at, d.message, m.id, d.external_id FROM delivery d LEFT JOIN message m ON m.seq = d.message
			WHERE d.id = ?`},
		{&l.deliverySeq, `SELECT seq, message FROM delivery WHERE id = ?`},
		{&l.counterGet, `SELECT value FROM counter WHERE name = ?`},
		{&l.dueGet, `SELECT at, fired FROM due WHERE patient = ? AND id = ?`},
	}
}

func (l *lookups) prepare(c *conn) error { return prepareAll(c, l.text()) }

func (l *lookups) close() { closeAll(l.text()) }

func prepareAll(c *conn, all []query) (err error) {
	for _, q := range all {
		if *q.to, err = c.prepare(q.sql); err != nil {
			return err
		}
	}
	return nil
}

func closeAll(all []query) {
	for _, q := range all {
		if *q.to != nil {
			_ = (*q.to).close()
		}
	}
}

func (st *statements) text() []query {
	return []query{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.set[setMessage], `UPDATE message SET status = ?, fault = ?, fault_text = ? WHERE seq = ?`},
		{&st.set[setMessageAll], `UPDATE message SET status = ?, fault = ?, fault_text = ?, format = ?, kind = ?,
			version = ?, external_id = ?, patient = ?, generated_at = ? WHERE seq = ?`},
		{&st.set[setDelivery], `UPDATE delivery SET state = ?, hold = ?, attempts = ?, due_at = ?, sent_at = ?,
			done_at = ?, expect_by = ?, fault = ?, fault_text = ? WHERE seq = ?`},
		{&st.set[setCounter], `INSERT INTO counter (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`},
		{&st.set[setDue], `INSERT INTO due (patient, id, at, rule, body, fired) VALUES (?, ?, ?, ?, ?, 0)
			ON CONFLICT (patient, id) DO UPDATE SET rule = excluded.rule, body = excluded.body,
			fired = iif(at = excluded.at, fired, 0), at = excluded.at`},
		{&st.set[dropDue], `DELETE FROM due WHERE patient = ? AND id = ?`},
		{&st.set[fireDue], `UPDATE due SET fired = ? WHERE patient = ? AND id = ?`},
		{&st.auditHead, `UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1`},
		{&st.set[addTally], `INSERT INTO tally (kind, party, state, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (kind, party, state) DO UPDATE SET n = n + excluded.n`},
		{&st.troubleDelivery, `SELECT message, party, kind FROM delivery WHERE seq = ? AND message IS NOT NULL`},
		{&st.troubleMessage, `SELECT m.party, m.kind, m.format, t.words FROM message m LEFT JOIN trouble t ON t.seq = m.seq WHERE m.seq = ?`},
		{&st.troubleForget, `INSERT INTO trouble_text (trouble_text, rowid, words) VALUES ('delete', ?, ?)`},
		{&st.troubleSet, `INSERT INTO trouble (seq, words) VALUES (?, ?) ON CONFLICT (seq) DO UPDATE SET words = excluded.words`},
		{&st.troubleIndex, `INSERT INTO trouble_text (rowid, words) VALUES (?, ?)`},
		{&st.hourSet, `INSERT INTO message_hour (hour, first, last) VALUES (?, ?, ?)
			ON CONFLICT (hour) DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)`},
		{&st.journalAt, `UPDATE journal SET segment = ?, at = ?, frame = ? WHERE one = 1`},
	}
}

// batches are the multi-row inserts, in the order they are written; end follows the rows.
func (st *statements) batches() []struct {
	c   change
	sql string
	end string
} {
	return []struct {
		c   change
		sql string
		end string
	}{
		{addMessage, `INSERT INTO message (` + messageColumns + `, place) VALUES `, ``},
		{addMessageFile, `INSERT INTO message_body (seq, file) VALUES `, ``},
		{addResult, `INSERT INTO message_result (seq, envelope, notes) VALUES `,
			` ON CONFLICT (seq) DO UPDATE SET envelope = coalesce(excluded.envelope, envelope),
			notes = coalesce(excluded.notes, notes), pressed = iif(excluded.envelope IS NULL, pressed, 0)`},
		{addRecord, `INSERT INTO record (seq, key, hash, patient, message_id, received_at, file, body) VALUES `,
			` ON CONFLICT (key, hash) DO NOTHING`},
		{addPlan, `INSERT INTO plan_version (seq, patient, version, at, message_id, file, body) VALUES `, ``},
		{addPlanAt, `INSERT INTO plan_version (seq, patient, version, at, message_id, file, place) VALUES `, ``},
		{addDelivery, deliveryInsert, ``},
		{addDeliveryFile, `INSERT INTO delivery_body (seq, file) VALUES `, ``},
		{addAttempt, `INSERT INTO attempt (delivery, number, at, took, answer, class, fault, fault_text) VALUES `, ``},
		{addReceipt, `INSERT INTO receipt (seq, message, delivery, stray, party, note, content) VALUES `, ``},
		{setSetting, `INSERT INTO setting (name, value) VALUES `, ` ON CONFLICT (name) DO UPDATE SET value = excluded.value`},
		{addEvents, `INSERT INTO event_run (seq, message, stray, patient, content) VALUES `, ``},
		{addAudit, `INSERT INTO audit (seq, at, who, action, object, patient, salt, patient_digest, reason,
			previous, hash) VALUES `, ``},
	}
}

func (st *statements) prepare(c *conn) (err error) {
	if err = prepareAll(c, st.text()); err != nil {
		return err
	}
	for _, t := range st.batches() {
		if st.rows[t.c], err = c.prepareBatch(t.sql, t.end, t.c.columns()); err != nil {
			return err
		}
	}
	return nil
}

func (st *statements) close() {
	closeAll(st.text())
	for _, b := range st.rows {
		if b != nil {
			b.close()
		}
	}
}
