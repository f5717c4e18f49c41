package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/internal/config"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/testdata"
)

// command runs one command in this process.
func command(t *testing.T, stdin []byte, args ...string) (code int, out, words string) {
	t.Helper()
	var o, w bytes.Buffer
	a := &app{ctx: t.Context(), in: bytes.NewReader(stdin), out: &o, errs: &w, getenv: os.Getenv}
	code = a.run(args)
	return code, o.String(), w.String()
}

// courseFiles writes the messages of S1 to a folder and gives their names in order.
func courseFiles(t *testing.T) []string {
	t.Helper()
	course, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var names []string
	for _, s := range course.Steps {
		name := filepath.Join(dir, s.File)
		if err := os.WriteFile(name, s.Body, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	good := simulate.Admission{ID: uuid.NewString(), Person: 3}.XML()
	bad := bytes.Replace(good, []byte("<Anslag>false<"), []byte("<Anslag>kanskje<"), 1)
	for _, c := range []struct {
		name  string
		stdin []byte
		args  []string
		want  int
		say   string // must stand in output or words
	}{
		{"version", nil, []string{"version"}, exitOK, version},
		{"help", nil, []string{"--help"}, exitOK, "Commands:"},
		{"no command", nil, nil, exitUsage, "expected one of"},
		{"unknown flag", nil, []string{"version", "--loud"}, exitUsage, "unknown flag"},
		{"valid message", good, []string{"validate", "-"}, exitOK, "valid LOG_INNLAGT 1.6"},
		{"invalid message", bad, []string{"validate", "-"}, exitBadMessage, "schema"},
		{"schema only", bad, []string{"validate", "--schema-only", "-"}, exitBadMessage, "schema"},
		{"test person in production", good, []string{"validate", "--production", "-"}, exitBadMessage, "E36"},
		{"to FHIR", good, []string{"translate", "--to", "fhir", "-"}, exitOK, `"resourceType": "MessageHeader"`},
		{"to KITH", good, []string{"translate", "--to", "kith", "-"}, exitOK, "<MsgHead"},
		{"no message", []byte("hei"), []string{"translate", "--to", "fhir", "-"}, exitBadMessage, "not-xml"},
		{"DOCTYPE", []byte("<!DOCTYPE x><x/>"), []string{"validate", "-"}, exitBadMessage, "doctype [T01]"},
		{"plan as JSON", good, []string{"plan", "fold", "--json", "-"}, exitOK, `"patient"`},
		{"missing file", nil, []string{"validate", "/no/such/file"}, exitUsage, "no such file"},
		{"bad config", nil, []string{"check", "--config", "/no/such/file"}, exitBadConfig, "/no/such/file"},
		{"no store", nil, []string{"queue", "list"}, exitUsage, "--data"},
		{"kinds with a table", nil, []string{"mapping", "show"}, exitOK, "INNLEGGELSESRAPPORT"},
		{"element table", nil, []string{"mapping", "show", "LOG_INNLAGT"}, exitOK, "TidspunktForHendelse"},
		{"element table with codes", nil, []string{"mapping", "show", "LOG_INNLAGT"}, exitOK, "8116/9051, which gives identifier.system"},
		{"element table by the type code of old epicrises", nil, []string{"mapping", "show", "E"}, exitOK, "CODES"},
		{"element table by the type code of old referrals", nil, []string{"mapping", "show", "h"}, exitOK, "CODES"},
		{"element table of a kind with an old version only", nil, []string{"mapping", "show", "FRAVARSMELDING"}, exitOK, "Fraversassistent"},
		{"no such table", nil, []string{"mapping", "show", "TULL"}, exitUsage, "no table"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out, words := command(t, c.stdin, c.args...)
			if code != c.want || !strings.Contains(out+words, c.say) {
				t.Errorf("exit code %d, want %d, with %q in:\n%.600s\n%.600s", code, c.want, c.say, out, words)
			}
		})
	}
}

func TestConfigWithFiveMistakesAtOnce(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "c.yaml")
	text := "listen: nowhere\nlisen: x\nparties:\n  - id: Hospital One\n    role: hospitall\n    her: [\"12a\"]\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ := command(t, nil, "check", "--config", name)
	if code != exitBadConfig {
		t.Errorf("exit code %d", code)
	}
	for _, line := range []string{":1:", ":2:", ":4:", ":5:", ":6:"} {
		if !strings.Contains(out, name+line) {
			t.Errorf("no mistake reported at line %s\n%s", line, out)
		}
	}
	if !strings.Contains(out, "listen") {
		t.Errorf("no suggestion for the misspelt key\n%s", out)
	}
}

// TestPlanSettings: rules and times that do not exist are found by check, and a rule that is off is off in the gateway.
func TestPlanSettings(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "c.yaml")
	text := "environment: test\nparties:\n  - id: hospital\n    role: hospital\n    her: [\"8000001\"]\n    folder:\n      in: in\nplan:\n  rules_off: [R77]\n" +
		"  priority:\n    - field: next-evaluation\n      her: [\"8000001\"]\nfigures:\n  when: never\n  population:\n    - municipality: \"5001\"\n      inhabitants: 1000\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, words := command(t, nil, "check", "--config", name)
	if code != exitBadConfig || !strings.Contains(out+words, `no rule is called "R77"`) || !strings.Contains(out+words, "figures.when") {
		t.Errorf("exit code %d\n%s%s", code, out, words)
	}
	o, err := planRules(&config.Config{Plan: config.Plan{RulesOff: []string{"R8"}, Priority: []config.Priority{{Field: "coordinator", HER: []string{"1", "2"}}}}})
	if err != nil || !slices.Equal(o.Off, []string{"R8"}) || !slices.Equal(o.Priority["coordinator"], []string{"1", "2"}) {
		t.Errorf("options %+v, %v", o, err)
	}
}

func TestPlanFoldGivesTheSameBytesInAnyOrder(t *testing.T) {
	t.Parallel()
	files := courseFiles(t)
	code, want, words := command(t, nil, append([]string{"plan", "fold"}, files...)...)
	if code != exitOK || !json.Valid([]byte(want)) {
		t.Fatalf("exit code %d: %s", code, words)
	}
	backwards := slices.Clone(files)
	slices.Reverse(backwards)
	twice := append(slices.Clone(backwards), files...)
	for name, list := range map[string][]string{"reversed": backwards, "everything twice": twice} {
		if _, got, words := command(t, nil, append([]string{"plan", "fold"}, list...)...); got != want {
			t.Errorf("%s: other bytes %s", name, words)
		}
	}
}

func TestPlanFoldTakesOnePatientAtATime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var names []string
	for i := range 2 {
		names = append(names, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(names[i], simulate.Admission{ID: uuid.NewString(), Person: i}.XML(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, _ := command(t, nil, "plan", "fold", names[0], names[1]); code != exitUsage {
		t.Errorf("exit code %d", code)
	}
}

// The FHIR form is all that the way back reads: what is changed there changes in the XML and nothing else.
func TestTranslateThereAndBack(t *testing.T) {
	t.Parallel()
	good := simulate.Admission{ID: uuid.NewString(), Person: 3, Remark: "no 1"}.XML()
	code, fhir, words := command(t, good, "translate", "--to", "fhir", "-")
	if code != exitOK {
		t.Fatal(words)
	}
	code, back, words := command(t, []byte(fhir), "translate", "--to", "kith", "-")
	if code != exitOK {
		t.Fatal(words)
	}
	changed := strings.Replace(fhir, `"Prøvesen"`, `"Nordmann"`, 1)
	if changed == fhir {
		t.Fatal("no family name in the FHIR form")
	}
	_, other, _ := command(t, []byte(changed), "translate", "--to", "kith", "-")
	if want := strings.Replace(back, "<FamilyName>Prøvesen<", "<FamilyName>Nordmann<", 1); other != want || other == back {
		t.Errorf("the change shows up as\n%s\nwant\n%s", other, want)
	}
	if _, again, _ := command(t, []byte(back), "translate", "--to", "kith", "-"); again != back {
		t.Error("a second way there and back changes bytes")
	}
}

func TestRouteTestExplains(t *testing.T) {
	t.Parallel()
	cfg := writeConfig(t, "127.0.0.1:0", t.TempDir(), "http://127.0.0.1:9/", "http://127.0.0.1:9/", "")
	msg := simulate.Admission{ID: uuid.NewString(), Person: 3}.XML()
	code, out, words := command(t, msg, "route", "test", "--config", cfg, "-")
	if code != exitOK || !strings.Contains(out, "city") || !strings.Contains(out, "addressees") {
		t.Errorf("exit code %d: %s %s", code, out, words)
	}
}

func TestMappingTestComparesGoldenCases(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.xml"), simulate.Admission{ID: uuid.NewString(), Person: 3}.XML(), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := command(t, nil, "mapping", "test", dir); code != exitFailed {
		t.Error("a case without a wanted file passes")
	}
	if code, _, words := command(t, nil, "mapping", "test", "--update", dir); code != exitOK {
		t.Error(words)
	}
	if code, out, _ := command(t, nil, "mapping", "test", dir); code != exitOK {
		t.Error(out)
	}
	want := filepath.Join(dir, "a.json")
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(want, bytes.Replace(b, []byte("Torvild"), []byte("Tove"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := command(t, nil, "mapping", "test", dir); code != exitFailed || !strings.Contains(out, "Tove") {
		t.Errorf("a difference is not told: %s", out)
	}
}
