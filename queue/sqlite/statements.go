package sqlite

// statements are everything the writer runs while it serves. Each one seeks by key: none
// may scan (TestPlans).
type statements struct {
	begin, commit, rollback *stmt

	messageFirst, messageSame, messageByID, messageSeq *stmt
	messageAdd, messageStatus, messageAll, messageFull *stmt

	planHead, deliveryByID, deliverySeq, deliveryStep *stmt

	counterGet, counterSet, settingSet *stmt
	dueGet, dueSet, dueDrop, dueFire   *stmt
	auditAdd, auditHead, tallyAdd      *stmt
	erasedGet                          *stmt

	messageBody, messageResult, recordAdd, planAdd, deliveryAdd, deliveryBody, attemptAdd, receiptAdd, eventAdd *batch
	// gathered are all of these, in the order they are written.
	gathered []*batch
}

const (
	messageColumns = `seq, id, party, format, kind, version, external_id, patient, generated_at,
		received_at, status, fault, fault_text, checksum, size, content_type, trace_parent`
	deliveryInsert = `INSERT INTO delivery (seq, id, message, party, purpose, lane, patient, external_id,
		kind, format, version, content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at,
		expect_by, fault, fault_text, checksum, size, trace_parent) VALUES `
)

// text is kept apart from its use so that a test can ask for the plan of each.
//
// "external_id = +?" keeps SQLite from comparing the bound value with the ” of a partial index: it would
// plan the statement again for each value, which costs more than running it.
func (st *statements) text() []struct {
	to  **stmt
	sql string
} {
	return []struct {
		to  **stmt
		sql string
	}{
		{&st.begin, `BEGIN IMMEDIATE`},
		{&st.commit, `COMMIT`},
		{&st.rollback, `ROLLBACK`},
		{&st.messageFirst, `SELECT seq, checksum FROM message INDEXED BY message_external
			WHERE external_id = +? AND party = ? AND external_id <> '' ORDER BY seq LIMIT 1`},
		{&st.messageSame, `SELECT seq FROM message INDEXED BY message_checksum
			WHERE checksum = ? AND party = ? AND external_id = +?
			AND (external_id = '' OR status = 'quarantined') ORDER BY seq LIMIT 1`},
		{&st.erasedGet, `SELECT ref FROM erased WHERE hash = ?`},
		{&st.messageFull, `SELECT ` + messageColumns + ` FROM message WHERE seq = ?`},
		{&st.messageByID, `SELECT seq, status, format, kind, version, external_id, patient, generated_at
			FROM message WHERE id = ?`},
		{&st.messageSeq, `SELECT seq FROM message WHERE id = ?`},
		{&st.messageAdd, `INSERT INTO message (` + messageColumns + `) VALUES ` + placeholders(1, 17)},
		{&st.messageStatus, `UPDATE message SET status = ?, fault = ?, fault_text = ? WHERE seq = ?`},
		{&st.messageAll, `UPDATE message SET status = ?, fault = ?, fault_text = ?, format = ?, kind = ?,
			version = ?, external_id = ?, patient = ?, generated_at = ? WHERE seq = ?`},
		{&st.planHead, `SELECT version FROM plan_version WHERE patient = ? ORDER BY version DESC LIMIT 1`},
		{&st.deliveryByID, `SELECT d.seq, d.state, d.hold, d.party, d.lane, d.attempts, d.created_at, d.sent_at,
			d.done_at, d.expect_by, d.due_at, d.message, m.id FROM delivery d LEFT JOIN message m ON m.seq = d.message
			WHERE d.id = ?`},
		{&st.deliverySeq, `SELECT seq, message FROM delivery WHERE id = ?`},
		{&st.deliveryStep, `UPDATE delivery SET state = ?, hold = ?, attempts = ?, due_at = ?, sent_at = ?,
			done_at = ?, expect_by = ?, fault = ?, fault_text = ? WHERE seq = ?`},
		{&st.counterGet, `SELECT value FROM counter WHERE name = ?`},
		{&st.counterSet, `INSERT INTO counter (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`},
		{&st.settingSet, `INSERT INTO setting (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`},
		{&st.dueGet, `SELECT at, fired FROM due WHERE patient = ? AND id = ?`},
		{&st.dueSet, `INSERT INTO due (patient, id, at, rule, body, fired) VALUES (?, ?, ?, ?, ?, 0)
			ON CONFLICT (patient, id) DO UPDATE SET rule = excluded.rule, body = excluded.body,
			fired = iif(at = excluded.at, fired, 0), at = excluded.at`},
		{&st.dueDrop, `DELETE FROM due WHERE patient = ? AND id = ?`},
		{&st.dueFire, `UPDATE due SET fired = ? WHERE patient = ? AND id = ?`},
		{&st.auditAdd, `INSERT INTO audit (seq, at, who, action, object, patient, salt, patient_digest, reason,
			previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`},
		{&st.auditHead, `UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1`},
		{&st.tallyAdd, `INSERT INTO tally (kind, party, state, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (kind, party, state) DO UPDATE SET n = n + excluded.n`},
	}
}

// batches are the multi-row inserts, in the order they are written; end follows the rows.
func (st *statements) batches() []struct {
	to   **batch
	cols int
	sql  string
	end  string
} {
	return []struct {
		to   **batch
		cols int
		sql  string
		end  string
	}{
		{&st.messageBody, 3, `INSERT INTO message_body (seq, file, body) VALUES `, ``},
		{&st.messageResult, 3, `INSERT INTO message_result (seq, envelope, notes) VALUES `,
			` ON CONFLICT (seq) DO UPDATE SET envelope = coalesce(excluded.envelope, envelope),
			notes = coalesce(excluded.notes, notes)`},
		{&st.recordAdd, 8, `INSERT INTO record (seq, key, hash, patient, message_id, received_at, file, body) VALUES `,
			` ON CONFLICT (key, hash) DO NOTHING`},
		{&st.planAdd, 7, `INSERT INTO plan_version (seq, patient, version, at, message_id, file, body) VALUES `, ``},
		{&st.deliveryAdd, 26, deliveryInsert, ``},
		{&st.deliveryBody, 3, `INSERT INTO delivery_body (seq, file, body) VALUES `, ``},
		{&st.attemptAdd, 8, `INSERT INTO attempt (delivery, number, at, took, answer, class, fault, fault_text) VALUES `, ``},
		{&st.receiptAdd, 7, `INSERT INTO receipt (seq, message, delivery, stray, party, note, content) VALUES `, ``},
		{&st.eventAdd, 5, `INSERT INTO event_run (seq, message, stray, patient, content) VALUES `, ``},
	}
}

func (st *statements) prepare(c *conn) (err error) {
	for _, t := range st.text() {
		if *t.to, err = c.prepare(t.sql); err != nil {
			return err
		}
	}
	for _, t := range st.batches() {
		if *t.to, err = c.prepareBatch(t.sql, t.end, t.cols); err != nil {
			return err
		}
		st.gathered = append(st.gathered, *t.to)
	}
	return nil
}

func (st *statements) close() {
	for _, t := range st.text() {
		if *t.to != nil {
			_ = (*t.to).close()
		}
	}
	for _, t := range st.batches() {
		if *t.to != nil {
			(*t.to).close()
		}
	}
}
