package sealed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Erase implements queue.Eraser. The key of the person goes with the settings.
func (s *Store) Erase(ctx context.Context, e queue.Erasure) (queue.Erased, error) {
	inner, ok := s.inner.(queue.Eraser)
	if !ok {
		return queue.Erased{}, fmt.Errorf("erase: the engine cannot: %w", queue.ErrState)
	}
	tokens := func(list []string) (out []string) {
		for _, p := range list {
			out = append(out, s.keys.tokenOf(p))
		}
		return out
	}
	c := queue.Erasure{Patients: tokens(e.Patients), Messages: e.Messages, Records: e.Records, History: tokens(e.History), Settings: append([]string(nil), e.Settings...),
		Silent: e.Silent, Traces: e.Traces, Note: e.Note, Hurry: e.Hurry, Unwiped: e.Unwiped}
	for _, name := range e.Counters {
		c.Counters = append(c.Counters, s.keys.counterName(name))
	}
	for _, t := range c.Patients {
		c.Settings = append(c.Settings, personPrefix+t)
		c.Counters = append(c.Counters, personPrefix+t) // it may be made again
	}
	leave, err := s.hold(ctx, c.Patients)
	if err != nil {
		return queue.Erased{}, err
	}
	defer leave()
	waiting, err := s.waiting(ctx, c.Patients)
	if err != nil {
		return queue.Erased{}, err
	}
	switch {
	case len(waiting) > 0 && !e.Silent.IsZero():
		return queue.Erased{}, fmt.Errorf("erase: %w", &queue.HeardError{Patients: named(e, c, waiting)})
	case len(waiting) > 0:
		return queue.Erased{}, fmt.Errorf("erase: a message of the person is still to be processed: %w", queue.ErrState)
	}
	out, err := inner.Erase(ctx, c)
	if heard, is := errors.AsType[*queue.HeardError](err); is {
		err = fmt.Errorf("erase: %w", &queue.HeardError{Patients: named(e, c, heard.Patients)})
	}
	return out, err
}

// waiting gives those of whom a message is still to be processed: it could not be read any more.
func (s *Store) waiting(ctx context.Context, tokens []string) (out []string, err error) {
	for _, t := range tokens {
		list, err := s.inner.Messages(ctx, queue.MessageFilter{Patient: t, Status: []samvirke.MessageStatus{samvirke.MessageReceived}, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(list) > 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

// named gives the people that the engine knows by tokens.
func named(e, sealed queue.Erasure, tokens []string) (out []string) {
	for i, t := range sealed.Patients {
		if slices.Contains(tokens, t) {
			out = append(out, e.Patients[i])
		}
	}
	return out
}

// Heard implements queue.Eraser.
func (s *Store) Heard(ctx context.Context, e queue.Erasure) ([]string, error) {
	inner, ok := s.inner.(queue.Eraser)
	if !ok {
		return nil, fmt.Errorf("erase: the engine cannot: %w", queue.ErrState)
	}
	c := queue.Erasure{Silent: e.Silent}
	for _, p := range e.Patients {
		c.Patients = append(c.Patients, s.keys.tokenOf(p))
	}
	heard, err := inner.Heard(ctx, c)
	return named(e, c, heard), err
}

// Wipe implements queue.Eraser.
func (s *Store) Wipe(ctx context.Context) error {
	if inner, ok := s.inner.(queue.Eraser); ok {
		return inner.Wipe(ctx)
	}
	return fmt.Errorf("wipe: the engine cannot: %w", queue.ErrState)
}

// hold keeps units about these tokens out until leave is called. It waits for those under way.
func (s *Store) hold(ctx context.Context, tokens []string) (leave func(), err error) {
	done := make(chan struct{})
	for {
		s.gate.Lock()
		var wait chan struct{}
		for _, t := range tokens {
			if wait = s.erasing[t]; wait != nil {
				break
			}
		}
		if wait == nil {
			break
		}
		s.gate.Unlock()
		select {
		case <-wait: // erased twice at once
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	defer s.gate.Unlock()
	if s.erasing == nil {
		s.erasing = map[string]chan struct{}{}
	}
	for _, t := range tokens {
		s.erasing[t] = done
	}
	return func() {
		s.gate.Lock()
		defer s.gate.Unlock()
		for _, t := range tokens {
			delete(s.erasing, t)
			s.persons.forget(t)
		}
		close(done)
	}, nil
}

// WasErased implements queue.Eraser.
func (s *Store) WasErased(ctx context.Context, recordKey string) (bool, error) {
	if inner, ok := s.inner.(queue.Eraser); ok {
		return inner.WasErased(ctx, recordKey)
	}
	return false, nil
}

// OverBudget implements queue.Bounded.
func (s *Store) OverBudget(reserve bool) bool {
	inner, ok := s.inner.(queue.Bounded)
	return ok && inner.OverBudget(reserve)
}

// DropPayloads implements queue.Retainer.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, after int64, limit int) (int, int64, error) {
	if inner, ok := s.inner.(queue.Retainer); ok {
		return inner.DropPayloads(ctx, before, after, limit)
	}
	return 0, 0, fmt.Errorf("drop payloads: the engine cannot: %w", queue.ErrState)
}

// DropAudits implements queue.Retainer.
func (s *Store) DropAudits(ctx context.Context, before time.Time, limit int) (int, error) {
	if inner, ok := s.inner.(queue.Retainer); ok {
		return inner.DropAudits(ctx, before, limit)
	}
	return 0, fmt.Errorf("drop audit: the engine cannot: %w", queue.ErrState)
}

func replace(text, old, by string) string { return strings.ReplaceAll(text, old, by) }

// DropTraces implements queue.Retainer.
func (s *Store) DropTraces(ctx context.Context, before time.Time, after int64, limit int) (int, int64, error) {
	if inner, ok := s.inner.(queue.Retainer); ok {
		return inner.DropTraces(ctx, before, after, limit)
	}
	return 0, 0, fmt.Errorf("drop traces: the engine cannot: %w", queue.ErrState)
}

// DropErased implements queue.Retainer.
func (s *Store) DropErased(ctx context.Context, before time.Time, limit int) (int, error) {
	if inner, ok := s.inner.(queue.Retainer); ok {
		return inner.DropErased(ctx, before, limit)
	}
	return 0, fmt.Errorf("drop names: the engine cannot: %w", queue.ErrState)
}
