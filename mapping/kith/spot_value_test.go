package kith

import (
	stdbase64 "encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// Values whose list is fixed: codes that FHIR fixes somewhere (R4 itself says where each of them may stand), and
// what the schemas list of the components of a record.
var (
	fixedCodes = []string{
		"active", "inactive", "completed", "stopped", "intended", "unknown", "not-taken", "on-hold", "entered-in-error", "final", "preliminary", "amended",
		"registered", "draft", "revoked", "in-progress", "finished", "planned", "booked", "pending", "proposed", "cancelled", "accepted", "declined", "current",
		"superseded", "home", "work", "mobile", "temp", "old", "billing", "male", "female", "other", "routine", "urgent", "asap", "stat", "ok", "fatal-error", "deny", "permit",
		"order", "proposal", "plan", "phone", "email", "fax", "sms", "<", ">", "<=", ">=", "additional", "generated", "official", "professional",
	}
	mediaTypes   = []string{"text/plain", "application/pdf", "image/png"}
	schemaValues = [][]string{
		{"Mappe", "EPJ sak", "Dokument", "EPJ dokument", "Tilleggsinfo", "Fragment", "EPJ fragment"},
		{"Cave/allergier", "Legemidler", "Andre notater", "Uspesifisert"},
	}
)

// other draws another value of the same type; nil when there is none to draw.
func (s spot) other(r *rand.Rand) *fhir.Node {
	old := s.node.Text()
	switch {
	case s.typ == "boolean":
		return fhir.Bool(old != "true")
	case s.typ == "date", s.typ == "dateTime", s.typ == "instant":
		return fhir.String(otherTime(r, old))
	case s.node.IsNumber():
		return fhir.Number(otherDigits(r, old))
	case s.typ == "base64Binary":
		return otherData(r, old)
	case s.typ == "xhtml":
		return stringOrNil(otherMarkup(r, old))
	case s.key == "contentType":
		return fhir.String(oneOf(r, mediaTypes, old))
	case s.required || s.key == "status":
		return fhir.String(oneOf(r, fixedCodes, old))
	case s.typ == "code":
		return fhir.String(otherDigits(r, old))
	}
	for _, list := range schemaValues {
		if slices.Contains(list, old) {
			return fhir.String(oneOf(r, list, old))
		}
	}
	if strings.ContainsAny(old, "0123456789") && !strings.ContainsAny(strings.TrimSpace(old), " \n") {
		return fhir.String(otherDigits(r, old))
	}
	return fhir.String(fmt.Sprintf("Endret %d <&> æøå", r.IntN(1e6)))
}

func stringOrNil(s string) *fhir.Node {
	if s == "" {
		return nil
	}
	return fhir.String(s)
}

// oneOf draws one that is not old.
func oneOf(r *rand.Rand, list []string, old string) string {
	for {
		if v := list[r.IntN(len(list))]; v != old {
			return v
		}
	}
}

// otherData changes a text in XML that is carried as it is, and replaces any other content.
func otherData(r *rand.Rand, old string) *fhir.Node {
	data, _ := stdbase64.StdEncoding.DecodeString(old)
	now := fmt.Sprintf("Endret %d", r.IntN(1e6))
	if strings.HasPrefix(string(data), "<") {
		if now = otherMarkup(r, string(data)); now == "" {
			return nil
		}
	}
	return fhir.String(stdbase64.StdEncoding.EncodeToString([]byte(now)))
}

// otherDigits gives other digits at the same places; a word without digits gets some at its end.
func otherDigits(r *rand.Rand, old string) string {
	if !strings.ContainsAny(old, "123456789") && old != "0" {
		return old + strconv.Itoa(1+r.IntN(98))
	}
	for {
		out := []byte(old)
		for i, c := range out {
			if c >= '1' && c <= '9' || old == "0" { // no number begins or ends with another zero than before
				out[i] = byte('1' + r.IntN(9))
			}
		}
		if string(out) != old {
			return string(out)
		}
	}
}

// otherTime gives another time of the same precision. The zone stays, or is that of Norway where it was.
func otherTime(r *rand.Rand, old string) string {
	for _, layout := range []string{"2006", "2006-01", "2006-01-02"} {
		if at, err := time.Parse(layout, old); err == nil {
			return at.AddDate(1+r.IntN(3), 1+r.IntN(10), 1+r.IntN(20)).Format(layout)
		}
	}
	at, err := time.Parse(time.RFC3339Nano, old)
	if err != nil {
		return old
	}
	zone := at.Location()
	if oslo, err := time.LoadLocation("Europe/Oslo"); err == nil && !strings.HasSuffix(old, "Z") {
		_, is := at.Zone()
		if _, there := at.In(oslo).Zone(); there == is {
			zone = oslo
		}
	}
	layout := "2006-01-02T15:04:05Z07:00"
	if i := strings.IndexByte(old, '.'); i >= 0 {
		n := strings.IndexAny(old[i+1:], "Z+-")
		layout = "2006-01-02T15:04:05." + strings.Repeat("0", n) + "Z07:00"
	}
	return at.AddDate(0, 0, 1+r.IntN(300)).Add(time.Duration(1+r.IntN(7*3600)) * time.Second).In(zone).Format(layout)
}

// otherMarkup changes the first text with a space or a capital in markup; "" when it has none.
func otherMarkup(r *rand.Rand, old string) string {
	for i := 0; i < len(old); {
		end := strings.IndexByte(old[i:], '>')
		if end < 0 {
			break
		}
		i += end + 1
		next := strings.IndexByte(old[i:], '<')
		if next < 0 {
			break
		}
		if text := strings.TrimSpace(old[i : i+next]); strings.ContainsAny(text, " ABCDEFGHIJKLMNOPQRSTUVWXYZÆØÅ") {
			return old[:i] + fmt.Sprintf("Endret %d", r.IntN(1e6)) + old[i+next:]
		}
		i += next
	}
	return ""
}
