package config

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"
)

// Place is where a patient belongs, for routing.
type Place struct {
	Municipality string // number of code list 3402, "" when unknown
	GP           string // party id, "" when unknown
}

// PatientsTable is what the patients file says. The zero value knows nobody.
type PatientsTable struct{ places map[string]Place }

// Lookup finds a patient by the value of an identifier, without its system.
func (t PatientsTable) Lookup(identifier string) (Place, bool) {
	p, ok := t.places[identifier]
	return p, ok
}

// Find is Lookup by patient key ("system|value"); "" for what is not known.
func (t PatientsTable) Find(key string) (municipality, gp string) {
	if _, value, ok := strings.Cut(key, "|"); ok {
		key = value
	}
	p := t.places[key]
	return p.Municipality, p.GP
}

// Len is the number of patients.
func (t PatientsTable) Len() int { return len(t.places) }

// patientRow is one patient in the YAML form of the file.
type patientRow struct {
	Identifier   string `key:"identifier" need:"yes" doc:"National number, digits only."`
	Municipality string `key:"municipality" doc:"Municipality number."`
	GP           string `key:"gp" doc:"Party id of the GP."`
}

// patientFile is the YAML form.
type patientFile struct {
	Patients []patientRow `key:"patients" need:"yes" doc:"The patients, each with identifier, municipality and gp."`
}

// patients reads the patients file. Its problems name lines, never identifiers.
func (c *checker) patients() {
	path := c.cfg.Patients
	raw, err := readBounded(path)
	if err != nil {
		c.report("patients", CodeFileRef, "cannot be read: "+err.Error(), "name a CSV or YAML file that the gateway may read")
		return
	}
	d := &decoder{file: path, dir: filepath.Dir(path), lines: make(map[string]int)}
	var rows []patientRow
	var lines []int
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".yaml" || ext == ".yml" {
		rows, lines = d.patientsYAML(raw)
	} else {
		rows, lines = d.patientsCSV(string(raw))
	}
	t := PatientsTable{places: make(map[string]Place, len(rows))}
	for i, r := range rows {
		c.patient(d, t, r, lines[i])
	}
	c.problems = append(c.problems, d.problems...)
	c.cfg.Directory = t
}

func (c *checker) patient(d *decoder, t PatientsTable, r patientRow, line int) {
	bad := func(code, key, text, fix string) {
		d.add(Problem{Line: line, Code: code, Key: key, Text: text, Fix: fix})
	}
	_, twice := t.places[r.Identifier]
	switch {
	case !digitsOnly.MatchString(r.Identifier):
		bad(CodeValue, "identifier", "is no national number", "write digits only")
	case twice:
		bad(CodeDuplicate, "identifier", "the patient stands twice", "keep one line for each patient")
	}
	if r.Municipality != "" && !municipality.MatchString(r.Municipality) {
		bad(CodeValue, "municipality", "is no municipality number", "write four digits")
	}
	if r.GP != "" {
		known := false
		for i := range c.cfg.Parties {
			known = known || c.cfg.Parties[i].ID == r.GP
		}
		if !known {
			bad(CodeUnknownParty, "gp", fmt.Sprintf("no party is %q", r.GP), meant(r.GP, c.ids))
		}
	}
	t.places[r.Identifier] = Place{Municipality: r.Municipality, GP: r.GP}
}

func (d *decoder) patientsYAML(raw []byte) ([]patientRow, []int) {
	root := d.document(raw)
	if root == nil {
		return nil, nil
	}
	var f patientFile
	d.lines[""] = root.Line
	d.mapping(root, reflect.ValueOf(&f).Elem(), "")
	lines := make([]int, len(f.Patients))
	for i := range lines {
		lines[i] = d.lines[fmt.Sprintf("patients[%d]", i)]
	}
	return f.Patients, lines
}

// patientsCSV reads lines with a header; comma or semicolon, as spreadsheets write them.
func (d *decoder) patientsCSV(text string) ([]patientRow, []int) {
	text = strings.TrimPrefix(text, "\uFEFF")
	r := csv.NewReader(strings.NewReader(text))
	if first, _, _ := strings.Cut(text, "\n"); strings.Contains(first, ";") {
		r.Comma = ';'
	}
	r.TrimLeadingSpace, r.FieldsPerRecord = true, -1
	header, err := r.Read()
	columns := make(map[string]int)
	for i, h := range header {
		columns[strings.ToLower(strings.TrimSpace(h))] = i
	}
	if _, ok := columns["identifier"]; err != nil || !ok {
		d.add(Problem{Line: 1, Code: CodeMissingKey, Key: "identifier", Text: "the header names no such column", Fix: "begin with the line identifier,municipality,gp"})
		return nil, nil
	}
	var rows []patientRow
	var lines []int
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return rows, lines
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			if bad, ok := errors.AsType[*csv.ParseError](err); ok {
				line = bad.Line
			}
			d.add(Problem{Line: line, Code: CodeSyntax, Text: "the line is no CSV", Fix: "check the quotes"})
			return rows, lines
		}
		cell := func(name string) string {
			if i, ok := columns[name]; ok && i < len(record) {
				return strings.TrimSpace(record[i])
			}
			return ""
		}
		rows = append(rows, patientRow{Identifier: cell("identifier"), Municipality: cell("municipality"), GP: cell("gp")})
		lines = append(lines, line)
	}
}
