package api

import (
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// farPast and farFuture stand for the open ends of a period.
func farPast() time.Time   { return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) }
func farFuture() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// values gives what stands at a path, arrays walked.
func values(n *fhir.Node, path string) []*fhir.Node {
	if n == nil {
		return nil
	}
	if n.IsArray() {
		var out []*fhir.Node
		for _, i := range n.Items() {
			out = append(out, values(i, path)...)
		}
		return out
	}
	if path == "" {
		return []*fhir.Node{n}
	}
	head, rest, _ := strings.Cut(path, ".")
	return values(n.Get(head), rest)
}

// all gives what stands at the paths of a parameter.
func (p *searchParam) all(n *fhir.Node) []*fhir.Node {
	var out []*fhir.Node
	for _, path := range p.paths {
		out = append(out, values(n, path)...)
	}
	return out
}

// matches tells whether a resource meets a criterion. base is our address, for references written in full.
func (cr *criterion) matches(n *fhir.Node, ch *chart, base string) bool {
	found := cr.param.all(n)
	if cr.modifier == "missing" {
		return (len(found) == 0) == (cr.values[0] == "true")
	}
	hit := false
	for _, v := range found {
		for _, want := range cr.values {
			if cr.one(v, want, ch, base) {
				hit = true
			}
		}
	}
	if cr.modifier == "not" {
		return !hit
	}
	return hit
}

func (cr *criterion) one(v *fhir.Node, want string, ch *chart, base string) bool {
	switch cr.param.kind {
	case kindToken:
		return matchToken(v, want, cr.modifier)
	case kindDate:
		return matchDate(v, want)
	case kindString:
		return matchString(v, want, cr.modifier)
	case kindReference:
		return cr.matchReference(v, want, ch, base)
	case kindURI:
		return v.Text() == want
	}
	return false
}

// matchToken: system|code, |code, code, system|. Source: FHIR R4, search.html section 3.1.1.4.10.
func matchToken(v *fhir.Node, want, modifier string) bool {
	if modifier == "text" {
		for _, t := range []string{v.Get("text").Text(), v.Get("display").Text()} {
			if t != "" && strings.Contains(strings.ToLower(t), strings.ToLower(want)) {
				return true
			}
		}
		for _, c := range v.Get("coding").Items() {
			if matchToken(c, want, modifier) {
				return true
			}
		}
		return false
	}
	if list := v.Get("coding"); list != nil {
		for _, c := range list.Items() {
			if matchToken(c, want, "") {
				return true
			}
		}
		return false
	}
	system, code := v.Get("system").Text(), v.Get("code").Text()
	if code == "" {
		code = v.Get("value").Text() // Identifier, ContactPoint
	}
	wantSystem, wantCode, both := strings.Cut(want, "|")
	if !both {
		wantCode = want
	}
	wantCode = strings.ReplaceAll(wantCode, "\x1f", "|")
	if !v.IsObject() { // code, boolean, id: the system follows from the element
		return strings.EqualFold(v.Text(), wantCode) && wantCode != ""
	}
	switch {
	case !both:
		return code != "" && code == wantCode
	case wantCode == "":
		return wantSystem != "" && system == wantSystem
	}
	return code == wantCode && system == wantSystem
}

// spanOf is what a date, dateTime, instant or Period covers.
func spanOf(v *fhir.Node) (span, bool) {
	if !v.IsObject() {
		return dateSpan(v.Text())
	}
	s := span{farPast(), farFuture()}
	start, okStart := dateSpan(v.Get("start").Text())
	end, okEnd := dateSpan(v.Get("end").Text())
	if okStart {
		s.start = start.start
	}
	if okEnd {
		s.end = end.end
	}
	return s, okStart || okEnd
}

// matchDate compares stretches of time. Source: FHIR R4, search.html section 3.1.1.4.6.
func matchDate(v *fhir.Node, want string) bool {
	have, ok := spanOf(v)
	if !ok {
		return false
	}
	prefix, w, ok := parseDate(want)
	if !ok {
		return false
	}
	inside := !have.start.Before(w.start) && !have.end.After(w.end)
	switch prefix {
	case "eq":
		return inside
	case "ne":
		return !inside
	case "gt":
		return have.end.After(w.end)
	case "lt":
		return have.start.Before(w.start)
	case "ge":
		return have.end.After(w.end) || inside
	case "le":
		return have.start.Before(w.start) || inside
	case "sa":
		return !have.start.Before(w.end)
	case "eb":
		return !have.end.After(w.start)
	case "ap":
		slack := max(w.end.Sub(w.start), 24*time.Hour)
		return have.start.Before(w.end.Add(slack)) && have.end.After(w.start.Add(-slack))
	}
	return false
}

func matchString(v *fhir.Node, want, modifier string) bool {
	have := v.Text()
	if modifier == "exact" {
		return have == want
	}
	have, want = strings.ToLower(have), strings.ToLower(want)
	if modifier == "contains" {
		return strings.Contains(have, want)
	}
	return strings.HasPrefix(have, want)
}

// matchReference: Type/id, id, or our full URL; :identifier and a chain look at identifiers.
func (cr *criterion) matchReference(v *fhir.Node, want string, ch *chart, base string) bool {
	literal := v.Get("reference").Text()
	if cr.modifier == "identifier" || cr.chain == "identifier" {
		if id := v.Get("identifier"); id != nil && matchToken(id, want, "") {
			return true
		}
		if it := ch.find(literal); it != nil {
			for _, id := range it.Resource.Get("identifier").Items() {
				if matchToken(id, want, "") {
					return true
				}
			}
		}
		return false
	}
	if literal == "" {
		return false
	}
	want = strings.TrimPrefix(want, base)
	typ, id, both := strings.Cut(literal, "/")
	if wantType, wantID, ok := strings.Cut(want, "/"); ok {
		return both && typ == wantType && id == wantID && cr.aimsAt(typ)
	}
	return both && id == want && cr.aimsAt(typ)
}

// aimsAt tells whether a reference to a type can be meant by the parameter.
func (cr *criterion) aimsAt(typ string) bool {
	if cr.modifier != "" {
		return cr.modifier == typ
	}
	if len(cr.param.target) == 0 {
		return true
	}
	for _, t := range cr.param.target {
		if t == typ {
			return true
		}
	}
	return false
}
