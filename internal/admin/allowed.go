package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// foldFor folds a plan as a viewer sees it. It gives queue.ErrNotFound for a plan that the viewer may not look at, as if
// it were not there: who takes no part sees nothing, also where nobody set a limit. The answer is that of the FHIR
// interface to the viewer's system.
func (s *Server) foldFor(ctx context.Context, g *standing, patient string, v *careplan.Viewer) (*careplan.Plan, []queue.Record, error) {
	all, records, err := s.foldPlan(ctx, patient, careplan.Options{})
	if err != nil {
		return nil, nil, err
	}
	party := s.partyOf(ctx, g)
	if v.Purpose == careplan.PurposeCoordination && party != nil && s.opt.Coordinates != nil && !s.opt.Coordinates(*party, identifiersOf(all, patient)...) {
		v.Purpose = ""
	}
	may, err := s.mayLook(ctx, party, patient, all, *v)
	if err != nil {
		return nil, nil, err
	}
	if !may {
		return nil, nil, fmt.Errorf("read plan: %w", queue.ErrNotFound)
	}
	pl, _, err := s.foldPlan(ctx, patient, careplan.Options{Viewer: v})
	return pl, records, err
}

// errNoPart: what nobody showed to a party it did not know.
var errNoPart = &samvirke.Fault{Class: samvirke.Invalid, Code: "took-no-part", Safe: "This party took no part in the plan then: it could see nothing of it."}

// tookPart tells whether a party could look at the plan as it was; errNoPart when not.
func (s *Server) tookPart(ctx context.Context, party *samvirke.Party, patient string, o careplan.Options) error {
	all, _, err := s.foldPlan(ctx, patient, careplan.Options{Until: o.Until})
	if err != nil {
		return err
	}
	v := *o.Viewer
	if v.Purpose == careplan.PurposeCoordination && s.opt.Coordinates != nil && !s.opt.Coordinates(*party, identifiersOf(all, patient)...) {
		v.Purpose = ""
	}
	may, err := s.mayLook(ctx, party, patient, all, v)
	if err == nil && !may {
		err = errNoPart
	}
	return err
}

// identifiersOf are the patient keys that are this person's.
func identifiersOf(p *careplan.Plan, patient string) []string {
	out := []string{patient}
	if p.Rights != nil {
		for _, id := range p.Rights.Identities {
			out = append(out, id.Patient)
		}
	}
	return out
}

// mayLook asks the plan that sees all. Besides the team, a party that was sent something about the person may look, as long
// as nobody said when it takes part and no limit is against it.
func (s *Server) mayLook(ctx context.Context, party *samvirke.Party, patient string, all *careplan.Plan, v careplan.Viewer) (bool, error) {
	ok, why := all.Allowed(v)
	if ok || why != careplan.NotAMember || party == nil {
		return ok, nil
	}
	v.At = time.Time{}
	if free, _ := all.Allowed(v); !free {
		return false, nil
	}
	for _, purpose := range []samvirke.Purpose{samvirke.PurposeForward, samvirke.PurposeNotice} {
		list, err := s.store.Deliveries(ctx, queue.DeliveryFilter{Party: party.ID, Patient: patient, Purpose: purpose,
			State: []samvirke.DeliveryState{samvirke.DeliverySent, samvirke.DeliveryAcknowledged}, Limit: 1})
		if err != nil || len(list) > 0 {
			return len(list) > 0, err
		}
	}
	return false, nil
}

// partyOf is the party as which somebody looks; nil when their organisation is none.
func (s *Server) partyOf(ctx context.Context, g *standing) *samvirke.Party {
	if g == nil {
		return nil
	}
	var found *samvirke.Party
	for _, p := range s.parties(ctx) {
		if slices.ContainsFunc(g.her, func(h string) bool { return slices.Contains(p.HER, h) }) {
			found = &p.Party
		}
	}
	return found
}
