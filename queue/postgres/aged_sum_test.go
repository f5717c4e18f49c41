package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/press"
	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestPressedIntoAnother: pressed bytes that become a body without an error, but not the one that was stored, are damaged, of whatever
// kind they are.
func TestPressedIntoAnother(t *testing.T) {
	s := open(t, Options{})
	in, out := queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 11000)
	commit(t, s, queuetest.AgedUnit(0, time.Now(), in, out))
	ageAll(t, s)
	if err := queuetest.CheckAged(t.Context(), s, 0, in, out); err != nil {
		t.Fatal(err)
	}
	p, err := press.New()
	if err != nil {
		t.Fatal(err)
	}
	const id, patient = "m000000", "urn:test|p0"
	for kind, c := range map[int]struct {
		name string
		read func() error
	}{
		1: {"message", func() error { _, err := s.Message(t.Context(), id); return err }},
		2: {"envelope", func() error { _, err := s.Message(t.Context(), id); return err }},
		3: {"delivery", func() error { _, err := s.Delivery(t.Context(), "gp"+id); return err }},
		4: {"record", func() error { _, err := s.Records(t.Context(), patient); return err }},
		5: {"plan", func() error { _, err := s.Plan(t.Context(), patient, 0); return err }},
	} {
		var was []byte
		if err := s.reader.pool.QueryRow(t.Context(), `SELECT body FROM aged WHERE kind = $1`, kind).Scan(&was); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		set := func(body []byte) {
			t.Helper()
			if tag, err := s.slow.Exec(t.Context(), `UPDATE aged SET body = $1 WHERE kind = $2`, body, kind); err != nil || tag.RowsAffected() != 1 {
				t.Fatalf("%s: %d rows, %v", c.name, tag.RowsAffected(), err)
			}
		}
		set(p.Squeeze(nil, queuetest.AgedBody("another", 9000)))
		if err := c.read(); !errors.Is(err, queue.ErrDamaged) {
			t.Errorf("%s: another body is read: %v", c.name, err)
		}
		set(nil)
		set([]byte{})
		if err := c.read(); !errors.Is(err, queue.ErrDamaged) {
			t.Errorf("%s: no bytes are read: %v", c.name, err)
		}
		set(was)
		if err := c.read(); err != nil {
			t.Errorf("%s: put back: %v", c.name, err)
		}
	}
}
