package fhir

import (
	"time"

	"github.com/samvirke/samvirke"
)

// PersonID is a Norwegian person number after its checks. It tells nothing about the person: birth date and
// sex are what the message states, never what a number seems to say. Numbers of the test registers carry
// the wrong ones, those of 2032 carry no sex, and people whose sex or birth date is corrected may keep theirs.
type PersonID struct {
	samvirke.Identifier
	// Synthetic is true for numbers of a test register.
	Synthetic bool
	// Ambiguous is true when the form (month + 40) is both an H-number and a synthetic number;
	// only the declared type or the issuer can tell.
	Ambiguous bool
	// New2032 is true when only the check rule of 2032 holds.
	New2032 bool
}

// ParsePerson tells which person number value is and checks it. It recognises
//
//	FNR  date of birth, check digits            DNR  day + 40
//	FHN  800000000-999999999 + check digits     HNR  month + 40
//
// and, with AllowSynthetic, test-register numbers (month + 80, + 65, and + 40, which collides with
// H-numbers and comes back as FNR with Ambiguous set). Spaces are dropped; Value has digits only.
//
// Errors are *samvirke.Fault: CodeIdentifierSyntax, CodeCheckDigit, CodeSyntheticIdentifier.
//
// Source: standards/no README section 10.
func ParsePerson(value string, opts ...PersonOption) (PersonID, error) {
	rules := personRulesOf(opts)
	d, err := personDigits(value)
	if err != nil {
		return PersonID{}, err
	}
	p := PersonID{Identifier: samvirke.Identifier{Value: digitsText(d)}}
	if d[0] >= 8 {
		return p.as(TypeFHN), p.checkDigits(d, "FH-number", false)
	}
	day, month := int(d[0])*10+int(d[1]), int(d[2])*10+int(d[3])
	typ, what := TypeFNR, "national identity number"
	if day > 40 {
		typ, what, day = TypeDNR, "D-number", day-40
	}
	offset := 0
	switch {
	case month > 80:
		offset = 80
	case month > 65:
		offset = 65
	case month > 40:
		offset = 40
	}
	month -= offset
	p.Ambiguous = offset == 40 && typ == TypeFNR
	local := p.Ambiguous && !rules.synthetic
	p.Synthetic = offset != 0 && !local
	if local {
		typ, what = TypeHNR, "H-number"
	}
	p = p.as(typ)
	if !possible(day, month, int(d[4])*10+int(d[5])) {
		return p, faultSyntax(what + " holds no possible date")
	}
	if err := p.checkDigits(d, what, typ != TypeHNR); err != nil {
		return p, err
	}
	p.New2032 = first(d) != 0
	if p.Synthetic && !rules.synthetic {
		return p, &samvirke.Fault{
			Class: samvirke.Invalid, Code: CodeSyntheticIdentifier,
			Safe: "number of a test register where only real persons are allowed",
		}
	}
	return p, nil
}

func (p PersonID) as(typ string) PersonID {
	p.Type, p.System = typ, SystemOf(typ)
	return p
}

// possible tells whether a day exists in a month of a year of two digits, in any century: which one it is
// would have to be read out of the number. The year 00 has the 29th of February in 2000.
func possible(day, month, year int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	days := time.Date(2000+year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return day <= days
}

// personDigits wants exactly eleven digits, spaces aside.
func personDigits(value string) ([11]byte, error) {
	var d [11]byte
	s := NormalizePerson(value)
	if len(s) != len(d) {
		return d, faultSyntax("person number must have 11 digits")
	}
	for i := range d {
		if s[i] < '0' || s[i] > '9' {
			return d, faultSyntax("person number must have 11 digits")
		}
		d[i] = s[i] - '0'
	}
	return d, nil
}

func digitsText(d [11]byte) string {
	for i := range d {
		d[i] += '0'
	}
	return string(d[:])
}

// first is the remainder of the first check sum (0 = the rule before 2032 holds).
func first(d [11]byte) int { return weighted(d[:10], 3, 7, 6, 1, 8, 9, 4, 5, 2, 1) }

// second is the remainder of the second check sum.
func second(d [11]byte) int { return weighted(d[:11], 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1) }

func weighted(d []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(d[i])
	}
	return sum % 11
}

// checkDigits holds d against the two check sums. With new, the first may leave 1, 2 or 3 as well:
// numbers issued from 2032 do, and both rules live side by side.
func (p PersonID) checkDigits(d [11]byte, what string, new bool) error {
	r := first(d)
	if second(d) != 0 || r > 3 || r != 0 && !new {
		return faultDigit(what)
	}
	return nil
}

// Check checks a value against its declared type. Types without a known rule (passports, local
// numbers, foreign numbers) only have to be non-empty.
func Check(typ, value string, opts ...PersonOption) error {
	switch typ {
	case TypeFNR:
		return CheckFNR(value, opts...)
	case TypeDNR:
		return CheckDNR(value, opts...)
	case TypeFHN:
		return CheckFHN(value)
	case TypeHNR:
		return CheckHNR(value)
	case TypeENH:
		return CheckENH(value)
	case TypeHER:
		return checkLength("HER-id", NormalizeHER(value), 1, 12)
	case TypeHPR:
		return checkLength("HPR-number", value, 7, 9)
	case TypeDUF:
		return checkLength("DUF-number", value, 12, 12)
	case TypeRSH:
		return checkLength("RESH-id", value, 1, 12)
	}
	if value == "" {
		return faultSyntax("identifier is empty")
	}
	return nil
}

// CheckFNR checks a national identity number.
func CheckFNR(value string, opts ...PersonOption) error { return checkPerson(TypeFNR, value, opts) }

// CheckDNR checks a D-number.
func CheckDNR(value string, opts ...PersonOption) error { return checkPerson(TypeDNR, value, opts) }

// CheckFHN checks a common help number (FH-number).
func CheckFHN(value string) error { return checkPerson(TypeFHN, value, nil) }

// CheckHNR checks a local help number of the kind with month + 40 and check digits. Some issuers
// use other forms, so a failure here is a reason to look, not to refuse.
func CheckHNR(value string) error { return checkPerson(TypeHNR, value, nil) }

func checkPerson(typ, value string, opts []PersonOption) error {
	p, err := ParsePerson(value, opts...)
	if p.Type != "" && p.Type != typ {
		return faultType(typ, p.Type)
	}
	return err
}

// CheckENH checks an organisation number: 9 digits, the last by mod 11.
func CheckENH(value string) error {
	if err := checkLength("organisation number", value, 9, 9); err != nil {
		return err
	}
	d := []byte(value)
	for i := range d {
		d[i] -= '0'
	}
	if weighted(d, 3, 2, 7, 6, 5, 4, 3, 2, 1) != 0 {
		return faultDigit("organisation number")
	}
	return nil
}

func checkLength(what, value string, least, most int) error {
	if len(value) < least || len(value) > most {
		return faultSyntax(what + " has a wrong length")
	}
	for i := range len(value) {
		if value[i] < '0' || value[i] > '9' {
			return faultSyntax(what + " must have digits only")
		}
	}
	return nil
}
