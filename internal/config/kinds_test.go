package config

import (
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
)

// Every kind that is read may stand in a rule, and a slip of one is found.
func TestKindsInRules(t *testing.T) {
	check := func(kind string) int {
		c := checker{decoder: &decoder{}}
		c.kinds([]string{kind}, "routes[0].kinds")
		return len(c.problems)
	}
	for _, k := range samvirke.Kinds() {
		if !slices.Contains(knownKinds(), k.Code) || check(k.Code) != 0 {
			t.Errorf("%s is refused", k.Code)
		}
	}
	for _, slip := range []string{"HENVISNING_VIDRE", "FODSEL_EPIKRISE", "DIALOG_INNBYGGER_TIMR"} {
		if check(slip) == 0 {
			t.Errorf("%s passes", slip)
		}
	}
}
