package connectortest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/samvirke/samvirke/connectors"
)

// ErrNotKept is what a scripted Receiver fails with.
var ErrNotKept = errors.New("store is full, by script")

// Receiver is a connectors.Receiver that keeps messages in memory and fails as scripted.
// The zero value keeps everything. It is safe for concurrent use.
type Receiver struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	calls   int
	kept    []connectors.Incoming
	ids     map[string]string
	failAt  map[int]bool
	hold    chan struct{}
	answer  func(in connectors.Incoming) *connectors.Answer
}

// FailAt makes these calls of Receive fail, counted from 1 over the receiver's life.
func (r *Receiver) FailAt(calls ...int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failAt == nil {
		r.failAt = map[int]bool{}
	}
	for _, n := range calls {
		r.failAt[n] = true
	}
}

// Hold makes Receive wait, until release is called or the call's context ends; then it fails.
func (r *Receiver) Hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(chan struct{})
	r.hold = held
	return sync.OnceFunc(func() {
		r.mu.Lock()
		r.hold = nil
		r.mu.Unlock()
		close(held)
	})
}

// Answer sets what is answered for messages that are kept; nil from f means the usual answer.
func (r *Receiver) Answer(f func(in connectors.Incoming) *connectors.Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// Receive implements connectors.Receiver.
func (r *Receiver) Receive(ctx context.Context, in connectors.Incoming) (connectors.Answer, error) {
	r.mu.Lock()
	r.calls++
	n, hold := r.calls, r.hold
	r.signal()
	r.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return connectors.Answer{}, context.Cause(ctx)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.signal()
	if r.failAt[n] {
		return connectors.Answer{}, fmt.Errorf("call %d: %w", n, ErrNotKept)
	}
	in.Body = slices.Clone(in.Body) // a connector may use its buffer again
	if r.answer != nil {
		if a := r.answer(in); a != nil {
			r.kept = append(r.kept, in)
			return *a, nil
		}
	}
	if r.ids == nil {
		r.ids = map[string]string{}
	}
	key := in.Party + "\x00" + string(in.Body)
	r.kept = append(r.kept, in)
	if id, ok := r.ids[key]; ok {
		return connectors.Answer{MessageID: id, Duplicate: true}, nil
	}
	r.ids[key] = fmt.Sprintf("m%d", len(r.ids)+1)
	return connectors.Answer{MessageID: r.ids[key]}, nil
}

// signal wakes everybody who waits; r.mu is held.
func (r *Receiver) signal() {
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}

// Calls is how often Receive was called, Kept what it took, in order, repeats included.
func (r *Receiver) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// Kept returns what was taken, in order, repeats included.
func (r *Receiver) Kept() []connectors.Incoming {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.kept)
}

// Wait returns when ok says so about the receiver, or with the context's error. It looks after every change.
func (r *Receiver) Wait(ctx context.Context, ok func(calls int, kept []connectors.Incoming) bool) error {
	for {
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		done, changed := ok(r.calls, r.kept), r.changed
		r.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
