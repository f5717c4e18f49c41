package sqlite

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// feeding is a store with what a test of its feed does.
type feeding struct {
	t *testing.T
	s *Store
}

func (f *feeding) open(dir string) {
	f.t.Helper()
	s, err := Open(f.t.Context(), Options{Dir: dir, Logger: quiet()})
	if err != nil {
		f.t.Fatal(err)
	}
	f.s = s
	f.t.Cleanup(func() { s.Close() })
}

func (f *feeding) commit(u *queue.Unit) {
	f.t.Helper()
	u.Now = time.Now()
	if _, err := f.s.Commit(f.t.Context(), u); err != nil {
		f.t.Fatal(err)
	}
}

func (f *feeding) accept(id, patient string) {
	f.t.Helper()
	f.commit(&queue.Unit{Accept: &samvirke.Message{ID: id, Party: "ward", ExternalID: id, Patient: patient, Raw: []byte(id)}})
}

func (f *feeding) move(id string, to samvirke.MessageStatus) {
	f.t.Helper()
	f.commit(&queue.Unit{Message: &queue.MessageStep{ID: id, To: to}})
}

// received takes all there is, and fails when it is something else than wanted.
func (f *feeding) received(want ...string) {
	f.t.Helper()
	got, _ := f.s.feed.take(maxLeases)
	list, err := f.s.fillReceived(f.t.Context(), got)
	if err != nil {
		f.t.Fatal(err)
	}
	ids := []string{}
	for _, m := range list {
		ids = append(ids, m.ID)
	}
	if fmt.Sprint(ids) != fmt.Sprint(want) {
		f.t.Fatalf("received %v, want %v", ids, want)
	}
}

// floodOf are the names of messages from one number up to another.
func floodOf(from, to int) (ids []string) {
	for i := from; i < to; i++ {
		ids = append(ids, fmt.Sprintf("flood-%04d", i))
	}
	return ids
}

// TestFeedPassesFlood: of a flood about one person only some messages are handed out at a time, in order, so that what comes after it
// about others is handed out at once; also after a restart.
func TestFeedPassesFlood(t *testing.T) {
	t.Parallel()
	const n = 3*feedTogether + 5
	f, dir := feeding{t: t}, t.TempDir()
	f.open(dir)
	for _, id := range floodOf(0, n) {
		f.accept(id, "flooded")
	}
	f.accept("other", "other")
	f.accept("nobody", "")
	first := floodOf(0, feedTogether)
	f.received(append(first, "other", "nobody")...)
	f.received()
	// Each that is done lets the next one go. One that is closed while it waits is passed over.
	f.move("flood-0000", samvirke.MessageProcessed)
	f.move(floodOf(feedTogether+1, feedTogether+2)[0], samvirke.MessageClosed)
	f.accept("late", "flooded")
	f.received(floodOf(feedTogether, feedTogether+1)...)
	f.move("flood-0001", samvirke.MessageProcessed)
	f.received(floodOf(feedTogether+2, feedTogether+3)...)
	if err := f.s.Close(); err != nil {
		t.Fatal(err)
	}
	f.open(dir)
	<-f.s.feed.loaded
	f.received(append(floodOf(2, feedTogether+1), append(floodOf(feedTogether+2, feedTogether+3), "other", "nobody")...)...)
	last := "flood-0002"
	for i := 2; i < n; i++ {
		if i == feedTogether+1 {
			continue
		}
		last = floodOf(i, i+1)[0]
		f.move(last, samvirke.MessageProcessed)
		f.s.feed.take(maxLeases)
	}
	f.move("late", samvirke.MessageProcessed)
	f.move("other", samvirke.MessageProcessed)
	if x := f.s.feed; len(x.patients) != 0 || len(x.hand) != 0 || len(x.known) != 0 || x.bytes != 0 {
		t.Errorf("left over after %s: %d patients, %d in hand, %d known", last, len(x.patients), len(x.hand), len(x.known))
	}
}

// TestFeedGivesFirst: one that is put back to received is handed out before those in hand that wait for it, however many
// they are, and they are given again after it.
func TestFeedGivesFirst(t *testing.T) {
	t.Parallel()
	f := feeding{t: t}
	f.open(t.TempDir())
	f.accept("first", "patient")
	f.received("first")
	f.move("first", samvirke.MessageAttention)
	ids := floodOf(0, feedTogether)
	for _, id := range ids {
		f.accept(id, "patient")
	}
	f.received(ids...)
	f.move("first", samvirke.MessageReceived)
	for _, id := range ids {
		if _, err := f.s.Commit(t.Context(), &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: id, To: samvirke.MessageProcessed}}); err == nil {
			t.Fatalf("%s passed the first one", id)
		}
	}
	f.received("first")
	f.move("first", samvirke.MessageProcessed)
	for _, id := range ids {
		f.received(id)
		f.move(id, samvirke.MessageProcessed)
	}
	f.received()
}

// TestFeedTakesBack: what could not be handed out, and what is processed anew, is handed out again.
func TestFeedTakesBack(t *testing.T) {
	t.Parallel()
	f := feeding{t: t}
	f.open(t.TempDir())
	for _, id := range floodOf(0, feedTogether+1) {
		f.accept(id, "patient")
	}
	got, _ := f.s.feed.take(maxLeases)
	f.s.feed.giveBack(got)
	f.received(floodOf(0, feedTogether)...)
	f.s.feed.giveBack(got[:1])
	f.received("flood-0000")
	f.received()
}
