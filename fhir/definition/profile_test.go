package definition_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/fhir/fhirxml"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

const noBasis = "http://hl7.no/fhir/StructureDefinition/no-basis-"

func TestCheckProfile(t *testing.T) {
	reaction := func(coding string) string {
		return `{"reaction":[{"manifestation":[{"coding":[` + coding + `]}]}]}`
	}
	manifestation := `{"system":"urn:uid:2.16.578.1.12.4.1.1.7497","code":"1","display":"x"}`
	tests := []struct{ name, profile, in, path, code string }{
		{"identifier with system and value", "Patient", `{"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}]}`, "", ""},
		{"identifier of a slice without value", "Patient", `{"identifier":[{"system":"urn:x"},{"system":"urn:oid:2.16.578.1.12.4.1.4.1"}]}`, "Patient.identifier[1].value", definition.CodeMissing},
		{"value as an extension stands", "Patient", `{"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.2","_value":{"id":"a"}}]}`, "", ""},
		{"identifier outside the slices", "Patient", `{"identifier":[{"system":"urn:x"}]}`, "", ""},
		{"identifier of an enterprise", "Organization", `{"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.101"}]}`, "Organization.identifier[0].value", definition.CodeMissing},
		{"code list of a slice", "Organization", `{"type":[{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.8624","code":"ingen"}]}]}`, "Organization.type[0]", definition.CodeBinding},
		{"slice told by coding.system, without code", "PractitionerRole", `{"specialty":[{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.8451"}]}]}`, "PractitionerRole.specialty[0].coding[0].code", definition.CodeMissing},
		{"cardinality", "AllergyIntolerance", `{"patient":{"display":"x"}}`, "AllergyIntolerance.reaction", definition.CodeMissing},
		{"cardinality of a good one", "AllergyIntolerance", reaction(manifestation), "", ""},
		{"one coding at most", "AllergyIntolerance", reaction(manifestation + "," + manifestation), "AllergyIntolerance.reaction[0].manifestation[0].coding", definition.CodeTooMany},
		{"fixed value", "AllergyIntolerance", reaction(`{"system":"urn:x","code":"1","display":"x"}`), "AllergyIntolerance.reaction[0].manifestation[0].coding[0].system", definition.CodeFixed},
		{"a type that must stand", "MedicationStatement", `{"medicationCodeableConcept":{"text":"x"}}`, "MedicationStatement.medication[x]:medicationReference", definition.CodeMissing},
		{"the type that must stand", "MedicationStatement", `{"medicationReference":{"display":"x"}}`, "", ""},
		{"slice may stand once", "MedicationStatement", `{"medicationReference":{"display":"x"},"reasonCode":[` +
			`{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.7170","code":"K90","display":"x"}]},{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.7170","code":"K90","display":"x"}]}]}`,
			"MedicationStatement.reasonCode:ICPC2", definition.CodeTooMany},
		{"profile of a data type", "Patient", `{"address":[{"district":"x"},{"extension":[{"url":"http://hl7.no/fhir/StructureDefinition/no-basis-urban-district"},{"url":"http://hl7.no/fhir/StructureDefinition/no-basis-urban-district"}]}]}`,
			"Patient.address[1].extension:urbanDistrict", definition.CodeTooMany},
		{"extension of a primitive", "Address", `{"district":"x","_district":{"extension":[{"url":"http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode"},{"url":"http://hl7.no/fhir/StructureDefinition/no-basis-municipalitycode"}]}}`,
			"Address.district.extension:municipalitycode", definition.CodeTooMany},
		{"coding told by its code list", "Appointment", `{"appointmentType":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.8406","code":"1"},{"system":"urn:oid:2.16.578.1.12.4.1.1.8406","code":"2"}]}}`,
			"Appointment.appointmentType.coding:omsorgsNiva", definition.CodeTooMany},
	}
	set := r4(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := set.Profile(noBasis + tt.profile + "|2.0")
			if p == nil {
				t.Fatal("no such profile")
			}
			got := set.CheckProfile(node(t, tt.in), p)
			if tt.code == "" {
				if len(got) > 0 {
					t.Errorf("got %v, want none", got)
				}
				return
			}
			if len(got) != 1 || got[0].Path != tt.path || got[0].Code != tt.code || got[0].Profile == "" {
				t.Errorf("got %v, want one: %s %s", got, tt.path, tt.code)
			}
		})
	}
}

func TestCheckDeclared(t *testing.T) {
	in := `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Basic"}},{"resource":{"resourceType":"Basic","contained":[
		{"resourceType":"Person","meta":{"profile":["urn:x","` + noBasis + `Person"]},"identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1"}]}]}}]}`
	got := r4(t).CheckDeclared(node(t, in))
	if len(got) != 1 || got[0].Path != "Bundle.entry[1].resource.contained[0].identifier[0].value" || got[0].Profile != noBasis+"Person" {
		t.Errorf("got %v", got)
	}
	if n := len(r4(t).ProfilesFor("Patient")); n != 1 {
		t.Errorf("%d profiles for Patient", n)
	}
}

// The published Norwegian examples keep the rules of R4 and of the profiles that they name, but for
// what is listed here.
func TestNorwegianExamples(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(mappingtest.Shared(t, "standards/no/fhir/examples"), "*.xml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	known := map[string]bool{"no-basis-HealthcareService-example.xml: HealthcareService.id: value": true} // a space in an id
	set := r4(t)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := fhirxml.Parse(raw, fhirxml.Options{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, i := range append(set.Check(n), set.CheckDeclared(n)...) {
			if at := filepath.Base(path) + ": " + i.Path + ": " + i.Code; !known[at] {
				t.Errorf("%s: %s", filepath.Base(path), i)
			} else {
				delete(known, at)
			}
		}
	}
	for at := range known {
		t.Errorf("no longer found: %s", at)
	}
}
