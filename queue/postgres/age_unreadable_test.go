package postgres

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// pageSize is that of a page of PostgreSQL.
const pageSize = 8192

// words is a log that a test reads.
type words struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *words) count(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.b.String(), text)
}

// hexBody is a body that PostgreSQL does not make smaller, so that it stands in pages of its own, and that pressing does.
func hexBody(n int) []byte {
	b := make([]byte, 4000)
	random := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)})
	_, _ = random.Read(b) // never fails
	return []byte(hex.EncodeToString(b))
}

// TestAgeUnreadable destroys a page of stored bodies while the database is stopped: ageing goes on with all other bodies and says which it
// cannot read, the check of bodies finds just those, and the gateway takes and ages what comes.
func TestAgeUnreadable(t *testing.T) {
	server(t) // skips without PostgreSQL
	s, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	name := schema(t, t.TempDir())
	st := open(t, Options{URL: s.URL(), Schema: name})
	const n = 24
	out := queuetest.AgedBody("out", 11000)
	for i := range n {
		commit(t, st, queuetest.AgedUnit(i, time.Now(), hexBody(i), out))
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	hurtPage(t, s, name)

	said := &words{}
	st = open(t, Options{URL: s.URL(), Schema: name, Logger: slog.New(slog.NewTextHandler(said, nil))})
	lost := unreadableMessages(t, s, name, n)
	if len(lost) == 0 || len(lost) == n {
		t.Fatalf("%d of %d messages cannot be read", len(lost), n)
	}
	ageAll(t, st)
	whole := func() {
		t.Helper()
		for i := range n {
			err := queuetest.CheckAged(t.Context(), st, i, hexBody(i), out)
			if (err != nil) != lost[i] {
				t.Errorf("message %d, which can be read: %t: %v", i, !lost[i], err)
			}
		}
	}
	whole()
	if got := rowsOf(t, st, `SELECT count(*) FROM aged WHERE kind = 1 AND body IS NOT NULL`); got != n-len(lost) {
		t.Errorf("%d bodies were pressed, want %d", got, n-len(lost))
	}
	if got := rowsOf(t, st, `SELECT count(*) FROM message WHERE raw IS NOT NULL`); got != len(lost) {
		t.Errorf("%d bodies are where they were, want %d", got, len(lost))
	}
	if got := said.count("cannot be read and is not pressed"); got != len(lost) {
		t.Errorf("the log tells of %d bodies, want %d", got, len(lost))
	}
	for read := int64(1); read > 0; {
		if read, err = st.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	found, err := st.Integrity(t.Context())
	if err != nil || len(found.Damaged) != len(lost) {
		t.Errorf("the check found %v, %v", found.Damaged, err)
	}
	for i := range lost {
		if !strings.Contains(strings.Join(found.Damaged, "\n"), fmt.Sprintf("m%06d", i)) {
			t.Errorf("the check did not find message %d", i)
		}
	}
	commit(t, st, queuetest.AgedUnit(n, time.Now(), hexBody(n), out))
	ageAll(t, st)
	if err := queuetest.CheckAged(t.Context(), st, n, hexBody(n), out); err != nil {
		t.Errorf("what came after: %v", err)
	}
	if err := st.Err(); err != nil {
		t.Errorf("the store failed: %v", err)
	}
	whole()
}

// hurtPage overwrites a page in the middle of those that hold bodies of messages.
func hurtPage(t *testing.T, s *postgrestest.Server, schema string) {
	t.Helper()
	var file string
	conn := direct(t, s.URL(), schema)
	if err := conn.QueryRow(soon(t), `SELECT pg_relation_filepath(reltoastrelid::regclass) FROM pg_class WHERE oid = 'message'::regclass`).Scan(&file); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.Stop(false) // it writes what it has in memory
	f, err := os.OpenFile(filepath.Join(s.Data(), file), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Size() < 4*pageSize {
		t.Fatalf("too few pages: %v, %v", info, err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, pageSize), info.Size()/pageSize/2*pageSize); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

// unreadableMessages asks past the store for the body of each message, and gives those that do not come.
func unreadableMessages(t *testing.T, s *postgrestest.Server, schema string, n int) map[int]bool {
	t.Helper()
	conn, lost := direct(t, s.URL(), schema), map[int]bool{}
	for i := range n {
		var raw []byte
		err := conn.QueryRow(soon(t), `SELECT raw FROM message WHERE id = $1`, fmt.Sprintf("m%06d", i)).Scan(&raw)
		switch {
		case err == nil:
		case unreadable(err):
			lost[i] = true
		default:
			t.Fatal(err)
		}
	}
	return lost
}
