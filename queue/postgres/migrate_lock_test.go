package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// shelf keeps what is logged.
type shelf struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shelf) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shelf) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// await waits until a text was logged.
func (s *shelf) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(s.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was never logged:\n%s", text, s)
		}
	}
}

// analyst is a session under the name of a dump that leaves a transaction open.
func analyst(t *testing.T, o Options, text string) *pgx.Conn {
	t.Helper()
	conn := direct(t, o.URL, o.Schema)
	for _, q := range []string{`SET application_name = 'pg_dump'`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, text} {
		if _, err := conn.Exec(soon(t), q); err != nil {
			t.Fatal(err)
		}
	}
	return conn
}

// migrating starts a migration.
func migrating(t *testing.T, o Options, folder fs.FS) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() { done <- migrateFrom(ctx, o, folder) }()
	return done
}

func ended(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("the migration does not end")
	}
}

// many runs a statement of a gateway of the version before again and again, each time in a transaction of its own.
func many(t *testing.T, o Options, text string) {
	t.Helper()
	conn := direct(t, o.URL, o.Schema)
	for i := range 30 {
		if _, err := conn.Exec(soon(t), fmt.Sprintf(text, 1000+i)); err != nil {
			t.Fatalf("a gateway of the version before stands still: %v", err)
		}
	}
}

// messageOf makes a message with a number.
const messageOf = `INSERT INTO message SELECT %d, gen_random_uuid()::text, party, format, kind, version, external_id, patient, generated_at, received_at, status, reused,
	fault, fault_text, checksum, size, content_type, trace_parent, envelope, notes, raw FROM message WHERE seq = 5`

// TestMigrationHoldsUpNobody: while a long transaction of somebody else keeps a migration from a table, gateways of the version before go
// on with that table, and it is told who that somebody is. When the transaction ends, the migration does too.
func TestMigrationHoldsUpNobody(t *testing.T) {
	for version, c := range map[int]struct{ holds, gateway string }{
		2: {`UPDATE message SET size = size WHERE seq = 1`, messageOf},
		3: {`LOCK TABLE open_message IN ACCESS SHARE MODE`, `INSERT INTO open_message VALUES (%d, 'received', '')`},
		4: {`LOCK TABLE gateway IN ACCESS SHARE MODE`, `INSERT INTO gateway VALUES ('g', %d) ON CONFLICT (owner) DO UPDATE SET until = excluded.until`},
	} {
		t.Run(fmt.Sprint("to ", version), func(t *testing.T) {
			o := firstStore(t)
			if err := migrateFrom(soon(t), o, migrationsUpTo(t, version-1, -1)); err != nil {
				t.Fatal(err)
			}
			var log shelf
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			dump := analyst(t, o, c.holds)
			done := migrating(t, o, migrationsUpTo(t, version, -1))
			log.await(t, "waits for a lock")
			log.await(t, fmt.Sprintf("process %d", dump.PgConn().PID()))
			many(t, o, c.gateway)
			select {
			case err := <-done:
				t.Fatalf("the migration ended while somebody held its table: %v", err)
			default:
			}
			if !strings.Contains(log.String(), fmt.Sprintf("process %d", dump.PgConn().PID())) || !strings.Contains(log.String(), "pg_dump") {
				t.Errorf("it is not told who holds the table:\n%s", &log)
			}
			if _, err := dump.Exec(soon(t), `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			ended(t, done)
			many(t, o, strings.Replace(c.gateway, "%d", "1%d", 1))
			if have, _, err := schemaVersion(soon(t), direct(t, o.URL, o.Schema)); err != nil || have != int64(version) {
				t.Errorf("schema %d, %v", have, err)
			}
		})
	}
}

// TestMigrationGivesUp: after its patience a migration ends with an error that says who holds the table; the next start goes on.
func TestMigrationGivesUp(t *testing.T) {
	o := firstStore(t)
	dump := analyst(t, o, `LOCK TABLE open_message IN ACCESS SHARE MODE`)
	o.LockPatience = 3 * time.Second // some tries, so that one is looked at however slow the machine is
	_, err := Open(soon(t), o)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "pg_dump") {
		t.Fatalf("opened beside a dump: %v", err)
	}
	if _, err := dump.Exec(soon(t), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	s := open(t, o)
	if _, err := s.reader.pool.Exec(soon(t), `UPDATE aging SET ready = 1`); err != nil {
		t.Fatal(err)
	}
	checkUpgraded(t, s)
}

// TestStartBesideIndex: an index that is made beside running gateways waits for every transaction that began before. Meanwhile gateways of
// the version before start and work, and further ones of this version wait without being waited for.
func TestStartBesideIndex(t *testing.T) {
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprint("to ", version), func(t *testing.T) {
			o := firstStore(t)
			old := migrationsUpTo(t, version-1, -1)
			if err := migrateFrom(soon(t), o, old); err != nil {
				t.Fatal(err)
			}
			var log shelf
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			dump := analyst(t, o, `SELECT count(*) FROM setting`)
			first := migrating(t, o, migrationsUpTo(t, version, -1))
			log.await(t, "transactions that began before it")
			second := migrating(t, o, migrationsUpTo(t, version, -1))
			many(t, o, messageOf)
			for range 3 {
				if err := migrateFrom(soon(t), o, old); err != nil {
					t.Fatalf("a gateway of the version before does not start: %v", err)
				}
			}
			select {
			case err := <-first:
				t.Fatalf("the migration ended before the transaction: %v", err)
			case err := <-second:
				t.Fatalf("two migrate at the same time: %v", err)
			default:
			}
			if _, err := dump.Exec(soon(t), `ROLLBACK`); err != nil {
				t.Fatal(err)
			}
			ended(t, first)
			ended(t, second)
			var useless int
			conn := direct(t, o.URL, o.Schema)
			if err := conn.QueryRow(soon(t), `SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
				WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid`).Scan(&useless); err != nil || useless != 0 {
				t.Errorf("%d indexes are of no use, %v", useless, err)
			}
		})
	}
}

// TestMigrationBesideVacuum: the database's own cleaning of a large table takes hours, and ends for somebody who waits long enough.
func TestMigrationBesideVacuum(t *testing.T) {
	server(t)
	db, err := postgrestest.New("autovacuum_naptime = 1", "autovacuum_vacuum_cost_delay = 0")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o := firstStoreOn(t, db)
	conn := direct(t, o.URL, o.Schema)
	if _, err := conn.Exec(soon(t), strings.Replace(messageOf, "%d", "generate_series(1000, 30000)", 1)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`ALTER TABLE message SET (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)`, `UPDATE message SET size = size`} {
		if _, err := conn.Exec(soon(t), text); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, db, o.Schema, `SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'message'::regclass`)
	if err := migrateFrom(soon(t), o, migrationsUpTo(t, 2, -1)); err != nil {
		t.Fatal(err)
	}
}
