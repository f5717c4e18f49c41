package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestRecordHurtIsFound: the body of a record that is too large for its row is damaged, and the check of bodies names its message.
func TestRecordHurtIsFound(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	large := bytes.Repeat([]byte("blood pressure 120/80 "), s.bodies.limit/20)
	for i := range 3 {
		u := queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody("in", 3000), queuetest.AgedBody("out", 3000))
		u.Records[0].Body = fmt.Appendf(nil, "%d: %s", i, large)
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	settleHeld(t, s)
	file, err := single[string](t.Context(), s.db, `SELECT file FROM record WHERE message_id = 'm000001'`)
	if err != nil || file == "" {
		t.Fatalf("file %q, %v", file, err)
	}
	if err := os.WriteFile(s.bodies.path(file), []byte("spoilt"), 0o600); err != nil {
		t.Fatal(err)
	}
	for read := int64(1); read > 0; {
		if read, err = s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if i, err := s.Integrity(t.Context()); err != nil || !slices.Equal(i.Damaged, []string{"record m000001"}) {
		t.Errorf("damaged: %q, %v", i.Damaged, err)
	}
}

// TestCheckTakesTurns: messages of more bytes than a step do not use it up, each table gets its turn.
func TestCheckTakesTurns(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir()})
	const n, large = 5, checkStep / 4
	for i := range n {
		if _, err := s.Commit(t.Context(), queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody(fmt.Sprint(i), large), queuetest.AgedBody("out", 3000))); err != nil {
			t.Fatal(err)
		}
	}
	settleHeld(t, s)
	if _, err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c, err := s.checkingAt(t.Context()); err != nil || c.message == 0 || c.message >= n || c.delivery == 0 || c.plan == 0 || c.record == 0 {
		t.Errorf("after a step the check stands at %+v, %v", c, err)
	}
}
