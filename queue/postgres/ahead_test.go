package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// TestAhead: what is made after somebody came stands ready for whoever comes next, in order, without a question to the database; what
// waits longer there gets its turn all the same.
func TestAhead(t *testing.T) {
	const ahead, lanes = 8, 40
	s := open(t, Options{Ahead: ahead, Alive: quietly})
	commit(t, s, unit("0", "p0"))
	lease(t, s, time.Hour, "d0") // the party is served from now on
	s.desks.at("gp").used = time.Now().Add(time.Hour)
	for i := 1; i <= lanes; i++ {
		commit(t, s, unit(fmt.Sprint(i), fmt.Sprint("p", i)))
	}
	d := s.desks.at("gp")
	if len(d.ready) != ahead || d.bytes != 8*len(`<m id="1"/>`) {
		t.Fatalf("%d deliveries with %d bytes stand ready, want %d", len(d.ready), d.bytes, ahead)
	}
	seen := map[string]bool{}
	for i := 1; i <= lanes; i++ {
		got, err := s.Lease(soon(t), "gp", 1, time.Hour)
		if err != nil || len(got) != 1 || seen[got[0].ID] || got[0].Token == 0 || len(got[0].Body) == 0 {
			t.Fatalf("lease %d: %+v, %v", i, got, err)
		}
		seen[got[0].ID] = true
		if want := fmt.Sprint("d", i); got[0].ID != want {
			t.Errorf("lease %d gave %s, want %s", i, got[0].ID, want)
		}
		commit(t, s, step(got[0], "acknowledged"))
	}
	if len(d.ready) != 0 || d.bytes != 0 {
		t.Errorf("%d deliveries with %d bytes stand ready at the end", len(d.ready), d.bytes)
	}
}

// TestAheadTurns: of what stands in the database and is older at least as much comes as of what is made all the time.
func TestAheadTurns(t *testing.T) {
	const ahead, old = 4, 40
	dir := t.TempDir()
	other, s := open(t, Options{Schema: schema(t, dir), Alive: quietly}), open(t, Options{Schema: schema(t, dir), Alive: quietly, Ahead: ahead})
	commit(t, s, unit("first", "p"))
	lease(t, s, time.Hour, "dfirst")
	s.desks.at("gp").used = time.Now().Add(time.Hour)
	for i := range old {
		commit(t, other, unit(fmt.Sprint("old", i), fmt.Sprint("q", i)))
	}
	s.desks.wake("gp") // the notice that tells of it may be late
	came := 0
	for i := range old {
		commit(t, s, unit(fmt.Sprint(i), fmt.Sprint("p", i)))
		got, err := s.Lease(soon(t), "gp", 1, time.Hour)
		if err != nil || len(got) != 1 {
			t.Fatalf("lease %d: %v, %v", i, got, err)
		}
		if strings.HasPrefix(got[0].ID, "dold") {
			came++
		}
	}
	if came < old/2 {
		t.Fatalf("of %d deliveries that were sent %d are older ones", old, came)
	}
}

// TestAheadLeavesNothingBehind: while older deliveries are known to stand in the database, because their bodies are too large to be
// made ready, nothing newer goes before them.
func TestAheadLeavesNothingBehind(t *testing.T) {
	s := open(t, Options{Ahead: 8, Alive: quietly})
	for i := range 6 {
		u := unit(fmt.Sprint(i), fmt.Sprint("p", i))
		u.Deliveries[0].Body = make([]byte, aheadBytes/2-1)
		commit(t, s, u)
	}
	lease(t, s, time.Hour, "d0")
	for i := 6; i < 9; i++ {
		commit(t, s, unit(fmt.Sprint(i), fmt.Sprint("p", i)))
	}
	for i := 1; i < 9; i++ {
		lease(t, s, time.Hour, fmt.Sprint("d", i))
	}
}

// TestAheadWhenDue: a lane that becomes due by its time gets its turn although nobody says so.
func TestAheadWhenDue(t *testing.T) {
	l := newDesks(4)
	d := l.at("gp")
	d.took, d.empty, d.next = 4, d.round, time.Now().Add(time.Hour)
	if l.turn(d) {
		t.Fatal("the database is asked although nothing is due")
	}
	if d.next = time.Now(); !l.turn(d) {
		t.Fatal("the database is not asked although something is due")
	}
}

// TestAheadGivesBack: what nobody came for is given back and others get it; what was claimed with it and is in hand stays there.
func TestAheadGivesBack(t *testing.T) {
	dir := t.TempDir()
	maker := open(t, Options{Schema: schema(t, dir), Alive: quietly})
	s, other := open(t, Options{Schema: schema(t, dir), Alive: quietly, Ahead: 8}), open(t, Options{Schema: schema(t, dir), Alive: quietly})
	for i := range 4 {
		commit(t, maker, unit(fmt.Sprint(i), fmt.Sprint("p", i)))
	}
	kept := lease(t, s, time.Hour, "d0") // the other three were claimed with it
	if n := len(s.desks.at("gp").ready); n != 3 {
		t.Fatalf("%d deliveries stand ready, want 3", n)
	}
	s.freeReady(t.Context(), 0)
	for i := 1; i < 4; i++ {
		lease(t, other, time.Hour, fmt.Sprint("d", i))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got, err := other.Lease(ctx, "gp", 1, time.Hour); err == nil {
		t.Fatalf("leased %v, which is in the hand of another", got)
	}
	commit(t, s, step(kept, "sent"))
}

// TestAheadIsBounded: bodies that stand ready are few when they are large, and one is leased always.
func TestAheadIsBounded(t *testing.T) {
	s := open(t, Options{Ahead: 8, Alive: quietly})
	for i := range 6 {
		u := unit(fmt.Sprint(i), fmt.Sprint("p", i))
		u.Deliveries[0].Body = make([]byte, aheadBytes/2)
		commit(t, s, u)
	}
	d := s.desks.at("gp")
	for n := 0; n < 6; {
		got, err := s.Lease(soon(t), "gp", 1, time.Hour)
		if err != nil || len(got) != 1 {
			t.Fatalf("lease: %v, %v", got, err)
		}
		if n += len(got); d.bytes > aheadBytes || len(d.ready) > 2 {
			t.Fatalf("%d deliveries with %d bytes stand ready", len(d.ready), d.bytes)
		}
	}
	lease(t, s, time.Hour, last(t, s))
}

// last commits one more delivery, which is of the size of any.
func last(t *testing.T, s queue.Store) string {
	t.Helper()
	u := unit("last", "another")
	if _, err := s.Commit(soon(t), u); err != nil {
		t.Fatal(err)
	}
	return "dlast"
}
