package sqlite

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/queue"
)

// smallSegment is a limit of segments that leaves little to be filled ahead.
const smallSegment = 8 << 10

// writeJournal writes n frames with a body each and gives the spots between them and the bytes of the one segment.
func writeJournal(t *testing.T, dir string, n int) (ends []spot, raw []byte) {
	t.Helper()
	j, err := openJournal(dir, smallSegment, diskFiles{}, spot{1, 0, 1}, func([]byte, spot) error { return errors.New("a new journal has no frames") })
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
	j.trim()
	raw, err = os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	return ends, raw
}

// TestTornFrame ends the journal at every byte, changes every byte, and puts rubbish behind it: the frames before the damage
// are read, in order and whole, and the journal goes on there. With whole frames behind the damage it is refused and left as it is.
func TestTornFrame(t *testing.T) {
	const frames = 3
	ends, raw := writeJournal(t, t.TempDir(), frames)
	flags := func(i int) bool { // the flags of a head and its unused end are under no checksum
		for _, e := range ends {
			if at := int64(i) - e.at; at >= 28 && at < 32 || at >= 36 && at < frameHead {
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
			j, err := openJournal(dir, smallSegment, diskFiles{}, spot{1, 0, 1}, func(b []byte, end spot) error {
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
		if whole < frames-1 {
			refused(t, fmt.Sprintf("byte %d changed", n), harmed)
			continue
		}
		check(fmt.Sprintf("byte %d changed", n), harmed, whole)
	}
	check("zeros behind", append(bytes.Clone(raw), make([]byte, 100)...), frames)
	check("an old frame behind", append(bytes.Clone(raw), raw[:ends[1].at]...), frames)
	refused(t, "a hole", append(make([]byte, ends[1].at), raw[ends[1].at:]...))
	refused(t, "a frame is missing", raw[ends[1].at:])
	refused(t, "a hole of many pages", append(append(bytes.Clone(raw[:ends[1].at]), make([]byte, 1<<20-ends[2].at-10)...), raw[ends[2].at:]...))
}

// refused looks that a journal is not opened and nothing of it is cut.
func refused(t *testing.T, what string, raw []byte) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(segmentPath(dir, 1), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openJournal(dir, 1<<20, diskFiles{}, spot{1, 0, 1}, func([]byte, spot) error { return nil })
	if !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("%s: %v", what, err)
	}
	if after, err := os.ReadFile(segmentPath(dir, 1)); err != nil || !bytes.Equal(after, raw) {
		t.Errorf("%s: %d of %d bytes are left, %v", what, len(after), len(raw), err)
	}
}

// TestWipedFrameIsNotTorn: tables that are behind a frame whose changes were taken out are older than the journal.
func TestWipedFrameIsNotTorn(t *testing.T) {
	for from := range 3 {
		dir := t.TempDir()
		ends, raw := writeJournal(t, dir, 3)
		f, err := diskFiles{}.Open(segmentPath(dir, 1), false)
		if err != nil {
			t.Fatal(err)
		}
		h, ok, err := readHead(f, ends[2].at)
		if err != nil || !ok {
			t.Fatalf("no head, %v", err)
		}
		if err := wipeChanges(f, ends[2].at, h); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		_, err = openJournal(dir, 1<<20, diskFiles{}, ends[from], func([]byte, spot) error { return nil })
		if !errors.Is(err, queue.ErrDamaged) {
			t.Errorf("from frame %d: %v", from+1, err)
		}
		if info, err := os.Stat(segmentPath(dir, 1)); err != nil || info.Size() != int64(len(raw)) {
			t.Errorf("from frame %d: the journal was cut, %v", from+1, err)
		}
	}
}

// TestTornIsTold: what is cut off at the end is logged, but for zeros, and the units before it are there.
func TestTornIsTold(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	if _, err := s.Commit(t.Context(), acceptUnit("m", []byte("body"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(segmentPath(s.journalDir(), s.journal.seg), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(append(bytes.Repeat([]byte{1}, 77), make([]byte, 1000)...)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s = open(t, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if _, err := s.Message(t.Context(), "m"); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "bytes=77") {
		t.Errorf("nothing is told of the cut: %s", log.String())
	}
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
