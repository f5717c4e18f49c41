package kith

import (
	"fmt"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// spot is one value of a Bundle.
type spot struct {
	node *fhir.Node
	// obj holds the value under key.
	obj *fhir.Node
	key string
	// path is the place as notes tell it; rule is the resource type and the keys, without positions, as derived
	// takes it.
	path, rule string
	// typ is the FHIR type of the value, "" where R4 has no such element.
	typ string
	// required tells that FHIR fixes the codes of this element.
	required bool
	// follows tells that the value follows from others: see derived.
	follows bool
	// layout tells that the value says what stands there, in our own layout: see isOurs.
	layout bool
	// within are the URLs of the extensions around it, outermost first.
	within []string
}

// spots lists the values of a Bundle in the order of their places, without what only names, types or links things:
// resource types, ids, references, and the URLs of extensions and code systems.
func spots(t testing.TB, b *fhir.Bundle) []spot {
	t.Helper()
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	w := spotWalk{set: set}
	for _, key := range []string{"identifier", "timestamp"} {
		field, _ := set.ResourceType("Bundle").Field(key)
		w.value(b.Root.Get(key), b.Root, field, spot{key: key, path: "Bundle." + key, rule: "Bundle." + key})
	}
	for i, e := range b.Entries() {
		typ := set.ResourceType(e.Type)
		if typ == nil {
			t.Fatalf("no resource type %s", e.Type)
		}
		w.object(e.Resource, typ, spot{path: fmt.Sprintf("Bundle.entry[%d].resource", i), rule: e.Type})
	}
	return w.out
}

type spotWalk struct {
	set *definition.Set
	out []spot
}

func (w *spotWalk) object(n *fhir.Node, typ *definition.Type, at spot) {
	at.layout = at.layout || isOurs(n) && n.Get("url").Text() != extSource
	if url := n.Get("url").Text(); typ.Name == "Extension" {
		at.within = append(at.within[:len(at.within):len(at.within)], url)
	}
	for _, key := range n.Keys() {
		if key == "resourceType" || key == "id" || key == "meta" || key == "reference" || key == "system" || typ.Name == "Extension" && key == "url" {
			continue
		}
		below, name := at, key
		below.key, below.path = key, at.path+"."+key
		if key != "section" || len(at.rule) < 8 || at.rule[len(at.rule)-8:] != ".section" {
			below.rule = at.rule + "." + key
		}
		below.follows = at.follows || derived([]byte(below.rule), n)
		var field definition.Field
		if name[0] == '_' { // extensions of a primitive
			field.Type = w.set.Type("Element")
		} else {
			field, _ = typ.Field(name)
		}
		w.value(n.Get(key), n, field, below)
	}
}

func (w *spotWalk) value(v, in *fhir.Node, field definition.Field, at spot) {
	switch {
	case v == nil || v.IsNull():
	case v.IsArray():
		for i, item := range v.Items() {
			below := at
			below.path = fmt.Sprintf("%s[%d]", at.path, i)
			w.value(item, in, field, below)
		}
	case v.IsObject():
		if field.Type == nil {
			return // R4 has no such element: the checks of the FHIR form tell
		}
		w.object(v, field.Type, at)
	default:
		at.node, at.obj = v, in
		if field.Type != nil {
			at.typ = field.Type.Name
			at.required = at.typ == "code" && field.Binding.Strength == "required"
		}
		w.out = append(w.out, at)
	}
}
