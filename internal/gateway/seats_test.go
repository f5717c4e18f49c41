package gateway

import (
	"context"
	"testing"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// slow is a store whose answers wait.
type slow struct {
	queue.Store
	asked, answer chan struct{}
}

func (s slow) Setting(context.Context, string) (string, error) {
	close(s.asked)
	<-s.answer
	return "told", nil
}

// taken waits until a seat of s is free and gives it back at once.
func (s seats) taken(t *testing.T) {
	t.Helper()
	free := make(chan struct{})
	go func() {
		_, seat := s.sit(context.Background(), 8000)
		seat.leave()
		close(free)
	}()
	select {
	case <-free:
	case <-time.After(time.Minute):
		t.Fatal("no seat is free")
	}
}

// TestSeatIsFreeWhileTheStoreIsAsked: who waits for the store sits nowhere, and a seat given back twice is given back once.
func TestSeatIsFreeWhileTheStoreIsAsked(t *testing.T) {
	all := make(seats, 1)
	store := slow{asked: make(chan struct{}), answer: make(chan struct{})}
	over := make(chan struct{})
	ctx, own := all.sit(t.Context(), 8000)
	if len(all) != 1 {
		t.Fatalf("%d seats are taken, want 1", len(all))
	}
	go func() {
		defer close(over)
		got, err := upright{store}.Setting(context.WithoutCancel(ctx), "name")
		if got != "told" || err != nil {
			t.Errorf("the store answered %q, %v", got, err)
		}
	}()
	<-store.asked
	all.taken(t)
	if _, beside := all.sit(t.Context(), maxSeated); len(all) != 0 { // nobody waits for a message that takes long
		t.Error("a large message sits")
	} else {
		beside.leave()
	}
	close(store.answer)
	<-over
	own.leave()
	own.leave()
	if len(all) != 0 {
		t.Errorf("%d seats are taken at the end", len(all))
	}
	all.taken(t)
}

// TestNoSeatNoHarm: a question that is asked from no seat is just asked.
func TestNoSeatNoHarm(t *testing.T) {
	store := slow{asked: make(chan struct{}), answer: make(chan struct{})}
	close(store.answer)
	if got, err := (upright{store}).Setting(t.Context(), "name"); got != "told" || err != nil {
		t.Errorf("the store answered %q, %v", got, err)
	}
}
