package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/config"
)

// planRules are the settings for folding plans.
func planRules(cfg *config.Config) (careplan.Options, error) {
	o := careplan.Options{Off: cfg.Plan.RulesOff}
	var known []string
	for _, r := range careplan.Rules() {
		known = append(known, r.ID)
	}
	for _, id := range cfg.Plan.RulesOff {
		if !slices.Contains(known, id) {
			return o, &exitError{code: exitBadConfig, err: fmt.Errorf("plan.rules_off: no rule is called %q; there are: %s", id, strings.Join(known, ", "))}
		}
	}
	for _, p := range cfg.Plan.Priority {
		if o.Priority == nil {
			o.Priority = map[string][]string{}
		}
		o.Priority[p.Field] = append(o.Priority[p.Field], p.HER...)
	}
	return o, nil
}
