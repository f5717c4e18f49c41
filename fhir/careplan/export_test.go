package careplan_test

import (
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestFHIRSchema: the plan as FHIR passes the R4 JSON schema, and its references resolve.
func TestFHIRSchema(t *testing.T) {
	schema := mappingtest.R4Schema(t)
	for name, list := range careplan.Samples(t) {
		t.Run(name, func(t *testing.T) {
			b := careplan.Fold(list).FHIR()
			schema.Check(t, b.Bytes())
			checkReferences(t, b)
		})
	}
}

// checkReferences finds references by id inside the Bundle that lead nowhere, and ids used twice.
func checkReferences(t *testing.T, b *fhir.Bundle) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range b.Entries() {
		ref := e.Type + "/" + e.ID
		if ids[ref] {
			t.Errorf("%s twice", ref)
		}
		ids[ref] = true
	}
	var walk func(n *fhir.Node)
	walk = func(n *fhir.Node) {
		for _, k := range n.Keys() {
			v := n.Get(k)
			if k == "reference" && v.Text() != "" && !ids[v.Text()] {
				t.Errorf("reference to %s leads nowhere", v.Text())
			}
			walk(v)
		}
		for _, i := range n.Items() {
			walk(i)
		}
	}
	walk(b.Root)
}
