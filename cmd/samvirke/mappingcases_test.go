package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// casesDir is a folder of cases with a configuration of its own.
func casesDir(t *testing.T) (dir string, write func(name, text string)) {
	t.Helper()
	dir = t.TempDir()
	write = func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good, err := os.ReadFile(filepath.Join("..", "..", "testdata", "s1", "06-log-utskrivningsklar.xml"))
	if err != nil {
		t.Fatal(err)
	}
	write("plain.xml", string(good))
	write("to-city/ready.xml", string(good))
	write("to-city/ready.case.yaml", "from: hospital\nto: city\n")
	write("swapped.xml", strings.Replace(string(good), "11064700342", "11064700432", 1))
	write("swapped.case.yaml", "refused: check-digit\n")
	write("samvirke.yaml", `environment: test
parties:
  - {id: hospital, role: hospital, token: a-token-that-is-long, estimate: inverted}
  - id: city
    role: municipality
    municipality: "9901"
    endpoint: {url: "http://127.0.0.1:1/messages"}
    accepts: [{format: kith, versions: ["1.5"]}]
    codemaps: [city.yaml]
`)
	write("city.yaml", `codemaps:
  - system: "9034"
    codes: [{from: "3", to: "99", display: Vakthavende}]
`)
	return dir, write
}

func TestMappingCases(t *testing.T) {
	t.Parallel()
	dir, write := casesDir(t)
	code, out, _ := command(t, nil, "mapping", "test", dir)
	if code != exitFailed || !strings.Contains(out, "write it with --update") || !strings.Contains(out, "swapped.xml: ok") {
		t.Fatalf("before: code %d: %s", code, out)
	}
	if code, out, _ = command(t, nil, "mapping", "test", "--update", dir); code != exitOK {
		t.Fatalf("update: code %d: %s", code, out)
	}
	wanted, err := os.ReadFile(filepath.Join(dir, "to-city", "ready.want.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"Pasientlogistikk/2009-06-30", `V="99"`, "Vakthavende", "<Anslag>true"} {
		if !strings.Contains(string(wanted), s) {
			t.Errorf("%s is not in what the city gets", s)
		}
	}
	code, out, _ = command(t, nil, "mapping", "test", "--json", dir)
	var all []goldenCase
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != exitOK || len(all) != 3 {
		t.Fatalf("code %d, %v: %s", code, err, out)
	}
	// A change of the site's code map shows in its case and nowhere else, by line.
	write("city.yaml", "codemaps:\n  - system: \"9034\"\n    codes: [{from: \"3\", to: \"98\", display: Vakthavende}]\n")
	code, out, _ = command(t, nil, "mapping", "test", dir)
	if code != exitFailed || strings.Count(out, ": ok") != 2 || !strings.Contains(out, "differs from ready.want.xml at line") || !strings.Contains(out, `V="98"`) {
		t.Errorf("after a change: code %d: %s", code, out)
	}
}

func TestMappingCasesThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, text, want string }{
		"unknown key":    {"plain.case.yaml", "form: hospital\n", "line 1: field form not found"},
		"unknown party":  {"plain.case.yaml", "to: nobody\n", `no party "nobody"`},
		"sender only":    {"plain.case.yaml", "to: hospital\n", "reads no format"},
		"not refused":    {"plain.case.yaml", "refused: check-digit\n", "should be refused with check-digit"},
		"other refusal":  {"swapped.case.yaml", "refused: schema\n", "refused with check-digit, wanted schema"},
		"refused at all": {"swapped.case.yaml", "from: hospital\n", "check-digit"},
		"bad config":     {"city.yaml", "codemaps:\n  - system: x\n", "city.yaml:2:"},
		"no config":      {"to-city/ready.case.yaml", "to: city\nconfig: none.yaml\n", "none.yaml"},
		"not sendable":   {"to-city/ready.xml", "", "deciding-clinician"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, write := casesDir(t)
			if c.text == "" {
				raw, err := os.ReadFile(filepath.Join(dir, c.file))
				if err != nil {
					t.Fatal(err)
				}
				c.text = strings.Replace(string(raw), "<fk1:FamilyName>Myhre</fk1:FamilyName>", "", 1)
			}
			write(c.file, c.text)
			code, out, errs := command(t, nil, "mapping", "test", dir)
			if code != exitFailed || !strings.Contains(out, c.want) {
				t.Errorf("code %d: %s%s, want %q", code, out, errs, c.want)
			}
		})
	}
}

// TestMappingCaseOfFHIR: a FHIR message is a case too, written as the party reads it.
func TestMappingCaseOfFHIR(t *testing.T) {
	t.Parallel()
	dir, write := casesDir(t)
	if code, out, _ := command(t, nil, "mapping", "test", "--update", dir); code != exitOK {
		t.Fatal(out)
	}
	fhirMessage, err := os.ReadFile(filepath.Join(dir, "plain.json"))
	if err != nil {
		t.Fatal(err)
	}
	write("from-fhir.in.json", string(fhirMessage))
	write("from-fhir.case.yaml", "to: city\nversion: \"1.6\"\n")
	if code, out, _ := command(t, nil, "mapping", "test", "--update", dir); code != exitOK {
		t.Fatal(out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "from-fhir.want.xml"))
	if err != nil || !strings.Contains(string(got), "Pasientlogistikk/2012-04-01") || !strings.Contains(string(got), `V="99"`) {
		t.Errorf("%v: %s", err, got)
	}
	if code, out, _ := command(t, nil, "mapping", "test", dir); code != exitOK || strings.Count(out, ": ok") != 4 {
		t.Errorf("code %d: %s", code, out)
	}
}

// TestCopyTo: what a party sends goes to its copy receivers besides, and route test shows by which rule.
func TestCopyTo(t *testing.T) {
	t.Parallel()
	name := siteConfig(t, "", nil)
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	more := strings.Replace(string(raw), "    token: a-token", "    copy_to: [archive]\n    token: a-token", 1) +
		"  - id: archive\n    role: other\n    endpoint: {url: \"http://127.0.0.1:2/messages\"}\n    accepts: [{format: kith}]\n"
	if err := os.WriteFile(name, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := command(t, nil, "route", "test", "--json", "--config", name, filepath.Join("..", "..", "testdata", "s1", "06-log-utskrivningsklar.xml"))
	if code != exitOK || !strings.Contains(out, `"archive"`) || !strings.Contains(out, "copies of what hospital sends") || !strings.Contains(out, `"city"`) {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
}
