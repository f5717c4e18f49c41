package sqlite

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestIntegrity damages the body of a message on disk, plain and pressed: a round finds it and no other, tells of it once, and goes on
// where it stood after a restart.
func TestIntegrity(t *testing.T) {
	for _, pressed := range []bool{false, true} {
		t.Run(fmt.Sprint("pressed ", pressed), func(t *testing.T) {
			var log bytes.Buffer
			o := Options{Dir: t.TempDir(), SegmentBytes: 50_000, CheckpointEvery: 3 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			s := open(t, o)
			const n, hurt = 12, "m000004"
			for i := range n {
				if _, err := s.Commit(t.Context(), agedUnit(i, time.Now(), agedBody(fmt.Sprint("in", i), 6000), agedBody(fmt.Sprint("out", i), 6000))); err != nil {
					t.Fatal(err)
				}
			}
			settleHeld(t, s)
			if pressed {
				ageAll(t, s)
			}
			round := func(s *Store) {
				t.Helper()
				for range 3 * n {
					if _, err := s.Check(t.Context()); err != nil {
						t.Fatal(err)
					}
					if c, err := s.checkingAt(t.Context()); err != nil || c.began == 0 {
						if err != nil {
							t.Fatal(err)
						}
						return
					}
				}
				t.Fatal("the round does not end")
			}
			round(s)
			if i, err := s.Integrity(t.Context()); err != nil || len(i.Damaged) != 0 || i.Checked != 3*n || i.Ended.IsZero() {
				t.Fatalf("%+v, %v", i, err)
			}
			p := placesOf(t, s, hurt)[0]
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(segmentPath(s.journalDir(), p.seg), os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, int64(p.at)+int64(p.n)/2); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			week := time.Now().Add(8 * 24 * time.Hour)
			o.Now = func() time.Time { return week }
			s = open(t, o)
			round(s)
			i, err := s.Integrity(t.Context())
			if err != nil || !slices.Equal(i.Damaged, []string{"message " + hurt}) || s.damaged.Load() != 1 {
				t.Errorf("%+v, metric %d, %v", i, s.damaged.Load(), err)
			}
			if n := strings.Count(log.String(), "a stored body is damaged"); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}
