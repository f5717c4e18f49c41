package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// structure is what is read of a StructureDefinition.
type structure struct {
	ResourceType   string
	ID             string `json:"id"`
	URL            string `json:"url"`
	Kind           string
	Abstract       bool
	Type           string
	BaseDefinition string
	Derivation     string
	Snapshot       struct{ Element []element }
	Differential   struct{ Element []json.RawMessage }
}

type element struct {
	ID             string   `json:"id"`
	Path           string   `json:"path"`
	Representation []string `json:"representation"`
	Min            int      `json:"min"`
	Max            string   `json:"max"`
	Type           []struct {
		Code      string   `json:"code"`
		Profile   []string `json:"profile"`
		Extension []struct {
			URL         string `json:"url"`
			ValueURL    string `json:"valueUrl"`
			ValueString string `json:"valueString"`
		} `json:"extension"`
	} `json:"type"`
	ContentReference string   `json:"contentReference"`
	Binding          *binding `json:"binding"`
}

type binding struct {
	Strength string `json:"strength"`
	ValueSet string `json:"valueSet"`
}

const (
	fhirURL  = "http://hl7.org/fhir/StructureDefinition/"
	extType  = fhirURL + "structuredefinition-fhir-type"
	extRegex = fhirURL + "regex"
	fhirpath = "http://hl7.org/fhirpath/"
)

// maker gathers the lines of one table.
type maker struct {
	out    bytes.Buffer
	schema map[string]schemaType
	terms  *terms
	// wanted are the value sets of required bindings, each with the codes that the JSON schema lists
	// for it, nil when it lists none.
	wanted map[string][]string
	done   map[string]bool
	// inSchema is the name that the JSON schema gives a type: Bundle.entry.search is Bundle_Search.
	inSchema map[string]string
	// dropped are the elements that only the definitions have.
	dropped []string
}

func r4Table(standards string) ([]byte, error) {
	dir := filepath.Join(standards, "fhir", "definitions")
	m := &maker{wanted: map[string][]string{}, done: map[string]bool{}, inSchema: map[string]string{}}
	var err error
	if m.schema, err = readSchema(filepath.Join(dir, "r4-fhir.schema.json")); err != nil {
		return nil, err
	}
	if m.terms, err = readTerms(filepath.Join(dir, "r4-terminology.json")); err != nil {
		return nil, err
	}
	m.line("!", "1", "r4", "4.0.1")
	for _, f := range []string{"r4-profiles-types.json", "r4-profiles-resources.json"} {
		all, err := readBundle[structure](filepath.Join(dir, f))
		if err != nil {
			return nil, err
		}
		sort.SliceStable(all, func(i, j int) bool { return all[i].ID < all[j].ID })
		for _, s := range all {
			if s.Derivation != "constraint" { // SimpleQuantity and MoneyQuantity are profiles, no types of their own
				m.structure(s)
			}
		}
	}
	m.restFromSchema()
	m.valueSets()
	fmt.Fprintln(os.Stderr, "not of the standard, dropped:", strings.Join(m.dropped, " "))
	return m.out.Bytes(), nil
}

// readBundle reads the resources of a Bundle file.
func readBundle[T any](path string) ([]T, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var b struct{ Entry []struct{ Resource T } }
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	out := make([]T, 0, len(b.Entry))
	for _, e := range b.Entry {
		out = append(out, e.Resource)
	}
	return out, nil
}

// line writes fields with tabs between; empty ones at the end are left out.
func (m *maker) line(fields ...string) {
	for len(fields) > 0 && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	for _, f := range fields {
		if strings.ContainsAny(f, "\t\n") {
			panic("a tab or line break inside a field: " + f)
		}
	}
	m.out.WriteString(strings.Join(fields, "\t"))
	m.out.WriteByte('\n')
}

// structure writes a type and the types inside it, each backbone as a type named by its path.
func (m *maker) structure(s structure) {
	kind := map[string]string{"primitive-type": "primitive", "complex-type": "complex", "resource": "resource"}[s.Kind]
	base := strings.TrimPrefix(s.BaseDefinition, fhirURL)
	if s.Abstract {
		kind = "abstract"
	}
	m.done[s.ID] = true
	if kind == "primitive" {
		m.line("T", s.ID, kind, base, pattern(s))
		return
	}
	m.line("T", s.ID, kind, base)
	m.inSchema[s.ID] = s.ID
	m.children(s, s.ID)
	for _, e := range s.Snapshot.Element {
		if hasChildren(s, e.Path) && e.Path != s.ID {
			m.line("T", e.Path, "backbone", typeCodes(e)[0])
			m.children(s, e.Path)
		}
	}
}

func hasChildren(s structure, path string) bool {
	for _, e := range s.Snapshot.Element {
		if strings.HasPrefix(e.Path, path+".") {
			return true
		}
	}
	return false
}

// children writes the elements of a type. The files at hand are those of a product built on FHIR: Meta and
// Binary have elements of its own, and Bundle.entry.response.outcome is narrower than the standard. The
// JSON schema is the standard's: what it does not know is dropped, and where it has any resource, any
// resource may stand.
func (m *maker) children(s structure, path string) {
	schema, known := m.schema[m.inSchema[path]]
	fields := map[string]schemaField{}
	for _, f := range schema.fields {
		fields[f.name] = f
	}
	for _, e := range s.Snapshot.Element {
		name, ok := strings.CutPrefix(e.Path, path+".")
		if !ok || strings.Contains(name, ".") {
			continue
		}
		f, both := fields[name]
		if known && !both && !strings.HasSuffix(name, "[x]") {
			m.dropped = append(m.dropped, e.Path)
			continue
		}
		m.inSchema[e.Path] = f.typ
		types, flags := typeCodes(e), ""
		if len(e.Representation) > 0 && e.Representation[0] == "xmlAttr" {
			flags = "@"
		}
		switch {
		case f.typ == "ResourceList":
			types = []string{"Resource"}
		case e.ContentReference != "":
			types = []string{strings.TrimPrefix(e.ContentReference, "#")}
		case hasChildren(s, e.Path):
			types = []string{e.Path}
		case name == "id" && flags == "": // a resource's own id; the definition says string, the text of the standard id
			types, flags = []string{"id"}, "-"
		}
		strength, set := "", ""
		if e.Binding != nil {
			strength, set = e.Binding.Strength, unversioned(e.Binding.ValueSet)
			if strength == "required" && set != "" {
				m.want(set, f.enum)
			}
		}
		m.line("E", name, fmt.Sprint(e.Min), e.Max, strings.Join(types, "|"), flags, strength, set)
	}
}

func (m *maker) want(set string, enum []string) {
	if m.wanted[set] == nil {
		m.wanted[set] = enum
	}
}

func typeCodes(e element) []string {
	var out []string
	for _, t := range e.Type {
		code := t.Code
		if strings.HasPrefix(code, fhirpath) {
			code = ""
			for _, x := range t.Extension {
				if x.URL == extType {
					code = x.ValueURL
				}
			}
		}
		if code != "" {
			out = append(out, code)
		}
	}
	return out
}

// pattern finds the regular expression of a primitive's value.
func pattern(s structure) string {
	for _, e := range s.Snapshot.Element {
		if e.Path != s.ID+".value" {
			continue
		}
		for _, t := range e.Type {
			for _, x := range t.Extension {
				if x.URL == extRegex {
					return x.ValueString
				}
			}
		}
	}
	return ""
}

func unversioned(url string) string {
	url, _, _ = strings.Cut(url, "|")
	return url
}
