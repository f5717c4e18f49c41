package careplan

import (
	"fmt"
	"slices"
)

// provenance is P4 to P6 in short: every From names a record, every goal, measure, note, diagnosis and
// score of a live record is visible and points back to it, and none is visible without.
func provenance(fold folder, w world) error {
	p := fold(w.Records)
	known := map[string]bool{}
	for k := range p.Sources {
		known[k] = true
	}
	for _, h := range p.History {
		known[h.Key] = true
	}
	for _, l := range leaves(p) {
		if len(l.from) == 0 && !slices.Contains([]string{"Person · restricted"}, l.label) && l.path[:3] != "gap" && l.path[:6] != "person" {
			return fmt.Errorf("%s has no source", l.path)
		}
		if !slices.IsSorted(l.from) && l.path[:4] != "task" { // the task about a loose message names it before its candidates
			return fmt.Errorf("%s: sources out of order: %v", l.path, l.from)
		}
		for _, k := range l.from {
			if !known[k] {
				return fmt.Errorf("%s rests on %s, which is not known", l.path, k)
			}
		}
	}
	said, shown := map[string]bool{}, map[string]bool{}
	kept := map[string]bool{}
	for _, r := range settle(w.Records).recs {
		kept[r.key+r.Hash] = true
	}
	for _, r := range w.Records {
		if _, live := p.Sources[r.Key.String()]; !live || !kept[r.Key.String()+r.Hash] {
			continue
		}
		c := r.contents()
		for _, g := range c.Goals {
			said["goal "+g.Text+" "+r.Key.String()] = true
		}
		for _, m := range c.Measures {
			said["measure "+m.Text+" "+r.Key.String()] = true
		}
		for _, n := range c.Notes {
			said["note "+n.Text+" "+r.Key.String()] = true
		}
		for _, q := range c.Panels {
			said["score "+q.Scores[0].Value+" "+r.Key.String()] = true
		}
	}
	see := func(what string, from []string) {
		for _, k := range from {
			if _, live := p.Sources[k]; live {
				shown[what+" "+k] = true
			}
		}
	}
	for _, g := range p.Goals {
		see("goal "+g.Text, g.From)
	}
	for _, m := range p.Measures {
		see("measure "+m.Text, m.From[:1])
		if len(m.Answers) > 0 { // the answers' records stand in From too
			for _, k := range m.From {
				if said["measure "+m.Text+" "+k] {
					shown["measure "+m.Text+" "+k] = true
				}
			}
			delete(shown, "measure "+m.Text+" "+m.From[0])
			if said["measure "+m.Text+" "+m.From[0]] {
				shown["measure "+m.Text+" "+m.From[0]] = true
			}
		}
	}
	for _, n := range p.Notes {
		see("note "+n.Text, n.Heading.From)
	}
	for _, a := range p.Function {
		see("score "+a.Scores[0].Shown, a.From)
	}
	for k := range said {
		if !shown[k] {
			return fmt.Errorf("%q is live and not shown", k)
		}
	}
	for k := range shown {
		if !said[k] {
			return fmt.Errorf("%q is shown and nobody says it", k)
		}
	}
	return nil
}
