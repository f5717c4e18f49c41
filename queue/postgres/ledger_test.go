package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// ledger holds what was acknowledged against what the database has.
type ledger struct {
	mu       sync.Mutex
	accepted map[string]bool
	sent     map[string]bool
	refused  int
}

func newLedger() *ledger { return &ledger{accepted: map[string]bool{}, sent: map[string]bool{}} }

func (l *ledger) note(m map[string]bool, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m[id] = true
}

// accept commits units until ctx ends. One that fails because the database cannot be reached was not acknowledged.
func (l *ledger) accept(ctx context.Context, tb testing.TB, s *Store, prefix string, lanes int) {
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("%s-%d", prefix, i)
		out, err := s.Commit(context.Background(), unit(id, fmt.Sprint("p", i%lanes)))
		switch {
		case err == nil && out.Duplicate:
			tb.Errorf("message %s was committed twice", id)
		case err == nil:
			l.note(l.accepted, id)
		case errors.Is(err, queue.ErrClosed) || errors.Is(err, queue.ErrFailed):
			return
		case errors.Is(err, ErrUnavailable):
			l.mu.Lock()
			l.refused++
			l.mu.Unlock()
		default:
			tb.Errorf("commit of %s: %v", id, err)
			return
		}
	}
}

// sendTime is how long a lease of a sender lasts: until then a lane stands still whose lease got lost. A report takes less, also
// on a loaded machine, or the senders would take their deliveries from each other for ever.
const sendTime = 5 * time.Second

// send leases and reports until ctx ends.
func (l *ledger) send(ctx context.Context, tb testing.TB, s *Store) {
	for ctx.Err() == nil {
		got, err := s.Lease(ctx, "gp", 4, sendTime)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, queue.ErrClosed) && !errors.Is(err, queue.ErrFailed) {
				tb.Errorf("lease: %v", err)
			}
			return
		}
		for _, d := range got {
			_, err := s.Commit(context.Background(), step(d, samvirke.DeliverySent))
			switch {
			case err == nil:
				l.note(l.sent, d.ID)
			case errors.Is(err, queue.ErrFenced), errors.Is(err, ErrUnavailable):
			case errors.Is(err, queue.ErrClosed), errors.Is(err, queue.ErrFailed):
				return
			default:
				tb.Errorf("report of %s: %v", d.ID, err)
			}
		}
	}
}

// check holds the ledger against a database. Every effect is there once, numbers have no gaps, and the totals add up.
func (l *ledger) check(tb testing.TB, url, schema string) {
	tb.Helper()
	conn := direct(tb, url, schema)
	one := func(query string, args ...any) (n int64) {
		tb.Helper()
		if err := conn.QueryRow(soon(tb), query, args...).Scan(&n); err != nil {
			tb.Fatalf("%s: %v", query, err)
		}
		return n
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.accepted) == 0 {
		tb.Error("nothing was accepted, so this shows nothing")
	}
	ids, sent := keys(l.accepted), keys(l.sent)
	if n := one(`SELECT count(*) FROM message WHERE id = ANY($1)`, ids); n != int64(len(ids)) {
		tb.Errorf("%d of %d acknowledged messages are there", n, len(ids))
	}
	if n := one(`SELECT count(*) FROM delivery WHERE id = ANY($1) AND state = 'sent'`, sent); n != int64(len(sent)) {
		tb.Errorf("%d of %d acknowledged reports are there", n, len(sent))
	}
	for what, query := range map[string]string{
		"messages without their delivery": `SELECT count(*) FROM message m WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = m.seq)`,
		"messages with another number of events than one": `SELECT count(*) FROM (SELECT m.seq FROM message m LEFT JOIN event_run e ON e.message = m.seq
			GROUP BY m.seq HAVING coalesce(sum(json_array_length(e.content::json)), 0) <> 1) x`,
		"holes in the numbers of messages": `SELECT max(seq) - count(*) FROM message`,
		"holes in the numbers of events":   `SELECT event - (SELECT coalesce(sum(json_array_length(content::json)), 0) FROM event_run) FROM head`,
		"messages too few in the total":    `SELECT (SELECT count(*) FROM message) - (SELECT n FROM tally WHERE kind = 'accepted')`,
		"open deliveries that are not open": `SELECT count(*) FROM open_delivery o JOIN delivery d ON d.seq = o.seq
			WHERE d.state NOT IN ('queued', 'waiting', 'stopped', 'given-up') AND NOT (d.state = 'sent' AND d.expect_by > 0)`,
		"queued deliveries that stand nowhere": `SELECT count(*) FROM delivery d WHERE d.state IN ('queued', 'waiting')
			AND NOT EXISTS (SELECT 1 FROM lane l WHERE l.key = d.key AND l.party = d.party AND l.head <= d.seq)`,
		"deliveries sent before one that is ahead in its lane": `SELECT count(*) FROM delivery a JOIN delivery b ON a.lane = b.lane AND a.seq < b.seq
			WHERE a.state IN ('queued', 'waiting') AND b.state = 'sent'`,
	} {
		if n := one(query); n != 0 {
			tb.Errorf("%s: %d", what, n)
		}
	}
}

func keys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}

// reach waits until a ledger has grown by n.
func (l *ledger) reach(tb testing.TB, m map[string]bool, n int) {
	tb.Helper()
	l.mu.Lock()
	want := len(m) + n
	l.mu.Unlock()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		have := len(m)
		l.mu.Unlock()
		if have >= want {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("only %d of %d come", have, want)
		}
	}
}

// load is two gateways on one database that accept and send until it ends, and what they have acknowledged.
type load struct {
	*ledger
	t      *testing.T
	stores []*Store
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func underLoad(t *testing.T, url, schema string) *load {
	t.Helper()
	l := &load{ledger: newLedger(), t: t}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	for g := range 2 {
		st := open(t, Options{URL: url, Schema: schema, Logger: quiet(), Poll: 20 * time.Millisecond, Patience: patience, Ahead: 8})
		l.stores = append(l.stores, st)
		for w := range 4 {
			l.wg.Go(func() { l.accept(ctx, t, st, fmt.Sprintf("%d-%d", g, w), 5) })
		}
		l.wg.Go(func() { l.send(ctx, t, st) })
	}
	t.Cleanup(func() { l.cancel(); l.wg.Wait() }) // a test that ends early leaves nobody who still writes its log
	return l
}

// end waits until all is answered. No store has failed.
func (l *load) end() {
	l.t.Helper()
	l.cancel()
	l.wg.Wait()
	for g, st := range l.stores {
		if err := st.Err(); err != nil {
			l.t.Errorf("gateway %d failed: %v", g, err)
		}
	}
}
