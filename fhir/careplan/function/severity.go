package function

import "strings"

// severities are the six severity concepts of FSIII: number, legacy short code, UUID. The display of the
// concepts is the number, one less than the digit of the short code: only the concept is read.
// Source: function.md section 3.
var severities = [...]struct {
	number      int
	short, uuid string
}{
	{0, "B1", "9c5cfb57-a498-40e5-98a7-792bf5fb205b"},
	{1, "B2", "fcc16cb1-41f0-4832-b834-110fba0aaabe"},
	{2, "B3", "d984ad21-48fe-4619-845e-2aa0303048e7"},
	{3, "B4", "1ceef776-0cfa-4acd-b222-c5bb2424e0c1"},
	{4, "B5", "f4c9f159-5806-4c06-95e9-e69b83bab1a1"},
	{9, "B6", "d7ff926a-4955-478f-b300-0b0ec0785013"},
}

// Severity gives the number that a severity concept means, by either of its codes: 0 to 4, or 9 for not relevant.
// False when the code is none of them; its display is never read.
func Severity(code string) (int, bool) {
	for _, s := range severities {
		if strings.EqualFold(code, s.short) || strings.EqualFold(code, s.uuid) {
			return s.number, true
		}
	}
	return 0, false
}

// SeverityUUID gives the UUID of a legacy short code, and false for what is none.
func SeverityUUID(short string) (string, bool) {
	for _, s := range severities {
		if strings.EqualFold(short, s.short) {
			return s.uuid, true
		}
	}
	return "", false
}

// SeverityShort gives the legacy short code of a UUID, and false for what is none.
func SeverityShort(uuid string) (string, bool) {
	for _, s := range severities {
		if strings.EqualFold(uuid, s.uuid) {
			return s.short, true
		}
	}
	return "", false
}

// CitizenView tells what a code of the citizen's own view of a condition says: performance C1 to C4, importance D1 and
// D2. They are words of the citizen, no severity. Source: function.md section 3.
func CitizenView(code string) (string, bool) {
	switch strings.ToUpper(code) {
	case "C1":
		return "does it alone", true
	case "C2":
		return "does parts of it", true
	case "C3":
		return "does not do it", true
	case "C4":
		return "not relevant", true
	case "D1":
		return "feels no limitation", true
	case "D2":
		return "feels a limitation", true
	}
	return "", false
}

// FollowUp tells what a follow-up code says. Source: function.md section 3.
func FollowUp(code string) (string, bool) {
	switch strings.ToUpper(code) {
	case "E1":
		return "continue", true
	case "E2":
		return "change within the frame", true
	case "E3":
		return "end", true
	case "E4":
		return "revisit", true
	}
	return "", false
}

// GoalType tells what a FSIII goal code says. Source: function.md section 3.
func GoalType(code string) (string, bool) {
	switch strings.ToLower(code) {
	case "81c827de-ef31-4410-aa57-0d1d1bc6c264":
		return "disappears", true
	case "8addc23a-f7c6-47c4-97fb-a73fcdfc9f65":
		return "reduced", true
	case "15846728-58b4-4413-a9d1-be0f1404b10f":
		return "unchanged", true
	}
	return "", false
}

// Nursing tells whether a FSIII condition is a nursing condition (codes I...), for which a severity is forbidden; home-care
// conditions (codes J...) must have one.
func Nursing(code string) bool { return startsLike(code, 'I') }

// HomeCare tells whether a FSIII condition is a home-care condition.
func HomeCare(code string) bool { return startsLike(code, 'J') }

func startsLike(code string, letter byte) bool {
	return len(code) > 1 && code[0]&^0x20 == letter && code[1] >= '0' && code[1] <= '9'
}
