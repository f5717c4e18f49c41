package schema

import (
	"slices"
	"strings"
)

// verdict is what our own check says of a value.
type verdict uint8

const (
	good   verdict = iota
	unsure         // only the library knows
	bad
)

// kind is a built-in simple type.
type kind uint8

const (
	anyString kind = iota
	token
	nmtoken
	boolean
	decimal
	integer
	double
	date
	dateTime
	clock // time
	year
	yearMonth
	uri
	base64
	identifier // ID: unique in the document, which only the library checks
	oid        // token of the pattern that all these schemas have for object identifiers
	plainBoolean
	union
	numKinds
)

var builtins = map[string]kind{
	"string": anyString, "token": token, "NMTOKEN": nmtoken, "boolean": boolean, "decimal": decimal, "integer": integer, "double": double,
	"date": date, "dateTime": dateTime, "time": clock, "gYear": year, "gYearMonth": yearMonth, "anyURI": uri, "base64Binary": base64, "ID": identifier,
}

// simple is a simple type.
type simple struct {
	kind    kind
	enum    []string
	members []*simple // of a union
}

// check tells whether a value is of the type. Good means that the library says so too.
func (s *simple) check(v string) verdict {
	if s.kind == anyString {
		if s.enum != nil && !slices.Contains(s.enum, v) {
			return bad
		}
		return good
	}
	v = trim(v)
	if s.enum != nil {
		switch {
		case slices.Contains(s.enum, v):
			return good
		case strings.ContainsAny(v, " \t\n\r"): // may be one of them once it is collapsed
			return unsure
		}
		return bad
	}
	if s.kind != union {
		return s.kind.check(v)
	}
	out := bad
	for _, m := range s.members {
		out = min(out, m.check(v))
		if out == good {
			break
		}
	}
	return out
}

func (k kind) check(v string) verdict {
	switch k {
	case token:
		return good
	case boolean:
		return known(v == "true" || v == "false" || v == "1" || v == "0")
	case plainBoolean:
		return known(v == "true" || v == "false")
	case oid:
		return checkOID(v)
	case integer, decimal, double:
		return checkNumber(v, k)
	case date, dateTime, clock, year, yearMonth:
		return checkTime(v, k)
	case uri:
		return checkURI(v)
	case base64:
		return checkBase64(v)
	}
	return unsure
}

func known(ok bool) verdict {
	if ok {
		return good
	}
	return bad
}

// trim takes white space off both ends.
func trim(v string) string {
	if v != "" && v[0] > ' ' && v[len(v)-1] > ' ' {
		return v
	}
	return strings.Trim(v, " \t\n\r")
}

// checkOID is the pattern (\d+\.?)*\d+ for ASCII digits.
func checkOID(v string) verdict {
	dot := true // a digit must come next
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			dot = false
		case c == '.' && !dot:
			dot = true
		case c >= 0x80: // other scripts have digits as well
			return unsure
		default:
			return bad
		}
	}
	return known(!dot)
}

// maxDigits is how long a number may be for us; libraries have bounds of their own further up.
const maxDigits = 18

// checkNumber takes plain numbers. Rare forms of real ones, such as INF, are left to the library.
func checkNumber(v string, k kind) verdict {
	mantissa := v
	if k == double {
		if i := strings.IndexAny(v, "eE"); i >= 0 {
			mantissa = v[:i]
			if exp := checkNumber(v[i+1:], integer); exp != good {
				return exp
			}
			if len(v)-i > 4 {
				return unsure
			}
		} else if strings.HasSuffix(v, "INF") || v == "NaN" {
			return unsure
		}
	}
	if mantissa != "" && (mantissa[0] == '-' || mantissa[0] == '+') {
		mantissa = mantissa[1:]
	}
	digits, dots := 0, 0
	for i := 0; i < len(mantissa); i++ {
		switch c := mantissa[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '.' && dots == 0 && k != integer:
			dots++
		default:
			return bad
		}
	}
	switch {
	case digits == 0:
		return bad
	case digits > maxDigits || dots > 0 && (mantissa[0] == '.' || strings.HasSuffix(mantissa, ".")):
		return unsure
	}
	return good
}

// checkURI takes telephone numbers, mail addresses and web addresses of plain characters.
func checkURI(v string) verdict {
	colon := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case c >= '0' && c <= '9' || c == '-' || c == '.' || c == '+':
			if i == 0 && c != '+' && strings.IndexByte(v, ':') >= 0 {
				return unsure // no scheme begins so
			}
		case c == ':' && !colon && i > 0 && i < len(v)-1 && scheme(v[:i]):
			colon = true
			if strings.HasPrefix(v[i+1:], "//") {
				return unsureUnless(plainHost(v[i+3:]))
			}
			if v[i+1] == '/' {
				return unsure
			}
		case c == '@' || c == '_' || c == '~' || c == ' ':
		default:
			return unsure
		}
	}
	return good
}

func unsureUnless(ok bool) verdict {
	if ok {
		return good
	}
	return unsure
}

func scheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'; !letter && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// plainHost is what follows "//": a host without port, and a path.
func plainHost(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'; !letter && c != '-' && c != '.' && (i == 0 || c != '/' && c != '_') {
			return false
		}
	}
	return s != ""
}

// sextets gives the value of a character of base64; 0x80 white space, 0xFF what is none.
var sextets = func() (t [256]uint8) {
	for i := range t {
		t[i] = 0xFF
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = uint8(i)
	}
	for _, c := range []byte(" \t\n\r") {
		t[c] = 0x80
	}
	return t
}()

// checkBase64 takes groups of four, with white space between them, and a canonical end.
func checkBase64(v string) verdict {
	n, pad, last := 0, 0, uint8(0)
	for i := 0; i < len(v); i++ {
		c := sextets[v[i]]
		switch {
		case c < 64 && pad == 0:
			n, last = n+1, c
		case c == 0x80:
		case v[i] == '=' && pad < 2:
			pad++
		default:
			return bad
		}
	}
	switch {
	case (n+pad)%4 != 0:
		return bad
	case pad == 1 && last&3 != 0, pad == 2 && last&15 != 0:
		return unsure // the bits that nobody reads are not zero
	}
	return good
}
