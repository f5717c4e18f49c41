package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// Bounds of a search.
const (
	// DefaultCount is how many matches a page has when _count does not say, MaxCount the most.
	DefaultCount = 50
	MaxCount     = 200
	// maxParams and maxValues bound what one search may ask.
	maxParams = 40
	maxValues = 100
)

func itoa(n int) string { return strconv.Itoa(n) }

func escape(s string) string { return url.QueryEscape(s) }

func unknownParameter(string) *samvirke.Fault {
	return invalid("unknown-parameter", "the search has a parameter that this server does not know, see the CapabilityStatement")
}

// criterion is one parameter of a search: any of its values must match.
type criterion struct {
	param    searchParam
	modifier string
	// chain is the parameter behind a dot: patient.identifier.
	chain  string
	values []string
	raw    string // name as given
}

// sortKey is one part of _sort.
type sortKey struct {
	param searchParam
	down  bool
}

// query is a search that has been read.
type query struct {
	typ      string
	criteria []criterion
	sort     []sortKey
	count    int
	cursor   string
	total    bool // the caller wants the exact total
	include  []include
	shape    shape
	// ignored are names of parameters that are not known, in order.
	ignored []string
	// self are the parameters used, for the self link and the next one: never an identifier of a person.
	self url.Values
}

// include is one _include or _revinclude.
type include struct {
	source, param, target string
	reverse, iterate      bool
}

// parseQuery reads the parameters of a search on a type. Errors are faults that name a parameter at most, never a value.
func (c *call) parseQuery() (*query, error) {
	q := &query{typ: c.typ, count: DefaultCount, self: url.Values{}}
	n := 0
	for _, values := range c.query {
		if n += len(values); n > maxParams {
			return nil, errManyParams
		}
	}
	var err error
	if q.shape, err = c.shape(); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(c.query))
	for name := range c.query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range c.query[name] {
			if err := q.add(c, name, value); err != nil {
				return nil, err
			}
		}
	}
	if len(q.ignored) > 0 && c.strict {
		return nil, unknownParameter(q.ignored[0])
	}
	if q.shape.summary == "count" {
		q.count = 0
	}
	return q, nil
}

// add reads one parameter.
func (q *query) add(c *call, name, value string) error {
	switch name {
	case "_format", "_pretty", "_purpose":
		return nil
	case "_summary", "_elements":
		q.self.Add(name, value)
		return nil // read with the shape
	case "_cursor":
		q.cursor = value
		return nil
	case "_count":
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return badParameter(name)
		}
		q.count = min(n, MaxCount)
		q.self.Set(name, itoa(q.count))
		return nil
	case "_total":
		if value != "none" && value != "estimate" && value != "accurate" {
			return badParameter(name)
		}
		q.total = value != "none"
		q.self.Set(name, value)
		return nil
	case "_sort":
		return q.addSort(c.api, value)
	}
	if base, modifier, _ := strings.Cut(name, ":"); base == "_include" || base == "_revinclude" {
		return q.addInclude(c.api, name, base == "_revinclude", modifier, value)
	}
	return q.addCriterion(c, name, value)
}

// addCriterion reads a parameter that selects.
func (q *query) addCriterion(c *call, name, value string) error {
	base, modifier, _ := strings.Cut(name, ":")
	chain := ""
	if head, rest, ok := strings.Cut(name, "."); ok {
		// patient.identifier, subject:Patient.identifier
		base, _, _ = strings.Cut(head, ":")
		modifier, chain = "", rest
	}
	if !c.posted && personInURL(q.typ, base, modifier, chain, value) {
		return errPersonInURL
	}
	row := c.api.resources[q.typ]
	at := slices.IndexFunc(row.params, func(p searchParam) bool { return p.name == base })
	if at < 0 {
		q.ignored = append(q.ignored, name)
		return nil
	}
	cr := criterion{param: row.params[at], modifier: modifier, chain: chain, raw: name, values: splitValues(value)}
	if len(cr.values) > maxValues {
		return errManyParams
	}
	if chain != "" && (cr.param.kind != kindReference || chain != "identifier" && chain != "_id") {
		q.ignored = append(q.ignored, name)
		return nil
	}
	if value == "" {
		q.ignored = append(q.ignored, name) // FHIR R4, search.html: an empty parameter is no parameter
		return nil
	}
	if err := cr.check(); err != nil {
		return err
	}
	if !cr.namesPerson(q.typ) {
		q.self.Add(name, value)
	}
	q.criteria = append(q.criteria, cr)
	return nil
}

// namesPerson tells whether the values are identifiers of a person.
func (cr *criterion) namesPerson(typ string) bool {
	return cr.param.name == "identifier" && typ == "Patient" || cr.chain == "identifier" || cr.modifier == "identifier"
}

// personInURL tells whether a parameter of a URL holds an identifier of a person, or could: every identifier of a
// Patient, and any value that is written like a national number.
func personInURL(typ, base, modifier, chain, value string) bool {
	person := base == "patient" || base == "subject" || typ == "Patient"
	if person && (base == "identifier" || chain == "identifier" || modifier == "identifier") {
		return true
	}
	for _, v := range splitValues(value) {
		system, number, ok := strings.Cut(v, "|")
		if !ok {
			number = v
		}
		if number = strings.TrimSpace(number); len(number) < 10 || len(number) > 12 || strings.Trim(number, "0123456789-") != "" {
			continue
		}
		// Not a time, and not an organisation's number under its own system.
		if (ok && (system == fhir.SystemHER || system == fhir.SystemENH)) || isDate(number) {
			continue
		}
		return true
	}
	return false
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// check refuses values and modifiers that the kind does not have.
func (cr *criterion) check() error {
	bad := badParameter(cr.param.name)
	if cr.modifier == "missing" {
		if len(cr.values) != 1 || cr.values[0] != "true" && cr.values[0] != "false" {
			return bad
		}
		return nil
	}
	allowed := map[string][]string{kindToken: {"not", "text"}, kindString: {"exact", "contains"}, kindReference: {"identifier", "Patient"}, kindURI: {"below", "above"}}[cr.param.kind]
	if cr.modifier != "" && !slices.Contains(allowed, cr.modifier) && (cr.param.kind != kindReference || !isTypeName(cr.modifier)) {
		return invalid("bad-parameter", "the parameter "+cr.param.name+" does not have this modifier")
	}
	if cr.param.kind == kindDate {
		for _, v := range cr.values {
			if _, _, ok := parseDate(v); !ok {
				return bad
			}
		}
	}
	return nil
}

func isTypeName(s string) bool {
	return s != "" && s[0] >= 'A' && s[0] <= 'Z' && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// addSort reads _sort.
func (q *query) addSort(a *api, value string) error {
	for _, part := range strings.Split(value, ",") {
		name, down := strings.CutPrefix(strings.TrimSpace(part), "-")
		at := slices.IndexFunc(a.resources[q.typ].params, func(p searchParam) bool { return p.name == name })
		if at < 0 {
			return badParameter("_sort")
		}
		q.sort = append(q.sort, sortKey{a.resources[q.typ].params[at], down})
	}
	q.self.Set("_sort", value)
	return nil
}

// addInclude reads _include=Task:focus:ServiceRequest.
func (q *query) addInclude(a *api, name string, reverse bool, modifier, value string) error {
	in := include{reverse: reverse, iterate: modifier == "iterate" || modifier == "recurse"}
	if modifier != "" && !in.iterate {
		return badParameter(name)
	}
	parts := strings.Split(value, ":")
	if len(parts) < 2 || len(parts) > 3 {
		if value != "*" {
			return badParameter("_include")
		}
		parts = []string{"*", "*"}
	}
	in.source, in.param = parts[0], parts[1]
	if len(parts) == 3 {
		in.target = parts[2]
	}
	if in.source != "*" {
		row := a.resources[in.source]
		known := row != nil && (in.param == "*" || slices.ContainsFunc(row.params, func(p searchParam) bool { return p.name == in.param && p.kind == kindReference }))
		if !known {
			q.ignored = append(q.ignored, name)
			return nil
		}
	}
	q.include = append(q.include, in)
	q.self.Add(name, value)
	return nil
}

// splitValues takes a list apart at the commas that no backslash stands before.
//
// Source: FHIR R4, search.html section 3.1.1.3.1, escaping search parameters.
func splitValues(s string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,$\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '|':
			i++
			b.WriteByte(0x1f) // a bar that parts nothing
		case s[i] == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(s[i])
		}
	}
	return append(out, b.String())
}

// span is a stretch of time, [start, end).
type span struct{ start, end time.Time }

// prefixes of dates and numbers. Source: FHIR R4, search.html section 3.1.1.4.6.
const prefixes = " eq ne gt lt ge le sa eb ap "

// parseDate reads a date of a search with its prefix; ok is false for what is none.
func parseDate(s string) (prefix string, at span, ok bool) {
	prefix = "eq"
	if len(s) > 2 && strings.Contains(prefixes, " "+s[:2]+" ") {
		prefix, s = s[:2], s[2:]
	}
	at, ok = dateSpan(strings.ReplaceAll(s, " ", "+"))
	return prefix, at, ok
}

// dateSpan is what a FHIR dateTime, as precise as it is, covers.
func dateSpan(s string) (span, bool) {
	for _, f := range []struct {
		layout              string
		years, months, days int
		length              time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {time.DateOnly, 0, 0, 1, 0}, {"2006-01-02T15:04", 0, 0, 0, time.Minute}, {"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute},
		{"2006-01-02T15:04:05", 0, 0, 0, time.Second}, {time.RFC3339, 0, 0, 0, time.Second},
	} {
		if len(s) > len(f.layout)+8 {
			continue
		}
		if t, err := time.Parse(f.layout, s); err == nil {
			end := t.AddDate(f.years, f.months, f.days).Add(f.length)
			if strings.Contains(s, ".") {
				end = t.Add(time.Millisecond)
			}
			return span{t.UTC(), end.UTC()}, true
		}
	}
	return span{}, false
}
