package codes_test

import (
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/codes"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func TestLookup(t *testing.T) {
	var r codes.Register
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		system, code, want string
		verdict            codes.Verdict
	}{
		{fhir.SystemFunction, "1", "Sosial deltakelse", codes.Known},
		{fhir.SystemFunction, "18", "Ivareta egen økonomi", codes.Known},
		{fhir.SystemFunction, "19", "", codes.Unknown},
		{fhir.SystemFunction, "", "", codes.Unknown},
		{fhir.SystemAppRecError, "E10", "Ugyldig meldingsidentifikator", codes.Known},
		{fhir.SystemAppRecError, "E22", "", codes.Unknown}, // there is none
		{fhir.SystemEvent, "5", "", codes.Unknown},         // in the standard, missing in the published list: a note, never a refusal
		{fhir.SystemEvent, "13", "Pasienten er død", codes.Known},
		{"2.16.578.1.12.4.1.1.7309", "N", "Ny", codes.Known}, // a bare OID
		{fhir.SystemICD10, "I50", "", codes.NoList},
		{fhir.SystemICPC2, "T90", "", codes.NoList},
		{"http://loinc.org", "1", "", codes.NoList},
		{"", "", "", codes.NoList},
		{fhir.OIDVolven + "9999", "1", "", codes.NoList},
	}
	for _, tt := range tests {
		got, v := r.Lookup(tt.system, tt.code)
		if got != tt.want || v != tt.verdict {
			t.Errorf("Lookup(%s, %s) = %q, %v, want %q, %v", tt.system, tt.code, got, v, tt.want, tt.verdict)
		}
	}
	if got := r.Name(fhir.SystemICD10); got != "ICD-10" {
		t.Errorf("name of 7110: %q", got)
	}
}

// Every code of every list is found again, and its neighbours are not taken for it.
func TestEveryCode(t *testing.T) {
	mappingtest.Shared(t, "standards/no/codes/kodeverk.csv")
	var r codes.Register
	total := 0
	for _, s := range r.Systems() {
		total += s.Codes
	}
	if total < 2500 {
		t.Errorf("%d codes", total)
	}
	found := 0
	for _, row := range sourceRows(t) {
		if slices.IndexFunc(r.Systems(), func(s codes.System) bool { return s.Number == row[0] }) < 0 || row[2] == "" {
			continue
		}
		found++
		got, v := r.Lookup("urn:oid:"+row[1], strings.TrimSpace(row[2]))
		if v != codes.Known || got != strings.Join(strings.Fields(row[3]), " ") {
			t.Errorf("%s %s: %q, %v", row[0], row[2], got, v)
		}
		if _, v := r.Lookup("urn:oid:"+row[1], row[2]+"?"); v != codes.Unknown {
			t.Errorf("%s %s?: %v", row[0], row[2], v)
		}
	}
	if found != total {
		t.Errorf("%d codes in the source, %d here", found, total)
	}
}

// Every national system that the published examples use is named here.
func TestExamplesSystems(t *testing.T) {
	var r codes.Register
	oid := regexp.MustCompile(`2\.16\.578\.1\.12\.4\.1\.1\.(\d{4})\b`)
	unnamed := map[string]string{}
	for _, e := range mappingtest.Examples(t, nil) {
		for _, m := range oid.FindAllStringSubmatch(string(e.Raw(t)), -1) {
			if r.Name("urn:oid:"+m[0]) == "" {
				unnamed[m[1]] = e.File
			}
		}
	}
	for number, file := range unnamed {
		t.Errorf("system %s of %s is not in systems.txt", number, file)
	}
}

func TestDrifts(t *testing.T) {
	var r codes.Register
	for display, want := range map[string]bool{
		"Sosial deltakelse": false, "sosial  deltakelse.": false, "Fungere sosialt": true, "": false,
	} {
		if got := r.Drifts(fhir.SystemFunction, "1", display); got != want {
			t.Errorf("Drifts(%q) = %v", display, got)
		}
	}
	if r.Drifts(fhir.SystemFunction, "77", "Noe") || r.Drifts(fhir.SystemICD10, "I50", "Noe") {
		t.Error("what is not in the list cannot drift")
	}
}

func TestCheck(t *testing.T) {
	b, err := fhir.ParseBundle([]byte(`{"resourceType":"Bundle","type":"message","entry":[
	 {"resource":{"resourceType":"Observation","code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9111","code":"1","display":"Fungere sosialt"}]}}},
	 {"resource":{"resourceType":"Observation","code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9111","code":"99","display":"Ny variabel"},
	   {"system":"urn:oid:2.16.578.1.12.4.1.1.7110","code":"I50"},{"system":"http://loinc.org","code":"1"}]}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	before := string(b.Bytes())
	var r codes.Register
	got := r.Check(b)
	want := []codes.Finding{
		{Path: "Observation[0].code.coding[0]", Note: codes.NoteDrift, System: "9111", Code: "1", Display: "Fungere sosialt", Official: "Sosial deltakelse"},
		{Path: "Observation[1].code.coding[0]", Note: codes.NoteUnknown, System: "9111", Code: "99", Display: "Ny variabel"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if string(b.Bytes()) != before {
		t.Error("the message was changed")
	}
	if r.Check(nil) != nil {
		t.Error("findings in no message")
	}
}

// The register is read once, however many ask at the same time, and stays small.
func TestMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := new(codes.Register)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { r.Lookup(fhir.SystemFunction, "1") })
	}
	wg.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	live := int64(after.HeapAlloc) - int64(before.HeapAlloc) //nolint:gosec // far from the bounds
	t.Logf("%d KB live", live>>10)
	if live > 1<<20 {
		t.Errorf("%d bytes live", live)
	}
	runtime.KeepAlive(r)
}

func BenchmarkLookup(b *testing.B) {
	var r codes.Register
	r.Lookup(fhir.SystemFunction, "1")
	for b.Loop() {
		r.Lookup(fhir.OIDVolven+"7448", "53")
	}
}
