package careplan

import (
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
)

// stateHeld is the state of a record that a person set aside.
const stateHeld = "held"

// held is one record that is set aside, and the record that says so.
type held struct {
	target *rec
	by     *rec
	reason string
}

func isCancel(op samvirke.Op) bool { return op == samvirke.OpCancel || op == OpCancelVersion }

// hold finds the records that a person set aside and nobody has let back since: the latest word counts. A
// withdrawal cannot be held, since withdrawals always act, nor can a hold. Source: careplan.md section 7, item 5.
func (g *rights) hold(v *liveness) {
	var names []string
	last := map[string]held{}
	for _, r := range g.live {
		for _, h := range r.facts.rights().Holds {
			if !r.has(rolePerson) {
				g.flag("hold-without-authority", "Only a person can set a record aside; the wish has no effect.", r.key)
				continue
			}
			if _, ok := last[h.Record]; !ok {
				names = append(names, h.Record)
			}
			last[h.Record] = held{by: r, reason: h.Reason}
			if h.Release {
				last[h.Record] = held{}
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		h := last[name]
		if h.by == nil {
			continue
		}
		for _, r := range v.recs {
			if !r.named(name) {
				continue
			}
			if facts := r.facts.rights(); isCancel(r.Chain.Op) || facts != nil && len(facts.Holds) > 0 {
				g.flag("hold-without-effect", "A withdrawal or a hold cannot be set aside.", h.by.key)
				continue
			}
			if !slices.ContainsFunc(g.held, func(o held) bool { return o.target == r }) {
				g.held = append(g.held, held{r, h.by, h.reason})
			}
		}
	}
	slices.SortFunc(g.held, func(a, b held) int { return strings.Compare(a.target.key, b.target.key) })
}

// heldList shows what is set aside to those who may see both the record and who set it aside.
func (f *fold) heldList(v *liveness, g *rights) (out []Held) {
	for _, h := range g.held {
		if f.counted(h.by.key) != nil && slices.Contains(v.dups, h.target) {
			out = append(out, Held{Key: h.target.key, By: h.by.Key.Sender, Reason: h.reason, From: []string{h.by.key}})
		}
	}
	return out
}
