package careplan

import (
	"github.com/samvirke/samvirke/fhir"
)

// elementFact is one resource as a party wrote it through the REST API. It gives the plan's item its id, so
// that the item stays the same one when its words change, and what the item has no room for (a note on a
// goal, a priority) is served again as it was written.
type elementFact struct {
	Type string `json:"t"`
	Name string `json:"n"` // value under fhir.SystemElement
	// List and At say which statement of the content it became: "go" 0 is the first goal. "" for what only
	// the rare parts hold.
	List string `json:"l,omitempty"`
	At   int    `json:"a,omitempty"`
	Raw  string `json:"r,omitempty"`
}

// maxRaw is how large a resource may be to be served as written. Unit: bytes. A larger one is served as the
// plan has it.
const maxRaw = 64 << 10

// ElementID is the id, within a plan, of what a sender (Record.Key.Sender) wrote under a name.
func ElementID(sender, resourceType, name string) string {
	return shortID("element", sender, resourceType, name)
}

// PatientID is the id of the Patient in Plan.FHIR: a hash without a key, not for others to see.
func PatientID(patient string) string { return shortID("patient", patient) }

// kindWrite is the kind of the messages that writes become, see gateway.KindPlanWrite.
const kindWrite = "plan-write"

// written tells whether the message is a write.
func (x extractor) written() bool { return x.kind == kindWrite }

// sizes counts the statements of the lists whose items have ids of their own.
func (c *content) sizes() [3]int { return [...]int{len(c.Goals), len(c.Measures), len(c.Checkups)} }

// element notes a written resource with the statement it became: the one that was added since before.
func (x extractor) element(e fhir.Entry, c *content, before [3]int) {
	name := fhir.ElementName(e.Resource)
	if name == "" {
		return
	}
	fact := elementFact{Type: e.Type, Name: name}
	if raw := e.Resource.Bytes(); len(raw) <= maxRaw {
		fact.Raw = string(raw)
	}
	after := c.sizes()
	for i, list := range [...]string{"go", "me", "ck"} {
		if after[i] > before[i] {
			fact.List, fact.At = list, before[i]
		}
	}
	if e.Type == "Observation" && len(c.Panels) == 1 {
		fact.List = "fu" // panels are read before anything else; of several it is not known which is which
	}
	m := c.rare()
	m.Elements = append(m.Elements, fact)
}

// elementNamed gives the id of an item whose party gave it a name, "" for all others.
func (r *rec) elementNamed(list string, at int) string {
	if r.facts.More == nil {
		return ""
	}
	for i := range r.facts.More.Elements {
		if e := &r.facts.More.Elements[i]; e.List == list && e.At == at {
			return ElementID(r.Key.Sender, e.Type, e.Name)
		}
	}
	return ""
}

// written keeps the resources that live records hold as they were written.
func (f *fold) written() {
	for r := range f.with(ofMore) {
		if len(r.facts.More.Elements) == 0 {
			continue
		}
		if f.p.written == nil {
			f.p.written = map[string][]elementFact{}
		}
		f.p.written[r.key] = r.facts.More.Elements
	}
}

// behind finds the resource behind an item of the plan: the one that gave it its id, else the one of its
// type and code among the records that the item rests on, when there is just one. in is its source, id the item's
// id, that of the element when there is one.
func (p *Plan) behind(n *fhir.Node, item string, from []string) (fact *elementFact, in, id string) {
	typ := n.Get("resourceType").Text()
	matches := 0
	for _, k := range from {
		sender := p.Sources[k].Sender
		for i := range p.written[k] {
			e := &p.written[k][i]
			if e.Type != typ {
				continue
			}
			if ElementID(sender, e.Type, e.Name) == item {
				return e, k, item
			}
			if e.List == "" && e.matches(n) {
				fact, in, id = e, k, ElementID(sender, e.Type, e.Name)
				matches++
			}
		}
	}
	if matches != 1 {
		return nil, "", item
	}
	return fact, in, id
}

// asWritten is the resource behind an item as it was written, nil when there is none, and the id of the item.
func (p *Plan) asWritten(n *fhir.Node, item string, from []string) (raw *fhir.Node, id string) {
	fact, _, id := p.behind(n, item, from)
	if fact == nil {
		return nil, id
	}
	return fact.resource(), id
}

func (e *elementFact) resource() *fhir.Node {
	if e.Raw == "" {
		return nil
	}
	n, err := fhir.ParseNode([]byte(e.Raw))
	if err != nil {
		return nil // cannot happen: it was written by us
	}
	return n
}

// matches tells whether a resource of the plan's form says the same as the written one, as far as its code goes.
func (e *elementFact) matches(n *fhir.Node) bool {
	raw := e.resource()
	if raw == nil {
		return false
	}
	for _, key := range []string{"code", "codeCodeableConcept"} {
		a, b := concept(n.Get(key)), concept(raw.Get(key))
		if n.Get(key) != nil && raw.Get(key) != nil && a.Code != b.Code {
			return false
		}
	}
	return true
}
