package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// frames appends frames with a body of n bytes each, until done says so.
func frames(t *testing.T, j *journal, n int, done func() bool) {
	t.Helper()
	for !done() {
		if err := j.begin(); err != nil {
			t.Fatal(err)
		}
		j.body(bytes.Repeat([]byte{7}, n))
		if err := j.append([]byte("changes\x00\x00")); err != nil {
			t.Fatal(err)
		}
	}
}

// sizeOf gives the length of a segment and how much of it is no zeros at its end.
func sizeOf(t *testing.T, dir string, seg uint32) (size, filled int64) {
	t.Helper()
	raw, err := os.ReadFile(segmentPath(dir, seg))
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(raw)), int64(len(bytes.TrimRight(raw, "\x00")))
}

// TestJournalAhead: a segment is longer than its frames, up to its limit, so that most syncs find its length on disk. A kill leaves that
// behind, which is no torn frame; a good end takes it away; a segment that was left has none of it.
func TestJournalAhead(t *testing.T) {
	dir := t.TempDir()
	const limit = 3 << 20
	none := func([]byte, spot) error { return nil }
	j, err := openJournal(dir, limit, diskFiles{}, spot{1, 0, 1}, none)
	if err != nil {
		t.Fatal(err)
	}
	frames(t, j, 10_000, func() bool { return j.frame > 3 })
	if size, _ := sizeOf(t, dir, 1); size != j.ahead || size < leastAhead {
		t.Errorf("%d bytes, zeros up to %d", size, j.ahead)
	}
	before, grown := j.ahead, 0
	frames(t, j, 10_000, func() bool {
		if j.ahead != before {
			before, grown = j.ahead, grown+1
		}
		return j.frame > 10
	})
	if grown > 2 {
		t.Errorf("the segment was made longer %d times for 8 frames", grown)
	}
	j.close() // killed

	read := 0
	j, err = openJournal(dir, limit, diskFiles{}, spot{1, 0, 1}, func([]byte, spot) error { read++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if read != 10 || j.frame != 11 || j.torn != 2 && j.torn != 0 || j.tail == 0 {
		t.Errorf("after a kill %d frames, the next %d, %d bytes torn, %d cut off", read, j.frame, j.torn, j.tail)
	}
	frames(t, j, 100_000, func() bool { return j.seg > 1 })
	if size, filled := sizeOf(t, dir, 1); size > filled+2 || size < limit {
		t.Errorf("a segment that was left has %d bytes, %d of them filled, its limit is %d", size, filled, limit)
	}
	j.trim()
	if size, _ := sizeOf(t, dir, 2); size != j.at {
		t.Errorf("after a good end the segment has %d bytes, its frames %d", size, j.at)
	}
	j.close()
}

// TestJournalAheadFull: room for a frame and none for zeros is room enough.
func TestJournalAheadFull(t *testing.T) {
	dir := t.TempDir()
	f := &faultFiles{}
	j, err := openJournal(dir, 1<<20, f, spot{1, 0, 1}, func([]byte, spot) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	f.mu.Lock()
	f.full, f.room = true, 5_000
	f.mu.Unlock()
	frames(t, j, 1000, func() bool { return j.frame > 2 })
	if size, _ := sizeOf(t, dir, 1); size != j.at {
		t.Errorf("%d bytes, the frames have %d", size, j.at)
	}
	at := j.end()
	if err := j.begin(); err != nil {
		t.Fatal(err)
	}
	j.body(make([]byte, 10_000))
	err = j.append([]byte("changes"))
	if _, fatal := errors.AsType[*fatalError](err); fatal || !isFull(err) || j.end() != at {
		t.Fatalf("a frame without room: %v, fatal %v, the journal ends at %+v", err, fatal, j.end())
	}
	f.mu.Lock()
	f.full = false
	f.mu.Unlock()
	frames(t, j, 1000, func() bool { return j.frame > 4 })
	if size, _ := sizeOf(t, dir, 1); size != j.at {
		t.Errorf("zeros were tried again in the segment that had no room for them: %d bytes", size)
	}
	frames(t, j, 500_000, func() bool { return j.seg > 1 })
	if size, _ := sizeOf(t, dir, 2); size != j.ahead || size == j.at {
		t.Errorf("with room again: %d bytes, zeros up to %d", size, j.ahead)
	}
}

// TestJournalShortOfZeros: zeros made ahead are no frames that the tables may hold already.
func TestJournalShortOfZeros(t *testing.T) {
	dir := t.TempDir()
	ends, raw := writeJournal(t, dir, 3)
	none := func([]byte, spot) error { return nil }
	for what, content := range map[string][]byte{
		"frames missing": append(bytes.Clone(raw[:ends[1].at]), make([]byte, 5000)...),
		"no frame":       make([]byte, 5000),
	} {
		if err := os.WriteFile(segmentPath(dir, 1), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openJournal(dir, smallSegment, diskFiles{}, ends[2], none); !errors.Is(err, errJournalShort) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTornBodies: of a frame written over zeros the power cut left the head, the first body and the changes: it is torn.
func TestTornBodies(t *testing.T) {
	dir := t.TempDir()
	none := func([]byte, spot) error { return nil }
	j, err := openJournal(dir, smallSegment, diskFiles{}, spot{1, 0, 1}, none)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.begin(); err != nil {
		t.Fatal(err)
	}
	first, second := j.body(bytes.Repeat([]byte{1}, 40)), j.body(bytes.Repeat([]byte{2}, 40))
	if err := j.append([]byte("changes")); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.WriteAt(make([]byte, 48), int64(second.at)-bodyHead); err != nil || first.at >= second.at {
		t.Fatal(err)
	}
	j.close()
	if j, err = openJournal(dir, smallSegment, diskFiles{}, spot{1, 0, 1}, none); err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if j.frame != 1 || j.torn == 0 {
		t.Errorf("the next frame is %d, %d bytes are torn", j.frame, j.torn)
	}
}

// TestBackupOfAhead copies no more of the segment in use than was written when it was looked at: whole frames, also those that end with
// zeros of their own, and one that is just being written.
func TestBackupOfAhead(t *testing.T) {
	_, raw := writeJournal(t, t.TempDir(), 3)
	zeroes := make([]byte, 1000)
	path := filepath.Join(t.TempDir(), "segment")
	for what, x := range map[string]struct {
		raw  []byte
		want int
	}{
		"frames":                {raw, len(raw)},
		"zeros behind":          {slices.Concat(raw, zeroes), len(raw)},
		"a frame begun":         {slices.Concat(raw, raw[:6], zeroes), len(raw) + 5},
		"only zeros":            {zeroes, 0},
		"nothing":               {nil, 0},
		"the last ends in zero": {slices.Concat(raw[:len(raw)-1], []byte{0}, zeroes), len(raw)},
		"a hole":                {slices.Concat(raw[:50], make([]byte, 57), raw[107:], zeroes), len(raw)},
	} {
		if err := os.WriteFile(path, x.raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := written(path, int64(len(x.raw))); err != nil || got != int64(x.want) {
			t.Errorf("%s: %d, %v, want %d", what, got, err, x.want)
		}
	}
}

// TestBackupOfAheadStore makes backups while a store writes: each has all that was acknowledged before it began.
func TestBackupOfAheadStore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, CheckpointEvery: time.Hour})
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				done <- n
				return
			default:
			}
			if _, err := s.Commit(t.Context(), acceptUnit(fmt.Sprint("w", n), bytes.Repeat([]byte{byte(n)}, 3000))); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 10 {
		to := filepath.Join(t.TempDir(), "backup")
		before := s.totals.copy()[tallyKey{kind: tallyAccepted}]
		info, err := Backup(t.Context(), dir, to)
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Frame < uint64(before) {
			t.Errorf("the backup has %d frames, %d messages were acknowledged before", info.Frame, before)
		}
	}
	close(stop)
	<-done
}
