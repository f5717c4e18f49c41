package definition_test

import (
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

func node(t testing.TB, text string) *fhir.Node {
	t.Helper()
	n, err := fhir.ParseNode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCheck(t *testing.T) {
	tests := []struct{ name, in, path, code string }{
		{"good", `{"resourceType":"Patient","id":"a","active":true,"name":[{"given":["A",null],"_given":[null,{"id":"g"}]}],"birthDate":"2026-11"}`, "", ""},
		{"good with everything of a choice", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50,"comparator":"<"}}`, "", ""},
		{"required primitive as an extension", `{"resourceType":"Observation","_status":{"extension":[{"url":"u","valueCode":"x"}]},"code":{"text":"x"}}`, "", ""},
		{"no object", `[]`, "resource", definition.CodeShape},
		{"no type", `{}`, "resource", definition.CodeUnknownType},
		{"unknown type", `{"resourceType":"Sykehus"}`, "resource", definition.CodeUnknownType},
		{"a data type", `{"resourceType":"HumanName"}`, "resource", definition.CodeUnknownType},
		{"unknown element", `{"resourceType":"Patient","nick":"x"}`, "Patient.nick", definition.CodeUnknownElement},
		{"unknown element, name from outside", `{"resourceType":"Patient","Ada Sørli":"x"}`, "Patient.?", definition.CodeUnknownElement},
		{"choice without type", `{"resourceType":"Patient","deceased":true}`, "Patient.deceased", definition.CodeUnknownElement},
		{"choice of a type that is not allowed", `{"resourceType":"Patient","deceasedString":"x"}`, "Patient.deceasedString", definition.CodeUnknownElement},
		{"two variants", `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2026"}`, "Patient.deceased[x]", definition.CodeChoice},
		{"required primitive missing", `{"resourceType":"Observation","code":{"text":"x"}}`, "Observation.status", definition.CodeMissing},
		{"required object missing", `{"resourceType":"Observation","status":"final"}`, "Observation.code", definition.CodeMissing},
		{"required choice missing", `{"resourceType":"MessageHeader","source":{"endpoint":"urn:x"}}`, "MessageHeader.event", definition.CodeMissing},
		{"array for one", `{"resourceType":"Patient","gender":["male"]}`, "Patient.gender", definition.CodeShape},
		{"one for an array", `{"resourceType":"Patient","name":{"text":"x"}}`, "Patient.name", definition.CodeShape},
		{"text for a boolean", `{"resourceType":"Patient","active":"true"}`, "Patient.active", definition.CodeShape},
		{"text for a number", `{"resourceType":"Patient","multipleBirthInteger":"2"}`, "Patient.multipleBirthInteger", definition.CodeShape},
		{"text for an object", `{"resourceType":"Patient","name":["x"]}`, "Patient.name[0]", definition.CodeShape},
		{"arrays not level", `{"resourceType":"Patient","name":[{"given":["A"],"_given":[null,{"id":"g"}]}]}`, "Patient.name[0].given", definition.CodeShape},
		{"sibling of an object", `{"resourceType":"Patient","_name":[{"id":"g"}]}`, "Patient._name", definition.CodeUnknownElement},
		{"extension of an id", `{"resourceType":"Patient","_id":{"id":"g"}}`, "Patient._id", definition.CodeUnknownElement},
		{"bad date", `{"resourceType":"Patient","birthDate":"13.11.1969"}`, "Patient.birthDate", definition.CodeValue},
		{"decimal for an integer", `{"resourceType":"Patient","multipleBirthInteger":2.5}`, "Patient.multipleBirthInteger", definition.CodeValue},
		{"bad id", `{"resourceType":"Patient","id":"a b"}`, "Patient.id", definition.CodeValue},
		{"bad base64", `{"resourceType":"Patient","photo":[{"data":"abc"}]}`, "Patient.photo[0].data", definition.CodeValue},
		{"null character", `{"resourceType":"Patient","name":[{"text":"a\u0000b"}]}`, "Patient.name[0].text", definition.CodeValue},
		{"no character of XML", `{"resourceType":"Patient","name":[{"text":"a\ufffeb"}]}`, "Patient.name[0].text", definition.CodeValue},
		{"form feed", `{"resourceType":"Patient","name":[{"text":"a\fb"}]}`, "Patient.name[0].text", definition.CodeValue},
		{"null", `{"resourceType":"Patient","active":null}`, "Patient.active", definition.CodeEmpty},
		{"empty text", `{"resourceType":"Patient","name":[{"text":""}]}`, "Patient.name[0].text", definition.CodeEmpty},
		{"empty array", `{"resourceType":"Patient","name":[]}`, "Patient.name", definition.CodeEmpty},
		{"empty object", `{"resourceType":"Patient","name":[{}]}`, "Patient.name[0]", definition.CodeEmpty},
		{"code", `{"resourceType":"Patient","gender":"kvinne"}`, "Patient.gender", definition.CodeBinding},
		{"code of a data type", `{"resourceType":"Patient","name":[{"use":"kallenavn","text":"x"}]}`, "Patient.name[0].use", definition.CodeBinding},
		{"code of a type known from the schema", `{"resourceType":"Claim","use":"x","insurance":[{"coverage":{"display":"x"}}],"provider":{"display":"x"},"patient":{"display":"x"},"type":{"text":"x"},"priority":{"text":"x"}}`, "Claim.use", definition.CodeBinding},
		{"CodeableConcept", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"borte"}]}}`, "Condition.clinicalStatus", definition.CodeBinding},
		{"CodeableConcept of another system", `{"resourceType":"Condition","subject":{"display":"x"},"clinicalStatus":{"coding":[{"system":"urn:x","code":"active"}]}}`, "Condition.clinicalStatus", definition.CodeBinding},
		{"contained", `{"resourceType":"Patient","contained":[{"resourceType":"Organization","active":1}]}`, "Patient.contained[0].active", definition.CodeShape},
		{"entry", `{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"Basic"}}]}`, "Bundle.entry[0].resource.code", definition.CodeMissing},
		{"inside an extension of a primitive", `{"resourceType":"Patient","_birthDate":{"extension":[{"valueCode":"x"}]}}`, "Patient.birthDate.extension[0].url", definition.CodeMissing},
		{"recursive element", `{"resourceType":"Composition","status":"final","type":{"text":"x"},"date":"2026","author":[{"display":"x"}],"title":"x","section":[{"section":[{"title":1}]}]}`, "Composition.section[0].section[0].title", definition.CodeShape},
	}
	set := r4(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := set.Check(node(t, tt.in))
			if tt.code == "" {
				if len(got) > 0 {
					t.Errorf("got %v, want none", got)
				}
				return
			}
			if len(got) != 1 || got[0].Path != tt.path || got[0].Code != tt.code {
				t.Errorf("got %v, want one: %s %s", got, tt.path, tt.code)
			}
			if strings.Contains(got[0].String(), "Ada") {
				t.Errorf("an issue quotes the resource: %s", got[0])
			}
		})
	}
}

// A resource that is wrong everywhere gives a list with an end.
func TestCheckIsBounded(t *testing.T) {
	n := node(t, `{"resourceType":"Patient","name":[`+strings.Repeat(`{"x":1},`, 5000)+`{}]}`)
	if got := len(r4(t).Check(n)); got != definition.MaxIssues {
		t.Errorf("%d issues, want %d", got, definition.MaxIssues)
	}
}

func TestTables(t *testing.T) {
	set := r4(t)
	p := set.ResourceType("Patient")
	var names []string
	for _, e := range p.Elements[9:13] {
		names = append(names, e.Name)
	}
	if got := strings.Join(names, " "); got != "active name telecom gender" {
		t.Errorf("elements %s", got)
	}
	if f, ok := p.Field("deceasedDateTime"); !ok || f.Type.Name != "dateTime" || !f.Choice || f.Many() {
		t.Errorf("deceasedDateTime: %+v %v", f, ok)
	}
	if f, ok := set.Type("Extension").Field("url"); !ok || !f.Attr || f.Min != 1 {
		t.Errorf("Extension.url: %+v %v", f, ok)
	}
	if set.ResourceType("DomainResource") != nil || set.ResourceType("Claim") == nil || !set.Type("Claim").FromSchema {
		t.Error("abstract, or a resource known from the schema only")
	}
	if n := len(set.Type("Extension").Elements); n != 4 {
		t.Errorf("Extension has %d elements", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	set := r4(b)
	n := node(b, `{"resourceType":"Bundle","type":"collection","entry":[`+strings.TrimSuffix(strings.Repeat(`{"resource":{"resourceType":"Observation","status":"final",
		"code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9111","code":"1"}]},"effectiveDateTime":"2026-11-21T10:00:00+01:00","valueInteger":3}},`, 20), ",")+`]}`)
	b.ReportAllocs()
	for b.Loop() {
		if got := set.Check(n); got != nil {
			b.Fatal(got)
		}
	}
}

// Whatever JSON holds, the checks end, with a bounded list that names only elements.
func FuzzCheck(f *testing.F) {
	set := r4(f)
	f.Add(`{"resourceType":"Patient","meta":{"profile":["` + noBasis + `Patient"]},"name":[{"given":["A",null],"_given":[null,{"id":"g"}]}]}`)
	f.Add(`{"resourceType":"MedicationStatement","medicationReference":{"display":"x"},"reasonCode":[{"coding":[{"system":"x"}]}]}`)
	f.Fuzz(func(t *testing.T, raw string) {
		n, err := fhir.ParseNode([]byte(raw))
		if err != nil {
			return
		}
		for _, list := range [][]definition.Issue{set.Check(n), set.CheckDeclared(n)} {
			if len(list) > definition.MaxIssues {
				t.Fatalf("%d issues", len(list))
			}
		}
		for _, p := range set.ProfilesFor(n.Get("resourceType").Text()) {
			set.CheckProfile(n, p)
		}
	})
}
