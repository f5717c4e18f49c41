package careplan

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// coreProperties are what a plan that is a function of its records stands on. TestCoreProperties tries them on worlds
// of few records, each drawn once for all of them, so that a long run tries many:
//
//	go test ./fhir/careplan -run TestCoreProperties -rapid.checks=1000000 -timeout 0
//
// TestProperties tries each on large worlds.
var coreProperties = []string{"P1 convergence", "P2 idempotence", "P3 incremental", "P7 retraction", "P12 chain"}

// coreWorld is how many records, beside the conversation that is withdrawn, a world of the long run holds at most.
const coreWorld = 6

// core says which of the core properties a world breaks.
func core(fold folder, w world) error {
	for _, name := range coreProperties {
		for _, p := range properties {
			if p.name != name {
				continue
			}
			if err := p.check(fold, w); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func TestCoreProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if err := core(Fold, drawWorldUpTo(t, coreWorld)); err != nil {
			t.Fatal(err)
		}
	})
}
