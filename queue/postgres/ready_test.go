package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// end is a step of somebody who does not hold the lease.
func end(id string, to samvirke.DeliveryState) *queue.Unit {
	return &queue.Unit{Now: time.Now(), Steps: []queue.DeliveryStep{{ID: id, To: to}}}
}

// threeReady gives a gateway that has d1, d2 and d3 of another one's lying ready.
func threeReady(t *testing.T) (maker, s *Store) {
	t.Helper()
	dir := t.TempDir()
	maker = open(t, Options{Schema: schema(t, dir), Alive: quietly})
	s = open(t, Options{Schema: schema(t, dir), Alive: quietly, Ahead: 8})
	for i := range 4 {
		commit(t, maker, unit(fmt.Sprint(i), fmt.Sprint("p", i)))
	}
	lease(t, s, time.Hour, "d0") // the others are claimed with it
	lies(t, s, "d1", "d2", "d3")
	return maker, s
}

// ready gives what lies ready, with its lease.
func ready(s *Store) (ids []string, leases []held, bytes int) {
	s.desks.mu.Lock()
	defer s.desks.mu.Unlock()
	d := s.desks.at("gp")
	for i := range d.ready {
		ids, leases = append(ids, d.ready[i].ID), append(leases, d.ready[i].held())
		bytes -= len(d.ready[i].Body)
	}
	return ids, leases, bytes + d.bytes
}

func lies(t *testing.T, s *Store, want ...string) {
	t.Helper()
	if ids, _, bytes := ready(s); fmt.Sprint(ids) != fmt.Sprint(want) || bytes != 0 {
		t.Fatalf("%v lie ready, want %v; the bytes are wrong by %d", ids, want, bytes)
	}
}

// TestEndedHere: a delivery that lies ready and is given up or acknowledged by somebody else is not handed out any more.
func TestEndedHere(t *testing.T) {
	for name, settle := range map[string]func(t *testing.T, s *Store){
		"committed": func(t *testing.T, s *Store) {
			commit(t, s, end("d1", samvirke.DeliveryGivenUp))
			commit(t, s, end("d3", samvirke.DeliveryAcknowledged))
		},
		"found committed later": func(_ *testing.T, s *Store) {
			_, leases, _ := ready(s)
			g := newGroup(s.writer)
			g.ended = []held{leases[0], leases[2]}
			g.settleLate()
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, s := threeReady(t)
			settle(t, s)
			lies(t, s, "d2")
			lease(t, s, time.Hour, "d2")
		})
	}
}

// TestEndedElsewhere: another gateway ends a lease, and says so.
func TestEndedElsewhere(t *testing.T) {
	maker, s := threeReady(t)
	if err := maker.sign(soon(t)); err != nil { // it knows now that it is not alone
		t.Fatal(err)
	}
	waitFor(t, shared, s.opts.Schema, `SELECT (count(*) = 2)::int FROM pg_stat_activity WHERE state = 'idle' AND query = 'LISTEN `+
		pgx.Identifier{s.leaseChannel()}.Sanitize()+`'`)
	commit(t, maker, end("d2", samvirke.DeliveryGivenUp))
	for ctx := soon(t); ; time.Sleep(time.Millisecond) {
		if ids, _, _ := ready(s); len(ids) != 3 {
			break
		} else if ctx.Err() != nil {
			t.Fatalf("%v lie ready still", ids)
		}
	}
	lies(t, s, "d1", "d3")
}

// TestEndedUnheard: the notice of that is lost. What has lain for a while is looked up before it is handed out.
func TestEndedUnheard(t *testing.T) {
	_, s := threeReady(t)
	if _, err := direct(t, shared.URL(), s.opts.Schema).Exec(soon(t), `UPDATE lane SET token = token + 1, owner = 'another'
		WHERE leased IN (SELECT seq FROM delivery WHERE id IN ('d1', 'd3'))`); err != nil {
		t.Fatal(err)
	}
	s.desks.mu.Lock()
	for i := range s.desks.at("gp").ready {
		s.desks.at("gp").ready[i].seen = time.Now().Add(-readyFor)
	}
	s.desks.mu.Unlock()
	lease(t, s, time.Hour, "d2")
	lies(t, s)
}

// TestLeaseNotices: what is said of leases is understood, and what is not understood makes all of them doubtful.
func TestLeaseNotices(t *testing.T) {
	_, s := threeReady(t)
	_, leases, _ := ready(s)
	g := newGroup(s.writer)
	s.alone.Store(false)
	if text := g.leaseNotice(); text != "" {
		t.Fatalf("nothing is told as %q", text)
	}
	g.ended = []held{leases[1], {leases[0].seq, leases[0].token + 1}}
	s.feed.leaseNotice(g.leaseNotice())
	lies(t, s, "d1", "d2", "d3") // its own
	s.feed.leaseNotice("another" + g.leaseNotice()[len(s.owner):])
	lies(t, s, "d1", "d3")
	for range maxNotice / 4 {
		g.ended = append(g.ended, leases[0])
	}
	text := g.leaseNotice()
	if len(text) > 8000 {
		t.Fatalf("a notice has %d bytes", len(text))
	}
	s.desks.mu.Lock()
	for i := range s.desks.at("gp").ready {
		s.desks.at("gp").ready[i].seen = time.Now().Add(time.Hour)
	}
	s.desks.mu.Unlock()
	s.feed.leaseNotice("another" + text[len(s.owner):])
	s.desks.mu.Lock()
	doubtful := s.desks.at("gp").doubtful()
	s.desks.mu.Unlock()
	if !doubtful {
		t.Fatal("what nobody could say is not looked up")
	}
	lease(t, s, time.Hour, "d1")
	lease(t, s, time.Hour, "d3")
}

// TestReadyIsNotLost: what cannot be given back is handed out still.
func TestReadyIsNotLost(t *testing.T) {
	_, s := threeReady(t)
	conn := direct(t, shared.URL(), s.opts.Schema)
	for _, text := range []string{
		`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$`,
		`CREATE TRIGGER no BEFORE UPDATE ON lane EXECUTE FUNCTION no()`,
	} {
		if _, err := conn.Exec(soon(t), text); err != nil {
			t.Fatal(err)
		}
	}
	s.freeReady(t.Context(), 0)
	lies(t, s, "d1", "d2", "d3")
	for i := 1; i < 4; i++ {
		lease(t, s, time.Hour, fmt.Sprint("d", i))
	}
}

// TestReleaseWaitsForGroups: whoever gives leases back locks no lane while a group is under way, which may want it too.
func TestReleaseWaitsForGroups(t *testing.T) {
	_, s := threeReady(t)
	_, leases, _ := ready(s)
	tx, err := direct(t, shared.URL(), s.opts.Schema).Begin(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if err := tx.QueryRow(soon(t), `SELECT pg_backend_pid() FROM head FOR UPDATE`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.release(soon(t), leases) }()
	conn := direct(t, shared.URL(), s.opts.Schema)
	for n := 0; n == 0; {
		select {
		case err := <-done:
			t.Fatalf("leases were given back beside a group: %v", err)
		default:
		}
		if err := conn.QueryRow(soon(t), `SELECT count(*) FROM pg_stat_activity WHERE $1::int = ANY(pg_blocking_pids(pid))`, pid).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tx.Exec(soon(t), `SELECT 1 FROM lane FOR UPDATE NOWAIT`); err != nil {
		t.Fatalf("the lanes are locked: %v", err)
	}
	if err := tx.Rollback(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestLayTooLong: a lease that has lain ready for a while is no longer one to send with. It is given back and leased anew, in its turn.
func TestLayTooLong(t *testing.T) {
	_, s := threeReady(t)
	_, before, _ := ready(s)
	s.desks.mu.Lock()
	for i := range 2 {
		x := &s.desks.at("gp").ready[i]
		x.since = x.since.Add(-lieAtMost)
	}
	s.desks.mu.Unlock()
	lease(t, s, time.Hour, "d3") // what lies longer is put aside
	for i, id := range []string{"d1", "d2"} {
		got := lease(t, s, time.Hour, id)
		if got.Token == before[i].token {
			t.Errorf("%s is handed out with the lease that lay", id)
		}
		commit(t, s, step(got, samvirke.DeliverySent))
	}
}

// TestLayTooLongIdle is the same where nobody comes any more: another gateway gets it.
func TestLayTooLongIdle(t *testing.T) {
	maker, s := threeReady(t)
	s.desks.mu.Lock()
	d := s.desks.at("gp")
	for i := range d.ready {
		d.ready[i].since = d.ready[i].since.Add(-lieAtMost)
	}
	if got := d.take(1); len(got) > 0 || len(d.old) != 3 {
		t.Errorf("%d are handed out, %d are put aside", len(got), len(d.old))
	}
	s.desks.mu.Unlock()
	s.freeReady(t.Context(), time.Hour)
	for _, id := range []string{"d1", "d2", "d3"} {
		lease(t, maker, time.Hour, id)
	}
}
