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
