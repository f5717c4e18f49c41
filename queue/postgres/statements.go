package postgres

// Statements of the second round trip: one per table, whose columns are arrays. They are apart from their use so that
// a test can ask for the plan of each.
const (
	messageInsert = `INSERT INTO message (seq, id, party, format, kind, version, external_id, patient, generated_at, received_at, status,
		reused, fault, fault_text, checksum, size, content_type, trace_parent, envelope, notes, raw)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
		$10::bigint[], $11::text[], $12::boolean[], $13::text[], $14::text[], $15::text[], $16::bigint[], $17::text[], $18::text[],
		$19::bytea[], $20::bytea[], $21::bytea[])`
	messageUpdate = `UPDATE message m SET status = n.status, fault = n.fault, fault_text = n.fault_text, format = n.format, kind = n.kind,
		version = n.version, external_id = n.external_id, patient = n.patient, generated_at = n.generated_at,
		envelope = coalesce(n.envelope, m.envelope), notes = coalesce(n.notes, m.notes)
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
		$11::bytea[], $12::bytea[]) AS n(seq, status, fault, fault_text, format, kind, version, external_id, patient, generated_at, envelope, notes)
		WHERE m.seq = n.seq`
	openMessageSet = `INSERT INTO open_message (seq, status, owner, key)
		SELECT seq, status, owner, CASE WHEN status = 'received' AND patient <> '' THEN hashtextextended(patient, 0) ELSE 0 END
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS n(seq, status, owner, patient)
		ON CONFLICT (seq) DO UPDATE SET status = excluded.status, owner = excluded.owner, key = excluded.key`
	openMessageDelete = `DELETE FROM open_message WHERE seq = ANY($1)`
	recordInsert      = `INSERT INTO record (seq, key, hash, patient, message_id, received_at, body)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[])
		ON CONFLICT (key, hash) DO NOTHING`
	planInsert = `INSERT INTO plan_version (seq, patient, version, at, message_id, body)
		SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])`
	dueSet = `INSERT INTO due (patient, id, at, rule, body, fired) VALUES ($1, $2, $3, $4, $5, 0)
		ON CONFLICT (patient, id) DO UPDATE SET rule = excluded.rule, body = excluded.body,
		fired = CASE WHEN due.at = excluded.at THEN due.fired ELSE 0 END, at = excluded.at`
	dueDrop        = `DELETE FROM due WHERE patient = $1 AND id = $2`
	dueFire        = `UPDATE due SET fired = $3 WHERE patient = $1 AND id = $2`
	deliveryInsert = `INSERT INTO delivery (seq, id, message, party, purpose, lane, key, patient, external_id, kind, format, version,
		content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at, expect_by, fault, fault_text, checksum, size,
		trace_parent, original, body)
		SELECT seq, id, nullif(message, 0), party, purpose, lane, key, patient, external_id, kind, format, version,
		content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at, expect_by, fault, fault_text, checksum, size,
		trace_parent, original, body FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
		$8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::boolean[], $17::bigint[],
		$18::bigint[], $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::text[], $24::text[], $25::text[], $26::bigint[],
		$27::text[], $28::boolean[], $29::bytea[]) AS n(seq, id, message, party, purpose, lane, key, patient, external_id, kind, format,
		version, content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at, expect_by, fault, fault_text, checksum,
		size, trace_parent, original, body)`
	deliveryUpdate = `UPDATE delivery d SET state = n.state, hold = n.hold, attempts = n.attempts, due_at = n.due_at, sent_at = n.sent_at,
		done_at = n.done_at, expect_by = n.expect_by, fault = n.fault, fault_text = n.fault_text
		FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[],
		$10::text[]) AS n(seq, state, hold, attempts, due_at, sent_at, done_at, expect_by, fault, fault_text) WHERE d.seq = n.seq`
	openDeliveryInsert = `INSERT INTO open_delivery (seq, party, key, state, due, expect_by)
		SELECT seq, party, key, state, nullif(due, -1), expect_by FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::bigint[])
		AS n(seq, party, key, state, due, expect_by)`
	openDeliverySet = openDeliveryInsert + `
		ON CONFLICT (seq) DO UPDATE SET state = excluded.state, due = excluded.due, expect_by = excluded.expect_by`
	openDeliveryDelete = `DELETE FROM open_delivery WHERE seq = ANY($1)`
	attemptInsert      = `INSERT INTO attempt (delivery, number, at, took, answer, class, fault, fault_text)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])`
	receiptInsert = `INSERT INTO receipt (seq, message, delivery, stray, party, note, content)
		SELECT seq, nullif(message, 0), nullif(delivery, 0), nullif(stray, 0), party, note, content
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[])
		AS n(seq, message, delivery, stray, party, note, content)`
	counterSet = `INSERT INTO counter (name, value) SELECT * FROM unnest($1::text[], $2::bigint[])
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	settingSet = `INSERT INTO setting (name, value) SELECT * FROM unnest($1::text[], $2::text[])
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`
	eventInsert = `INSERT INTO event_run (seq, message, stray, patient, content)
		SELECT seq, nullif(message, 0), nullif(stray, 0), patient, content
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS n(seq, message, stray, patient, content)`
	auditInsert = `INSERT INTO audit (seq, at, who, action, object, patient, salt, patient_digest, reason, previous, hash)
		SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
		$10::text[], $11::text[])`
	tallyAdd = `INSERT INTO tally (kind, party, state, n) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
		ON CONFLICT (kind, party, state) DO UPDATE SET n = tally.n + excluded.n`

	// laneAdd makes lanes that were empty; where something stands already, the new delivery is behind it.
	laneAdd = `INSERT INTO lane (party, key, head, head_due, due, leased, token, owner)
		SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::text[])
		ON CONFLICT (key, party) DO NOTHING RETURNING leased`
	// laneMove finds the first of lanes whose deliveries were stepped. A lease stays unless its delivery was stepped ($3).
	laneMove = `INSERT INTO lane (party, key, head, head_due, due, leased, token, owner)
		SELECT n.party, n.key, o.seq, o.due, o.due, 0, 0, '' FROM unnest($1::text[], $2::bigint[]) AS n(party, key)
		CROSS JOIN LATERAL (SELECT seq, due FROM open_delivery WHERE key = n.key AND party = n.party AND due IS NOT NULL ORDER BY seq LIMIT 1) o
		ON CONFLICT (key, party) DO UPDATE SET head = excluded.head, head_due = excluded.head_due,
		due = CASE WHEN lane.leased = 0 OR lane.leased = ANY($3::bigint[]) THEN excluded.due ELSE lane.due END,
		token = CASE WHEN lane.leased = ANY($3::bigint[]) THEN 0 ELSE lane.token END,
		owner = CASE WHEN lane.leased = ANY($3::bigint[]) THEN '' ELSE lane.owner END,
		leased = CASE WHEN lane.leased = ANY($3::bigint[]) THEN 0 ELSE lane.leased END RETURNING party`
	laneDrop = `DELETE FROM lane l USING unnest($1::text[], $2::bigint[]) AS n(party, key) WHERE l.key = n.key AND l.party = n.party
		AND NOT EXISTS (SELECT 1 FROM open_delivery o WHERE o.key = l.key AND o.party = l.party AND o.due IS NOT NULL)`

	headSet = `UPDATE head SET message = $1, delivery = $2, event = $3, receipt = $4, record = $5, plan = $6, audit = $7, audit_hash = $8 WHERE one = 1`
	markSet = `UPDATE mark SET grp = $2, at = now_ns() WHERE owner = $1`
)
