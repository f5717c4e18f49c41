package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// marks are the texts that would tell of a person, and of what was said about it.
func (s *tale) marks() []string {
	// The last stands in the ids of all acts of the tale, which are fewer than ten, and in none of what comes late.
	return []string{simulate.PersonNumber(s.n), s.w.g.PlanID(key(s.n)), s.mark(), fmt.Sprintf("%08d-0000-4000-8000-00000000000", s.n)}
}

// mark stands in every text about the person and in no other.
func (s *tale) mark() string { return fmt.Sprintf("KANARI%dX", s.n) }

// found says where in the store something of the person is left.
func (s *tale) found() []string { return s.w.disk.Find(s.marks()...) }

// erase erases the person, in as many lives of the process as that takes.
func (s *tale) erase(dies int, kept bool) error {
	ctx := context.Background()
	if dies > 0 {
		s.w.life.dies(dies-1, kept)
	}
	defer s.w.life.dies(-1, false)
	for range 20 {
		_, err := s.w.g.Erase(ctx, key(s.n), "admin", "asked for by the person")
		if err == nil {
			return nil
		}
		if !errors.Is(err, queue.ErrFailed) {
			return err
		}
		if err := s.w.reopen(); err != nil { // which goes on with it, when it had begun
			return err
		}
	}
	return errors.New("not erased in 20 tries")
}

// lately is what comes after the erasure: everything again, a withdrawal and a change of what is gone.
func (s *tale) lately() error {
	for _, d := range slices.Clone(s.deeds) {
		row := d.row
		if err := s.send(d); err != nil {
			return fmt.Errorf("the duplicate of %s: %w", d.id, err)
		}
		if d.row != row {
			return fmt.Errorf("P22: %s again is the message %s, not %s", d.id, d.row, row)
		}
	}
	for i, op := range []samvirke.Op{samvirke.OpCancel, samvirke.OpChange} {
		of := s.deeds[i%len(s.deeds)]
		id := fmt.Sprintf("%08d-0000-4000-8000-%012d", s.n, 900+i)
		late := &deed{party: of.party, id: id, conv: of.conv, op: op}
		if of.write == nil {
			late.xml = simulate.Admission{ID: id, Person: s.n, Op: string(op), Parent: of.id, Conversation: of.conv, Remark: s.mark()}.XML()
		} else {
			late.write = &gateway.Write{Party: of.party, Patient: person(s.n), ID: id, At: s.w.now(), Op: op, Parent: of.id, Conversation: of.conv}
			if op == samvirke.OpChange {
				late.write.Resources = slices.Clone(of.write.Resources)
				if len(late.write.Resources) == 0 {
					continue
				}
			}
		}
		if err := s.send(late); err != nil {
			return fmt.Errorf("a late %s: %w", op, err)
		}
	} // their own ids stand in the receipts that their sender must get
	return wait("late content gone", func() (bool, error) {
		todo, err := s.w.store.Settings(context.Background(), "late/", "", 1)
		return len(todo) == 0, err
	})
}

// erased plays a case about two persons, erases the first, and holds what is left against P22.
func (w *town) erased(acts, others []act, dies int, kept bool) error {
	ctx := context.Background()
	other, err := w.told(others)
	if err != nil {
		return err
	}
	s, err := w.told(acts)
	if err != nil || len(s.deeds) == 0 {
		return err
	}
	var before queue.PlanVersion
	if len(other.deeds) > 0 {
		if before, err = w.store.Plan(ctx, key(other.n), 0); err != nil {
			return err
		}
	}
	if len(s.found()) == 0 {
		return errors.New("the marks are not in the store, so the case shows nothing")
	}
	if err := s.erase(dies, kept); err != nil {
		return err
	}
	if left := s.found(); len(left) > 0 {
		return fmt.Errorf("P22: left after the erasure: %q", left)
	}
	if err := s.lately(); err != nil {
		return err
	}
	if left := s.found(); len(left) > 0 {
		return fmt.Errorf("P22: left after what came late: %q", left)
	}
	if _, err := w.store.Plan(ctx, key(s.n), 0); !errors.Is(err, queue.ErrNotFound) {
		return fmt.Errorf("P22: what came late made a plan: %w", err)
	}
	if len(other.deeds) > 0 {
		if after, err := w.store.Plan(ctx, key(other.n), 0); err != nil || !bytes.Equal(after.Body, before.Body) {
			return fmt.Errorf("P22: the plan of another person has changed: %w", err)
		}
	}
	return w.store.VerifyAudit(ctx)
}

// told plays a case without looking at who is told.
func (w *town) told(acts []act) (*tale, error) {
	w.persons++
	s := &tale{w: w, n: w.persons}
	for i, a := range acts {
		w.clock.Add(1)
		d := s.deedOf(a, i)
		if d == nil || slices.Contains(s.deeds, d) {
			continue
		}
		if err := s.send(d); err != nil {
			return nil, fmt.Errorf("act %d, %s %s: %w", i, d.party, a.kind, err)
		}
		s.deeds = append(s.deeds, d)
	}
	return s, nil
}

// TestErasedProperty is P22: whatever was said about a person, and wherever the process dies, after the erasure nothing identifying
// is left in the store, also when everything comes again and late withdrawals and changes come.
func TestErasedProperty(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rapid.Check(t, func(rt *rapid.T) {
		if w.persons >= casesOfATown/2 {
			if err := errors.Join(w.close(), w.settle()); err != nil {
				rt.Fatal(err)
			}
		}
		dies := rapid.SampledFrom([]int{0, 0, 1, 2, 3, 4, 5, 6, 8}).Draw(rt, "dies")
		if err := w.erased(drawActs(rt), drawActs(rt), dies, rapid.Bool().Draw(rt, "kept")); err != nil {
			rt.Fatal(err)
		}
	})
}
