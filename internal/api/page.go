package api

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// order sorts as _sort says, then by id; entries of the audit that are of one moment in the order they were made, or
// backwards with what they are sorted by.
func (c *call) order(q *query, hits []hit) {
	slices.SortStableFunc(hits, func(a, b hit) int {
		for _, k := range q.sort {
			x, y := k.value(a.it.Resource), k.value(b.it.Resource)
			switch {
			case x == y:
				continue
			case x == "":
				return 1 // what has no value comes last, whichever the direction
			case y == "":
				return -1
			case k.down:
				return cmp.Compare(y, x)
			default:
				return cmp.Compare(x, y)
			}
		}
		if n := len(q.sort); a.it.seq != b.it.seq {
			if n > 0 && q.sort[n-1].down {
				a, b = b, a
			}
			return cmp.Compare(a.it.seq, b.it.seq)
		}
		return cmp.Compare(a.it.ID, b.it.ID)
	})
}

// value is what a resource is sorted by.
func (k *sortKey) value(n *fhir.Node) string {
	for _, v := range k.param.all(n) {
		switch k.param.kind {
		case kindDate:
			if s, ok := spanOf(v); ok {
				return s.start.Format("2006-01-02T15:04:05.000")
			}
		case kindReference:
			return v.Get("reference").Text()
		default:
			for _, t := range []string{v.Text(), v.Get("text").Text(), v.At("coding.0.code").Text(), v.Get("code").Text(), v.Get("value").Text()} {
				if t != "" {
					return strings.ToLower(t)
				}
			}
		}
	}
	return ""
}

// page cuts the hits to the page asked for: what follows the resource that the cursor names.
func (r *results) page(q *query) error {
	if q.cursor != "" {
		at := slices.IndexFunc(r.hits, func(h hit) bool { return h.it.ID == q.cursor })
		switch {
		case at >= 0:
			r.hits = r.hits[at+1:]
		case len(q.sort) == 0:
			r.hits = after(r.hits, q) // it is gone; ids are in order
		default:
			return badParameter("_cursor")
		}
	}
	if len(r.hits) > q.count {
		r.hits, r.more = r.hits[:q.count], q.count > 0
	}
	return nil
}

// after counts only what stands behind the cursor.
func after(hits []hit, q *query) []hit {
	if q.cursor == "" {
		return hits
	}
	n := 0
	for n < len(hits) && hits[n].it.ID <= q.cursor {
		n++
	}
	return hits[n:]
}

// searchURL is the search as it was understood, from a cursor on.
func (c *call) searchURL(q *query, cursor string) string {
	v := url.Values{}
	for name, list := range q.self {
		v[name] = list
	}
	if cursor != "" {
		v.Set("_cursor", cursor)
	}
	if len(v) == 0 {
		return c.base() + q.typ
	}
	return c.base() + q.typ + "?" + v.Encode()
}

// searchOutcome tells what was not done as asked; nil when all was.
func searchOutcome(q *query, r *results) *fhir.Node {
	o := fhir.NewObject("resourceType", "OperationOutcome")
	warn := func(code, text string) {
		o.Append("issue", fhir.NewObject("severity", "warning", "code", code, "details", fhir.NewObject("text", text)))
	}
	for range q.ignored {
		warn("not-supported", "a parameter is not known here and was ignored; see the CapabilityStatement")
	}
	if r.bounded {
		warn("too-costly", "there are more plans than one search looks at; name a patient")
	}
	if o.Get("issue") == nil {
		return nil
	}
	return o
}
