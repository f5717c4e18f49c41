package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/queuetest"
)

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

// TestAgeUnreadable spoils a body in the journal, and a page of the database with records on it: ageing goes on with all other bodies and with
// the records before the page, says that it cannot read what is there, and the gateway takes and ages what comes.
func TestAgeUnreadable(t *testing.T) {
	said := &words{}
	o := Options{Dir: t.TempDir(), SegmentBytes: 200_000, CheckpointEvery: 3 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(said, nil))}
	s := open(t, o)
	const n, hurt = 200, 5
	in, out := queuetest.AgedBody("in", 3000), queuetest.AgedBody("out", 4000)
	for i := range n {
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), in, out)); err != nil {
			t.Fatal(err)
		}
	}
	settleHeld(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	hurtBody(t, o.Dir, fmt.Sprintf("m%06d", hurt))
	hurtPage(t, filepath.Join(o.Dir, fileName), "record", 3*ageRows) // beside the last row of a step
	s = open(t, o)
	settleHeld(t, s)
	damage := ageSome(t, s)
	if damage == nil || !strings.Contains(damage.Error(), "record cannot be read") {
		t.Errorf("what is left to be pressed fails with %v", damage)
	}
	a, err := s.agingAt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// What lies in the segment in use stays there: it holds less than 50 of them.
	if a.message < n-50 || a.delivery < 2*(n-50) || a.plan < n-50 || a.result != n || a.record == 0 || a.record >= n {
		t.Errorf("%d messages, it stands at %+v", n, a)
	}
	for i := range n {
		checkAgedBeside(t, s, i, in, out, i == hurt, int64(i) < a.record)
	}
	// What comes is taken and aged. It goes to the end of the table, far from the page.
	if _, err := s.Commit(t.Context(), queuetest.AgedUnit(n, time.Now(), in, out)); err != nil {
		t.Fatal(err)
	}
	settleHeld(t, s)
	_ = ageSome(t, s)
	if a, err = s.agingAt(t.Context()); err != nil || a.result != n+1 {
		t.Errorf("what came after: it stands at %+v, %v", a, err)
	}
	checkAgedBeside(t, s, n, in, out, false, true)
	if err := s.Err(); err != nil {
		t.Errorf("the store failed: %v", err)
	}
	// The check of bodies tells of the one in the journal, and of the table.
	for read := int64(1); read > 0; {
		read, err = s.Check(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "each record behind") {
		t.Errorf("the check of bodies fails with %v", err)
	}
	found, err := s.Integrity(t.Context())
	if err != nil || len(found.Damaged) == 0 || !strings.Contains(strings.Join(found.Damaged, " "), fmt.Sprintf("m%06d", hurt)) {
		t.Errorf("the check found %v, %v", found.Damaged, err)
	}
	if said.count("a stored body is damaged") == 0 {
		t.Error("the log does not tell of the damage")
	}
}

// ageSome ages until nothing is left, and gives what is said then.
func ageSome(t *testing.T, s *Store) error {
	t.Helper()
	for {
		n, err := s.Age(t.Context(), time.Now().Add(time.Hour))
		if n == 0 {
			return err
		}
		if err != nil {
			t.Fatalf("%d bytes were pressed, and %v", n, err)
		}
	}
}

// checkAgedBeside reads everything of a unit but what was spoilt: its body, or its record.
func checkAgedBeside(t *testing.T, s *Store, n int, in, out []byte, spoilt, record bool) {
	t.Helper()
	id := fmt.Sprintf("m%06d", n)
	m, err := s.Message(t.Context(), id)
	if spoilt != errors.Is(err, queue.ErrDamaged) || !spoilt && (err != nil || !bytes.Equal(m.Raw, in)) {
		t.Errorf("message %d, spoilt: %t: %d bytes, %v", n, spoilt, len(m.Raw), err)
	}
	if d, err := s.Delivery(t.Context(), "gp"+id); err != nil || !bytes.Equal(d.Body, out) {
		t.Errorf("delivery %d: %d bytes, %v", n, len(d.Body), err)
	}
	if r, err := s.Records(t.Context(), fmt.Sprint("urn:test|p", n)); record && (err != nil || len(r) != 1 || !bytes.Equal(r[0].Body, out[:len(out)/4])) {
		t.Errorf("records %d: %d, %v", n, len(r), err)
	}
	if p, err := s.Plan(t.Context(), fmt.Sprint("urn:test|p", n), 0); err != nil || !bytes.Equal(p.Body, out[:len(out)/2]) {
		t.Errorf("plan %d: %d bytes, %v", n, len(p.Body), err)
	}
}

// hurtPage makes the page of a table in which a row stands, counted from 0, one that nobody can read.
func hurtPage(t *testing.T, path, table string, row int64) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	type page struct{ at, rows int64 }
	pages, err := list(t.Context(), db, func(rows *sql.Rows) (p page, err error) {
		err = rows.Scan(&p.at, &p.rows)
		return p, err
	}, `SELECT pgoffset, ncell FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path`, table)
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	i := 0
	for ; row >= pages[i].rows; i++ {
		row -= pages[i].rows
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 100), pages[i].at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
