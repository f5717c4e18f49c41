package native_test

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/native"
)

// writeOf is a message of a kind about an invented person of the test register, with one more resource.
func writeOf(kind, op, resource string) []byte {
	ext := `{"url":"https://samvirke.github.io/fhir/StructureDefinition/op","valueCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.7309","code":"` + op + `"}},
		{"url":"https://samvirke.github.io/fhir/StructureDefinition/parent","valueString":"6f1c2a34-0d4e-4a55-9c1b-0a4b7f0b9a01"}`
	patient := `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000002","resource":{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}]}}`
	if strings.Contains(resource, `"Patient"`) {
		patient = ""
	} else {
		patient += ","
	}
	return []byte(`{"resourceType":"Bundle","type":"message","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:6f1c2a34-0d4e-4a55-9c1b-0a4b7f0b9a02"},
		"timestamp":"2026-01-15T10:00:00+01:00","entry":[{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000001","resource":{"resourceType":"MessageHeader",
		"extension":[` + ext + `],"eventCoding":{"system":"https://samvirke.github.io/fhir/CodeSystem/message","code":"` + kind + `"},
		"source":{"name":"A","endpoint":"urn:oid:2.16.578.1.12.4.1.2.900100"},"sender":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"900100"}}}},` +
		patient + `{"fullUrl":"urn:uuid:00000000-0000-4000-8000-000000000003","resource":` + resource + `}]}`)
}

func TestWhatIsWrittenSaysWhatAPlanTakes(t *testing.T) {
	t.Parallel()
	f, err := native.New(native.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const linked = `{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}],"link":[{"type":"seealso","other":{"identifier":`
	const task = `{"resourceType":"Task","intent":"order","code":{"coding":[{"system":"https://samvirke.github.io/fhir/CodeSystem/task","code":"`
	for _, c := range []struct{ name, code, resource string }{
		{"a plan with its next evaluation", "", `{"resourceType":"CarePlan","extension":[{"url":"https://samvirke.github.io/fhir/StructureDefinition/next-evaluation","valueDateTime":"2026-03-19"}]}`},
		{"a next evaluation that is no date", "bad-date", `{"resourceType":"CarePlan","extension":[{"url":"https://samvirke.github.io/fhir/StructureDefinition/next-evaluation","valueDateTime":"next week"}]}`},
		{"a period that is none", "bad-date", `{"resourceType":"CarePlan","period":{"start":"spring"}}`},
		{"a period backwards", "period-reversed", `{"resourceType":"CarePlan","period":{"start":"2026-03-19","end":"2026-03-01"}}`},
		{"a decision", "", task + `resolve-conflict"}]},"status":"completed","focus":{"reference":"Flag/c1"}}`},
		{"a decision about nothing", "no-task-focus", task + `resolve-conflict"}]},"status":"completed"}`},
		{"a decision without status", "no-task", task + `resolve-conflict"}]},"focus":{"reference":"Flag/c1"}}`},
		{"a hold", "", task + `hold-record"}]},"status":"in-progress","input":[{"type":{"text":"record"},"valueString":"a/b"}]}`},
		{"a hold of nothing", "no-record-key", task + `hold-record"}]},"status":"in-progress"}`},
		{"a member", "", `{"resourceType":"CareTeam","participant":[{"member":{"identifier":{"system":"urn:oid:2.16.578.1.12.4.1.2","value":"900100"}}}]}`},
		{"a member who is nobody", "no-member", `{"resourceType":"CareTeam","participant":[{"member":{"display":"somebody"}}]}`},
		{"a membership backwards", "period-reversed", `{"resourceType":"CareTeam","participant":[{"member":{"identifier":{"value":"900100"}},"period":{"start":"2026-02-01T10:00:00Z","end":"2026-01-01T10:00:00Z"}}]}`},
		{"a consent without status", "no-status", `{"resourceType":"Consent"}`},
		{"a link", "", linked + `{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"15076500565"}}}]}`},
		{"a link to nobody", "no-linked", linked + `{}}}]}`},
		{"a link to oneself", "linked-to-self", linked + `{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}}}]}`},
		{"a link with a slip in a digit", "check-digit", linked + `{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900217"}}}]}`},
	} {
		_, err := f.Parse(writeOf("plan-write", "N", c.resource))
		code := ""
		if err != nil {
			fault := samvirke.FaultOf(err)
			if code = fault.Code; fault.Class != samvirke.Invalid || fault.Path == "" || fault.Safe == "" || fault.Receipt == "" {
				t.Errorf("%s: incomplete fault %+v", c.name, fault)
			}
		}
		if code != c.code {
			t.Errorf("%s: %q (%v), want %q", c.name, code, err, c.code)
		}
		// A party's own update is carried, and said to be odd.
		p, err := f.Parse(writeOf("plan-update", "N", c.resource))
		if err != nil {
			t.Errorf("%s in a plan-update: %v", c.name, err)
			continue
		}
		warned := false
		for _, w := range p.Warnings {
			warned = warned || w.Code == c.code
		}
		if c.code != "" && !warned {
			t.Errorf("%s in a plan-update: no warning", c.name)
		}
		// What is taken back is not looked at.
		if _, err := f.Parse(writeOf("plan-write", "C", c.resource)); err != nil {
			t.Errorf("%s taken back: %v", c.name, err)
		}
	}
}
