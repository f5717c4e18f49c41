package gateway_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// faultyEraser is a store in which something about erasing goes wrong.
type faultyEraser struct {
	busyEraser
	broken  string             // a patient whose plan and records cannot be read
	damaged string             // one whose plan cannot be read
	erase   func() (err error) // what comes of an erasure before it is done; nil: it is done
	after   error              // what comes of one that was done
	wipes   int
	slow    time.Duration // what a wipe takes
	hurry   []bool        // of each erasure
	ahead   atomic.Int64  // ns that the clock goes ahead
}

func (s *faultyEraser) Records(ctx context.Context, patient string) ([]queue.Record, error) {
	if s.broken != "" && patient == s.broken {
		return nil, queue.ErrDamaged
	}
	return s.Store.Records(ctx, patient)
}

func (s *faultyEraser) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	v, err := s.Store.Plan(ctx, patient, version)
	if patient != "" && (patient == s.broken || patient == s.damaged) && err == nil {
		v.Body, err = nil, queue.ErrDamaged
	}
	return v, err
}

func (s *faultyEraser) Erase(ctx context.Context, e queue.Erasure) (out queue.Erased, err error) {
	s.hurry = append(s.hurry, e.Hurry)
	if s.erase != nil {
		if err := s.erase(); err != nil {
			return out, err
		}
	}
	if out, err = s.Store.(queue.Eraser).Erase(ctx, e); err == nil {
		err = s.after
	}
	return out, err
}

func (s *faultyEraser) Wipe(ctx context.Context) error {
	s.wipes++
	time.Sleep(s.slow)
	return s.busyEraser.Wipe(ctx)
}

func faultyRig(t *testing.T) (*rig, *faultyEraser) {
	t.Helper()
	s := &faultyEraser{}
	night := thatNight()
	return newRig(t, func(r *rig) {
		r.now = func() time.Time { return night().Add(time.Duration(s.ahead.Load())) }
		r.wrap = func(inner queue.Store) queue.Store {
			s.Store, s.Retainer = inner, inner.(queue.Retainer)
			return s
		}
	}), s
}

// TestEraseAbandoned: an erasure that was cut off and asked for again does not take what comes after the second one, however often the
// gateway looks for interrupted ones.
func TestEraseAbandoned(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	s.erase = func() error { return context.DeadlineExceeded }
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.erase = nil
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); err != nil {
		t.Fatal(err)
	}
	if left, err := r.store.Settings(t.Context(), "erasure/", "", queue.MaxPage); err != nil || len(left) > 0 {
		t.Errorf("notes left: %v, %v", left, err)
	}
	stay(r, 1, "in-progress")
	if err := r.g.Retain(t.Context(), gateway.Retention{}); err != nil {
		t.Fatal(err)
	}
	r.restart()
	if err := (gateway.Forget{Store: r.store, Now: time.Now}).Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.plan(key(1))
}

// TestEraseWipesLater: an erasure that was cut off behind its last step left something in the files; the next run of retention wipes them, also
// one that erases nobody.
func TestEraseWipesLater(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	retain := func() int {
		t.Helper()
		before := s.wipes
		if err := r.g.Retain(t.Context(), gateway.Retention{Payloads: time.Hour}); err != nil {
			t.Fatal(err)
		}
		return s.wipes - before
	}
	retain() // what an earlier life may have left
	if n := retain(); n != 0 {
		t.Errorf("wiped %d times with nothing to wipe", n)
	}
	s.after = context.DeadlineExceeded
	if _, err := r.g.Erase(t.Context(), key(1), "admin", "a test"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.after = nil
	if n := retain(); n != 1 {
		t.Errorf("wiped %d times", n)
	}
}

// TestRetainWipes: a run wipes the files at its end; where runs follow each other closely the files are wiped now and then only.
func TestRetainWipes(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	s.slow = 2 * time.Second
	n := 0
	wiped := func(every time.Duration) bool {
		t.Helper()
		n++
		stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
		before := s.wipes
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond, Again: every}); err != nil {
			t.Fatal(err)
		}
		return s.wipes > before
	}
	for _, every := range []time.Duration{0, time.Hour, time.Minute, 24 * time.Hour, 0} {
		if is := wiped(every); is != (every != time.Minute) {
			t.Errorf("a run that comes each %s wiped: %v", every, is)
		}
	}
	r.restart()
	if wiped(time.Minute) {
		t.Error("a start made a wipe come sooner")
	}
	if !wiped(time.Hour) {
		t.Error("a run that is not followed by another one soon left it to nobody")
	}
}

// TestRetainUnreadable: somebody whose records cannot be read stays, and is told of; everybody else goes, whoever stands behind.
func TestRetainUnreadable(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	gateway.EraseAtOnce(r.g, 4)
	for n := range 10 {
		stay(r, n, "finished", "end", "2026-01-08T10:00:00+01:00")
	}
	s.broken = key(1)
	err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond})
	if !errors.Is(err, queue.ErrDamaged) {
		t.Errorf("nobody is told: %v", err)
	}
	for n := range 10 {
		if _, err := r.store.Plan(t.Context(), key(n), 0); errors.Is(err, queue.ErrNotFound) == (n == 1) {
			t.Errorf("plan of %d: %v", n, err)
		}
	}
}

// TestRetainDamagedPlan: a stored plan that cannot be read is what its records give.
func TestRetainDamagedPlan(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	stay(r, 2, "in-progress")
	for _, s.damaged = range []string{key(1), key(2)} {
		if err := r.g.Retain(t.Context(), gateway.Retention{Records: time.Nanosecond}); err != nil {
			t.Fatal(err)
		}
	}
	s.damaged = ""
	if _, err := r.store.Plan(t.Context(), key(1), 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("plan of who left: %v", err)
	}
	r.plan(key(2))
}

// TestRetainHurry: a run that goes on for long is behind, and asks for more at a time.
func TestRetainHurry(t *testing.T) {
	t.Parallel()
	r, s := faultyRig(t)
	stay(r, 1, "finished", "end", "2026-01-08T10:00:00+01:00")
	if err := r.g.Retain(t.Context(), gateway.Retention{Records: 4 * time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	stay(r, 2, "finished", "end", "2026-01-08T10:00:00+01:00")
	s.ahead.Store(int64(5 * time.Hour))
	if err := r.g.Retain(t.Context(), gateway.Retention{Records: 4 * time.Hour}); err != nil || !slices.Equal(s.hurry, []bool{true, false}) {
		t.Errorf("hurry %v, %v", s.hurry, err)
	}
}

// longTurns is a store whose first walk through the audit takes longer than the schedule allows.
type longTurns struct {
	busyEraser
	walks atomic.Int64
	fails error // of the first one
}

func (s *longTurns) DropAudits(ctx context.Context, before time.Time, limit int) (int, error) {
	if s.walks.Add(1) == 1 {
		time.Sleep(1200 * time.Millisecond)
		if s.fails != nil {
			return 0, s.fails
		}
	}
	return s.Retainer.DropAudits(ctx, before, limit)
}

// TestRetainOverdue: a run that is not done when the next one is due is followed by that at once, whatever went wrong in it, and one that is
// done in time by none.
func TestRetainOverdue(t *testing.T) {
	t.Parallel()
	s := &longTurns{}
	r := newRig(t, func(r *rig) {
		r.wrap = func(inner queue.Store) queue.Store {
			s.Store, s.Retainer = inner, inner.(queue.Retainer)
			return s
		}
	})
	wrong := errors.New("wrong")
	for name, c := range map[string]struct {
		spec  string
		most  int64 // runs
		fails error
		want  error
	}{
		"overdue":            {"@every 1s", 1 << 10, nil, nil}, // seconds are whole: another one may be over soon
		"overdue, and fails": {"@every 1s", 1 << 10, wrong, nil},
		"in time":            {"@every 1h", 1, nil, nil},
		"in time, and fails": {"@every 1h", 1, wrong, wrong},
	} {
		s.walks.Store(0)
		s.fails = c.fails
		job := gateway.RetentionJob(c.spec, gateway.Retention{Audit: time.Hour}, func() *gateway.Gateway { return r.g })
		if err := job.Run(t.Context()); !errors.Is(err, c.want) || s.walks.Load() < min(2, c.most) || s.walks.Load() > c.most {
			t.Errorf("%s: %d runs, %v", name, s.walks.Load(), err)
		}
	}
}
