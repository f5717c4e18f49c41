package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
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
		st := open(t, Options{URL: url, Schema: schema, Logger: quiet(), Poll: 20 * time.Millisecond, Patience: patience})
		l.stores = append(l.stores, st)
		for w := range 4 {
			l.wg.Go(func() { l.accept(ctx, t, st, fmt.Sprintf("%d-%d", g, w), 5) })
		}
		l.wg.Go(func() { l.send(ctx, t, st) })
	}
	t.Cleanup(l.cancel)
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

// TestLostAtEveryPoint loses the connection at each boundary of a group: a unit that is answered is there once, with
// everything, and one whose commit was lost on the way is done again.
func TestLostAtEveryPoint(t *testing.T) {
	s := server(t)
	for _, c := range []struct {
		name, point string
		answers     bool // only the answer is lost: the commit arrives
	}{{"read", pointRead, false}, {"write", pointWrite, false}, {"answer", pointWrite, true}, {"committed", pointCommitted, false}} {
		t.Run(c.name, func(t *testing.T) {
			p := newProxy(t, s.Port)
			name := schema(t, t.TempDir())
			var armed atomic.Bool
			broke := make(chan struct{}, 1)
			st := open(t, Options{URL: p.url(), Schema: name, Logger: quiet(), Patience: patience, at: func(point string) {
				if point != c.point || !armed.CompareAndSwap(true, false) {
					return
				}
				if c.answers {
					p.lose(true)
				} else {
					p.cut(false)
				}
				broke <- struct{}{}
			}})
			l := newLedger()
			commit(t, st, unit("first", "p"))
			l.accepted["first"] = true
			armed.Store(true)
			done := make(chan error, 1)
			go func() {
				_, err := st.Commit(context.Background(), unit("second", "p"))
				done <- err
			}()
			<-broke
			if c.answers {
				waitFor(t, s, name, `SELECT count(*) FROM message WHERE id = 'second'`)
				p.cut(true) // first: the answer may be on its way still
				p.lose(false)
				p.cut(false)
			}
			select {
			case err := <-done:
				if err != nil {
					t.Fatalf("commit: %v", err)
				}
			case <-time.After(patience):
				t.Fatal("no answer")
			}
			l.accepted["second"] = true
			l.check(t, s.URL(), name)
		})
	}
}

// waitFor waits until a count is not 0.
func waitFor(tb testing.TB, s *postgrestest.Server, schema, query string) {
	tb.Helper()
	conn := direct(tb, s.URL(), schema)
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var n int
		if err := conn.QueryRow(soon(tb), query).Scan(&n); err != nil || time.Now().After(deadline) {
			tb.Fatalf("%s: %d, %v", query, n, err)
		}
		if n != 0 {
			return
		}
	}
}

// TestCutsUnderLoad cuts all connections of two gateways again and again in the middle of their work.
func TestCutsUnderLoad(t *testing.T) {
	s := server(t)
	cuts := 12
	if testing.Short() {
		cuts = 4
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	p := newProxy(t, s.Port)
	name := schema(t, t.TempDir())
	l := underLoad(t, p.url(), name)
	for range cuts {
		l.reach(t, l.accepted, 5+random.IntN(30))
		p.cut(false)
	}
	l.reach(t, l.accepted, 20)
	l.reach(t, l.sent, 1)
	l.end()
	l.check(t, s.URL(), name)
	t.Logf("%d accepted, %d sent over %d cuts", len(l.accepted), len(l.sent), cuts)
}

// TestKilledGateway kills one of three gateways in the middle of its work, as kill -9 does: nothing is given back. The
// others take over after the time of its leases, and nothing is lost, doubled or out of order.
func TestKilledGateway(t *testing.T) {
	s := server(t)
	name := schema(t, t.TempDir())
	p := newProxy(t, s.Port)
	l := newLedger()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	const ttl, alive = 500 * time.Millisecond, 3 * time.Second // a sign of life has a third of that
	victim := open(t, Options{URL: p.url(), Schema: name, Logger: quiet(), Alive: alive, Patience: 10 * time.Millisecond})
	stores := []*Store{victim}
	for range 2 {
		stores = append(stores, open(t, Options{Schema: name, Alive: alive, Poll: 20 * time.Millisecond}))
	}
	var wg sync.WaitGroup
	for g, st := range stores {
		for w := range 3 {
			wg.Go(func() { l.accept(ctx, t, st, fmt.Sprintf("%d-%d", g, w), 7) })
		}
		if st != victim {
			wg.Go(func() { l.send(ctx, t, st) })
		}
	}
	// The victim has deliveries in hand, and messages, when it dies.
	held, err := victim.Lease(soon(t), "gp", 3, ttl)
	if err != nil || len(held) == 0 {
		t.Fatalf("leased %v, %v", held, err)
	}
	u := unit("late", "q")
	u.Accept.Status = samvirke.MessageReceived
	commit(t, victim, u)
	l.note(l.accepted, "late")
	if got, err := victim.Received(soon(t), 1); err != nil || len(got) != 1 {
		t.Fatalf("received %v, %v", got, err)
	}
	l.reach(t, l.accepted, 30)
	p.cut(true)
	if got, err := stores[1].Received(soon(t), 1); err != nil || len(got) != 1 || got[0].ID != "late" {
		t.Fatalf("taken over %v, %v", got, err)
	}
	for _, d := range held {
		waitFor(t, s, name, `SELECT count(*) FROM delivery WHERE state = 'sent' AND id = '`+d.ID+`'`)
	}
	l.reach(t, l.accepted, 30)
	stop()
	wg.Wait()
	l.check(t, s.URL(), name)
	if err := victim.Close(); err != nil {
		t.Errorf("close of the dead one: %v", err)
	}
}

// TestRestartUnderLoad crashes and restarts the database under load, with syncs as in earnest: nothing acknowledged is lost, and the
// gateways go on by themselves.
func TestRestartUnderLoad(t *testing.T) {
	server(t)
	s, err := postgrestest.New("fsync = on", "full_page_writes = on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	name := schema(t, t.TempDir())
	l := underLoad(t, s.URL(), name)
	for _, crash := range []bool{true, false, true} {
		l.reach(t, l.accepted, 30)
		s.Stop(crash)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	l.reach(t, l.accepted, 30)
	l.end()
	for _, st := range l.stores {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	l.check(t, s.URL(), name)
	t.Logf("%d accepted, %d sent", len(l.accepted), len(l.sent))
}

// TestUnreachable: while the database cannot be reached a unit is refused after a while, with nothing written; it is not a
// failure of the store, which goes on when the database is back.
func TestUnreachable(t *testing.T) {
	s := server(t)
	p := newProxy(t, s.Port)
	name := schema(t, t.TempDir())
	st := open(t, Options{URL: p.url(), Schema: name, Logger: quiet(), Patience: 50 * time.Millisecond})
	commit(t, st, unit("1", "p"))
	p.cut(true)
	if _, err := st.Commit(soon(t), unit("2", "p")); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("commit without a database: %v", err)
	}
	if _, err := st.Message(soon(t), "1"); err == nil {
		t.Fatal("read without a database")
	}
	if err := st.Err(); err != nil {
		t.Fatalf("the store failed: %v", err)
	}
	p.cut(false)
	for deadline := time.Now().Add(patience); ; {
		_, err := st.Commit(soon(t), unit("3", "p"))
		if err == nil {
			break
		}
		if !errors.Is(err, ErrUnavailable) || time.Now().After(deadline) {
			t.Fatalf("after the database is back: %v", err)
		}
	}
	if _, err := st.Message(soon(t), "2"); !errors.Is(err, queue.ErrNotFound) {
		t.Fatalf("a refused message: %v", err)
	}
}

// TestOutcomeThatNobodyKnows: a commit that cannot be looked up ends the store; it is never guessed.
func TestOutcomeThatNobodyKnows(t *testing.T) {
	s := server(t)
	p := newProxy(t, s.Port)
	var armed atomic.Bool
	st := open(t, Options{URL: p.url(), Schema: schema(t, t.TempDir()), Logger: quiet(), Patience: 50 * time.Millisecond, at: func(point string) {
		if point == pointWrite && armed.Load() {
			p.cut(true)
		}
	}})
	commit(t, st, unit("1", "p"))
	armed.Store(true)
	if _, err := st.Commit(soon(t), unit("2", "p")); !errors.Is(err, queue.ErrFailed) {
		t.Fatalf("commit: %v", err)
	}
	select {
	case <-st.Failed():
	case <-time.After(patience):
		t.Fatal("the store does not say that it failed")
	}
	if _, err := st.Commit(soon(t), unit("3", "p")); !errors.Is(err, queue.ErrFailed) {
		t.Fatalf("commit after the failure: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLeads: one gateway leads in a job until it closes.
func TestLeads(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, Options{Schema: schema(t, dir)}), open(t, Options{Schema: schema(t, dir)})
	leads := func(s *Store, job string) bool {
		t.Helper()
		ok, err := s.Leads(soon(t), job)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !leads(a, "retention") || leads(b, "retention") || !leads(a, "retention") || !leads(b, "figures") {
		t.Fatal("not one gateway leads")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if !leads(b, "retention") {
		t.Fatal("nobody leads after the leader has closed")
	}
}
