package kith

import (
	"slices"
	"sort"
	"strings"
)

// Row is one line of the printed mapping of a kind of message.
type Row struct {
	// XML is the path in the message, from the root; an attribute ends in "/@name".
	XML string `json:"xml"`
	// FHIR is where the value stands in the canonical message: resource type, then the path in it.
	// Block names in braces or "section(...)" are marks of fhir.SystemSection.
	FHIR string `json:"fhir"`
	// Cardinality is "1", "?", "*" or "+".
	Cardinality string `json:"cardinality"`
	// Type is the FHIR data type of a value; "" for a group.
	Type string `json:"type,omitempty"`
	// Codes is the code list or the map from source codes to FHIR codes.
	Codes string `json:"codes,omitempty"`
	// Direction is "both", or "out" for what is only written.
	Direction string `json:"direction"`
	Note      string `json:"note,omitempty"`
}

// Kinds are the message types with a table, sorted.
func (f *Format) Kinds() []string {
	var out []string
	for k := range f.tables {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// Table lists the mapping of one kind in one version ("" = the newest), in the order of the
// schema. It is nil for an unknown kind. It is read from the same rows as parser and renderer.
func (f *Format) Table(kind, version string) []Row {
	t := f.tables[kind]
	if t == nil {
		return nil
	}
	v, ok := t.release(version)
	if !ok {
		return nil
	}
	version = v.version
	l := lister{version: version}
	l.list(t.root(), "", "", nil)
	return l.rows
}

type lister struct {
	version string
	rows    []Row
}

func (l *lister) list(e *el, xml, at string, above []*el) {
	if e.absentIn(l.version) || slices.Contains(above, e) {
		return // of another version, or an organisation inside itself
	}
	if e.name == "" {
		for _, k := range e.kids {
			l.list(k, xml, at, above)
		}
		return
	}
	xml += "/" + e.name
	row := Row{XML: xml, Cardinality: e.card(), Direction: "both", Note: e.note}
	if e.codec != nil {
		row.FHIR = resourceOf(join(at, e.path.String()))
		row.Type, row.Codes = e.codec.describe()
		if row.Type == "fixed" {
			row.Direction, row.FHIR = "out", ""
		}
		l.rows = append(l.rows, row)
		return
	}
	if e.place != nil {
		at = e.place.describe(at)
	}
	row.FHIR = resourceOf(at)
	l.rows = append(l.rows, row)
	for _, k := range e.kids {
		l.list(k, xml, at, append(above, e))
	}
}

// resourceOf shortens a path that crosses references to the last resource on it.
func resourceOf(p string) string {
	if i := strings.LastIndex(p, "->"); i >= 0 {
		return p[i+2:]
	}
	return p
}

func (e *el) card() string {
	switch {
	case e.many && e.min == 1:
		return "+"
	case e.many:
		return "*"
	case e.min == 1:
		return "1"
	}
	return "?"
}
