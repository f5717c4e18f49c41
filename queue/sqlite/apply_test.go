package sqlite

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// TestUnitsWhileTablesAreWritten: while one generation of changes is on its way into the tables, units are answered that build on
// it, refused by what it says, and readers get to see neither half of it; what was answered is there after a restart.
func TestUnitsWhileTablesAreWritten(t *testing.T) {
	f := newFaultVFS(t, "")
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: f.name, CheckpointEvery: time.Hour, unchecked: true})
	commit := func(u *queue.Unit) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := s.Commit(ctx, u)
		return err
	}
	<-s.lanes.loaded // until then the tables are written between two pieces that are read
	g := f.hold(t)
	first := acceptUnit("first", []byte("one"))
	first.Counters = []queue.CounterStep{{Name: "n", Expect: 0}}
	first.Plan = &queue.PlanStep{Patient: "p", Expect: 0, MessageID: "first", Body: []byte("1")}
	if err := commit(first); err != nil {
		t.Fatal(err)
	}
	<-g.came // the tables are being written, and are held up there

	next := acceptUnit("second", []byte("two"))
	next.Counters = []queue.CounterStep{{Name: "n", Expect: 1}}
	next.Plan = &queue.PlanStep{Patient: "p", Expect: 1, MessageID: "second", Body: []byte("2")}
	end := &queue.Unit{Now: time.Now(), Message: &queue.MessageStep{ID: "first", From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed}}
	for _, u := range []*queue.Unit{next, end} {
		if err := commit(u); err != nil {
			t.Fatalf("a unit that builds on what is on its way: %v", err)
		}
	}
	late := &queue.Unit{Now: time.Now(), Counters: []queue.CounterStep{{Name: "n", Expect: 1}}}
	if err := commit(late); !errors.Is(err, queue.ErrCounter) {
		t.Errorf("a unit that does not know of what is on its way: %v", err)
	}
	stale := &queue.Unit{Now: time.Now(), Plan: &queue.PlanStep{Patient: "p", Expect: 1, Body: []byte("x")}}
	if err := commit(stale); !errors.Is(err, queue.ErrPlanVersion) {
		t.Errorf("a unit on a plan that has moved on: %v", err)
	}

	seen := make(chan error, 1)
	go func() {
		list, err := s.Messages(t.Context(), queue.MessageFilter{})
		if err == nil && (len(list) != 2 || list[1].Status != samvirke.MessageProcessed) {
			err = fmt.Errorf("read %d messages: %+v", len(list), list)
		}
		seen <- err
	}()
	select {
	case err := <-seen:
		t.Errorf("a reader did not wait for the tables: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	g.open()
	if err := <-seen; err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, Options{Dir: dir})
	n, err := again.Counter(t.Context(), "n")
	if v, perr := again.Plan(t.Context(), "p", 0); err != nil || perr != nil || n != 2 || v.Version != 2 || string(v.Body) != "2" {
		t.Errorf("after a restart: counter %d, plan %+v, %v, %v", n, v, err, perr)
	}
}

// TestReadersWhileTablesAreFull: with a generation that finds no room and another behind it, who reads gets what is there, who would
// be misled is told, the store closes, and nothing that was answered is lost.
func TestReadersWhileTablesAreFull(t *testing.T) {
	f := newFaultVFS(t, "")
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, vfs: f.name, CheckpointEvery: time.Hour, unchecked: true})
	<-s.lanes.loaded
	if _, err := s.Commit(t.Context(), acceptUnit("there", []byte("0"))); err != nil {
		t.Fatal(err)
	}
	if err := s.settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	g := f.hold(t)
	if _, err := s.Commit(t.Context(), acceptUnit("first", []byte("one"))); err != nil {
		t.Fatal(err)
	}
	<-g.came
	if _, err := s.Commit(t.Context(), acceptUnit("behind", []byte("two"))); err != nil {
		t.Fatal(err)
	}
	f.fill(true)
	g.open()
	ctx, cancel := context.WithTimeout(t.Context(), comes)
	defer cancel()
	for range 3 {
		list, err := s.Messages(ctx, queue.MessageFilter{})
		if err != nil || len(list) != 1 {
			t.Fatalf("%d messages, %v", len(list), err)
		}
		if err := s.settle(ctx, "behind"); !errors.Is(err, queue.ErrFull) {
			t.Fatalf("who must have what was written last is told %v", err)
		}
		if _, err := s.Commit(ctx, acceptUnit("more", []byte("three"))); !errors.Is(err, queue.ErrFull) {
			t.Fatalf("a unit without room: %v", err)
		}
	}
	over := make(chan error, 1)
	go func() { over <- s.Close() }()
	select {
	case <-over:
	case <-time.After(comes):
		t.Fatal("the store does not close")
	}
	f.fill(false)
	again := open(t, Options{Dir: dir})
	list, err := again.Messages(t.Context(), queue.MessageFilter{})
	if err != nil || len(list) != 3 {
		t.Errorf("with room again: %d messages, %v", len(list), err)
	}
}

// TestIDsStayGivenAfterUndo: an id that was given before the journal had no room is known to be given after it.
func TestIDsStayGivenAfterUndo(t *testing.T) {
	files := &faultFiles{}
	s := open(t, Options{Dir: t.TempDir(), files: files, CheckpointEvery: time.Hour})
	<-s.lanes.loaded
	if err := s.job(t.Context(), func(w *writer) error {
		w.waiting.lastMessage, w.waiting.lastDelivery = "m9", "d9"
		return w.again()
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.job(t.Context(), func(w *writer) error {
		if w.lastMessage != "m9" || w.lastDelivery != "d9" {
			t.Errorf("after reading the journal again ids up to %q and %q are known", w.lastMessage, w.lastDelivery)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
