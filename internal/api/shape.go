package api

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// shape is which part of a resource the caller wishes for.
//
// Source: FHIR R4, search.html sections 3.1.1.5.8 and 3.1.1.5.9.
type shape struct {
	api *api
	// summary is "", true, text, data or count; elements are those of _elements by type ("" for all types).
	summary  string
	elements map[string][]string
}

// shape reads _summary and _elements.
func (c *call) shape() (shape, error) {
	s := shape{api: c.api}
	switch v := c.query.Get("_summary"); v {
	case "", "false":
	case "true", "text", "data", "count":
		s.summary = v
	default:
		return s, badParameter("_summary")
	}
	for _, list := range c.query["_elements"] {
		for _, e := range strings.Split(list, ",") {
			typ, name, ok := strings.Cut(strings.TrimSpace(e), ".")
			if !ok {
				typ, name = "", typ
			}
			if name == "" {
				return s, badParameter("_elements")
			}
			if s.elements == nil {
				s.elements = map[string][]string{}
			}
			s.elements[typ] = append(s.elements[typ], strings.TrimSuffix(name, "[x]"))
		}
	}
	return s, nil
}

// badParameter is the fault for a value that cannot be read; only the parameter's name is told.
func badParameter(name string) *samvirke.Fault {
	return invalid("bad-parameter", "a value of the parameter "+name+" cannot be read")
}

// apply gives the part wished for, marked as a part.
func (s shape) apply(n *fhir.Node) *fhir.Node {
	typ := n.Get("resourceType").Text()
	var keep []string
	switch {
	case s.elements != nil:
		keep = append(append(keep, s.elements[""]...), s.elements[typ]...)
		if len(keep) == 0 {
			return n // _elements names another type
		}
	case s.summary == "true":
		if row := s.api.resources[typ]; row != nil {
			keep = row.summary
		}
	case s.summary == "text":
		keep = []string{"text"}
	case s.summary == "data":
		return s.mark(without(n, "text"))
	default:
		return n
	}
	out := fhir.NewObject()
	t := definitions().Type(typ)
	for key, v := range n.Fields() {
		name := strings.TrimPrefix(key, "_")
		if name == "resourceType" || name == "id" || name == "meta" || slices.ContainsFunc(keep, func(k string) bool { return k == name || choiceOf(name, k) }) {
			out.Set(key, v)
			continue
		}
		if t == nil {
			continue
		}
		if f, ok := t.Field(name); ok && f.Element != nil && f.Min > 0 {
			out.Set(key, v) // what must stand stands, or the part would be no valid resource
		}
	}
	return s.mark(out)
}

// choiceOf tells whether a JSON name is a variant of a choice: effectiveDateTime of effective.
func choiceOf(name, choice string) bool {
	rest, ok := strings.CutPrefix(name, choice)
	return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' && slices.Contains([]string{"value", "effective", "onset", "occurrence", "deceased", "start", "code", "source", "occurred", "multipleBirth"}, choice)
}

func without(n *fhir.Node, key string) *fhir.Node {
	out := fhir.NewObject()
	for k, v := range n.Fields() {
		if k != key {
			out.Set(k, v)
		}
	}
	return out
}

// mark adds the tag SUBSETTED, so that nobody writes a part back as the whole.
func (s shape) mark(n *fhir.Node) *fhir.Node {
	meta := fhir.NewObject()
	for k, v := range n.Get("meta").Fields() {
		meta.Set(k, v)
	}
	tags := fhir.NewArray()
	for _, t := range meta.Get("tag").Items() {
		tags.Add(t)
	}
	tags.Add(fhir.NewObject("system", "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code", "SUBSETTED"))
	meta.Set("tag", tags)
	n.Set("meta", meta)
	return n
}

// window is which part of a history is asked for.
type window struct {
	count, skip int
	since       time.Time
	sinceText   string
}

// historyWindow reads _count, _since and _cursor of a history.
func (c *call) historyWindow() (window, error) {
	w := window{count: DefaultCount}
	for name := range c.query {
		switch name {
		case "_count", "_since", "_cursor", "_format", "_pretty", "_summary", "_elements", "_purpose":
		default:
			if c.strict {
				return w, unknownParameter(name)
			}
		}
	}
	var err error
	if v := c.query.Get("_count"); v != "" {
		if w.count, err = strconv.Atoi(v); err != nil || w.count < 0 {
			return w, badParameter("_count")
		}
		w.count = min(w.count, MaxCount)
	}
	if v := c.query.Get("_cursor"); v != "" {
		if w.skip, err = strconv.Atoi(v); err != nil || w.skip < 0 || w.skip > 1<<20 {
			return w, badParameter("_cursor")
		}
	}
	if v := c.query.Get("_since"); v != "" {
		if w.since, err = time.Parse(time.RFC3339Nano, strings.ReplaceAll(v, " ", "+")); err != nil {
			return w, badParameter("_since")
		}
		w.sinceText = v
	}
	return w, nil
}

// query writes the window from some entry on.
func (w window) query(skip int) string {
	s := "?_count=" + itoa(w.count)
	if w.sinceText != "" {
		s += "&_since=" + escape(w.sinceText)
	}
	if skip > 0 {
		s += "&_cursor=" + itoa(skip)
	}
	return s
}
