package gateway

import (
	"context"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// Plan folds the plan of a patient as it sees all, with sources that name messages; nil when there are no records.
// It is for what counts and never shown to anybody.
func (g *Gateway) Plan(ctx context.Context, patient string) (*careplan.Plan, error) {
	st, all, err := g.loader.read(ctx, patient)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return g.loader.fold(all, patient, st), nil
}
