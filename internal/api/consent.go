package api

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

var errScope = invalid("unknown-scope", "the Consent is about a resource that this party does not see in the plan; it was not kept, so nothing is limited by it")

// recordsOf makes of the resources that a Consent limits the records that state them, which is what limits are about. A
// resource that the writer does not see is refused: a limit that is taken and limits nothing would be worse than none.
func recordsOf(n *fhir.Node, t *target) error {
	if n.Get("resourceType").Text() != "Consent" {
		return nil
	}
	return recordsIn(n.Get("provision"), t)
}

func recordsIn(provision *fhir.Node, t *target) error {
	for _, inner := range provision.Get("provision").Items() {
		if err := recordsIn(inner, t); err != nil {
			return err
		}
	}
	data := fhir.NewArray()
	for _, d := range provision.Get("data").Items() {
		ref := d.Get("reference")
		literal := ref.Get("reference").Text()
		if ref.Get("identifier") != nil || literal == "" {
			data.Add(d)
			continue
		}
		literal, _, _ = strings.Cut(literal, "/_history/")
		if i := strings.LastIndexByte(literal, '/'); i > 0 { // our address in front
			literal = literal[strings.LastIndexByte(literal[:i], '/')+1:]
		}
		var it *item
		if t.chart != nil {
			it = t.chart.find(literal)
		}
		if it == nil || len(it.From) == 0 {
			return errScope
		}
		if len(it.ID) == idLength { // the person, the whole plan or its team: everything, also what is still to come
			provision.Set("data", nil)
			return nil
		}
		for _, key := range it.From {
			data.Add(fhir.NewObject("meaning", d.Get("meaning").Text(), "reference", fhir.NewObject("type", it.Type,
				"identifier", fhir.NewObject("system", fhir.ExtBase+"NamingSystem/record", "value", key))))
		}
	}
	if len(data.Items()) > 0 {
		provision.Set("data", data)
	}
	return nil
}
