package sqlite

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestSegmentsGo drops the bodies of old messages: segments in which none is left are removed, those with a body that is still
// needed stay, and it can be read.
func TestSegmentsGo(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, SegmentBytes: 20_000, CheckpointEvery: 3 * time.Millisecond})
	at := time.Now()
	const n, kept = 60, 30
	for i := range n {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, crashBody(id+"3"))
		u.Now = at
		if i != kept {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}
		}
		u.Deliveries = []samvirke.Delivery{{ID: id, MessageID: id, Party: "gp", Patient: id, State: samvirke.DeliveryQueued, Body: crashBody(id)}}
		if i != kept {
			u.Steps = []queue.DeliveryStep{{ID: id, To: samvirke.DeliveryAcknowledged}}
		}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	before := segmentCount(t, s)
	if before < 10 {
		t.Fatalf("%d segments: the test shows nothing", before)
	}
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), at.Add(time.Hour), after, 25)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			break
		}
	}
	check := func(s *Store) {
		t.Helper()
		// The one in use, the one with the body that stays, and perhaps its neighbour, in which the frame ends.
		for deadline := time.Now().Add(comes); segmentCount(t, s) > 3; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d segments are left", segmentCount(t, s), before)
			}
		}
		id := fmt.Sprint("m", kept)
		if m, err := s.Message(t.Context(), id); err != nil || string(m.Raw) != string(crashBody(id+"3")) {
			t.Fatalf("the message that stays has %d bytes, %v", len(m.Raw), err)
		}
		if m, err := s.Message(t.Context(), "m0"); err != nil || len(m.Raw) != 0 {
			t.Fatalf("a dropped body has %d bytes, %v", len(m.Raw), err)
		}
	}
	check(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, SegmentBytes: 20_000, CheckpointEvery: 3 * time.Millisecond})
	if _, err := s.Commit(t.Context(), acceptUnit("later", nil)); err != nil {
		t.Fatal(err)
	}
	check(s)
}

// leftStore fills segments with messages of 8000 bytes each, three frames in a segment, and drops the bodies of those that keep
// does not name. Nothing looks at the segments but the test.
func leftStore(t *testing.T, log *logText, n int, keep ...int) *Store {
	t.Helper()
	s := open(t, Options{Dir: t.TempDir(), SegmentBytes: 20_000, CheckpointEvery: time.Hour, Logger: slog.New(slog.NewTextHandler(log, nil))})
	at := time.Now()
	for i := range n {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, crashBody(id+"3"))
		u.Now = at
		if !slices.Contains(keep, i) {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}
		}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	for after := int64(0); ; {
		_, next, err := s.DropPayloads(t.Context(), at.Add(time.Hour), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if after = next; next == 0 {
			return s
		}
	}
}

// TestDamagedSegmentStays: with a head that cannot be read in the middle of a segment nobody knows what is behind it, so it is
// kept, an admin is told, and an erasure does not say that it is done.
func TestDamagedSegmentStays(t *testing.T) {
	for what, harm := range map[string]func(f journalFile, second int64) error{
		"head": func(f journalFile, second int64) error { _, err := f.WriteAt([]byte{0}, second); return err },
		"body": func(f journalFile, second int64) error {
			_, err := f.WriteAt([]byte{255, 255}, second+frameHead)
			return err
		},
		"size": func(f journalFile, second int64) error { return f.Truncate(second + 100) },
	} {
		t.Run(what, func(t *testing.T) {
			var log logText
			s := leftStore(t, &log, 9, 1)
			f, err := diskFiles{}.Open(segmentPath(s.journalDir(), 1), false)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			h, ok, err := readHead(f, 0)
			if err != nil || !ok {
				t.Fatalf("no head, %v", err)
			}
			if err := harm(f, h.size()); err != nil {
				t.Fatal(err)
			}
			held := s.journal.end()
			for range 2 {
				if err := s.tidy(t.Context(), held); err != nil {
					t.Fatal(err)
				}
			}
			if !isFile(segmentPath(s.journalDir(), 1)) {
				t.Error("the segment was removed")
			}
			if isFile(segmentPath(s.journalDir(), 2)) {
				t.Error("a whole segment without bodies was not removed")
			}
			if n := strings.Count(log.String(), "damaged and is kept"); n != 1 {
				t.Errorf("told %d times: %s", n, log.String())
			}
			if err := s.wipeChanges(t.Context(), held); !errors.Is(err, queue.ErrDamaged) {
				t.Errorf("erased: %v", err)
			}
			if m, err := s.Message(t.Context(), "m1"); what == "head" && (err != nil || !bytes.Equal(m.Raw, crashBody("m13"))) {
				t.Errorf("the body behind the damage: %d bytes, %v", len(m.Raw), err)
			}
		})
	}
}

// TestBudgetStaysTrue: after segments were emptied and removed the budget knows what is on disk.
func TestBudgetStaysTrue(t *testing.T) {
	var log logText
	s := leftStore(t, &log, 90, 40)
	if err := s.tidy(t.Context(), s.journal.end()); err != nil {
		t.Fatal(err)
	}
	if n := segmentCount(t, s); n > 3 {
		t.Errorf("%d segments are left", n)
	}
	_, size, err := s.journal.survey()
	if err != nil {
		t.Fatal(err)
	}
	// Some file systems round a little while after.
	if n := s.journal.bytes.Load(); n < size-8192 || n > size+8192 {
		t.Errorf("the budget says %d bytes, there are %d", n, size)
	}
}

// TestRoomGivenBack: one body that is still needed does not hold the room of the others in its segment.
func TestRoomGivenBack(t *testing.T) {
	dir := t.TempDir()
	canPunch(t, dir)
	s := open(t, Options{Dir: dir, SegmentBytes: 2_000_000, CheckpointEvery: time.Hour})
	at := time.Now()
	body := func(id string) []byte { return bytes.Repeat([]byte(fmt.Sprintf("%-20s", id)), 5000) }
	const n, kept = 30, "m7"
	for i := range n {
		id := fmt.Sprint("m", i)
		u := acceptUnit(id, body(id))
		u.Now = at
		if id != kept {
			u.Message = &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}
		}
		if _, err := s.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(segmentPath(s.journalDir(), 1))
	if err != nil {
		t.Fatal(err)
	}
	for after := int64(-1); after != 0; {
		_, next, err := s.DropPayloads(t.Context(), at.Add(time.Hour), max(after, 0), 1000)
		if err != nil {
			t.Fatal(err)
		}
		after = next
	}
	if err := s.tidy(t.Context(), s.journal.end()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(segmentPath(s.journalDir(), 1))
	if err != nil {
		t.Fatal(err)
	}
	if after.Size() != before.Size() || onDisk(after) > before.Size()/4 {
		t.Errorf("the segment of %d bytes takes %d, is %d long", before.Size(), onDisk(after), after.Size())
	}
	if n := s.journal.bytes.Load(); n > 2_500_000 {
		t.Errorf("the budget says %d bytes", n)
	}
	if m, err := s.Message(t.Context(), kept); err != nil || !bytes.Equal(m.Raw, body(kept)) {
		t.Errorf("the body that stays has %d bytes, %v", len(m.Raw), err)
	}
	raw, err := os.ReadFile(segmentPath(s.journalDir(), 1))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, body("m3")[:200]) {
		t.Error("a dropped body is there still")
	}
}

// canPunch skips where the file system cannot give room of a file back.
func canPunch(t *testing.T, dir string) {
	t.Helper()
	file, err := os.CreateTemp(dir, "punch")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := file.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	p, can := any(diskFile{file}).(interface{ Punch(at, n int64) error })
	if !can || p.Punch(0, 1<<19) != nil {
		t.Skip("this file system cannot give room of a file back")
	}
}

func segmentCount(t *testing.T, s *Store) int {
	t.Helper()
	list, err := os.ReadDir(s.journalDir())
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
