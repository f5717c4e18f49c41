package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

// schemaType is one definition of the JSON schema of FHIR R4.
type schemaType struct {
	resource bool
	required map[string]bool
	fields   []schemaField
}

type schemaField struct {
	name, typ string
	many      bool
	enum      []string
}

// ordered is a JSON object that keeps its keys in order: the schema lists properties in the order
// of the elements, which XML needs.
type ordered struct {
	keys   []string
	values map[string]json.RawMessage
}

func (o *ordered) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &o.values); err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		o.keys = append(o.keys, fmt.Sprint(key))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return err
		}
	}
	return nil
}

type property struct {
	Ref   string   `json:"$ref"`
	Type  string   `json:"type"`
	Const string   `json:"const"`
	Enum  []string `json:"enum"`
	Items *property
}

func readSchema(path string) (map[string]schemaType, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var doc struct {
		Definitions map[string]struct {
			Properties ordered
			Required   []string
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("JSON schema: %w", err)
	}
	out := map[string]schemaType{}
	for name, d := range doc.Definitions {
		t := schemaType{required: map[string]bool{}}
		for _, r := range d.Required {
			t.required[r] = true
		}
		for _, key := range d.Properties.keys {
			var p property
			if err := json.Unmarshal(d.Properties.values[key], &p); err != nil {
				return nil, fmt.Errorf("JSON schema, %s.%s: %w", name, key, err)
			}
			switch {
			case p.Const != "":
				t.resource = true
				continue
			case strings.HasPrefix(key, "_"):
				continue
			}
			t.fields = append(t.fields, fieldOf(key, p))
		}
		out[name] = t
	}
	return out, nil
}

func fieldOf(key string, p property) schemaField {
	f := schemaField{name: key}
	if p.Items != nil {
		f.many, p = true, *p.Items
	}
	switch {
	case p.Enum != nil:
		f.typ, f.enum = "code", p.Enum
	case p.Ref != "":
		f.typ = strings.TrimPrefix(p.Ref, "#/definitions/")
	default: // a variant of a choice, with the pattern of a primitive: the type stands in the name
		f.typ = variant(key)
	}
	return f
}

var primitives = []string{
	"base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant", "integer", "markdown",
	"oid", "positiveInt", "string", "time", "unsignedInt", "uri", "url", "uuid",
}

func variant(key string) string {
	best := ""
	for _, p := range primitives {
		if strings.HasSuffix(key, strings.ToUpper(p[:1])+p[1:]) && len(p) > len(best) {
			best = p
		}
	}
	return best
}

// restFromSchema writes the resources that have no StructureDefinition at hand. The JSON schema knows
// their elements, order, types and codes; which of several variants belong to one choice it does
// not say, nor which primitives are required.
func (m *maker) restFromSchema() {
	var names []string
	for name, t := range m.schema {
		if t.resource && !m.done[name] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, name := range names {
		m.line("T", name, "resource", "DomainResource", "schema")
		m.schemaFields(name)
		var inner []string
		for other := range m.schema {
			if strings.HasPrefix(other, name+"_") {
				inner = append(inner, other)
			}
		}
		sort.Strings(inner)
		for _, other := range inner {
			m.line("T", other, "backbone", "BackboneElement", "schema")
			m.schemaFields(other)
		}
	}
}

func (m *maker) schemaFields(name string) {
	t := m.schema[name]
	for _, f := range t.fields {
		low, high, flags, strength, set := "0", "1", "", "", ""
		if t.required[f.name] {
			low = "1"
		}
		if f.many {
			high = "*"
		}
		typ := f.typ
		if typ == "ResourceList" {
			typ = "Resource"
		}
		if f.name == "id" {
			flags = map[bool]string{true: "-", false: "@"}[t.resource]
		}
		if f.enum != nil {
			strength, set = "required", "enum:"+name+"."+f.name
			m.want(set, f.enum)
		}
		m.line("E", f.name, low, high, typ, flags, strength, set)
	}
}
