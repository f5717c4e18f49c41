package sqlite

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// writeJournal writes n frames with a body each and gives the spots between them and the bytes of the one segment.
func writeJournal(t *testing.T, dir string, n int) (ends []spot, raw []byte) {
	t.Helper()
	j, err := openJournal(dir, 1<<20, diskFiles{}, spot{1, 0, 1}, func([]byte, spot) error { return errors.New("a new journal has no frames") })
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	ends = append(ends, j.end())
	for i := range n {
		if err := j.begin(); err != nil {
			t.Fatal(err)
		}
		j.body(bytes.Repeat([]byte{byte(i)}, 50))
		if err := j.append([]byte(fmt.Sprint("changes ", i))); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.end())
	}
	raw, err = os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	return ends, raw
}

// TestTornFrame ends the journal at every byte, changes every byte, and puts rubbish behind it: the frames before the damage
// are read, in order and whole, and the journal goes on there.
func TestTornFrame(t *testing.T) {
	const frames = 3
	ends, raw := writeJournal(t, t.TempDir(), frames)
	flags := func(i int) bool { // the flags of a head and its unused end are under no checksum
		for _, e := range ends {
			if at := int64(i) - e.at; at >= 28 && at < frameHead {
				return true
			}
		}
		return false
	}
	check := func(what string, raw []byte, whole int) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(segmentPath(dir, 1), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		for round := range 2 {
			var got []string
			j, err := openJournal(dir, 1<<20, diskFiles{}, spot{1, 0, 1}, func(b []byte, end spot) error {
				got = append(got, string(b))
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if len(got) != whole+round || round == 0 && j.end() != ends[whole] {
				t.Fatalf("%s: %d frames, end %+v, want %d", what, len(got), j.end(), whole)
			}
			for i := range whole {
				if got[i] != fmt.Sprint("changes ", i) {
					t.Fatalf("%s: frame %d is %q", what, i, got[i])
				}
			}
			if err := j.begin(); err == nil {
				err = j.append([]byte("next"))
				if err != nil {
					t.Fatal(err)
				}
			}
			j.close()
		}
	}
	for n := range len(raw) {
		whole := 0
		for whole < frames && ends[whole+1].at <= int64(n) {
			whole++
		}
		check(fmt.Sprintf("cut at %d", n), raw[:n], whole)
		if flags(n) {
			continue
		}
		harmed := bytes.Clone(raw)
		harmed[n] ^= 0x40
		check(fmt.Sprintf("byte %d changed", n), harmed, whole)
	}
	check("zeros behind", append(bytes.Clone(raw), make([]byte, 100)...), frames)
	check("an old frame behind", append(bytes.Clone(raw), raw[:ends[1].at]...), frames)
}

// TestJournalShort refuses a journal that lacks what the tables hold already, and one with a hole.
func TestJournalShort(t *testing.T) {
	none := func([]byte, spot) error { return nil }
	dir := t.TempDir()
	ends, raw := writeJournal(t, dir, 3)
	last := ends[3]
	if err := os.Truncate(segmentPath(dir, 1), int64(len(raw))-1); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dir, 1<<20, diskFiles{}, last, none); !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("a byte is missing: %v", err)
	}
	if err := os.WriteFile(segmentPath(dir, 2), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dir, 1<<20, diskFiles{}, ends[0], none); !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("a segment that was left ends in the middle of a frame: %v", err)
	}
	if _, err := openJournal(t.TempDir(), 1<<20, diskFiles{}, last, none); !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("no journal: %v", err)
	}
}

// TestChanges writes and reads changes with every kind of value.
func TestChanges(t *testing.T) {
	vals := []driver.Value{int64(-5), "text", "", "ø\x00\"", []byte{}, []byte("blob"), nil, int64(1 << 62), []byte(nil), "end"}
	want := append([]driver.Value(nil), vals...)
	want[8] = nil
	b := setMessageAll.encode(nil, vals)
	n := 0
	err := decode(append(b, b...), func(c change, got []driver.Value) error {
		n++
		if c != setMessageAll || !reflect.DeepEqual(got, want) {
			t.Errorf("change %d reads %#v, want %#v", c, got, want)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Fatalf("%d changes, %v", n, err)
	}
	for i := 1; i < len(b); i++ {
		if err := decode(b[:i], func(change, []driver.Value) error { return nil }); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
	if err := decode([]byte{byte(changeCount)}, nil); !errors.Is(err, queue.ErrNewer) {
		t.Errorf("a change of a newer version: %v", err)
	}
	for c := change(1); c < changeCount; c++ {
		if c.columns() == 0 {
			t.Errorf("change %d has no columns", c)
		}
	}
}
