package postgres

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// TestErasuresKnown: what was read in head counts for a short while, from before it was asked for, and an erasure once seen for ever.
func TestErasuresKnown(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name           string
		see            func(e *erasures)
		nothing, known bool
	}{
		{"not asked yet", func(*erasures) {}, false, false},
		{"just asked", func(e *erasures) { e.see(now.Add(time.Hour), false) }, true, false},
		{"asked too long ago", func(e *erasures) { e.see(now.Add(-nothingErased), false) }, false, false},
		{"something is erased", func(e *erasures) { e.see(now, true) }, false, true},
		{"an answer from before the erasure", func(e *erasures) { e.see(now, true); e.see(now.Add(time.Hour), false) }, false, true},
	} {
		e := erasures{began: now.Add(-time.Minute)}
		c.see(&e)
		if e.nothing() != c.nothing || e.known() != c.known {
			t.Errorf("%s: nothing erased %t, something known %t; want %t, %t", c.name, e.nothing(), e.known(), c.nothing, c.known)
		}
	}
}

// TestErasedByAnother: however shortly before a gateway has read that nothing was erased, what another one erases it knows as
// erased, and a message that was erased it knows when it comes again.
func TestErasedByAnother(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, Options{Schema: schema(t, dir)}), open(t, Options{Schema: schema(t, dir)})
	u := unit("1", "p")
	u.Deliveries = nil
	u.Records = []queue.Record{{Key: "k", Hash: "h", Patient: "p", MessageID: "1", ReceivedAt: u.Now, Body: []byte("{}")}}
	commit(t, b, u)
	if gone, err := b.WasErased(soon(t), "k"); err != nil || gone {
		t.Fatalf("before: erased %t, %v", gone, err)
	}
	over := make(chan struct{})
	go func() { // b goes on reading in head that nothing was erased until something is
		defer close(over)
		for i := range 100 {
			v := unit("more "+string(rune('a'+i%26))+string(rune('a'+i/26)), "q")
			v.Deliveries = nil
			if _, err := b.Commit(t.Context(), v); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	if _, err := a.Erase(soon(t), queue.Erasure{Patients: []string{"p"}}); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Store{"who erased": a, "the other": b} {
		if gone, err := s.WasErased(soon(t), "k"); err != nil || !gone {
			t.Errorf("%s: erased %t, %v", name, gone, err)
		}
	}
	<-over
	again := unit("2", "p")
	again.Accept.ExternalID, again.Accept.Raw, again.Deliveries, again.Events = "x1", u.Accept.Raw, nil, nil
	other := unit("3", "r")
	other.Deliveries = nil
	for _, s := range []*Store{a, b, b} { // the first group of b after it knows asks about all of its messages at once
		if out, err := s.Commit(soon(t), again); err != nil || !out.Duplicate || out.Existing.ID != "1" {
			t.Fatalf("the erased message came again: %+v, %v", out, err)
		}
	}
	if out, err := b.Commit(soon(t), other); err != nil || out.Duplicate || out.Seq == 0 {
		t.Fatalf("a new message: %+v, %v", out, err)
	}
}
