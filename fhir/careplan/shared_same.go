package careplan

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Two owners that describe the same real thing. A rule suggests, a person confirms or denies; the two are never
// made one. Source: careplan.md section 5.2.

// Rules that suggest. They look at items of one kind, of different owners, whose periods overlap.
const (
	sameCode = "same-code"
	sameText = "same-text"
)

// alike is one item that could be the same as another.
type alike struct {
	id, owner, code, text string
	start, end            time.Time
	from                  []string
}

// same lists suggestions and confirmations, by the ids of the items.
func (f *fold) same() {
	said := f.saidSame()
	var list []SameAs
	for _, items := range [][]alike{f.alikeMeasures(), f.alikeGoals()} {
		list = append(list, suggestions(items)...)
	}
	list = slices.DeleteFunc(list, func(s SameAs) bool {
		_, decided := said[[2]string{s.A, s.B}]
		return decided
	})
	for pair, s := range said {
		if s != nil {
			list = append(list, SameAs{A: pair[0], B: pair[1], Confirmed: true, From: s})
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(a, b SameAs) int { return cmp.Or(strings.Compare(a.A, b.A), strings.Compare(a.B, b.B)) })
	f.sharedPart().Same = list
}

// saidSame is what people said, by the pair of ids: the records that confirm it, nil when the latest word is that
// the two are not the same.
func (f *fold) saidSame() map[[2]string][]string {
	var out map[[2]string][]string
	for r := range f.with(ofMore) {
		s := r.sharedFacts()
		if s == nil || !contains(r.Roles, "person") {
			continue
		}
		for _, x := range s.Same {
			a, b := f.elements().find(x.A, x.A), f.elements().find(x.B, x.B)
			if a == nil || b == nil || a.id == b.id {
				f.flag("same-unmatched", "A link between two items names one that is not known.", r.key)
				continue
			}
			if out == nil {
				out = map[[2]string][]string{}
			}
			pair := [2]string{min(a.id, b.id), max(a.id, b.id)}
			if x.Not {
				out[pair] = nil
				continue
			}
			out[pair] = addFrom(out[pair], r.key)
		}
	}
	return out
}

// suggestions pairs items of different owners with the same code or the same words.
func suggestions(items []alike) []SameAs {
	var out []SameAs
	found := map[[2]string]bool{}
	for _, rule := range []string{sameCode, sameText} {
		groups := map[string][]*alike{}
		for i := range items {
			a := &items[i]
			key := a.text
			if rule == sameCode {
				key = a.code
			}
			if key == "" {
				continue
			}
			for _, b := range groups[key] {
				pair := [2]string{min(a.id, b.id), max(a.id, b.id)}
				if a.owner == b.owner || a.id == b.id || found[pair] || !periodsOverlap(a, b) {
					continue
				}
				found[pair] = true
				s := SameAs{A: pair[0], B: pair[1], Rule: rule}
				for _, k := range append(slices.Clone(a.from), b.from...) {
					s.From = addFrom(s.From, k)
				}
				out = append(out, s)
			}
			if len(groups[key]) < maxAlike {
				groups[key] = append(groups[key], a)
			}
		}
	}
	return out
}

// maxAlike bounds how many items that say the same are compared with each other.
const maxAlike = 20

// periodsOverlap tells whether two periods may overlap: an end that is not known is open.
func periodsOverlap(a, b *alike) bool {
	apart := func(end, start time.Time) bool { return !end.IsZero() && !start.IsZero() && end.Before(start) }
	return !apart(a.end, b.start) && !apart(b.end, a.start)
}

// one tells whether all items are of one owner: then nothing is looked for.
func one[T any](list []T, owner func(*T) string) bool {
	for i := range list {
		if owner(&list[i]) != owner(&list[0]) {
			return false
		}
	}
	return true
}

func (f *fold) alikeMeasures() []alike {
	carrier := func(m *Measure) string { return first(m.Owner, m.Requester) }
	if one(f.p.Measures, carrier) {
		return nil
	}
	var out []alike
	for i := range f.p.Measures {
		m := &f.p.Measures[i]
		if m.Kind == "done" || m.Status == "rejected" || m.Status == "completed" {
			continue
		}
		start, end, found := strings.Cut(m.Period, "/")
		if !found {
			end = ""
		}
		a := alike{id: m.ID, owner: carrier(m), text: plainKey(m.Text), from: m.From, start: parseMoment(start).at}
		if e := parseMoment(end); !e.at.IsZero() {
			a.end = endOf(e)
		}
		if m.Code != nil && m.Code.Code != "" {
			a.code = m.Code.System + "|" + m.Code.Code
		}
		out = append(out, a)
	}
	return out
}

func (f *fold) alikeGoals() []alike {
	if one(f.p.Goals, func(g *Goal) string { return g.Owner }) {
		return nil
	}
	var out []alike
	for i := range f.p.Goals {
		g := &f.p.Goals[i]
		a := alike{id: g.ID, owner: g.Owner, text: plainKey(g.Text), from: g.From}
		if g.Start != nil {
			a.start = parseMoment(g.Start.Text).at
		}
		if g.Code != nil && g.Code.Code != "" {
			a.code = g.Code.System + "|" + g.Code.Code
		}
		out = append(out, a)
	}
	return out
}
