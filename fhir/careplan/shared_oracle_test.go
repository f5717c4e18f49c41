package careplan

import (
	"slices"
	"time"
)

// oracle is the formula of careplan.md section 5.3 written once more, from the records and in sets of keys, to
// hold the fold against. Which records live is asked of settle, which has tests of its own.
type oracle struct {
	live []*rec
	v    *liveness
	all  []Record
}

func newOracle(list []Record) *oracle {
	o := &oracle{v: settle(slices.Clone(list)), all: list}
	for _, l := range o.v.lines {
		if l.kind == KindReceipt {
			continue
		}
		for r := range l.standing() {
			o.live = append(o.live, r)
		}
	}
	return o
}

// context is the set of keys that the author of t had seen.
func (o *oracle) context(t *rec) map[string]bool {
	out := map[string]bool{}
	before := func(a, b *rec) bool { return a.order.Before(b.order) || a.order.Equal(b.order) && a.key < b.key }
	switch {
	case len(t.Seen) > 0:
		for _, k := range t.Seen {
			out[k] = true
		}
	default:
		for _, r := range o.v.recs {
			if r.Kind == KindReceipt && r.Key.Sender == t.Key.Sender && !r.Receive.Add(5*time.Minute).After(t.order) {
				for _, k := range r.Seen {
					out[k] = true
				}
			}
		}
		for _, r := range o.live {
			if r.Key.Sender == t.Key.Sender && before(r, t) {
				out[r.key] = true
			}
		}
	}
	earlier := true
	for _, r := range t.line.members {
		if r == t {
			earlier = false
		}
		delete(out, r.key) // of its own chain it has seen exactly what stands before it
		if earlier {
			out[r.key] = true
		}
	}
	return out
}

// said are the live statements on a field, as value by record.
type said1 struct {
	rec   *rec
	value string
}

func (o *oracle) said(field string) (out []said1) {
	for _, r := range o.live {
		for _, s := range r.statements() {
			if one := (said1{r, s.word()}); s.name == field && !slices.Contains(out, one) { // once said, twice written
				out = append(out, one)
			}
		}
	}
	return out
}

// left are the statements that no other one overwrites, and over what overwrites the others.
func (o *oracle) left(field string) (left []said1, over map[said1][]said1) {
	list := o.said(field)
	contexts := map[*rec]map[string]bool{}
	for _, s := range list {
		contexts[s.rec] = o.context(s.rec)
	}
	over = map[said1][]said1{}
	for _, s := range list {
		for _, t := range list {
			if t.rec != s.rec && contexts[t.rec][s.rec.key] && !contexts[s.rec][t.rec.key] {
				over[s] = append(over[s], t)
			}
		}
		if over[s] == nil {
			left = append(left, s)
		}
	}
	return left, over
}

// shownValues are the values of a field that a plan shows, with the records behind each.
func shownValues(p *Plan, field string) map[said2]bool {
	out := map[said2]bool{}
	add := func(v *Value, removed bool) {
		s := stated{value: coded{Text: v.Text, Code: v.Code, System: v.System}, removed: removed}
		for _, k := range v.From {
			out[said2{k, s.word()}] = true
		}
	}
	if p.Shared == nil {
		return out
	}
	for i := range p.Shared.Fields {
		if f := &p.Shared.Fields[i]; f.Name == field {
			add(&f.Value, false)
		}
	}
	for _, c := range p.Shared.Conflicts {
		for i := range c.Candidates {
			if c.Field == field {
				add(&c.Candidates[i].Value, c.Candidates[i].Removed)
			}
		}
		for i := range c.Earlier {
			if c.Field == field {
				add(&c.Earlier[i].Value, c.Earlier[i].Removed)
			}
		}
	}
	return out
}

type said2 struct{ key, value string }
