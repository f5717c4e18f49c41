package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// fillPiece is how many messages one transaction of Fill writes.
const fillPiece = 100_000

// Fill makes the tables of a new store with n messages of the past year, for measuring searches: rows as they stand when all
// is done, without bodies and past the gateway, a hundred times as fast as the real way. One message in a hundred has had
// trouble. The same n gives the same rows. queue.ErrExists when there are messages already; no gateway needs what Fill makes.
//
// progress is told of the messages written so far; nil when nobody listens.
func Fill(ctx context.Context, opts Options, n int64, progress func(done int64)) error {
	if err := opts.defaults(); err != nil {
		return err
	}
	if err := migrate(ctx, opts); err != nil {
		return err
	}
	c, err := opts.config(map[string]string{"synchronous_commit": "off", "maintenance_work_mem": "512MB"})
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return fmt.Errorf("connect: %w", hidden(err))
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // everything was committed
	var some bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM message)`).Scan(&some); err != nil {
		return err
	}
	if some {
		return fmt.Errorf("schema %s has messages: %w", opts.Schema, queue.ErrExists)
	}
	again, err := dropIndexes(ctx, conn)
	if err != nil {
		return err
	}
	for from := int64(1); from <= n; from += fillPiece {
		to := min(from+fillPiece-1, n)
		err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, text := range fillRows {
				if _, err := tx.Exec(ctx, fillNumbers+text, from, to); err != nil {
					return fmt.Errorf("%.60s: %w", text, err)
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("fill from %d: %w", from, err)
		}
		if progress != nil {
			progress(to)
		}
	}
	for _, text := range append(again, fillTotals...) {
		if _, err := conn.Exec(ctx, text); err != nil {
			return fmt.Errorf("%.60s: %w", text, err)
		}
	}
	return nil
}

// dropIndexes takes the indexes away that no key needs, and switches the triggers off; again puts both back. Sorted once
// indexes are made in a tenth of the time.
func dropIndexes(ctx context.Context, conn *pgx.Conn) (again []string, err error) {
	rows, err := conn.Query(ctx, `SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE c.relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)`)
	if err != nil {
		return nil, err
	}
	type index struct{ Name, Text string }
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[index])
	if err != nil {
		return nil, err
	}
	for _, x := range list {
		if _, err := conn.Exec(ctx, `DROP INDEX `+pgx.Identifier{x.Name}.Sanitize()); err != nil {
			return nil, err
		}
		again = append(again, x.Text)
	}
	for _, table := range []string{"message", "delivery"} {
		if _, err := conn.Exec(ctx, `ALTER TABLE `+table+` DISABLE TRIGGER USER`); err != nil {
			return nil, err
		}
		again = append(again, `ALTER TABLE `+table+` ENABLE TRIGGER USER`)
	}
	return again, nil
}

// fillNumbers are the numbers of a piece, and what follows from each.
const fillNumbers = `WITH m AS (SELECT i, format('%s-0000-7000-8000-%s', lpad(to_hex(i), 8, '0'), lpad(to_hex(i * 2654435761 % 281474976710656), 12, '0')) AS id,
		'party-' || (i * 7919 % 997 % 40) AS party, 'KIND_' || (i * 104729 % 983 % 12) AS kind,
		'urn:oid:2.16.578.1.12.4.1.4.1|' || lpad((50000000000 + i * 48271 % 500009)::text, 11, '0') AS patient,
		1750000000000000000 + i * (31536000000000000 / 5000000) AS at, i % 100 = 0 AS bad, i % 20000 = 0 AS open FROM generate_series($1::bigint, $2::bigint) i) `

var fillRows = []string{
	`INSERT INTO message SELECT i, id, party, 'kith', kind, '1.6', 'x' || id, patient, at, at,
		CASE WHEN open THEN 'attention' WHEN bad THEN 'refused' ELSE 'processed' END, false, CASE WHEN bad THEN 'schema-invalid' ELSE '' END,
		CASE WHEN bad THEN 'line ' || (i / 100 % 500) || ': element is not allowed here' ELSE '' END, lpad(to_hex(i), 64, '0'), 8192, 'application/xml', '', NULL, NULL, NULL FROM m`,
	`INSERT INTO open_message SELECT i, CASE WHEN open THEN 'attention' ELSE 'refused' END, '' FROM m WHERE bad`,
	`INSERT INTO delivery SELECT i, 'd' || id, i, 'party-' || ((i * 7919 + 1) % 40), 'forward', 'l' || patient, i, patient, 'o' || id, kind, 'kith', '1.6',
		'application/xml', 'all', CASE WHEN i % 50 = 1 THEN 'stopped' WHEN i % 50 = 2 THEN 'queued' ELSE 'acknowledged' END, false, 1, at, 0, at, at, 0,
		CASE WHEN i % 50 = 1 THEN 'timeout' ELSE '' END, CASE WHEN i % 50 = 1 THEN 'no answer in 30 s' ELSE '' END, lpad(to_hex(i), 64, '0'), 11000, '', true, NULL FROM m WHERE NOT bad`,
	`INSERT INTO open_delivery SELECT i, 'party-' || ((i * 7919 + 1) % 40), i, CASE WHEN i % 50 = 1 THEN 'stopped' ELSE 'queued' END, CASE WHEN i % 50 = 2 THEN 0 END, 0
		FROM m WHERE NOT bad AND i % 50 IN (1, 2)`,
	`INSERT INTO receipt SELECT i, i, i, NULL, 'party-' || ((i * 7919 + 1) % 40), '',
		'{"id":"r' || id || '","direction":"in","external_id":"rx' || id || '","status":"1"}' FROM m WHERE NOT bad`,
	`INSERT INTO event_run SELECT i * 2, i, NULL, patient, json_build_array(json_build_array(at, NULL, party, 'received', ''), json_build_array(at, NULL, party, 'processed', ''))::text FROM m`,
	`INSERT INTO trouble SELECT i, words_of(party || ' ' || kind || ' kith ' || CASE WHEN bad THEN 'schema invalid line ' || (i / 100 % 500) || ' element is not allowed here'
		ELSE 'timeout no answer in 30 s' END) FROM m WHERE bad OR i % 50 = 1`,
}

// fillTotals is what is counted over all rows at the end.
var fillTotals = []string{
	`INSERT INTO message_hour SELECT received_at / 3600000000000, min(seq), max(seq) FROM message GROUP BY 1`,
	`INSERT INTO tally SELECT 'accepted', '', '', count(*) FROM message UNION ALL SELECT 'message', '', status, count(*) FROM message GROUP BY status
		UNION ALL SELECT 'delivery', party, state, count(*) FROM delivery GROUP BY party, state`,
	`UPDATE head SET message = (SELECT max(seq) FROM message), delivery = (SELECT max(seq) FROM delivery), event = (SELECT max(seq) FROM event_run),
		receipt = (SELECT max(seq) FROM receipt)`,
	`VACUUM ANALYZE`,
}
