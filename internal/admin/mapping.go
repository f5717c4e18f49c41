package admin

import (
	"net/http"
	"slices"
	"strings"
)

// Mappings are the element tables that messages are read and written by. The pages show them; they are
// the same rows that parser and renderer work on, so they cannot be out of date.
type Mappings interface {
	// Kinds are the message kinds with a table, in order.
	Kinds() []string
	// Versions are the versions of a kind's standard, oldest first.
	Versions(kind string) []string
	// Table lists the rows of a kind in a version, "" for the newest; nil when there is none.
	Table(kind, version string) []MappingRow
}

// MappingRow is one element of a message and where its value stands in FHIR.
type MappingRow struct {
	XML, FHIR, Cardinality, Type, Codes, Direction, Note string
}

// maxQuery bounds the words that are looked for. Unit: bytes.
const maxQuery = 100

// mappingList is the list of kinds.
type mappingList struct {
	Kinds []mappingKind
}

type mappingKind struct {
	Kind     string
	Versions []string
	Elements int // with a value, in the newest version
}

// mappingPage is the table of one kind.
type mappingPage struct {
	Kind, Version string
	Versions      []string
	Query         string
	Groups        []mappingGroup
	Values, Found int
}

// mappingGroup is a block of the message.
type mappingGroup struct {
	Path, FHIR string
	Rows       []mappingLine
	Values     int
}

// mappingLine is a row as it is shown: the way to the element in soft letters, then its name.
type mappingLine struct {
	MappingRow
	Above, Name string
	Depth       int
}

func (s *Server) mappingKinds(w http.ResponseWriter, r *http.Request, x *session) error {
	if s.opt.Mappings == nil {
		return errNoPage
	}
	var p mappingList
	for _, kind := range s.opt.Mappings.Kinds() {
		k := mappingKind{Kind: kind, Versions: s.opt.Mappings.Versions(kind)}
		for _, row := range s.opt.Mappings.Table(kind, "") {
			if row.Type != "" {
				k.Elements++
			}
		}
		p.Kinds = append(p.Kinds, k)
	}
	s.render(w, r, x, http.StatusOK, "mapping", view{Title: "Mapping tables", Section: "mapping", Data: p})
	return nil
}

func (s *Server) mappingTable(w http.ResponseWriter, r *http.Request, x *session) error {
	kind, version, query := r.PathValue("kind"), r.URL.Query().Get("version"), strings.TrimSpace(r.URL.Query().Get("q"))
	if s.opt.Mappings == nil || len(query) > maxQuery {
		return errNoPage
	}
	versions := s.opt.Mappings.Versions(kind)
	if version == "" && len(versions) > 0 {
		version = versions[len(versions)-1]
	}
	rows := s.opt.Mappings.Table(kind, version)
	if len(rows) == 0 || !slices.Contains(versions, version) {
		return errNoPage
	}
	p := mappingPage{Kind: kind, Version: version, Versions: versions, Query: query}
	p.fill(rows)
	s.render(w, r, x, http.StatusOK, "mapping-table", view{Title: kind + " mapping", Section: "mapping", Data: p})
	return nil
}

// fill cuts the rows into the blocks of the message and leaves out what does not match.
func (p *mappingPage) fill(rows []MappingRow) {
	words := strings.Fields(strings.ToLower(p.Query))
	for _, row := range rows {
		if row.Type != "" {
			p.Values++
		}
		if !row.has(words) {
			continue
		}
		if row.Type != "" {
			p.Found++
		}
		block := blockOf(row.XML)
		if row.XML == block && row.Type != "" {
			block = block[:strings.LastIndexByte(block, '/')] // a value of the block around it
		}
		if n := len(p.Groups); n == 0 || p.Groups[n-1].Path != block {
			p.Groups = append(p.Groups, mappingGroup{Path: block})
		}
		g := &p.Groups[len(p.Groups)-1]
		if row.XML == block && row.Type == "" {
			g.FHIR = row.FHIR // the block itself is the heading
			continue
		}
		if row.Type != "" {
			g.Values++
		}
		inner := strings.TrimPrefix(strings.TrimPrefix(row.XML, block), "/")
		l := mappingLine{MappingRow: row, Name: inner, Depth: min(strings.Count(inner, "/"), 6)}
		if i := strings.LastIndexByte(inner, '/'); i >= 0 {
			l.Above, l.Name = inner[:i+1], inner[i+1:]
		}
		if l.Name == "" {
			l.Name = row.XML[strings.LastIndexByte(row.XML, '/')+1:]
		}
		g.Rows = append(g.Rows, l)
	}
	p.Groups = slices.DeleteFunc(p.Groups, func(g mappingGroup) bool { return len(g.Rows) == 0 })
}

func (r MappingRow) has(words []string) bool {
	all := strings.ToLower(strings.Join([]string{r.XML, r.FHIR, r.Type, r.Codes, r.Note}, " "))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
}

// blockOf is the part of a path that people know as a block: "/MsgHead/MsgInfo/Sender", and below
// the payload "/MsgHead/.../Innleggelsesrapport/ParorendeForesatt".
func blockOf(xml string) string {
	parts := strings.Split(strings.TrimPrefix(xml, "/"), "/")
	n := 3
	if i := slices.Index(parts, "Content"); i >= 0 {
		n = i + 3
	}
	return "/" + strings.Join(parts[:min(n, len(parts))], "/")
}
