package fhir

import (
	"net/url"
	"strings"

	"github.com/samvirke/samvirke"
)

// Fault codes of identifier checks. All are of class Invalid; the mapping decides whether its
// standard refuses a message for one of them. No text ever repeats the identifier.
const (
	CodeIdentifierSyntax    = "identifier-syntax"    // wrong length, no digits, impossible date
	CodeIdentifierType      = "identifier-type"      // well formed, but of another type than declared
	CodeCheckDigit          = "check-digit"          // mod-11 does not hold
	CodeSyntheticIdentifier = "synthetic-identifier" // a test-register number where only real ones are allowed
)

// Identifier types. Source: code lists 8116 (persons) and 9051 (organisations).
const (
	TypeFNR = "FNR"
	TypeDNR = "DNR"
	TypeFHN = "FHN"
	TypeHNR = "HNR"
	TypeHPR = "HPR"
	TypeDUF = "DUF"
	TypeENH = "ENH"
	TypeRSH = "RSH"
	TypeHER = "HER"
	TypeDKF = "DKF"
)

// SystemCPR is the Danish person number (type DKF in Norwegian messages).
const SystemCPR = "urn:oid:1.2.208.176.1.2"

// systemLocal is the root of systems for types that have no OID of their own (H-numbers,
// passports, local numbers): their values are only unique together with who issued them.
const systemLocal = ExtBase + "NamingSystem/"

// SystemOf gives the FHIR identifier system of a type code (FNR, HER ...). Types without an
// OID get a system under ExtBase, so that TypeOf(SystemOf(t)) == t for every t; "" gives "".
//
// Source: standards/no README section 10.
func SystemOf(typ string) string {
	switch typ {
	case "":
		return ""
	case TypeFNR:
		return SystemFNR
	case TypeDNR:
		return SystemDNR
	case TypeFHN:
		return SystemFHN
	case TypeHPR:
		return SystemHPR
	case TypeDUF:
		return SystemDUF
	case TypeENH:
		return SystemENH
	case TypeRSH:
		return SystemRSH
	case TypeHER:
		return SystemHER
	case TypeDKF:
		return SystemCPR
	}
	return systemLocal + url.PathEscape(typ)
}

// TypeOf gives the type code of an identifier system, "" for a system we do not know.
func TypeOf(system string) string {
	switch system {
	case SystemFNR:
		return TypeFNR
	case SystemDNR:
		return TypeDNR
	case SystemFHN:
		return TypeFHN
	case SystemHPR:
		return TypeHPR
	case SystemDUF:
		return TypeDUF
	case SystemENH:
		return TypeENH
	case SystemRSH:
		return TypeRSH
	case SystemHER:
		return TypeHER
	case SystemCPR:
		return TypeDKF
	}
	rest, ok := strings.CutPrefix(system, systemLocal)
	if !ok {
		return ""
	}
	typ, err := url.PathUnescape(rest)
	if err != nil {
		return ""
	}
	return typ
}

// NewIdentifier makes an identifier of a type with its system; the value stays as written.
func NewIdentifier(typ, value string) samvirke.Identifier {
	return samvirke.Identifier{System: SystemOf(typ), Type: typ, Value: value}
}

// IdentifierOf reads a FHIR Identifier; Type follows from the system.
func IdentifierOf(n *Node) samvirke.Identifier {
	system := n.Get("system").Text()
	return samvirke.Identifier{System: system, Type: TypeOf(system), Value: n.Get("value").Text()}
}

// IdentifierNode writes a FHIR Identifier. An identifier that has a Type but no System gets its system.
func IdentifierNode(id samvirke.Identifier) *Node {
	system := id.System
	if system == "" {
		system = SystemOf(id.Type)
	}
	return NewObject("system", system, "value", id.Value)
}

// NormalizeHER drops the dots and spaces that published HER-ids contain ("369.767"). A value
// with any other character is returned as it is, so that it matches nothing by accident.
func NormalizeHER(s string) string { return stripTo(s, ". \u00a0") }

// NormalizePerson drops the spaces that people write between date and number.
// A value with any other character is returned as it is.
func NormalizePerson(s string) string { return stripTo(s, " \u00a0") }

func stripTo(s, drop string) string {
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case strings.ContainsRune(drop, r):
		default:
			return s
		}
	}
	return b.String()
}

// PersonOption changes what ParsePerson and the checks of person numbers allow.
type PersonOption func(*personRules)

type personRules struct{ synthetic bool }

// AllowSynthetic lets numbers of the test registers pass (month + 80, + 65, + 40). Without it
// they are refused: production must never take a test person for a real one.
func AllowSynthetic() PersonOption { return func(r *personRules) { r.synthetic = true } }

func personRulesOf(opts []PersonOption) personRules {
	var r personRules
	for _, o := range opts {
		o(&r)
	}
	return r
}

// Fault builders: texts never hold the value.

func faultSyntax(what string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: CodeIdentifierSyntax, Safe: what}
}

func faultDigit(what string) error {
	return &samvirke.Fault{Class: samvirke.Invalid, Code: CodeCheckDigit, Safe: what + " has a wrong check digit"}
}

func faultType(want, got string) error {
	return &samvirke.Fault{
		Class: samvirke.Invalid, Code: CodeIdentifierType,
		Safe: "identifier declared as " + want + " has the form of " + got,
	}
}
