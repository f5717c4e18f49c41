package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// readers are those who can be told.
func readers() map[string]string {
	return map[string]string{"gp": herGP, "private": herPrivate, "unit": "8000055"}
}

// sight is what a party may see and was told at one moment.
type sight struct {
	shown  [32]byte
	member bool
	told   []string // ids of messages
}

// sights looks with the eyes of all readers, at all records at once: no memory of the gateway's is asked.
func (s *tale) sights() (map[string]sight, error) {
	recs, err := s.w.records(key(s.n))
	if err != nil {
		return nil, err
	}
	out := map[string]sight{}
	all := careplan.Fold(recs)
	for party, her := range readers() {
		var x sight
		p := samvirke.Party{ID: party, HER: []string{her}}
		if party == "private" {
			p.Roles = []string{samvirke.RolePrivateProvider}
		}
		if party == "unit" {
			p.Roles, p.Municipality = []string{samvirke.RoleCoordinator}, "5001"
		}
		if v := careplan.FoldFor(recs, s.w.g.ViewerOf(p, key(s.n))); !v.Bare() {
			x.shown = v.Shown()
		}
		x.member = all.MemberAt(her, s.w.now())
		numbers, told, err := s.w.notices(party, key(s.n))
		if err != nil {
			return nil, err
		}
		for i, n := range numbers {
			if n != int64(i+1) {
				return nil, fmt.Errorf("P17: the notices of %s have the numbers %v", party, numbers)
			}
		}
		x.told = told
		out[party] = x
	}
	return out, nil
}

// play plays a case about a new person and holds every step against P17, P18 and P19.
func (w *town) play(acts []act) error {
	w.persons++
	s := &tale{w: w, n: w.persons}
	var before map[string]sight
	for i, a := range acts {
		w.clock.Add(1) // nothing begins or ends with time alone
		d := s.deedOf(a, i)
		if d == nil {
			continue
		}
		again := slices.Contains(s.deeds, d)
		if a.dies > 0 {
			w.life.dies(a.dies-1, a.kept)
		}
		if err := s.send(d); err != nil {
			return fmt.Errorf("act %d, %s %s: %w", i, d.party, a.kind, err)
		}
		if !again {
			s.deeds = append(s.deeds, d)
		}
		after, err := s.sights()
		if err != nil {
			return err
		}
		for party := range readers() {
			if err := s.told(d, party, again, before[party], after[party]); err != nil {
				return fmt.Errorf("act %d, %s %s: %w", i, d.party, a.kind, err)
			}
		}
		before = after
	}
	return s.complete()
}

// told holds what one reader was told of an act against what it sees.
func (s *tale) told(d *deed, party string, again bool, before, after sight) error {
	n := len(after.told) - len(before.told)
	changed, due := before.shown != after.shown, after.member || party == "unit"
	leaves := before.member && !after.member
	withdrawn := false // it was told of something that the act takes back
	if d.op == samvirke.OpCancel && !again {
		known := false // that the very same was taken back before
		for _, o := range s.deeds {
			if o != d && o.party == d.party && o.conv == d.conv && slices.Contains(before.told, o.row) {
				withdrawn, known = true, known || o.of == d.of
			}
		}
		withdrawn = withdrawn && !known
	}
	switch {
	case n < 0 || n > 1:
		return fmt.Errorf("P18: %s was told %d times", party, n)
	case party == d.party && n > 0:
		return fmt.Errorf("P18: %s was told of what it said itself", party)
	case party == d.party:
	case withdrawn && n == 0:
		return fmt.Errorf("P19: %s was told of what is withdrawn, and not of the withdrawal", party)
	case changed && due && n == 0:
		return fmt.Errorf("P18: %s sees something new and was not told", party)
	case leaves && n == 0:
		return fmt.Errorf("P18: %s left and was not told", party)
	case !changed && !leaves && !withdrawn && n > 0:
		return fmt.Errorf("P18: %s was told of nothing", party)
	case !due && !leaves && !withdrawn && n > 0:
		return fmt.Errorf("P18: %s takes no part and was told", party)
	}
	if n == 1 && after.told[len(after.told)-1] != d.row {
		return fmt.Errorf("P18: %s was told of %s, not of %s", party, after.told[len(after.told)-1], d.row)
	}
	return s.reached(d, again)
}

// reached is P19 for messages that were forwarded: who was sent one is sent its withdrawal.
func (s *tale) reached(d *deed, again bool) error {
	if d.op != samvirke.OpCancel || again {
		return nil
	}
	var withdrawal []string // who was sent this withdrawal, or an earlier one of the same
	for _, o := range append(slices.Clone(s.deeds), d) {
		if o.of != d.of {
			continue
		}
		had, err := s.sentTo(o)
		if err != nil {
			return err
		}
		withdrawal = append(withdrawal, had...)
	}
	for _, o := range s.deeds {
		if o.party != d.party || o.conv != d.conv || o == d {
			continue
		}
		had, err := s.sentTo(o)
		if err != nil {
			return err
		}
		for _, party := range had {
			if !slices.Contains(withdrawal, party) {
				return fmt.Errorf("P19: %s was sent %s, and not its withdrawal", party, o.id)
			}
		}
	}
	return nil
}

// sentTo lists whom a message was sent to, as it is or as a notice.
func (s *tale) sentTo(d *deed) (out []string, err error) {
	ds, err := s.w.store.Deliveries(context.Background(), queue.DeliveryFilter{MessageID: d.row, Limit: queue.MaxPage})
	for i := range ds {
		if ds[i].Purpose == samvirke.PurposeForward || ds[i].Purpose == samvirke.PurposeNotice {
			out = append(out, ds[i].Party)
		}
	}
	return out, err
}

// complete is P17 for the subscription that the unit made: all its events, over all persons, are 1, 2, 3 ... and each was sent.
func (s *tale) complete() error {
	ctx := context.Background()
	st, err := s.w.g.SubscriptionOf(ctx, "unit", s.w.own.ID)
	if err != nil {
		return err
	}
	_, told, err := s.w.notices("unit", key(s.n))
	if err != nil || len(told) == 0 {
		return err
	}
	since := max(1, st.Last-int64(len(told))+1)
	events, err := s.w.g.SubscriptionEvents(ctx, &st, since, st.Last, len(told))
	if err != nil {
		return err
	}
	if len(events) != len(told) {
		return fmt.Errorf("P17: %d events, %d were sent", len(events), len(told))
	}
	for i, e := range events {
		if e.Number != since+int64(i) || e.Plan != s.w.g.PlanID(key(s.n)) {
			return fmt.Errorf("P17: event %d of %d has the number %d and plan %s", i, len(events), e.Number, e.Plan)
		}
	}
	return nil
}

// casesOfATown is how many cases share one store: afterwards everything begins anew. The store looks through all it has.
const casesOfATown = 20

// TestToldProperty is P17, P18 and P19: who takes part and sees something new is told, once and with the next number; nobody is
// told of nothing; who was told of something is told of its withdrawal.
func TestToldProperty(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rapid.Check(t, func(rt *rapid.T) {
		if w.persons >= casesOfATown {
			if err := errors.Join(w.close(), w.settle()); err != nil {
				rt.Fatal(err)
			}
		}
		if err := w.play(drawActs(rt)); err != nil {
			rt.Fatal(err)
		}
	})
}

// TestToldOverCrashesProperty is the same while the process dies, at any commit, with what it was about stored or not.
func TestToldOverCrashesProperty(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	rapid.Check(t, func(rt *rapid.T) {
		if w.persons >= casesOfATown {
			if err := errors.Join(w.close(), w.settle()); err != nil {
				rt.Fatal(err)
			}
		}
		acts := drawActs(rt)
		for i := range acts {
			acts[i].dies = rapid.SampledFrom([]int{0, 0, 1, 2, 3, 5}).Draw(rt, "dies")
			acts[i].kept = rapid.Bool().Draw(rt, "kept")
		}
		err := w.play(acts)
		w.life.dies(-1, false)
		if err != nil {
			rt.Fatal(err)
		}
	})
}
