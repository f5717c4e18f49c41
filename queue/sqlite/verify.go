package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// verify is the work after a start that nobody waits for: files that nothing names are removed, and
// the totals are held against the rows. It is done once; who asks again waits for its end.
func (s *Store) verify() { s.verified.Do(s.verifyStart) }

func (s *Store) verifyStart() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	// Lanes and feed are read first: somebody waits for those.
	for _, loaded := range []chan struct{}{s.feed.loaded, s.lanes.loaded} {
		if s.ready(ctx, loaded) != nil {
			return
		}
	}
	if err := s.verifyTotals(ctx); err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("totals of the store could not be checked", "err", err)
	}
	orphans, err := s.bodies.sweep(s.opened, s.bodyKnown, s.stop)
	if e := s.shred(ctx, orphans); err == nil {
		err = e
	}
	if err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("large bodies could not be swept", "err", err)
	}
	if err := s.wipeLeft(ctx); err != nil && ctx.Err() == nil {
		s.opts.Logger.Error("dropped bodies could not be overwritten, it is tried again at the next start", "err", err)
	}
	if s.dirty == dirtyAsked { // else who erases does it, in its time
		if err := s.Wipe(ctx); err != nil && ctx.Err() == nil {
			s.opts.Logger.Error("an erasure could not be ended, it is tried again at the next start", "err", err)
		}
	}
	if err == nil && len(orphans) > 0 {
		s.opts.Logger.Info("removed body files that no message names", "count", len(orphans))
	}
}

// wipeLeft overwrites the bodies that an earlier life did not come to. Where there are none but such as need no overwriting, they are left to
// tidying: their segments may go as a whole before.
func (s *Store) wipeLeft(ctx context.Context) error {
	strict, err := single[bool](ctx, s.db, `SELECT EXISTS (SELECT 1 FROM doomed WHERE mild = 0)`)
	if err != nil {
		return err
	}
	if strict || s.dirty != dirtySilent { // without an erasure: what an earlier life spared has had its time
		return s.wipePlaces(ctx, false)
	}
	s.sparedAny.Store(true)
	return nil
}

// verifyTotals counts the rows and compares, in one snapshot. What differs is logged, shown as a metric and
// put right: never silently, because it means that a commit did not do what it said.
func (s *Store) verifyTotals(ctx context.Context) error {
	off, err := s.countOff(ctx)
	if err != nil || len(off) == 0 {
		return err
	}
	rows := int64(0)
	for _, k := range sortedKeys(off) {
		rows += max(off[k], -off[k])
		s.opts.Logger.Error("total of the store was wrong and is corrected", "kind", k.kind, "party", k.party,
			"state", k.state, "rows", off[k])
	}
	s.discord.Store(rows)
	r := &request{done: make(chan struct{}), job: func(w *writer) error {
		for _, k := range sortedKeys(off) {
			if _, err := w.st.set[addTally].run(k.kind, k.party, k.state, off[k]); err != nil {
				return err
			}
		}
		return nil
	}}
	if _, err := s.submit(ctx, r); err != nil {
		return err
	}
	s.totals.add(off)
	return nil
}

// countOff gives by how much each total is too small.
func (s *Store) countOff(ctx context.Context) (map[tallyKey]int64, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, verifyLimit)
	defer cancel()
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	off := map[tallyKey]int64{}
	if err := countInto(ctx, tx, off, 1, countRows); err != nil {
		return nil, err
	}
	if err := countInto(ctx, tx, off, 1, `SELECT kind, party, state, n FROM dropped`); err != nil {
		return nil, err
	}
	if err := countDeliveries(ctx, tx, off); err != nil {
		return nil, err
	}
	if err := countInto(ctx, tx, off, -1, `SELECT kind, party, state, n FROM tally`); err != nil {
		return nil, err
	}
	for k, n := range off {
		if n == 0 {
			delete(off, k)
		}
	}
	return off, nil
}

// countInto adds what a query counts, with a sign.
func countInto(ctx context.Context, tx *sql.Tx, off map[tallyKey]int64, sign int64, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k tallyKey
		var n int64
		if err := rows.Scan(&k.kind, &k.party, &k.state, &n); err != nil {
			return err
		}
		off[k] += sign * n
	}
	return rows.Err()
}

// countDeliveries counts the deliveries in pieces, in the order in which they lie in the file: by any index each row would
// be looked up on its own, and all at once would be sorted in memory.
func countDeliveries(ctx context.Context, tx *sql.Tx, off map[tallyKey]int64) error {
	var last int64
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM delivery`).Scan(&last); err != nil {
		return err
	}
	for from := int64(0); from < last; from += countPiece {
		if err := countInto(ctx, tx, off, 1, countDelivered, from, from+countPiece); err != nil {
			return err
		}
	}
	return nil
}

// countPiece is how many numbers of deliveries are counted at a time.
const countPiece = 50_000

// countRows counts what the totals say of all but deliveries, countDelivered those with the numbers of a piece. What retention dropped
// is added. Accepted is counted from the messages; those that are processed are what is left of them. The
// indexes are named where another one would be chosen, by which every row has to be looked up.
const (
	countRows = `SELECT 'accepted', '', '', count(*) FROM message
	UNION ALL SELECT 'message', '', 'processed', (SELECT count(*) FROM message) - (SELECT count(*) FROM message WHERE status <> 'processed')
	UNION ALL SELECT 'message', '', status, count(*) FROM message WHERE status <> 'processed' GROUP BY status
	UNION ALL SELECT 'awaited', party, '', count(*) FROM delivery INDEXED BY delivery_expect WHERE state = 'sent' AND expect_by > 0 GROUP BY party`
	countDelivered = `SELECT 'delivery', party, state, count(*) FROM delivery NOT INDEXED WHERE seq > ? AND seq <= ? GROUP BY party, state`
)

// verifyLimit is how long the check of the totals may hold its snapshot of the log.
const verifyLimit = 30 * time.Second
