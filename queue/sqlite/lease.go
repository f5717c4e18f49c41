package sqlite

import (
	"context"
	"time"

	"github.com/samvirke/samvirke/queue"
)

// Lease hands out due deliveries; see queue.Worker.
func (s *Store) Lease(ctx context.Context, party string, limit int, ttl time.Duration) ([]queue.Leased, error) {
	if loaded := s.lanes.loading[party]; loaded != nil { // nothing is to be read for a party that is new in this life
		if err := s.ready(ctx, loaded); err != nil {
			return nil, err
		}
	}
	limit = min(max(limit, 1), maxLeases)
	if ttl <= 0 {
		ttl = DefaultLease
	}
	for {
		if err := s.usable(); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		now := s.opts.Now()
		if back := s.clock.back(now, time.Since(s.opened)); back > 0 {
			s.lanes.sooner(back, s.opts.Now)
			s.opts.Logger.Warn("the clock was put back: what waits is tried so much sooner", "by", back)
		}
		got, wake, next := s.lanes.take(party, limit, ttl, now.UnixNano())
		if len(got) > 0 {
			return s.fillLeased(ctx, got)
		}
		if err := s.await(ctx, wake, now, next); err != nil {
			return nil, err
		}
	}
}

// await waits for wake, for the time next, or for an end.
func (s *Store) await(ctx context.Context, wake <-chan struct{}, now time.Time, next int64) error {
	var due <-chan time.Time
	if next != never {
		timer := time.NewTimer(time.Duration(next - now.UnixNano()))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-wake:
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return s.usable()
	}
	return nil
}

// ready waits until what is needed has been read from the tables at start.
func (s *Store) ready(ctx context.Context, loaded <-chan struct{}) error {
	select {
	case <-loaded:
		return nil
	default:
	}
	select {
	case <-loaded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.stop:
		return s.usable()
	}
}
