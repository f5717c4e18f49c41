package gateway

import (
	"context"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// Plan folds the plan of a patient as it sees all, with sources that name messages; nil when there are no records.
// It is for what counts and never shown to anybody.
func (g *Gateway) Plan(ctx context.Context, patient string) (*careplan.Plan, error) {
	w := g.plans.workspace()
	defer g.plans.release(w)
	st, err := g.loader.load(ctx, w, patient)
	if err != nil || st.records.Len() == 0 {
		return nil, err
	}
	return g.loader.fold(st.records.Records(&w.scratch), patient, st), nil
}
