package schema

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
)

// maxNames is how many names a text lists.
const maxNames = 6

// quoted gives a name of the document or the schema in quotation marks, shortened when absurd.
func quoted(s string) string {
	if len(s) > maxPathName {
		s = strings.ToValidUTF8(s[:maxPathName], "") + "..."
	}
	return `"` + s + `"`
}

// oneOf lists names: "A", "B" or "C".
func oneOf(names []string) string {
	var b strings.Builder
	for i, n := range names[:min(len(names), maxNames)] {
		switch {
		case i > 0 && i == len(names)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(quoted(n))
	}
	if len(names) > maxNames {
		b.WriteString(" and others")
	}
	return b.String()
}

func isMissing(names []string) string { return oneOf(names) + " is missing" }

func allowedHere(names []string) string {
	if len(names) == 0 {
		return "; nothing more may follow"
	}
	return "; allowed here: " + oneOf(names)
}

func isEmpty(v string) string {
	if trim(v) == "" {
		return " is empty; it"
	}
	return ""
}

// demands gives code and text for a value that is not of a type.
func demands(s *simple) (code, must string) {
	if s.enum != nil {
		if len(s.enum) == 1 {
			return "bad-value", " must be " + oneOf(s.enum)
		}
		return "bad-value", " must be one of " + oneOf(s.enum)
	}
	if t := texts[s.kind]; t.code != "" {
		return t.code, " must be " + t.text
	}
	return "bad-value", " has a value that does not fit its type"
}

// texts are the codes and texts of wrong values.
var texts = [numKinds]struct{ code, text string }{
	boolean:      {"bad-boolean", `"true" or "false"`},
	plainBoolean: {"bad-boolean", `"true" or "false"`},
	decimal:      {"bad-number", "a number such as 12 or 12.5"},
	double:       {"bad-number", "a number such as 12 or 12.5"},
	integer:      {"bad-number", "a whole number"},
	date:         {"bad-date", "a date such as 2026-01-31"},
	dateTime:     {"bad-time", "a date and time such as 2026-01-31T14:30:00"},
	clock:        {"bad-time", "a time of day such as 14:30:00"},
	year:         {"bad-date", "a year such as 2026"},
	yearMonth:    {"bad-date", "a year and month such as 2026-01"},
	union:        {"bad-time", "a time such as 2026-01-31T14:30:00, or a date, month or year such as 2026-01-31, 2026-01 or 2026"},
	uri:          {"bad-address", "an address such as tel:12345678 or mailto:post@example.org"},
	base64:       {"bad-base64", "base64: letters, digits, + and / in groups of four"},
	oid:          {"bad-oid", "an object identifier such as 2.16.578.1.12.4.1.1.8116: numbers with points between"},
}

// pathOf writes a path in the form of safePath.
func pathOf(names []string) string {
	return safePath("/" + strings.Join(names, "/"))
}

// lines fills in the lines of findings and brings them into the order of the text.
func lines(text []byte, found []finding) []Problem {
	slices.SortStableFunc(found, func(a, b finding) int { return a.element - b.element })
	out := make([]Problem, 0, len(found))
	dec := xml.NewDecoder(bytes.NewReader(text))
	element, from, line := -1, 0, 1
	for i := range found {
		for element < found[i].element {
			at := int(dec.InputOffset())
			tok, err := dec.RawToken()
			if err != nil {
				break
			}
			if _, ok := tok.(xml.StartElement); ok {
				element++
				line += bytes.Count(text[from:at], []byte("\n"))
				from = at
			}
		}
		p := found[i].Problem
		p.Line = line
		out = append(out, p)
	}
	return out
}
