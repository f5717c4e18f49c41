package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// CodeMap replaces codes of one code system for one party, in one direction.
type CodeMap struct {
	System    string     `key:"system" need:"yes" doc:"Number of the national code list (9151), or an OID, or a whole FHIR system."`
	Direction string     `key:"direction" enum:"in|out" default:"out" doc:"In: what the party sends. Out: what it is sent."`
	Codes     []CodePair `key:"codes" need:"yes" doc:"The codes that differ."`
	// File and Line are where it stands.
	File string `key:"-"`
	Line int    `key:"-"`
}

// CodePair is one code and what it becomes.
type CodePair struct {
	From    string `key:"from" need:"yes" doc:"Code as written."`
	To      string `key:"to" need:"yes" doc:"Code to write instead."`
	Display string `key:"display" need:"yes" doc:"Text beside the new code."`
	Line    int    `key:"-"`
}

// codeMapFile is a file that a party's codemaps names.
type codeMapFile struct {
	Codemaps []CodeMap `key:"codemaps" need:"yes" doc:"Code maps, each with system, direction and codes."`
}

var (
	listNumber = regexp.MustCompile(`^[0-9]{4}$`)
	oidForm    = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*)){3,}$`)
	uriForm    = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:\S+$`)
)

// FHIRSystem is the system in FHIR's form; "" when it is none of the three that are understood.
func (m *CodeMap) FHIRSystem() string {
	switch {
	case listNumber.MatchString(m.System):
		return "urn:oid:2.16.578.1.12.4.1.1." + m.System
	case oidForm.MatchString(m.System):
		return "urn:oid:" + m.System
	case uriForm.MatchString(m.System):
		return m.System
	}
	return ""
}

// site checks what is particular to one party, and reads its code maps.
func (c *checker) site(p *Party, at string) {
	for i, to := range p.CopyTo {
		key := fmt.Sprintf("%s.copy_to[%d]", at, i)
		switch {
		case !slices.Contains(c.ids, to):
			c.report(key, CodeUnknownParty, fmt.Sprintf("no party is %q", to), meant(to, c.ids))
		case to == p.ID:
			c.report(key, CodeConflict, "is the party itself", "take it out")
		case slices.Contains(p.CopyTo[:i], to):
			c.report(key, CodeDuplicate, "stands twice", "take one out")
		}
	}
	seen := map[string]string{}
	for i, file := range p.CodeMapFiles {
		p.CodeMaps = append(p.CodeMaps, c.codeMaps(file, fmt.Sprintf("%s.codemaps[%d]", at, i), seen)...)
	}
}

// codeMaps reads one file; seen are the codes that the party's files have mapped so far, and where.
func (c *checker) codeMaps(path, key string, seen map[string]string) []CodeMap {
	raw, err := readBounded(path)
	if err != nil {
		c.report(key, CodeFileRef, "cannot be read: "+err.Error(), "name a YAML file that the gateway may read")
		return nil
	}
	d := &decoder{file: path, dir: filepath.Dir(path), lines: make(map[string]int)}
	defer func() { c.problems = append(c.problems, d.problems...) }()
	if noSettings(raw) {
		d.add(Problem{Line: 1, Code: CodeEmpty, Text: "the file holds no code map", Fix: "begin with codemaps: and a list with system, direction and codes, or take the file out of the party's codemaps"})
		return nil
	}
	root := d.document(raw)
	if root == nil {
		return nil
	}
	var f codeMapFile
	d.lines[""] = root.Line
	d.mapping(root, reflect.ValueOf(&f).Elem(), "")
	if _, there := d.lines["codemaps"]; there && len(f.Codemaps) == 0 && len(d.problems) == 0 {
		d.report("codemaps", CodeEmpty, "holds no code map", "add system, direction and codes, or take the file out of the party's codemaps")
	}
	for i := range f.Codemaps {
		m := &f.Codemaps[i]
		m.File, m.Line = path, d.lines[fmt.Sprintf("codemaps[%d]", i)]
		at := fmt.Sprintf("codemaps[%d]", i)
		system := m.FHIRSystem()
		d.spaces(at+".system", m.System)
		switch {
		case strings.TrimSpace(m.System) != m.System:
		case m.System == "": // missing-key was reported
		case system == "":
			d.report(at+".system", CodeValue, fmt.Sprintf("%q is no code system", m.System), "write four digits, an OID or a system that begins with urn: or http:")
		case strings.HasSuffix(system, ".8279"):
			d.report(at+".system", CodeConflict, "the types of messages cannot be mapped", "use routes and accepts for what a party reads")
		}
		if _, there := d.lines[at+".codes"]; there && len(m.Codes) == 0 {
			d.report(at+".codes", CodeEmpty, "names no code", "add from, to and display for each code that differs")
		}
		for k := range m.Codes {
			p := &m.Codes[k]
			place := fmt.Sprintf("%s.codes[%d]", at, k)
			p.Line = d.lines[place]
			d.spaces(place+".from", p.From)
			d.spaces(place+".to", p.To)
			id := m.Direction + "\x00" + system + "\x00" + p.From
			if first, twice := seen[id]; twice {
				d.report(place+".from", CodeDuplicate, "the code is mapped already at "+first, "keep one of them")
			}
			seen[id] = fmt.Sprintf("%s:%d", filepath.Base(path), d.lines[place])
			if p.From == p.To && p.From != "" {
				d.report(place+".to", CodeConflict, "is the same code", "take the line out")
			}
		}
	}
	return f.Codemaps
}

// spaces reports white space around a code: it would never be found in a message.
func (d *decoder) spaces(key, value string) {
	if strings.TrimSpace(value) != value {
		d.report(key, CodeValue, fmt.Sprintf("%q begins or ends with white space", value), "take the white space out")
	}
}

// noSettings tells whether a file holds nothing but white space and comments.
func noSettings(raw []byte) bool {
	for line := range strings.Lines(strings.TrimPrefix(string(raw), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line != "---" && line[0] != '#' {
			return false
		}
	}
	return true
}
