package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	modernc "modernc.org/sqlite"
)

// fillPiece is how many messages one transaction of Fill writes.
const fillPiece = 100_000

// Fill makes a new store in a folder with n messages of the past year, for measuring searches: rows as they stand when all is
// done, written past the journal and without bodies, a hundred times as fast as the real way. One message in a hundred has had
// trouble. The same n gives the same rows. The folder must hold no store; no gateway needs what Fill makes.
//
// progress is told of the messages written so far; nil when nobody listens.
func Fill(ctx context.Context, dir string, n int64, progress func(done int64)) error {
	if _, err := os.Stat(filepath.Join(dir, fileName)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	}
	s, err := Open(ctx, Options{Dir: dir})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	connector, err := modernc.NewConnector(dsn(filepath.Join(dir, fileName), "", "synchronous(OFF)", "cache_size(-200000)", "temp_store(FILE)"))
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1)
	indexes, err := dropIndexes(ctx, db)
	if err != nil {
		return err
	}
	for from := int64(1); from <= n; from += fillPiece {
		if err := fillOne(ctx, db, from, min(from+fillPiece-1, n)); err != nil {
			return fmt.Errorf("fill from %d: %w", from, err)
		}
		if progress != nil {
			progress(min(from+fillPiece-1, n))
		}
	}
	for _, text := range append(indexes, fillTotals...) {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%.60s: %w", text, err)
		}
	}
	_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// dropIndexes takes the indexes away and gives what makes them again: sorted once they are made in a tenth of the time.
func dropIndexes(ctx context.Context, db *sql.DB) (again []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		names, again = append(names, name), append(again, text)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := db.ExecContext(ctx, `DROP INDEX `+name); err != nil {
			return nil, err
		}
	}
	return again, nil
}

func fillOne(ctx context.Context, db *sql.DB, from, to int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // committed when all went well
	for _, text := range fillRows {
		if _, err := tx.ExecContext(ctx, fillNumbers+text, from, to); err != nil {
			return fmt.Errorf("%.60s: %w", text, err)
		}
	}
	return tx.Commit()
}

// fillNumbers are the numbers of a piece, and what follows from each: f is how many messages before it had trouble in steps of a hundred.
const fillNumbers = `WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2),
	m AS (SELECT i, printf('%08x-0000-7000-8000-%012x', i, i * 2654435761 % 281474976710656) AS id, 'party-' || (i * 7919 % 997 % 40) AS party,
		'KIND_' || (i * 104729 % 983 % 12) AS kind, 'urn:oid:2.16.578.1.12.4.1.4.1|' || printf('%011d', 50000000000 + i * 48271 % 500009) AS patient,
		1750000000000000000 + i * (31536000000000000 / 5000000) AS at, i % 100 = 0 AS bad, i % 20000 = 0 AS open FROM n) `

var fillRows = []string{
	`INSERT INTO message (` + messageColumns + `) SELECT i, id, party, 'kith', kind, '1.6', 'x' || id, patient, at, at,
		CASE WHEN open THEN 'attention' WHEN bad THEN 'refused' ELSE 'processed' END, CASE WHEN bad THEN 'schema-invalid' ELSE '' END,
		CASE WHEN bad THEN 'line ' || (i / 100 % 500) || ': element is not allowed here' ELSE '' END, printf('%064x', i), 8192, 'application/xml', '' FROM m`,
	deliveryInsertFill + ` SELECT i, 'd' || id, i, 'party-' || ((i * 7919 + 1) % 40), 'forward', 'l' || patient, patient, 'o' || id, kind, 'kith', '1.6',
		'application/xml', 'all', CASE WHEN i % 50 = 1 THEN 'stopped' WHEN i % 50 = 2 THEN 'queued' ELSE 'acknowledged' END, 0, 1, at, 0, at, at, 0,
		CASE WHEN i % 50 = 1 THEN 'timeout' ELSE '' END, CASE WHEN i % 50 = 1 THEN 'no answer in 30 s' ELSE '' END, printf('%064x', i), 11000, '', NULL FROM m WHERE NOT bad`,
	`INSERT INTO receipt (seq, message, delivery, stray, party, note, content) SELECT i, i, i, NULL, 'party-' || ((i * 7919 + 1) % 40), '',
		'{"id":"r' || id || '","direction":"in","external_id":"rx' || id || '","status":"1"}' FROM m WHERE NOT bad`,
	`INSERT INTO event_run (seq, message, stray, patient, content) SELECT i * 2, i, NULL, patient,
		json_array(json_array(at, NULL, party, 'received', ''), json_array(at, NULL, party, 'processed', '')) FROM m`,
	`INSERT INTO trouble (seq, words) SELECT i, party || ' ' || kind || ' kith ' || CASE WHEN bad THEN 'schema invalid line ' || (i / 100 % 500) || ' element is not allowed here'
		ELSE 'timeout no answer in 30 s' END FROM m WHERE bad OR i % 50 = 1`,
}

const deliveryInsertFill = `INSERT INTO delivery (seq, id, message, party, purpose, lane, patient, external_id,
	kind, format, version, content_type, rule, state, hold, attempts, created_at, due_at, sent_at, done_at,
	expect_by, fault, fault_text, checksum, size, trace_parent, place)`

// fillTotals is what is counted over all rows at the end.
var fillTotals = []string{
	`INSERT INTO message_hour SELECT received_at / 3600000000000, min(seq), max(seq) FROM message GROUP BY 1`,
	`INSERT INTO trouble_text (trouble_text) VALUES ('rebuild')`,
	`INSERT INTO tally (kind, party, state, n) ` + countRows + `
	UNION ALL SELECT 'delivery', party, state, count(*) FROM delivery NOT INDEXED GROUP BY party, state`,
}
