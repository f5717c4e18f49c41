package kith

import (
	"strings"

	"github.com/samvirke/samvirke/fhir"
)

// Extensions that carry how a value was written, never the value itself a second time.
const (
	extWritten  = fhir.ExtAsWritten
	extDisplay  = fhir.ExtDisplay
	extSource   = fhir.ExtSourceCoding
	extOriginal = fhir.ExtOriginalText
)

// formEmpty is the ExtLexical code of a value that stands in the source but is empty.
const formEmpty = "empty"

// scalar turns one text into a FHIR primitive and back.
type scalar interface {
	// read gives the text of the FHIR value (see jsonOf) and the ExtLexical form, "" for the usual one; ok is false
	// when the FHIR type cannot carry the text.
	read(text string) (value, form string, ok bool)
	// write gives the text for a value in that form.
	write(value, form string) string
	kind() string
}

// putScalar writes a primitive; s names the place. It is false when the FHIR type cannot carry the text,
// which then stands beside it as written.
func putScalar(k scalar, text string, s slot) bool {
	if text == "" {
		s.set(nil, lexical(s.arena, formEmpty))
		return true
	}
	v, form, ok := k.read(text)
	switch {
	case !ok:
		s.set(nil, withExt(s.arena, s.arena.Texts("url", extWritten, "valueString", text)))
	case form != "":
		s.set(jsonOf(s.arena, k, v), lexical(s.arena, form))
	default:
		s.set(jsonOf(s.arena, k, v), nil)
	}
	return ok
}

// jsonOf is a value of a scalar in JSON.
func jsonOf(a *fhir.Arena, k scalar, value string) *fhir.Node {
	switch k.(type) {
	case boolScalar:
		return a.Bool(value == "true")
	case intScalar, decimalScalar:
		return a.Number(value)
	}
	return a.String(value)
}

// getScalar reads a primitive back; ok is false when there is none.
func getScalar(r *reader, k scalar, s slot) (text string, ok bool) {
	v, ext := s.get()
	if v != nil && !v.IsNull() && !v.IsObject() && !v.IsArray() {
		r.use(v)
		form := lexicalOf(r, ext)
		return k.write(v.Text(), form), true
	}
	if ext == nil {
		return "", false
	}
	if w := ext.Extension(extWritten); w != nil {
		return r.text(w.Get("valueString")), true
	}
	return "", lexicalOf(r, ext) == formEmpty
}

func lexical(a *fhir.Arena, form string) *fhir.Node { return withExt(a, lexicalExt(a, form)) }

func lexicalExt(a *fhir.Arena, form string) *fhir.Node {
	return a.Texts("url", fhir.ExtLexical, "valueCode", form)
}

func withExt(a *fhir.Arena, e *fhir.Node) *fhir.Node {
	n := a.Object(1)
	n.Set("extension", a.Array(e))
	return n
}

func lexicalOf(r *reader, ext *fhir.Node) string {
	if ext == nil {
		return ""
	}
	e := ext.Extension(fhir.ExtLexical)
	if e == nil {
		return ""
	}
	return r.text(e.Get("valueCode"))
}

type stringScalar struct{}

func (stringScalar) read(t string) (value, form string, ok bool) {
	if strings.TrimSpace(t) == "" {
		return "", "", false // FHIR allows no string of white space alone
	}
	return t, "", true
}
func (stringScalar) write(v, _ string) string { return v }
func (stringScalar) kind() string             { return "string" }

type boolScalar struct{}

func (boolScalar) read(t string) (value, form string, ok bool) {
	switch strings.TrimSpace(t) {
	case "true":
		return "true", "", true
	case "false":
		return "false", "", true
	case "1":
		return "true", "digit", true
	case "0":
		return "false", "digit", true
	}
	return "", "", false
}

func (boolScalar) write(v, form string) string {
	if form == "digit" {
		if v == "true" {
			return "1"
		}
		return "0"
	}
	return v
}
func (boolScalar) kind() string { return "boolean" }

// intScalar is a FHIR integer: 32 bits. positive narrows it to positiveInt.
type intScalar struct{ positive bool }

func (k intScalar) read(t string) (value, form string, ok bool) {
	t = strings.TrimSpace(t)
	if !jsonInt(t) || k.positive && (t[0] == '-' || t == "0") {
		return "", "", false
	}
	return t, "", true
}
func (intScalar) write(v, _ string) string { return v }
func (k intScalar) kind() string {
	if k.positive {
		return "positiveInt"
	}
	return "integer"
}

// jsonInt tells whether t is an integer of at most nine digits as JSON writes it.
func jsonInt(t string) bool {
	d := strings.TrimPrefix(t, "-")
	if d == "" || len(d) > 9 || len(d) > 1 && d[0] == '0' {
		return false
	}
	return allDigits(d)
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// decimalScalar keeps the digits as written: 2.50 stays 2.50, 1E3 stays 1E3.
type decimalScalar struct{}

func (decimalScalar) read(t string) (value, form string, ok bool) {
	t = strings.TrimSpace(t)
	mantissa, exponent, e := strings.Cut(strings.ReplaceAll(t, "E", "e"), "e")
	whole, frac, dot := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if e && !allDigits(strings.TrimLeft(exponent, "+-")) || len(exponent) > 3 {
		return "", "", false
	}
	if !allDigits(whole) || len(whole) > 1 && whole[0] == '0' || dot && !allDigits(frac) || len(t) > 18 {
		return "", "", false
	}
	return t, "", true
}
func (decimalScalar) write(v, _ string) string { return v }
func (decimalScalar) kind() string             { return "decimal" }

// codeScalar is a FHIR code: no white space at the ends, single spaces inside.
type codeScalar struct{}

func (codeScalar) read(t string) (value, form string, ok bool) {
	t = strings.TrimSpace(t) // a token of the schema: white space at the ends says nothing
	if !isCode(t) {
		return "", "", false
	}
	return t, "", true
}
func (codeScalar) write(v, _ string) string { return v }
func (codeScalar) kind() string             { return "code" }

func isCode(t string) bool {
	return t != "" && strings.TrimSpace(t) == t && !strings.ContainsAny(t, "\t\r\n") && !strings.Contains(t, "  ")
}

// systemScalar turns an OID into a code system URI.
type systemScalar struct{}

func (systemScalar) read(t string) (value, form string, ok bool) {
	if t = strings.TrimSpace(t); !isOID(t) {
		return "", "", false
	}
	return fhir.OIDPrefix + t, "", true
}

// isOID tells whether a text has nothing but digits and dots.
func isOID(t string) bool {
	for i := 0; i < len(t); i++ {
		if c := t[i]; c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return t != ""
}

// putSystem is putScalar for a code system. The same few dozen stand in every message, some of them thirty times:
// one text serves them all.
func putSystem(text string, s slot) {
	if t := strings.TrimSpace(text); isOID(t) {
		s.set(s.arena.Joined(fhir.OIDPrefix, t), nil)
		return
	}
	putScalar(systemScalar{}, text, s)
}

func (systemScalar) write(v, _ string) string { return strings.TrimPrefix(v, fhir.OIDPrefix) }
func (systemScalar) kind() string             { return "uri" }
