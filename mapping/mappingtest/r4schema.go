package mappingtest

import (
	"bytes"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// R4 checks resources against the published FHIR R4 JSON schema.
//
// The schema's one list of all resources ("oneOf" over 148 types) would be tried in full at each
// entry. It is cut out before compiling, and every resource, also contained ones and the entries of a
// Bundle, is checked against the definition of its own resourceType instead: the same verdict.
type R4 struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	types    map[string]*jsonschema.Schema
}

// R4Schema reads the published schema; the test is skipped when it is not at hand. A type is
// compiled when it is first met. Not for concurrent use: one per test.
func R4Schema(t testing.TB) *R4 {
	t.Helper()
	raw, err := os.ReadFile(Shared(t, "standards/fhir/definitions/r4-fhir.schema.json"))
	if err != nil {
		t.Fatalf("read R4 schema: %v", err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("read R4 schema: %v", err)
	}
	doc := parsed.(map[string]any)
	delete(doc, "oneOf")
	delete(doc, "discriminator")
	defs := doc["definitions"].(map[string]any)
	defs["ResourceList"] = map[string]any{"type": "object", "required": []any{"resourceType"}}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("r4.json", doc); err != nil {
		t.Fatalf("load R4 schema: %v", err)
	}
	return &R4{doc: defs, compiler: c, types: map[string]*jsonschema.Schema{}}
}

// Check fails the test for every problem of a resource (usually a Bundle) in JSON.
func (r *R4) Check(t testing.TB, raw []byte) {
	t.Helper()
	for _, p := range r.Problems(raw) {
		t.Errorf("R4 schema: %s", p)
	}
}

// Problems lists what is wrong with a resource in JSON; empty when it is valid.
func (r *R4) Problems(raw []byte) []string {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []string{"not JSON: " + err.Error()}
	}
	var out []string
	r.resource("", v, &out)
	return out
}

func (r *R4) resource(at string, v any, out *[]string) {
	m, ok := v.(map[string]any)
	if !ok {
		*out = append(*out, at+": no object")
		return
	}
	typ, _ := m["resourceType"].(string)
	s, err := r.schema(typ)
	if err != nil {
		*out = append(*out, fmt.Sprintf("%s: %v", at, err))
		return
	}
	at = strings.TrimPrefix(at+"/"+typ, "/")
	if err := s.Validate(v); err != nil {
		*out = append(*out, at+": "+err.Error())
	}
	r.within(at, m, out)
}

// within looks for resources inside v: entry.resource, contained, parameter.resource.
func (r *R4) within(at string, v any, out *[]string) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			below := at + "." + k
			if sub, ok := v[k].(map[string]any); ok && sub["resourceType"] != nil {
				r.resource(below, sub, out)
				continue
			}
			r.within(below, v[k], out)
		}
	case []any:
		for i, e := range v {
			below := at + "[" + strconv.Itoa(i) + "]"
			if sub, ok := e.(map[string]any); ok && sub["resourceType"] != nil {
				r.resource(below, sub, out)
				continue
			}
			r.within(below, e, out)
		}
	}
}

func (r *R4) schema(typ string) (*jsonschema.Schema, error) {
	if s := r.types[typ]; s != nil {
		return s, nil
	}
	def, ok := r.doc[typ].(map[string]any)
	if !ok || typ == "" {
		return nil, fmt.Errorf("resourceType %q is not in R4", typ)
	}
	if props, ok := def["properties"].(map[string]any); !ok || props["resourceType"] == nil {
		return nil, fmt.Errorf("resourceType %q is no resource", typ)
	}
	s, err := r.compiler.Compile("r4.json#/definitions/" + typ)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", typ, err)
	}
	r.types[typ] = s
	return s, nil
}
