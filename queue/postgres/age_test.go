package postgres

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// hurtBody changes a byte of a stored body of a message, wherever it stands.
func hurtBody(t testing.TB, dir, id string) {
	conn := direct(t, server(t).URL(), schema(t, dir))
	rows := int64(0)
	for _, text := range []string{
		`UPDATE message SET raw = set_byte(raw, octet_length(raw) / 2, get_byte(raw, octet_length(raw) / 2) # 255) WHERE id = $1 AND raw IS NOT NULL`,
		`UPDATE aged SET body = set_byte(body, octet_length(body) / 2, get_byte(body, octet_length(body) / 2) # 255)
			WHERE kind = 1 AND seq = (SELECT seq FROM message WHERE id = $1) AND body IS NOT NULL`,
	} {
		tag, err := conn.Exec(t.Context(), text, id)
		if err != nil {
			t.Fatal(err)
		}
		rows += tag.RowsAffected()
	}
	if rows != 1 {
		t.Fatalf("%d bodies were changed", rows)
	}
}

func execIn(t testing.TB, dir, text string, args ...any) {
	t.Helper()
	if _, err := direct(t, server(t).URL(), schema(t, dir)).Exec(t.Context(), text, args...); err != nil {
		t.Fatal(err)
	}
}

func TestAging(t *testing.T) {
	queuetest.RunAging(t, queuetest.Aging{
		Engine: engine(t),
		Step: func(ctx context.Context, s queue.Store, before time.Time) (int64, error) {
			return s.(*Store).Age(ctx, before)
		},
		Check: func(ctx context.Context, s queue.Store) error {
			_, err := s.(*Store).Check(ctx)
			return err
		},
		Integrity: func(ctx context.Context, s queue.Store) (queue.Integrity, error) { return s.(*Store).Integrity(ctx) },
		NextRound: func(t testing.TB, dir string) { execIn(t, dir, `UPDATE integrity SET ended = 1`) },
		Hurt:      hurtBody,
		RoomOf:    300,
		Room: func(t testing.TB, s queue.Store, dir string) int64 {
			conn := direct(t, server(t).URL(), schema(t, dir))
			nobodyLooksBack(t, conn)
			for _, table := range []string{"message", "delivery", "record", "plan_version", "aged", "receipt", "event_run", "attempt", "open_message", "open_delivery", "lane",
				"head", "mark", "tally", "aging", "message_hour"} {
				if _, err := conn.Exec(t.Context(), `VACUUM `+table); err != nil {
					t.Fatal(err)
				}
			}
			n := int64(0)
			if err := conn.QueryRow(t.Context(), sizeSelect).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		},
	})
}

// nobodyLooksBack waits until no transaction of the database sees what has died up to now: a VACUUM keeps that.
func nobodyLooksBack(t testing.TB, conn *pgx.Conn) {
	t.Helper()
	var now string
	if err := conn.QueryRow(t.Context(), `SELECT pg_current_xact_id()::xid::text`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		n := 0
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
			AND backend_xmin IS NOT NULL AND age(backend_xmin) > age($1::text::xid)`, now).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n == 0 || time.Now().After(end) {
			return
		}
	}
}

// rowsOf counts rows past the store.
func rowsOf(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.reader.pool.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func ageAll(t *testing.T, s *Store) {
	t.Helper()
	for {
		n, err := s.Age(t.Context(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

// TestAgedRows: what ages leaves its rows, every body has one in the table of aged ones, and an erasure and the end of their time
// take those away.
func TestAgedRows(t *testing.T) {
	s := open(t, Options{})
	const n = 20
	for i := range n {
		commit(t, s, queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody(fmt.Sprint("in", i), 8000), queuetest.AgedBody(fmt.Sprint("out", i), 11000)))
	}
	ageAll(t, s)
	for query, want := range map[string]int{
		`SELECT count(*) FROM message WHERE raw IS NOT NULL OR envelope IS NOT NULL`: 0,
		`SELECT count(*) FROM delivery WHERE body IS NOT NULL`:                       0,
		`SELECT count(*) FROM record WHERE octet_length(body) > 0`:                   0,
		`SELECT count(*) FROM plan_version WHERE octet_length(body) > 0`:             0,
		`SELECT count(*) FROM aged WHERE body IS NOT NULL`:                           5 * n,
	} {
		if got := rowsOf(t, s, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	if from, to := s.pressedFrom.Load(), s.pressedTo.Load(); from < n*20_000 || to > from/3 {
		t.Errorf("%d bytes became %d", from, to)
	}
	if _, err := s.Erase(t.Context(), queue.Erasure{Patients: []string{"urn:test|p3"}}); err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, s, `SELECT count(*) FROM aged`); got != 5*(n-1) {
		t.Errorf("%d bodies are left after an erasure", got)
	}
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), time.Now().Add(time.Hour), after, 100)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	if got := rowsOf(t, s, `SELECT count(*) FROM aged WHERE kind IN (1, 3)`); got != 0 {
		t.Errorf("%d bodies are left after their time", got)
	}
}

// TestAgeWaitsForOlder: nothing is pressed while a gateway of an earlier version is alive. Then such versions are shut out, and the
// first body is pressed after a while.
func TestAgeWaitsForOlder(t *testing.T) {
	s := open(t, Options{})
	commit(t, s, queuetest.AgedUnit(1, time.Now(), queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)))
	exec := func(text string) {
		t.Helper()
		if _, err := s.reader.pool.Exec(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO gateway (owner, until) VALUES ('older', 9223372036854775807)`) // first: the gateway's own ageing may look at any moment
	exec(`UPDATE aging SET ready = 0`)                                               // as a store that was there before
	exec(`UPDATE schema_floor SET version = 0`)
	floor := func() int { return rowsOf(t, s, `SELECT version FROM schema_floor`) }
	step := func() int64 {
		t.Helper()
		n, err := s.Age(t.Context(), time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := step(); n != 0 || floor() != 0 {
		t.Fatalf("%d bytes were pressed beside an older version, the floor is %d", n, floor())
	}
	exec(`DELETE FROM gateway WHERE owner = 'older'`)
	if n := step(); n != 0 || floor() != agedSchema {
		t.Fatalf("%d bytes were pressed at once, the floor is %d", n, floor())
	}
	exec(fmt.Sprintf(`UPDATE aging SET ready = ready + %d`, time.Hour)) // its minute is not over, however long this takes
	if n := step(); n != 0 {
		t.Fatalf("%d bytes were pressed before an older version could have told of itself", n)
	}
	exec(fmt.Sprintf(`UPDATE aging SET ready = ready - %d`, time.Hour+ageReady))
	if n := step(); n == 0 {
		t.Fatal("nothing was pressed")
	}
}

// TestAgeLocked: a row that somebody works on is neither waited for nor lost.
func TestAgeLocked(t *testing.T) {
	s := open(t, Options{})
	const n = 9
	for i := range n {
		commit(t, s, queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)))
	}
	conn := direct(t, server(t).URL(), s.opts.Schema)
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT 1 FROM message WHERE seq = 5 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Age(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if got := rowsOf(t, s, `SELECT message FROM aging`); got != 4 {
		t.Errorf("stands at %d, want 4", got)
	}
	if _, err := conn.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	ageAll(t, s)
	if got := rowsOf(t, s, `SELECT count(*) FROM aged WHERE kind = 1 AND body IS NOT NULL`); got != n {
		t.Errorf("%d bodies were pressed, want %d", got, n)
	}
}

// TestAgeByOne: of two gateways one presses, and the other when that is gone.
func TestAgeByOne(t *testing.T) {
	a := open(t, Options{})
	b := open(t, a.opts)
	for _, job := range []string{"a test", "another"} { // those of the gateways themselves are asked for at any moment
		first, err := a.Leads(t.Context(), job)
		second, err2 := b.Leads(t.Context(), job)
		if err != nil || err2 != nil || !first || second {
			t.Errorf("%s: %v and %v, %v, %v", job, first, second, err, err2)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(10 * time.Millisecond) { // when it could not say goodbye, its time must run out
		leads, err := b.Leads(t.Context(), "a test")
		if err == nil && leads {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("nobody leads after the first is gone: %v", err)
		}
	}
}

// TestDamagedWhileWaiting: a damaged body stops its delivery and its message, and nothing else.
func TestDamagedWhileWaiting(t *testing.T) {
	s := open(t, Options{})
	for i := range 3 {
		u := queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody("in", 4000), queuetest.AgedBody("out", 4000))
		u.Steps, u.Message, u.Deliveries = nil, nil, u.Deliveries[:1]
		u.Accept.Status = samvirke.MessageReceived
		commit(t, s, u)
	}
	ageAll(t, s)
	if _, err := s.reader.pool.Exec(t.Context(), `UPDATE aged SET body = '\x01ff' WHERE seq = 2 AND kind IN (1, 3)`); err != nil {
		t.Fatal(err)
	}
	got, err := s.Received(soon(t), 10)
	lost, is := err.(*queue.LostError) //nolint:errorlint // as the contract gives it
	if !is || len(lost.Messages) != 1 || lost.Messages[0].ID != "m000001" || len(got) != 2 {
		t.Errorf("received %d, %v", len(got), err)
	}
	leased, err := s.Lease(soon(t), "gp", 10, time.Minute)
	if err != nil || len(leased) != 3 {
		t.Fatalf("leased %d, %v", len(leased), err)
	}
	for _, l := range leased {
		if (l.Err != nil) != (l.ID == "gpm000001") {
			t.Errorf("delivery %s: %v", l.ID, l.Err)
		}
	}
}
