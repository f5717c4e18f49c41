package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// MaxRules and MaxParties bound a table. A decision costs at most rules x parties steps.
const (
	MaxRules   = 1000
	MaxParties = 10000
)

// Table is a checked set of rules over a set of parties. It is immutable and safe for concurrent use.
type Table struct {
	parties []samvirke.Party
	rules   []Rule
	byID    map[string]int
	byHER   map[string][]int
}

// New checks parties and rules and makes a table of them. It returns every error it finds, and no
// table when there is one. Errors are *samvirke.Fault of class Permanent with the codes
// "route-too-many", "party-duplicate", "party-reserved", "route-no-receiver",
// "route-unknown-receiver", "route-unknown-sender" and "route-bad-kind".
func New(parties []samvirke.Party, rules []Rule) (*Table, []error) {
	t := &Table{
		parties: slices.Clone(parties),
		rules:   slices.Clone(rules),
		byID:    make(map[string]int, len(parties)),
		byHER:   make(map[string][]int),
	}
	if len(rules) > MaxRules || len(parties) > MaxParties {
		return nil, []error{fault("route-too-many", "at most %d rules and %d parties", MaxRules, MaxParties)}
	}
	var errs []error
	roles := make(map[string]int)
	for _, p := range parties {
		roles[p.Role]++
	}
	for i, p := range parties {
		if _, there := t.byID[p.ID]; there {
			errs = append(errs, fault("party-duplicate", "two parties have the id %q", p.ID))
		}
		if isSelector(p.ID) && (p.Role != p.ID || roles[p.Role] != 1) {
			errs = append(errs, fault("party-reserved", "%q is a routing word and cannot be a party id", p.ID))
		}
		t.byID[p.ID] = i
		for _, h := range p.HER {
			if !slices.Contains(t.byHER[h], i) {
				t.byHER[h] = append(t.byHER[h], i)
			}
		}
	}
	for i := range t.rules {
		if t.rules[i].Name == "" {
			t.rules[i].Name = fmt.Sprintf("rule %d", i+1)
		}
		errs = append(errs, t.checkRule(t.rules[i], roles)...)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return t, nil
}

func (t *Table) checkRule(r Rule, roles map[string]int) []error {
	var errs []error
	if len(r.To) == 0 {
		errs = append(errs, fault("route-no-receiver", "rule %q names no receiver", r.Name))
	}
	for _, to := range r.To {
		if _, known := t.byID[to]; !known && !isSelector(to) {
			errs = append(errs, fault("route-unknown-receiver", "rule %q: no party %q", r.Name, to))
		}
	}
	for _, from := range r.From {
		if _, known := t.byID[from]; !known && roles[from] == 0 {
			errs = append(errs, fault("route-unknown-sender", "rule %q: no party and no role %q", r.Name, from))
		}
	}
	for _, k := range r.Kinds {
		if k == "" || strings.Contains(strings.TrimSuffix(k, "*"), "*") {
			errs = append(errs, fault("route-bad-kind", "rule %q: kind %q: a star may only stand at the end", r.Name, k))
		}
	}
	return errs
}

func fault(code, format string, args ...any) error {
	return &samvirke.Fault{Class: samvirke.Permanent, Code: code, Safe: fmt.Sprintf(format, args...)}
}

func isSelector(s string) bool {
	switch s {
	case ToAddressees, ToCopies, ToMunicipality, ToGP, ToTeam:
		return true
	}
	return false
}

// matches tells whether the conditions of r hold. role is that of the sending party.
func (r *Rule) matches(in *Input, role string) bool {
	return (len(r.Kinds) == 0 || slices.ContainsFunc(r.Kinds, func(k string) bool { return kindMatches(k, in.Envelope.Kind) })) &&
		(len(r.From) == 0 || slices.Contains(r.From, in.From) || role != "" && slices.Contains(r.From, role)) &&
		(len(r.Municipality) == 0 || in.Municipality != "" && slices.Contains(r.Municipality, in.Municipality))
}

func kindMatches(pattern, kind string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(kind, prefix)
	}
	return pattern == kind
}
