package postgres

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// received accepts a message about a patient that waits to be processed.
func received(tb testing.TB, s *Store, id, patient string) {
	tb.Helper()
	u := unit(id, patient)
	u.Accept.Status, u.Deliveries = samvirke.MessageReceived, nil
	commit(tb, s, u)
}

// take fails when Received does not give just the messages wanted.
func take(tb testing.TB, s *Store, want ...string) {
	tb.Helper()
	got, err := s.Received(soon(tb), 10)
	if err != nil || len(got) != len(want) {
		tb.Fatalf("received %d messages, %v, want %v", len(got), err, want)
	}
	for i := range want {
		if got[i].ID != want[i] {
			tb.Fatalf("received %s as number %d, want %v", got[i].ID, i, want)
		}
	}
}

// process takes a message out of received.
func process(s *Store, tb testing.TB, id string) error {
	_, err := s.Commit(soon(tb), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: id,
		From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed}})
	return err
}

// forbid makes the database refuse changes of who has a message, with an error code, until allow is called.
func forbid(tb testing.TB, s *Store, code string) (allow func()) {
	tb.Helper()
	conn := direct(tb, shared.URL(), s.opts.Schema)
	run := func(text string) {
		tb.Helper()
		if _, err := conn.Exec(soon(tb), text); err != nil {
			tb.Fatal(err)
		}
	}
	run(`CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '` + code + `'; END $$`)
	run(`CREATE TRIGGER no BEFORE UPDATE ON open_message EXECUTE FUNCTION no()`)
	return func() {
		tb.Helper()
		run(`DROP TRIGGER no ON open_message`)
	}
}

// TestOrderOnlyWhenGivenBack: ErrOrder tells the caller to forget the message, so it is only answered when the message was
// given back; whoever is told otherwise has it still and tries again.
func TestOrderOnlyWhenGivenBack(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		want error // nil: any but ErrOrder
	}{"disk full": {codeDiskFull, queue.ErrFull}, "unit refused": {"P0001", nil}} {
		t.Run(name, func(t *testing.T) {
			s := open(t, Options{Poll: time.Hour})
			received(t, s, "1", "p")
			received(t, s, "2", "p")
			take(t, s, "1", "2")
			allow := forbid(t, s, c.code)
			if err := process(s, t, "2"); err == nil || errors.Is(err, queue.ErrOrder) || c.want != nil && !errors.Is(err, c.want) {
				t.Fatalf("a step whose message could not be given back: %v, want %v", err, c.want)
			}
			allow()
			if err := process(s, t, "2"); !errors.Is(err, queue.ErrOrder) {
				t.Fatalf("a step behind an earlier message: %v", err)
			}
			if err := process(s, t, "1"); err != nil {
				t.Fatal(err)
			}
			take(t, s, "2")
			if err := process(s, t, "2"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestGivenBackLater: messages for callers who went away are not lost when they cannot be given back just then.
func TestGivenBackLater(t *testing.T) {
	s := open(t, Options{Poll: time.Hour, Alive: quietly})
	received(t, s, "1", "p")
	got, err := s.Received(soon(t), 10)
	if err != nil || len(got) != 1 {
		t.Fatalf("received %d messages, %v", len(got), err)
	}
	s.inbox.hand(got) // as for a caller who does not come
	allow := forbid(t, s, "P0001")
	if err := s.freeForgotten(soon(t)); err == nil {
		t.Fatal("the database did not refuse: this shows nothing")
	}
	take(t, s, "1")
	s.inbox.hand(got)
	allow()
	if err := s.freeForgotten(soon(t)); err != nil {
		t.Fatal(err)
	}
	take(t, s, "1")
}

// signAgain gives a sign of life, past connections that were cut.
func signAgain(tb testing.TB, s *Store) {
	tb.Helper()
	for ctx := soon(tb); ; {
		err := s.sign(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			tb.Fatal(err)
		}
	}
}

// TestLostClaim: a claim is committed and its answer lost. With the next sign of life the message is free again, and only that:
// what this gateway knows to have in hand it keeps.
func TestLostClaim(t *testing.T) {
	p := newProxy(t, server(t).Port)
	s := open(t, Options{URL: p.url(), Poll: 20 * time.Millisecond, Alive: quietly, Patience: patience})
	conn := direct(t, shared.URL(), s.opts.Schema)
	owned := func() (seqs []int64) {
		t.Helper()
		err := conn.QueryRow(soon(t), `SELECT coalesce(array_agg(seq ORDER BY seq), '{}') FROM open_message WHERE owner = $1`, s.owner).Scan(&seqs)
		if err != nil {
			t.Fatal(err)
		}
		return seqs
	}
	received(t, s, "1", "p")
	take(t, s, "1")
	received(t, s, "2", "q")
	// The claim waits in the database until its answer will get lost. Not a moment earlier: the pool may ask the connection first
	// whether it lives, and have the claim prepared.
	for _, text := range []string{
		`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NULL; END $$`,
		`CREATE TRIGGER wait BEFORE UPDATE ON open_message EXECUTE FUNCTION wait()`, `SELECT pg_advisory_lock(4242)`,
	} {
		if _, err := conn.Exec(soon(t), text); err != nil {
			t.Fatal(err)
		}
	}
	given := make(chan []samvirke.Message, 1)
	go func() {
		got, err := s.Received(soon(t), 10)
		if err != nil {
			t.Error(err)
		}
		given <- got
	}()
	waitFor(t, shared, s.opts.Schema, `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND NOT granted`)
	p.lose(true)
	if _, err := conn.Exec(soon(t), `SELECT pg_advisory_unlock(4242)`); err != nil {
		t.Fatal(err)
	}
	for ctx := soon(t); len(owned()) < 2; {
		if ctx.Err() != nil {
			t.Fatal("the message is not claimed")
		}
	}
	p.cut(true)
	p.lose(false)
	p.cut(false)
	var got []samvirke.Message
	for ctx := soon(t); got == nil; {
		if err := s.sign(ctx); ctx.Err() != nil {
			t.Fatalf("the message is not given again: %v", err)
		}
		select {
		case got = <-given:
		case <-time.After(20 * time.Millisecond):
		}
	}
	if len(got) != 1 || got[0].ID != "2" {
		t.Fatalf("given again: %v", got)
	}
	signAgain(t, s)
	if seqs := owned(); !slices.Equal(seqs, []int64{1, 2}) {
		t.Fatalf("in hand are 1 and 2, and in the database %v", seqs)
	}
	for _, id := range []string{"1", "2"} {
		if err := process(s, t, id); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.inbox.hold.since); n != 0 {
		t.Fatalf("%d messages are in hand after their end", n)
	}
	// What another one took over while this gateway was silent is not in its hands.
	received(t, s, "3", "p")
	take(t, s, "3")
	if _, err := conn.Exec(soon(t), `DELETE FROM open_message`); err != nil {
		t.Fatal(err)
	}
	signAgain(t, s)
	if n := len(s.inbox.hold.since); n != 0 {
		t.Fatalf("%d messages are in hand that the database knows nothing of", n)
	}
}

// TestBehindTheBlocked: any number of messages that have to wait for another gateway hold up nothing about other patients,
// whether it stands behind them or between them.
func TestBehindTheBlocked(t *testing.T) {
	s := open(t, Options{Poll: 20 * time.Millisecond})
	conn := direct(t, shared.URL(), s.opts.Schema)
	const blocked = (inboxWindows + 2) * inboxWindow // more than one claim looks at
	middle := int64(blocked / 2)
	for _, text := range []string{
		`INSERT INTO open_message SELECT i, 'received', CASE WHEN i = 1 THEN 'another' ELSE '' END, 7 FROM generate_series(1, $1::bigint) i WHERE i <> $2`,
		`UPDATE head SET message = $2 - 1 WHERE $1 > 0`,
	} {
		if _, err := conn.Exec(soon(t), text, blocked, middle); err != nil {
			t.Fatal(err)
		}
	}
	received(t, s, "between", "p")
	take(t, s, "between")
	if _, err := conn.Exec(soon(t), `UPDATE head SET message = $1`, blocked); err != nil {
		t.Fatal(err)
	}
	received(t, s, "behind", "q")
	take(t, s, "behind")
	received(t, s, "last", "r")
	take(t, s, "last")
	// What stands before the place where the last claim looked is not forgotten.
	if _, err := conn.Exec(soon(t), `UPDATE open_message SET owner = '' WHERE seq = $1`, middle); err != nil {
		t.Fatal(err)
	}
	take(t, s, "between")
}

// TestOlderVersion: a message that a gateway of the version before accepted does not say whose it is. It is given back once,
// not over and over, and comes when it is its turn.
func TestOlderVersion(t *testing.T) {
	s := open(t, Options{Poll: time.Hour})
	received(t, s, "1", "p")
	received(t, s, "2", "p")
	conn := direct(t, shared.URL(), s.opts.Schema)
	if _, err := conn.Exec(soon(t), `UPDATE open_message SET key = 0 WHERE seq = 2`); err != nil {
		t.Fatal(err)
	}
	take(t, s, "1", "2")
	if err := process(s, t, "2"); !errors.Is(err, queue.ErrOrder) {
		t.Fatalf("a step behind an earlier message: %v", err)
	}
	if got, err := s.claimInbox(soon(t), 10, &queue.LostError{}); err != nil || len(got) != 0 {
		t.Fatalf("claimed %d again, %v, while it is not its turn", len(got), err)
	}
	if err := process(s, t, "1"); err != nil {
		t.Fatal(err)
	}
	take(t, s, "2")
}
