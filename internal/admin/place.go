package admin

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// placeMark names a value of the plan, so that the page of a message can show where it stands.
type placeMark struct{ What, Text string }

const (
	markPrefix = "place\x00"
	// maxMark bounds the text in a mark. Unit: bytes.
	maxMark = 160
	// maxPlaces is how many places are listed.
	maxPlaces = 12
)

// String is the mark before it is sealed.
func (m placeMark) String() string {
	text := m.Text
	if len(text) > maxMark {
		text = text[:maxMark]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return markPrefix + m.What + "\x00" + text
}

// openMark reads a sealed mark; false when it was not made here.
func (s *sealer) openMark(sealed string) (placeMark, bool) {
	text, ok := s.open(sealed)
	if !ok || !strings.HasPrefix(text, markPrefix) {
		return placeMark{}, false
	}
	what, value, ok := strings.Cut(strings.TrimPrefix(text, markPrefix), "\x00")
	return placeMark{what, value}, ok && value != ""
}

// placeView is where a value stands in a message: from the value down to the line and the row of the mapping.
type placeView struct {
	What, Text string
	Places     []place
	More       int
	Mapping    bool // there is a mapping table for the kind
	Kind       string
}

// place is one line that holds the value.
type place struct {
	Line  int
	Path  string
	Exact bool
	Row   *MappingRow
	score int
}

// findPlaces looks for a value in the shown lines and ranks what it finds: the value alone in an element before a
// value within a text, and an element that the mapping carries to such a thing before any other.
func findPlaces(lines []bodyLine, m placeMark, rows []MappingRow) placeView {
	v := placeView{What: m.What, Text: m.Text, Mapping: len(rows) > 0}
	paths := linePaths(lines)
	forms := valueForms(m.Text)
	for i, l := range lines {
		exact, within := holds(lineText(l), forms)
		if !exact && !within {
			continue
		}
		p := place{Line: l.Number, Path: paths[i], Exact: exact, Row: rowFor(rows, paths[i])}
		if exact {
			p.score += 4
		}
		if p.Row != nil {
			p.score++
			if speaksOf(p.Row.FHIR, m.What) {
				p.score += 3
			}
		} else if speaksOf(paths[i], m.What) {
			p.score += 2
		}
		v.Places = append(v.Places, p)
	}
	slices.SortStableFunc(v.Places, func(a, b place) int { return b.score - a.score })
	if n := len(v.Places); n > 0 {
		best := v.Places[0].score
		v.Places = slices.DeleteFunc(v.Places, func(p place) bool { return p.score < best-3 })
	}
	if len(v.Places) > maxPlaces {
		v.More = len(v.Places) - maxPlaces
		v.Places = v.Places[:maxPlaces]
	}
	return v
}

// mark tells the lines which of them hold the value; the first place gets the anchor.
func (v *placeView) mark(lines []bodyLine) {
	for i, p := range v.Places {
		for j := range lines {
			if lines[j].Number == p.Line {
				lines[j].Hit, lines[j].First = true, i == 0
			}
		}
	}
}

func lineText(l bodyLine) string {
	var b strings.Builder
	for _, r := range l.Runs {
		b.WriteString(r.Text)
	}
	return b.String()
}

// valueForms are the ways in which a message may write a value of the plan: a time with another precision or in
// another zone, a number without what the page says after it.
func valueForms(text string) []string {
	forms := []string{text}
	add := func(s string) {
		if s != "" && !slices.Contains(forms, s) {
			forms = append(forms, s)
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		for _, l := range []*time.Location{t.Location(), oslo(), time.UTC} {
			u := t.In(l)
			for _, f := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05.000Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "20060102150405", "200601021504"} {
				add(u.Format(f))
			}
		}
		add(t.In(oslo()).Format("2006-01-02"))
	} else if t, err := time.Parse("2006-01-02", text); err == nil {
		add(t.Format("20060102"))
		add(t.Format("2006-01-02T00:00:00"))
		add(t.Format("02.01.2006"))
	}
	if n, _, ok := strings.Cut(text, " of "); ok {
		add(n)
	}
	if n, _, ok := strings.Cut(text, ", "); ok && len(n) < 8 {
		add(n)
	}
	return forms
}

var (
	tagForm   = regexp.MustCompile(`<(/?)([\w:.-]+)((?:\s+[\w:.-]+="[^"]*")*)\s*(/?)>`)
	attribute = regexp.MustCompile(`="([^"]*)"`)
)

// holds tells whether a line holds the value as the whole of an element, attribute or JSON value, or within a text.
func holds(line string, forms []string) (exact, within bool) {
	var parts []string
	for _, m := range attribute.FindAllStringSubmatch(line, -1) {
		parts = append(parts, html.UnescapeString(m[1]))
	}
	bare := strings.TrimSpace(html.UnescapeString(tagForm.ReplaceAllString(line, "")))
	parts = append(parts, bare)
	if _, value, ok := strings.Cut(bare, `": `); ok {
		parts = append(parts, unquote(value))
	} else {
		parts = append(parts, unquote(bare))
	}
	whole := strings.ToLower(strings.Join(parts, "\n"))
	for _, f := range forms {
		if slices.ContainsFunc(parts, func(p string) bool { return strings.EqualFold(strings.TrimSpace(p), f) }) {
			return true, true
		}
		first, _, _ := strings.Cut(f, "\n")
		if utf8.RuneCountInString(first) >= 4 && strings.Contains(whole, strings.ToLower(first)) {
			within = true
		}
	}
	return false, within
}

func unquote(s string) string {
	s = strings.TrimSuffix(strings.TrimSpace(s), ",")
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	return strings.NewReplacer(`\n`, "\n", `\"`, `"`, `\\`, `\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(s)
}

// linePaths gives for each line the way to the element or member that stands on it. The lines are those of makeBody:
// one element or member a line, indented by two.
func linePaths(lines []bodyLine) []string {
	paths := make([]string, len(lines))
	var stack []string
	var keys []string
	for i, l := range lines {
		text := lineText(l)
		trimmed := strings.TrimLeft(text, " ")
		if !strings.HasPrefix(trimmed, "<") && !tagForm.MatchString(text) {
			depth := (len(text) - len(trimmed)) / 2
			key := ""
			if strings.HasPrefix(trimmed, `"`) {
				if end := strings.Index(trimmed, `":`); end > 0 {
					key = trimmed[1:end]
				}
			}
			for len(keys) <= depth {
				keys = append(keys, "")
			}
			keys = keys[:depth+1]
			keys[depth] = key
			if len(stack) > 0 {
				paths[i] = "/" + strings.Join(stack, "/") // a text that goes on below its element
				continue
			}
			paths[i] = strings.Join(slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k == "" }), ".")
			continue
		}
		stack, paths[i] = walkTags(stack, text)
	}
	return paths
}

// walkTags follows the tags of one line; the path is that of the deepest element on it.
func walkTags(stack []string, text string) (after []string, path string) {
	deepest := len(stack)
	path = "/" + strings.Join(stack, "/")
	if strings.HasPrefix(strings.TrimSpace(text), "<!--") {
		return stack, path
	}
	for _, m := range tagForm.FindAllStringSubmatch(text, -1) {
		name := m[2]
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[i+1:]
		}
		if m[1] == "/" {
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
			continue
		}
		stack = append(slices.Clone(stack), name)
		if len(stack) > deepest {
			deepest, path = len(stack), "/"+strings.Join(stack, "/")
		}
		if m[4] == "/" {
			stack = stack[:len(stack)-1]
		}
	}
	return stack, path
}

// rowFor finds the mapping row of an element; nil when the table has none.
func rowFor(rows []MappingRow, path string) *MappingRow {
	for i := range rows {
		if rows[i].XML == path {
			return &rows[i]
		}
	}
	for p := path; ; { // a value below an element that is mapped as a whole
		j := strings.LastIndexByte(p, '/')
		if j <= 0 || len(p)-j > len(path) || strings.Count(path, "/")-strings.Count(p[:j], "/") > 2 {
			return nil
		}
		p = p[:j]
		for i := range rows {
			if rows[i].XML == p && rows[i].Type != "" {
				return &rows[i]
			}
		}
	}
}

// placeWords are the resources that hold what a value of the plan is.
var placeWords = map[string][]string{
	"goal": {"Goal", "maal"}, "goal date": {"Goal"}, "goal start": {"Goal"}, "goal area": {"Goal"},
	"measure": {"ServiceRequest", "Procedure", "tiltak"}, "evaluation": {"ServiceRequest", "evaluering", "next-evaluation"}, "proposal": {"ServiceRequest"},
	"name": {"Patient", "FamilyName", "GivenName"}, "identifier": {"Patient"}, "birth date": {"Patient"}, "sex": {"Patient"}, "address": {"Patient"}, "phone": {"Patient"}, "death": {"Patient", "deceased"},
	"admission time": {"Encounter", "Hendelse"}, "discharge time": {"Encounter", "Hendelse"}, "discharge-ready": {"Flag", "Hendelse"}, "end of discharge-ready": {"Hendelse", "Flag"},
	"service": {"ServiceRequest", "HealthcareService", "tjeneste"}, "aid": {"Device"}, "diagnosis": {"Condition"}, "check-up": {"Appointment"},
	"contact": {"RelatedPerson", "Practitioner", "Organization"}, "note": {"Composition", "ClinicalImpression", "section", "Observation"}, "answer": {"Task"},
	"zone": {"CarePlan"}, "progress mark": {"Observation"}, "dialogue": {"Communication"}, "membership": {"CareTeam"}, "taking part": {"CareTeam", "Organization"},
	"restriction": {"Consent"}, "hold": {"Task"}, "identity link": {"Patient"}, "course": {"EpisodeOfCare"}, "outcome": {"EpisodeOfCare"}, "plan": {"CarePlan"},
}

func speaksOf(path, what string) bool {
	low := strings.ToLower(path)
	for _, w := range placeWords[what] {
		if strings.Contains(low, strings.ToLower(w)) {
			return true
		}
	}
	return false
}
