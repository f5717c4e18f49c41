package kith

import (
	"strconv"
	"strings"
)

// base64Scalar is base64. FHIR has no white space in it; where the source has some, its form says how the lines
// were broken. A text that is no base64 is carried as it was written.
type base64Scalar struct{}

func (base64Scalar) kind() string { return "base64Binary" }

func (base64Scalar) read(t string) (value, form string, ok bool) {
	plain := unwrapped(t)
	if !isBase64(plain) {
		return "", "", false
	}
	if len(plain) == len(t) {
		return t, "", true
	}
	return plain, wrapForm(t), true
}

func (base64Scalar) write(v, form string) string { return wrapped(v, form) }

const space = " \t\r\n"

// unwrapped is base64 without white space.
func unwrapped(t string) string {
	if !strings.ContainsAny(t, space) {
		return t
	}
	return strings.Join(strings.Fields(t), "")
}

// isBase64 tells whether t is whole groups of four letters with the padding at the end.
func isBase64(t string) bool {
	if t == "" || len(t)%4 != 0 {
		return false
	}
	for i := range len(t) {
		c := t[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
		case c == '=' && (i == len(t)-1 || i == len(t)-2 && t[i+1] == '='):
		default:
			return false
		}
	}
	return true
}

// linesForm begins the ExtLexical code of base64 in lines: "lines-76", and where the white space is
// another than one line feed between lines, what stands before, between and after them: "lines-76-n-n1t3-n".
const linesForm = "lines-"

// wrapForm says how a base64 text is broken into lines, "" when no form can.
func wrapForm(t string) string {
	body := strings.Trim(t, space)
	lead := t[:len(t)-len(strings.TrimLeft(t, space))]
	trail := strings.TrimPrefix(t[len(lead):], body)
	n, sep := 0, "\n"
	if n = strings.IndexAny(body, space); n < 0 {
		n = 0
	} else {
		sep = body[n : n+len(body[n:])-len(strings.TrimLeft(body[n:], space))]
	}
	form := linesForm + strconv.Itoa(n)
	if lead != "" || trail != "" || sep != "\n" {
		form += "-" + spaceCode(lead) + "-" + spaceCode(sep) + "-" + spaceCode(trail)
	}
	if len(form) > 100 || wrapped(unwrapped(t), form) != t {
		return ""
	}
	return form
}

// wrapped breaks base64 into lines.
func wrapped(t, form string) string {
	rest, ok := strings.CutPrefix(form, linesForm)
	if !ok {
		return t
	}
	parts := strings.Split(rest, "-")
	n, err := strconv.Atoi(parts[0])
	if err != nil || n < 0 {
		return t
	}
	lead, sep, trail := "", "\n", ""
	if len(parts) == 4 {
		lead, sep, trail = spaceOf(parts[1]), spaceOf(parts[2]), spaceOf(parts[3])
	}
	var b strings.Builder
	b.WriteString(lead)
	for ; n > 0 && len(t) > n; t = t[n:] {
		b.WriteString(t[:n])
		b.WriteString(sep)
	}
	b.WriteString(t)
	b.WriteString(trail)
	return b.String()
}

// spaceLetters are the letters of white space in a form, in the order of space.
const spaceLetters = "strn"

// spaceCode writes white space as letters with their number: "n1t3"; "0" for none.
func spaceCode(s string) string {
	if s == "" {
		return "0"
	}
	var b strings.Builder
	for s != "" {
		n := len(s) - len(strings.TrimLeft(s, s[:1]))
		b.WriteByte(spaceLetters[strings.IndexByte(space, s[0])])
		b.WriteString(strconv.Itoa(n))
		s = s[n:]
	}
	return b.String()
}

// maxSpace bounds the white space that a form of a Bundle from elsewhere can ask for. Unit: bytes.
const maxSpace = 1000

// spaceOf reads what spaceCode wrote; what it did not write gives nothing.
func spaceOf(code string) string {
	var b strings.Builder
	for code != "" {
		i := strings.IndexByte(spaceLetters, code[0])
		end := 1
		for end < len(code) && code[end] >= '0' && code[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(code[1:end])
		if i < 0 || err != nil || b.Len()+n > maxSpace {
			return ""
		}
		b.WriteString(strings.Repeat(space[i:i+1], n))
		code = code[end:]
	}
	return b.String()
}
