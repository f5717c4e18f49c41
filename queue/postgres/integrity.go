package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue"
)

// Pace of the check of stored bodies. Bytes decide: with a bound of few rows a store of many small messages would never be read through.
const (
	checkRate  = 2 << 20                         // bytes read in a second
	checkStep  = 2 << 20                         // bytes after which a step ends; one body may be larger
	checkRow   = 256                             // bytes that a row counts for beside its body, also when that is gone
	checkRows  = checkStep / checkRow / checkAll // rows of a table in a step: without bodies as many as its share holds
	checkAll   = 4                               // tables
	checkRest  = 4                               // how many times as long as a step took is rested after it
	checkEvery = 7 * 24 * time.Hour
)

type checking struct{ message, delivery, record, plan, checked, began, ended, now int64 }

const (
	checkingSelect = `SELECT message, delivery, record, plan, checked, began, ended, now_ns() FROM integrity WHERE one = 1`
	checkingSet    = `UPDATE integrity SET message = $1, delivery = $2, record = $3, plan = $4, checked = $5, began = $6, ended = $7 WHERE one = 1`
	damageAdd      = `INSERT INTO damage SELECT kind, seq, $3 FROM unnest($1::text[], $2::bigint[]) AS n(kind, seq)
		ON CONFLICT (kind, seq) DO UPDATE SET found = excluded.found`
	damagedSelect = `SELECT count(*) FROM damage`
)

func scanChecking(row pgx.Row) (c checking, err error) {
	err = row.Scan(&c.message, &c.delivery, &c.record, &c.plan, &c.checked, &c.began, &c.ended, &c.now)
	return c, err
}

// Integrity tells what the check of stored bodies found; of damaged ones at most a page.
func (r *reader) Integrity(ctx context.Context) (queue.Integrity, error) {
	c, err := one(ctx, r, scanChecking, checkingSelect)
	if err != nil {
		return queue.Integrity{}, err
	}
	out := queue.Integrity{Checked: c.checked, Began: moment(c.began), Ended: moment(c.ended)}
	out.Damaged, err = list(ctx, r, func(row pgx.Row) (text string, err error) {
		err = row.Scan(&text)
		return text, err
	}, `SELECT x.kind || ' ' || coalesce(m.id, d.id, r.message_id, v.message_id, x.seq::text) FROM damage x LEFT JOIN message m ON x.kind = 'message' AND m.seq = x.seq
		LEFT JOIN delivery d ON x.kind = 'delivery' AND d.seq = x.seq LEFT JOIN record r ON x.kind = 'record' AND r.seq = x.seq
		LEFT JOIN plan_version v ON x.kind = 'plan' AND v.seq = x.seq ORDER BY x.kind DESC, x.seq LIMIT $1`, queue.MaxPage)
	return out, err
}

// checks looks at the stored bodies, a step at a time, until the store closes; of several gateways one does.
func (s *Store) checks() {
	s.slowly("integrity", func(ctx context.Context) (time.Duration, error) {
		began := time.Now()
		read, err := s.Check(ctx)
		if err != nil || read == 0 {
			return ageLook, err
		}
		return max(time.Duration(float64(read)/checkRate*float64(time.Second)), checkRest*time.Since(began)), nil
	})
}

// checkTable is how the bodies of a table are looked at.
type checkTable struct{ kind, sizes, bodies string }

func checkTables() [checkAll]checkTable {
	return [checkAll]checkTable{
		{"message", `SELECT m.seq, coalesce(octet_length(m.raw), octet_length(a.body), 0) FROM message m LEFT JOIN aged a ON a.kind = 1 AND a.seq = m.seq
			WHERE m.seq > $1 ORDER BY m.seq LIMIT $2`,
			`SELECT m.seq, m.checksum, m.size, m.raw, int4send(a.sum) || a.body, a.sum FROM message m LEFT JOIN aged a ON a.kind = 1 AND a.seq = m.seq
			WHERE m.seq > $1 AND m.seq <= $2 ORDER BY m.seq`},
		{"delivery", `SELECT d.seq, coalesce(octet_length(d.body), octet_length(a.body), 0) FROM delivery d LEFT JOIN aged a ON a.kind = 3 AND a.seq = d.seq
			WHERE d.seq > $1 ORDER BY d.seq LIMIT $2`,
			`SELECT d.seq, d.checksum, d.size, d.body, int4send(a.sum) || a.body, a.sum FROM delivery d LEFT JOIN aged a ON a.kind = 3 AND a.seq = d.seq
			WHERE d.seq > $1 AND d.seq <= $2 ORDER BY d.seq`},
		// Records and plans have no checksum before they age: until then it is only seen whether the database can read them.
		{"record", `SELECT r.seq, coalesce(nullif(octet_length(r.body), 0), octet_length(a.body), 0) FROM record r LEFT JOIN aged a ON a.kind = 4 AND a.seq = r.seq
			WHERE r.seq > $1 ORDER BY r.seq LIMIT $2`,
			`SELECT r.seq, '', 0::bigint, r.body, int4send(a.sum) || a.body, a.sum FROM record r LEFT JOIN aged a ON a.kind = 4 AND a.seq = r.seq
			WHERE r.seq > $1 AND r.seq <= $2 ORDER BY r.seq`},
		{"plan", `SELECT v.seq, coalesce(nullif(octet_length(v.body), 0), octet_length(a.body), 0) FROM plan_version v LEFT JOIN aged a ON a.kind = 5 AND a.seq = v.seq
			WHERE v.seq > $1 ORDER BY v.seq LIMIT $2`,
			`SELECT v.seq, '', 0::bigint, v.body, int4send(a.sum) || a.body, a.sum FROM plan_version v LEFT JOIN aged a ON a.kind = 5 AND a.seq = v.seq
			WHERE v.seq > $1 AND v.seq <= $2 ORDER BY v.seq`},
	}
}

// checked is a row whose body is looked at.
type checkedRow struct {
	seq      int64
	checksum string
	size     int64
	kept     kept
	sum      *int32
}

func scanChecked(row pgx.Row) (r checkedRow, err error) {
	err = row.Scan(&r.seq, &r.checksum, &r.size, &r.kept.plain, &r.kept.pressed, &r.sum)
	return r, err
}

// Check looks at a step of the stored bodies and gives the bytes it read, 0 when the last round ended less than a week ago. Where it
// stands is kept over restarts.
func (s *Store) Check(ctx context.Context) (read int64, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("check bodies: %w", err)
		}
	}()
	c, err := scanChecking(s.slow.QueryRow(ctx, checkingSelect))
	if err != nil {
		return 0, err
	}
	if c.began == 0 {
		if c.ended != 0 && c.now-c.ended < int64(checkEvery) {
			return 0, nil
		}
		c = checking{began: c.now, ended: c.ended, now: c.now}
	}
	var kinds []string
	var found []int64
	var failed error
	more := false
	for i, t := range checkTables() {
		last := []*int64{&c.message, &c.delivery, &c.record, &c.plan}[i]
		// What a table leaves of its share is for those behind it.
		rows, n, rest, err := s.checkPiece(ctx, t, *last, (checkStep-read)/int64(checkAll-i))
		if err != nil && !unreadable(err) {
			return 0, err
		}
		if err != nil { // no reason to leave the other tables; but the round does not end
			failed = errors.Join(failed, fmt.Errorf("table of each %s behind row %d: %w", t.kind, *last, err))
			continue
		}
		read += n
		more = more || rest
		for i := range rows {
			r := &rows[i]
			if *last = r.seq; s.damagedBody(r) {
				kinds, found = append(kinds, t.kind), append(found, r.seq)
			}
			c.checked++
		}
	}
	return max(read, 1), errors.Join(failed, s.checked(ctx, c, kinds, found, !more && failed == nil))
}

// checkPiece reads the bodies of as many rows as a share of bytes holds, one at least, and says whether there are more. Where the
// database cannot read them together each is asked for alone.
func (s *Store) checkPiece(ctx context.Context, t checkTable, last, share int64) (rows []checkedRow, bytes int64, more bool, err error) {
	sizes, err := collect(ctx, s, func(row pgx.Row) (z [2]int64, err error) {
		err = row.Scan(&z[0], &z[1])
		return z, err
	}, t.sizes, last, checkRows)
	if err != nil || len(sizes) == 0 {
		return nil, 0, false, err
	}
	more = len(sizes) == checkRows
	n := 0
	for n < len(sizes) && (n == 0 || bytes+sizes[n][1]+checkRow <= share) {
		bytes += sizes[n][1] + checkRow
		n++
	}
	more = more || n < len(sizes)
	sizes = sizes[:n]
	rows, err = collect(ctx, s, scanChecked, t.bodies, last, sizes[n-1][0])
	if err == nil || !unreadable(err) {
		return rows, bytes, more, err
	}
	rows = nil
	for _, z := range sizes {
		one, err := collect(ctx, s, scanChecked, t.bodies, z[0]-1, z[0])
		switch {
		case err == nil:
			rows = append(rows, one...)
		case unreadable(err):
			rows = append(rows, checkedRow{seq: z[0], kept: kept{pressed: []byte{}}}) // no pressed body has no bytes
		default:
			return nil, 0, false, err
		}
	}
	return rows, bytes, more, nil
}

// unreadable says that the database could not read what it has stored.
func unreadable(err error) bool {
	code := sqlState(err)
	return strings.HasPrefix(code, classInternal) || strings.HasPrefix(code, classSystem)
}

// damagedBody holds a body against what is known of it. A body that was encrypted before it was stored has the checksum of what is in
// it: it is longer than that, and is held against the sum that is made when it ages.
func (s *Store) damagedBody(r *checkedRow) bool {
	body, err := s.body(r.kept)
	switch {
	case err != nil:
		return true
	case body == nil: // gone, or that of its message
		return false
	case r.sum != nil:
		return sumOf(body) != *r.sum
	case int64(len(body)) != r.size || len(r.checksum) != 2*sha256.Size:
		return false
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:]) != r.checksum
}

// checked notes a step. At the end of a round what was found before it is forgotten: it was read well in this one.
func (s *Store) checked(ctx context.Context, c checking, kinds []string, found []int64, end bool) error {
	b := &pgx.Batch{}
	if len(found) > 0 {
		b.Queue(damageAdd, kinds, found, c.now)
	}
	if end {
		b.Queue(`DELETE FROM damage WHERE found < $1`, c.began)
		c.began, c.ended = 0, c.now
	}
	b.Queue(checkingSet, c.message, c.delivery, c.record, c.plan, c.checked, c.began, c.ended)
	var n int64
	b.Queue(damagedSelect).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	if err := s.slow.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	for i := range found {
		s.opts.Logger.Error("a stored body is damaged: restore it from a backup, or ask the sender", "kind", kinds[i], "number", found[i])
	}
	s.damaged.Store(n)
	return nil
}
