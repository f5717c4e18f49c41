package api

import (
	"cmp"
	"slices"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

const (
	// maxIncluded bounds what one answer includes beside its matches.
	maxIncluded = 2000
	// maxRounds is how far :iterate goes.
	maxRounds = 5
)

// included follows _include and _revinclude from the matches, inside the same charts: nothing that the caller may
// not see can be reached.
func (c *call) included(q *query, hits []hit) []hit {
	if len(q.include) == 0 {
		return nil
	}
	have := map[*item]bool{}
	for _, h := range hits {
		have[h.it] = true
	}
	var out []hit
	from := hits
	for round := 0; len(from) > 0 && round < maxRounds && len(out) < maxIncluded; round++ {
		var found []hit
		for _, in := range q.include {
			if round > 0 && !in.iterate {
				continue
			}
			for _, h := range from {
				for _, it := range c.follow(in, h) {
					if !have[it] && len(out)+len(found) < maxIncluded {
						have[it] = true
						found = append(found, hit{h.ch, it})
					}
				}
			}
		}
		out = append(out, found...)
		from = found
	}
	slices.SortStableFunc(out, func(a, b hit) int { return cmp.Compare(a.it.Ref(), b.it.Ref()) })
	return out
}

// follow gives what one include leads to from one resource.
func (c *call) follow(in include, h hit) []*item {
	if !in.reverse {
		if in.source != "*" && in.source != h.it.Type {
			return nil
		}
		return c.references(in, h.ch, h.it)
	}
	var out []*item
	for i := range h.ch.items {
		it := &h.ch.items[i]
		if in.source != "*" && it.Type != in.source {
			continue
		}
		if slices.Contains(c.references(in, h.ch, it), h.it) {
			out = append(out, it)
		}
	}
	return out
}

// references are the resources that one points to by the parameters of an include.
func (c *call) references(in include, ch *chart, it *item) []*item {
	row := c.api.resources[it.Type]
	if row == nil {
		return nil
	}
	var out []*item
	for i := range row.params {
		p := &row.params[i]
		if p.kind != kindReference || in.param != "*" && in.param != p.name {
			continue
		}
		for _, v := range p.all(it.Resource) {
			to := ch.find(v.Get("reference").Text())
			if to == nil || in.target != "" && to.Type != in.target || p.target != nil && !slices.Contains(p.target, to.Type) || slices.Contains(out, to) {
				continue
			}
			out = append(out, to)
		}
	}
	return out
}

// short is a digest of a text, for entity tags of what has no version of its own.
func short(s string) string { return fhir.NameUUID(s)[:16] }

// latest is when anything of the plan last changed for the viewer.
func (t *timeline) latest() (at time.Time) {
	for _, list := range t.versions {
		if v := list[len(list)-1]; v.at.After(at) {
			at = v.at
		}
	}
	return at
}
