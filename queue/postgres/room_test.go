package postgres

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// roomRig is a store with a small budget whose tables nobody vacuums but the test.
type roomRig struct {
	testing.TB
	s    *Store
	size int // of a body
	n    int // messages taken so far
	lost int // those of them that the database has forgotten to have counted
}

func newRoomRig(tb testing.TB, size int) *roomRig {
	r := &roomRig{TB: tb, s: open(tb, Options{DiskBudget: 6 << 20}), size: size}
	r.exec(`ALTER TABLE message SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)`)
	return r
}

func (r *roomRig) exec(text string) {
	r.Helper()
	if _, err := r.s.reader.pool.Exec(soon(r), text); err != nil {
		r.Fatal(err)
	}
}

// accept takes one message, as ended or not.
func (r *roomRig) accept(status samvirke.MessageStatus) error {
	id := fmt.Sprint("m", r.n)
	_, err := r.s.Commit(soon(r), &queue.Unit{Now: time.Now(), Accept: &samvirke.Message{ID: id, Party: "hospital", ExternalID: "x" + id, Status: status, Raw: make([]byte, r.size)}})
	if err == nil {
		r.n++
	}
	return err
}

// fill takes messages until they are refused, and gives how many that were.
func (r *roomRig) fill() (taken int) {
	r.Helper()
	for size := 0; ; size += r.size {
		if size > 1<<20 {
			size = 0
			r.look("n_tup_ins")
		}
		err := r.accept(samvirke.MessageProcessed)
		switch {
		case errors.Is(err, queue.ErrFull):
			return taken
		case err != nil || taken*r.size > 4*int(r.s.opts.DiskBudget):
			r.Fatalf("message %d: %v", r.n, err)
		}
		taken++
	}
}

// look measures when the database has counted all messages: a session tells what it has changed once in a second, and not while it idles.
func (r *roomRig) look(counter string) {
	r.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if rowsOf(r, r.s, `SELECT `+counter+` FROM pg_stat_all_tables WHERE relid = 'message'::regclass`) >= r.n-1-r.lost {
			break
		}
		if time.Now().After(end) {
			r.Fatalf("%s never told", counter)
		}
		commit(r, r.s, &queue.Unit{Now: time.Now(), Settings: map[string]string{"tell": "all"}})
	}
	if err := r.s.measureSize(soon(r)); err != nil {
		r.Fatal(err)
	}
}

// drop lets retention take the bodies of all that have ended.
func (r *roomRig) drop() {
	r.Helper()
	for after, total := int64(0), 0; ; {
		n, next, err := r.s.DropPayloads(soon(r), time.Now().Add(time.Hour), after, 500)
		if total += n; err != nil || next == 0 && total < r.n-1 {
			r.Fatalf("dropped %d of %d, %v", total, r.n, err)
		}
		if after = next; next == 0 {
			break
		}
	}
	r.look("n_tup_upd")
}

// vacuum does what the database does by itself after a while.
func (r *roomRig) vacuum() {
	r.Helper()
	nobodyLooksBack(r, direct(r, shared.URL(), r.s.opts.Schema))
	r.exec(`VACUUM ANALYZE message`)
	if err := r.s.measureSize(soon(r)); err != nil {
		r.Fatal(err)
	}
}

// TestDiskBudget: over the budget new messages are refused. What retention then takes away is room again once it is vacuumed, though no
// file gets smaller by it, and what comes next finds room there.
func TestDiskBudget(t *testing.T) {
	for name, size := range map[string]int{"bodies in pieces": 40_000, "bodies in rows": 1_200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoomRig(t, size)
			s := r.s
			first := r.fill()
			if first*size < int(s.opts.DiskBudget)/2 {
				t.Fatalf("only %d messages were taken", first)
			}
			commit(t, s, &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "m0", To: samvirke.MessageClosed}})
			// One that stays keeps the files from getting shorter: it comes before the next look at their size.
			s.size.Store(0)
			if err := r.accept(samvirke.MessageReceived); err != nil {
				t.Fatal(err)
			}
			r.drop()
			if !s.OverBudget(false) {
				t.Errorf("%d of %d bytes count as room before a vacuum", s.reusable.Load(), s.size.Load())
			}
			r.vacuum()
			full := s.size.Load()
			if full < s.opts.DiskBudget {
				t.Fatalf("the files have %d bytes only", full)
			}
			if s.OverBudget(false) {
				t.Fatalf("still over the budget with %d of %d bytes to be used again", s.reusable.Load(), full)
			}
			// The database has crashed and counts from nothing.
			room := s.reusable.Load()
			r.exec(`SELECT pg_stat_reset_single_table_counters(oid), pg_stat_reset_single_table_counters(reltoastrelid) FROM pg_class WHERE oid = 'message'::regclass`)
			if err := s.measureSize(soon(t)); err != nil || s.reusable.Load() != room {
				t.Errorf("%d bytes to be used again, %v, were %d before the counts were lost", s.reusable.Load(), err, room)
			}
			r.lost = r.n
			again := r.fill()
			if again < first/2 || s.size.Load() > full+full/10 {
				t.Errorf("%d messages were taken into the room of %d, and the files have %d bytes instead of %d", again, first, s.size.Load(), full)
			}
			t.Logf("%d messages, %d again; %d bytes and then %d, %d of them to be used again", first, again, full, s.size.Load(), room)
		})
	}
}
