package connectortest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/leaks"
)

// patience is how long a step of the suite may take before it counts as hung.
const patience = 3 * time.Minute

// Source is an incoming side with the other system that sends to it.
type Source struct {
	// Start and Stop as in the connector. Stop must wait for all work and may be called twice.
	Start func(ctx context.Context) error
	Stop  func()
	// Put hands one message in as the other system would, and repeats as the protocol asks it to.
	// It returns when the other system has nothing more to do, or with an error when ctx ends. It
	// must not return nil for a message that the protocol would lose.
	Put func(ctx context.Context, body []byte) error
	// Refused tells whether the other system (or its admin) was told about a message with this fault
	// code; nil when the suite cannot see that.
	Refused func(code string) bool
}

// TestSource runs the suite. open makes a source for party that hands over to to; it is called again
// within one test with the same dir to stand for a restart.
func TestSource(t *testing.T, party string, open func(t *testing.T, dir string, to connectors.Receiver) Source) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *sourceRun)
	}{
		{"everything twice", everythingTwice},
		{"receive fails at the Nth call", receiveFails},
		{"a refused message does not hold up the others", refusedGoesOn},
		{"stop while busy loses nothing", stopWhileBusy},
		{"stop without start, and twice", stopTwice},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			s := &sourceRun{ctx: ctx, party: party, to: &Receiver{}, dir: t.TempDir()}
			s.open = func() Source { return open(t, s.dir, s.to) }
			c.run(t, s)
			if err := leaks.Find(before); err != nil {
				t.Errorf("after Stop: %v", err)
			}
		})
	}
}

type sourceRun struct {
	ctx   context.Context
	party string
	dir   string
	to    *Receiver
	open  func() Source
}

func (s *sourceRun) start(t *testing.T) Source {
	t.Helper()
	src := s.open()
	if err := src.Start(s.ctx); err != nil {
		t.Fatal(err)
	}
	return src
}

// bodies are n different messages; not all of them are UTF-8, since encodings are not the wire's business.
func bodies(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n<m n=\"%d\">\xe6\x00\xff</m>\n", i)
	}
	return out
}

// counts gives how often each body was kept, and checks what came with it.
func (s *sourceRun) counts(t *testing.T, kept []connectors.Incoming) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, in := range kept {
		n[string(in.Body)]++
		if in.Party != s.party {
			t.Errorf("party %q, want %q", in.Party, s.party)
		}
		if in.Size != int64(len(in.Body)) {
			t.Errorf("size %d of a body of %d bytes", in.Size, len(in.Body))
		}
	}
	return n
}

// want waits until each body was kept at least n times, and checks that nothing else was.
func (s *sourceRun) want(t *testing.T, list [][]byte, n int) {
	t.Helper()
	err := s.to.Wait(s.ctx, func(_ int, kept []connectors.Incoming) bool {
		got := map[string]int{}
		for _, in := range kept {
			got[string(in.Body)]++
		}
		for _, b := range list {
			if got[string(b)] < n {
				return false
			}
		}
		return true
	})
	got := s.counts(t, s.to.Kept())
	if err != nil {
		t.Fatalf("%v: kept %d different messages, want %d, each %d times", err, len(got), len(list), n)
	}
	if len(got) != len(list) {
		t.Errorf("kept %d different messages, want %d: something was changed on the way", len(got), len(list))
	}
}

func everythingTwice(t *testing.T, s *sourceRun) {
	src := s.start(t)
	defer src.Stop()
	list := bodies(20)
	for range 2 {
		for _, b := range list {
			if err := src.Put(s.ctx, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.want(t, list, 2)
	if got := len(s.to.Kept()); got != 2*len(list) {
		t.Errorf("handed over %d times, want exactly %d: nothing failed", got, 2*len(list))
	}
}

func receiveFails(t *testing.T, s *sourceRun) {
	for _, at := range [][]int{{1}, {2, 3}, {5}} {
		s.to = &Receiver{}
		s.to.FailAt(at...)
		s.dir = t.TempDir()
		src := s.start(t)
		list := bodies(5)
		for _, b := range list {
			if err := src.Put(s.ctx, b); err != nil {
				t.Fatal(err)
			}
		}
		s.want(t, list, 1)
		if got, want := s.to.Calls(), len(list)+len(at); got != want {
			t.Errorf("fail at %v: %d calls, want %d: one more for each that failed", at, got, want)
		}
		src.Stop()
	}
}

func refusedGoesOn(t *testing.T, s *sourceRun) {
	list := bodies(5)
	s.to.Answer(func(in connectors.Incoming) *connectors.Answer {
		if string(in.Body) != string(list[1]) {
			return nil
		}
		return &connectors.Answer{MessageID: "bad", Fault: &samvirke.Fault{Class: samvirke.Invalid, Code: "not-well-formed", Safe: "not well-formed"}}
	})
	src := s.start(t)
	defer src.Stop()
	for _, b := range list {
		if err := src.Put(s.ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, list, 1)
	if src.Refused == nil {
		return
	}
	for !src.Refused("not-well-formed") {
		if s.ctx.Err() != nil {
			t.Fatal("nobody was told that a message was refused")
		}
		time.Sleep(5 * time.Millisecond) // what the other side sees has no signal to wait for
	}
}

func stopWhileBusy(t *testing.T, s *sourceRun) {
	release := s.to.Hold()
	src := s.start(t)
	list := bodies(5)
	// The other system goes on over the restart, as it would in life.
	putCtx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	puts := make(chan error, len(list))
	for _, b := range list {
		go func() { puts <- src.Put(putCtx, b) }()
	}
	if err := s.to.Wait(s.ctx, func(calls int, _ []connectors.Incoming) bool { return calls > 0 }); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { defer close(stopped); src.Stop() }()
	select {
	case <-stopped:
	case <-s.ctx.Done():
		t.Fatal("Stop hangs while Receive is at work")
	}
	cancel()
	var again [][]byte
	for i := range list {
		if err := <-puts; err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("put %d: %v", i, err)
		}
	}
	release()
	next := s.start(t)
	defer next.Stop()
	// Whoever was not told "taken" sends again; over files nobody has to.
	for _, b := range list {
		again = append(again, b)
		if err := next.Put(s.ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, again, 1)
}

func stopTwice(t *testing.T, s *sourceRun) {
	idle := s.open()
	idle.Stop()
	src := s.start(t)
	src.Stop()
	src.Stop()
}
