package postgres

import (
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue/queuetest"
)

// TestRecordHurtIsFound: the body of a record that has aged is damaged, and the check of bodies names its message.
func TestRecordHurtIsFound(t *testing.T) {
	s := open(t, Options{})
	for i := range 3 {
		commit(t, s, queuetest.AgedUnit(i, time.Now(), queuetest.AgedBody("in", 8000), queuetest.AgedBody("out", 8000)))
	}
	ageAll(t, s)
	tag, err := s.slow.Exec(t.Context(), `UPDATE aged SET body = set_byte(body, 9, get_byte(body, 9) # 255)
		WHERE kind = 4 AND seq = (SELECT seq FROM record WHERE message_id = 'm000001')`)
	if err != nil || tag.RowsAffected() != 1 {
		t.Fatalf("%d rows, %v", tag.RowsAffected(), err)
	}
	for n := int64(1); n > 0; {
		if n, err = s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if i, err := s.Integrity(t.Context()); err != nil || !slices.Equal(i.Damaged, []string{"record m000001"}) {
		t.Errorf("damaged: %q, %v", i.Damaged, err)
	}
}
