package fhir_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/samply/golang-fhir-models/fhir-models/fhir"

	canon "github.com/samvirke/samvirke/fhir"
)

// anyView is a View whatever its type.
type anyView interface {
	Apply() error
	Bytes() []byte
}

type opener func(raw []byte) (v anyView, value reflect.Value, notes []canon.ViewNote, err error)

func open[T any](raw []byte) (anyView, reflect.Value, []canon.ViewNote, error) {
	v, err := canon.ReadView[T](raw)
	if err != nil {
		return nil, reflect.Value{}, nil, err
	}
	return v, reflect.ValueOf(&v.Value).Elem(), v.Notes, nil
}

// openers lists the types of the example resources.
func openers() map[string]opener {
	return map[string]opener{
		"AllergyIntolerance": open[fhir.AllergyIntolerance], "Bundle": open[fhir.Bundle], "CarePlan": open[fhir.CarePlan],
		"CareTeam": open[fhir.CareTeam], "CodeSystem": open[fhir.CodeSystem], "Communication": open[fhir.Communication],
		"Composition": open[fhir.Composition], "Condition": open[fhir.Condition], "Consent": open[fhir.Consent],
		"Device": open[fhir.Device], "DeviceUseStatement": open[fhir.DeviceUseStatement],
		"DiagnosticReport": open[fhir.DiagnosticReport], "DocumentReference": open[fhir.DocumentReference],
		"Encounter": open[fhir.Encounter], "FamilyMemberHistory": open[fhir.FamilyMemberHistory], "Flag": open[fhir.Flag],
		"Goal": open[fhir.Goal], "Immunization": open[fhir.Immunization],
		"ImmunizationRecommendation": open[fhir.ImmunizationRecommendation], "Media": open[fhir.Media],
		"Medication": open[fhir.Medication], "MedicationAdministration": open[fhir.MedicationAdministration],
		"MedicationStatement": open[fhir.MedicationStatement], "MessageDefinition": open[fhir.MessageDefinition],
		"MessageHeader": open[fhir.MessageHeader], "NamingSystem": open[fhir.NamingSystem], "Observation": open[fhir.Observation],
		"OperationOutcome": open[fhir.OperationOutcome], "Organization": open[fhir.Organization], "Patient": open[fhir.Patient],
		"Practitioner": open[fhir.Practitioner], "PractitionerRole": open[fhir.PractitionerRole],
		"Procedure": open[fhir.Procedure], "Provenance": open[fhir.Provenance], "ServiceRequest": open[fhir.ServiceRequest],
		"StructureDefinition": open[fhir.StructureDefinition], "Task": open[fhir.Task], "ValueSet": open[fhir.ValueSet],
	}
}

// sharedRoot finds the shared facts, or skips: they are not part of the repository.
func sharedRoot(t testing.TB) string {
	t.Helper()
	root := os.Getenv("SAMVIRKE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	if _, err := os.Stat(root); err != nil {
		t.Skip("shared facts not found: set SAMVIRKE_SHARED")
	}
	return filepath.Join(root, "standards")
}

// eachExample calls f for every resource in every JSON example: whole files, and the resources in them.
func eachExample(t *testing.T, f func(name, typ string, raw []byte)) {
	t.Helper()
	root := sharedRoot(t)
	for _, dir := range []string{"fhir/examples", "no/fhir/examples", "dk/examples"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n, err := canon.ParseNode(raw)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				return nil
			}
			walkResources(strings.TrimPrefix(path, root), n, f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func walkResources(name string, n *canon.Node, f func(name, typ string, raw []byte)) {
	if typ := n.Get("resourceType").Text(); typ != "" {
		f(name, typ, n.Bytes())
	}
	for _, k := range n.Keys() {
		walkResources(name+"/"+k, n.Get(k), f)
	}
	for i, k := range n.Items() {
		walkResources(fmt.Sprintf("%s/%d", name, i), k, f)
	}
}

func TestViewChangesNothingByItself(t *testing.T) {
	t.Parallel()
	all, refused := 0, 0
	eachExample(t, func(name, typ string, raw []byte) {
		open, ok := openers()[typ]
		if !ok {
			t.Errorf("%s: no view for %s in this test", name, typ)
			return
		}
		v, _, notes, err := open(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if err := v.Apply(); err != nil {
			t.Errorf("%s: apply: %v", name, err)
		}
		if got := v.Bytes(); string(got) != string(raw) {
			t.Errorf("%s: %s changed by a view without change", name, typ)
		}
		all++
		if len(notes) > 0 {
			refused++
		}
	})
	t.Logf("%d resources, %d of them with something the model refuses", all, refused)
	if all < 100 {
		t.Errorf("only %d resources read", all)
	}
}

// texts lists the settable leaves of a model value: texts, numbers and truth values, no codes.
func texts(v reflect.Value, out *[]reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), out)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return
		}
		for i := range v.Len() {
			texts(v.Index(i), out)
		}
	case reflect.String:
		if v.String() != "" {
			*out = append(*out, v)
		}
	case reflect.Bool:
		*out = append(*out, v)
	case reflect.Int:
		if _, code := v.Interface().(interface{ Code() string }); !code {
			*out = append(*out, v)
		}
	}
}

// change gives a leaf another value and returns that value as JSON.
func change(v reflect.Value) string {
	switch {
	case v.Type() == reflect.TypeFor[json.Number]():
		v.SetString("12345.670")
		return "12345.670"
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
		return fmt.Sprint(v.Bool())
	case v.Kind() == reflect.Int:
		v.SetInt(v.Int() + 1)
		return fmt.Sprint(v.Int())
	}
	const mark = "changed <by> a test \u2028"
	v.SetString(mark)
	return string(canon.String(mark).Bytes())
}

// leaves maps the path of every leaf to its value.
func leaves(n *canon.Node, path string, out map[string]string) {
	for _, k := range n.Keys() {
		leaves(n.Get(k), path+"."+k, out)
	}
	for i, k := range n.Items() {
		leaves(k, fmt.Sprintf("%s.%d", path, i), out)
	}
	if !n.IsObject() && !n.IsArray() {
		out[path] = string(n.Bytes())
	}
}

func TestViewChangesExactlyOneLeaf(t *testing.T) {
	t.Parallel()
	tried := 0
	eachExample(t, func(name, typ string, raw []byte) {
		open, ok := openers()[typ]
		if !ok || len(raw) > 40_000 {
			return
		}
		_, value, _, err := open(raw)
		if err != nil {
			t.Fatal(err)
		}
		var all []reflect.Value
		texts(value, &all)
		// Four leaves spread over the resource; all of them in small ones.
		for i := 0; i < len(all); i += 1 + len(all)/4 {
			v, value, _, _ := open(raw)
			var again []reflect.Value
			texts(value, &again)
			want := change(again[i])
			if err := v.Apply(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			tried++
			checkOneLeaf(t, name, raw, v.Bytes(), want)
		}
	})
	t.Logf("%d changes", tried)
	if tried < 500 {
		t.Errorf("only %d changes tried", tried)
	}
}

func checkOneLeaf(t *testing.T, name string, before, after []byte, want string) {
	t.Helper()
	a, b := map[string]string{}, map[string]string{}
	n, _ := canon.ParseNode(before)
	leaves(n, "", a)
	n, err := canon.ParseNode(after)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	leaves(n, "", b)
	if len(a) != len(b) {
		t.Errorf("%s: %d leaves became %d", name, len(a), len(b))
	}
	changed := 0
	for path, v := range a {
		if b[path] == v {
			continue
		}
		changed++
		if b[path] != want {
			t.Errorf("%s%s: %s, want %s", name, path, b[path], want)
		}
	}
	if changed != 1 {
		t.Errorf("%s: %d leaves changed, want 1", name, changed)
	}
}

func ptr[T any](v T) *T { return &v }

func TestViewEdits(t *testing.T) {
	t.Parallel()
	const observation = `{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p"}],` +
		`"status":"fantastic","_status":{"id":"s"},"code":{"text":"x"},"valueQuantity":{"value":2.50,"comparator":"<"},"futureElement":{"a":[1]}}`
	const patient = `{"resourceType":"Patient","name":[{"given":["A","B","C"],"_given":[null,{"id":"of-b"},null]},{"family":"F","_family":{"id":"f"}}]}`
	cases := []struct{ name, got, want string }{
		{"unknown code stays", edit(t, observation, func(o *fhir.Observation) { o.Code.Text = ptr("y") }),
			strings.Replace(observation, `"x"`, `"y"`, 1)},
		{"unknown code is replaced by the model's first one when asked for", edit(t, observation, func(o *fhir.Observation) { o.Status = fhir.ObservationStatusRegistered }),
			strings.Replace(observation, `"fantastic"`, `"registered"`, 1)},
		{"comparator and decimal stay", edit(t, observation, func(o *fhir.Observation) { o.ValueQuantity.Unit = ptr("m") }),
			strings.Replace(observation, `"comparator":"<"`, `"comparator":"<","unit":"m"`, 1)},
		{"comparator can be set", edit(t, observation, func(o *fhir.Observation) {
			o.ValueQuantity.Comparator = ptr(fhir.QuantityComparatorGreaterThan)
		}),
			strings.Replace(observation, `"<"`, `">"`, 1)},
		{"a value set to nil goes, with its extensions", edit(t, patient, func(p *fhir.Patient) { p.Name[1].Family = nil; p.Name[1].Text = ptr("T") }),
			strings.Replace(patient, `"family":"F","_family":{"id":"f"}`, `"text":"T"`, 1)},
		{"removing an element moves the extensions along", edit(t, patient, func(p *fhir.Patient) { p.Name[0].Given = p.Name[0].Given[1:] }),
			strings.Replace(patient, `"given":["A","B","C"],"_given":[null,{"id":"of-b"},null]`, `"given":["B","C"],"_given":[{"id":"of-b"},null]`, 1)},
		{"inserting an element too", edit(t, patient, func(p *fhir.Patient) { p.Name[0].Given = []string{"N", "A", "B", "C"} }),
			strings.Replace(patient, `"given":["A","B","C"],"_given":[null,{"id":"of-b"},null]`, `"given":["N","A","B","C"],"_given":[null,null,{"id":"of-b"},null]`, 1)},
		{"a new element holds nothing invented", edit(t, patient, func(p *fhir.Patient) {
			p.Communication = append(p.Communication, fhir.PatientCommunication{Preferred: ptr(true)})
			p.Link = append(p.Link, fhir.PatientLink{Other: fhir.Reference{Reference: ptr("Patient/2")}, Type: fhir.LinkTypeSeealso})
		}),
			strings.TrimSuffix(patient, "}") + `,"communication":[{"preferred":true}],"link":[{"other":{"reference":"Patient/2"},"type":"seealso"}]}`},
		{"no change, no empty variant of the event", edit(t, `{"resourceType":"MessageHeader","eventCoding":{"code":"a"}}`, func(*fhir.MessageHeader) {}),
			`{"resourceType":"MessageHeader","eventCoding":{"code":"a"}}`},
		{"keys are taken by exact name", edit(t, `{"resourceType":"Patient","Active":true}`, func(p *fhir.Patient) {
			if p.Active != nil {
				t.Error("Active was read as active")
			}
		}), `{"resourceType":"Patient","Active":true}`},
		{"wrong types are carried", edit(t, `{"resourceType":"Patient","active":"yes","name":{"family":"F"}}`, func(p *fhir.Patient) { p.Gender = ptr(fhir.AdministrativeGenderFemale) }),
			`{"resourceType":"Patient","active":"yes","name":{"family":"F"},"gender":"female"}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.got != c.want {
				t.Errorf("got  %s\nwant %s", c.got, c.want)
			}
		})
	}
}

func edit[T any](t *testing.T, raw string, f func(*T)) string {
	t.Helper()
	v, err := canon.ReadView[T]([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	f(&v.Value)
	if err := v.Apply(); err != nil {
		t.Fatal(err)
	}
	once := string(v.Bytes())
	if err := v.Apply(); err != nil {
		t.Fatal(err)
	}
	if twice := string(v.Bytes()); twice != once {
		t.Errorf("a second Apply changes again: %s, then %s", once, twice)
	}
	return once
}

func TestViewNotes(t *testing.T) {
	t.Parallel()
	v, err := canon.ReadView[fhir.Patient]([]byte(`{"resourceType":"Patient","gender":"other-word","name":[{"use":"official"},{"use":"nope"}],"active":3}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []canon.ViewNote{{Path: "gender", Code: "unknown-code"}, {Path: "name.1.use", Code: "unknown-code"}, {Path: "active", Code: "wrong-type"}}
	if !reflect.DeepEqual(v.Notes, want) {
		t.Errorf("notes %v, want %v", v.Notes, want)
	}
	if v.Value.Name[1].Use != nil || v.Value.Name[0].Use == nil {
		t.Error("an unknown code reads as a known one, or a known one is missing")
	}
}

func TestViewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, code string }{
		"other resource": {`{"resourceType":"Observation"}`, "resource-type"},
		"no type":        {`{"id":"1"}`, "resource-type"},
		"no object":      {`[]`, "resource-type"},
		"key twice":      {`{"resourceType":"Patient","a":1,"a":2}`, "json-duplicate-key"},
		"nothing":        {``, "json-syntax"},
	} {
		if _, err := canon.ReadView[fhir.Patient]([]byte(c.raw)); codeOf(err) != c.code {
			t.Errorf("%s: code %q, want %q", name, codeOf(err), c.code)
		}
	}
}

// FuzzView: a view without a change gives back what was read, whatever else stands there.
func FuzzView(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Patient","name":[{"given":["A",null],"_given":[null,{"id":"x"}],"use":"nope"}],"gender":"male","deceasedBoolean":1}`))
	f.Add([]byte(`{"resourceType":"Patient","contact":[{"relationship":[{}],"period":{"start":3}}],"link":[{"type":"x"}],"multipleBirthInteger":1.5}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := canon.ParseNode(raw)
		if err != nil {
			return
		}
		before := string(n.Bytes())
		v, err := canon.ViewOf[fhir.Patient](n)
		if err != nil {
			return
		}
		if err := v.Apply(); err != nil {
			t.Fatal(err)
		}
		if got := string(v.Bytes()); got != before {
			t.Fatalf("%s became %s", before, got)
		}
		v.Value.Language = ptr("nb")
		if err := v.Apply(); err != nil {
			t.Fatal(err)
		}
		if got := v.Node().Get("language").Text(); got != "nb" {
			t.Fatalf("language is %q after Apply", got)
		}
	})
}
