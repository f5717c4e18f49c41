package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// The tables in the repository are what the generator makes of the published definitions.
func TestTablesAreCurrent(t *testing.T) {
	mappingtest.Shared(t, "standards/fhir/definitions")
	standards := mappingtest.Shared(t, "standards")
	for name, table := range map[string]func(string) ([]byte, error){"r4": r4Table, "no-basis": norwegianTable} {
		want, err := table(standards)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(filepath.Join("..", "tables", name+".txt.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: run go generate ./fhir/definition", name)
		}
		if again, err := table(standards); err != nil || !bytes.Equal(again, want) {
			t.Errorf("%s: a second run differs (%v)", name, err)
		}
	}
}

// The JSON schema, from which 78 resources are read for want of anything better, gives the same
// elements in the same order as the definitions do for the types that both know.
func TestSchemaAgreesWithDefinitions(t *testing.T) {
	schema, err := readSchema(mappingtest.Shared(t, "standards/fhir/definitions/r4-fhir.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for name, s := range schema {
		typ := set.ResourceType(name)
		if !s.resource || typ == nil || typ.FromSchema {
			continue
		}
		compared++
		var want, got []string
		for i := range typ.Elements {
			var keys []string
			for _, f := range typ.Fields(&typ.Elements[i]) {
				keys = append(keys, f.Key+":"+many(f.Many()))
			}
			slices.Sort(keys) // variants of a choice have no order among themselves
			want = append(want, keys...)
		}
		for i := 0; i < len(s.fields); {
			n := 1
			if f, ok := typ.Field(s.fields[i].name); ok {
				n = len(typ.Fields(f.Element))
			}
			var keys []string
			for _, f := range s.fields[i:min(i+n, len(s.fields))] {
				keys = append(keys, f.name+":"+many(f.many))
			}
			slices.Sort(keys)
			got = append(got, keys...)
			i += n
		}
		if w, g := strings.Join(want, " "), strings.Join(got, " "); w != g {
			t.Errorf("%s: schema\n%s\ndefinition\n%s", name, g, w)
		}
	}
	if compared != 69 {
		t.Errorf("%d resources compared, want 69", compared)
	}
}

func many(b bool) string {
	if b {
		return "*"
	}
	return "1"
}
