package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/testdata"
)

// runDemo plays S1 once and gives exit code, summary and everything that was logged.
func runDemo(t *testing.T, spoil func(*testdata.Course)) (int, demoSummary, string) {
	t.Helper()
	var out, words bytes.Buffer
	a := &app{ctx: t.Context(), out: &out, errs: &words, getenv: os.Getenv}
	c := &demoCmd{Listen: "127.0.0.1:0", Once: true, JSON: true, Log: true, spoil: spoil}
	code := a.end(c.Run(a))
	var sum demoSummary
	if err := json.Unmarshal(out.Bytes(), &sum); err != nil {
		t.Fatalf("summary is no JSON: %v\n%s\n%s", err, out.String(), words.String())
	}
	return code, sum, words.String()
}

func TestDemoPlaysS1AndNamesNobodyInTheLog(t *testing.T) {
	code, sum, log := runDemo(t, nil)
	if code != exitOK || !sum.OK || len(sum.Checks) < 110 || len(sum.Steps) != 34 {
		t.Errorf("exit code %d, %d checks: %+v", code, len(sum.Checks), sum)
	}
	course, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := strings.Cut(course.Patient, "|")
	for _, word := range []string{number, "Solvang", "Harald", "Marit", "Bekkeveien"} {
		if strings.Contains(log, word) {
			t.Errorf("the log holds %q", word)
		}
	}
	if !strings.Contains(log, "level=") {
		t.Error("nothing was logged: the test shows nothing")
	}
}

// Each of these breaks one expectation on purpose; the demo must notice.
func TestDemoNoticesABrokenExpectation(t *testing.T) {
	for name, c := range map[string]struct{ file, old, new string }{
		"a score":    {"s1/04", "<Vurdering>2</Vurdering>", "<Vurdering>3</Vurdering>"},
		"a time":     {"s1/08", `V="2026-01-24T08:45:00"`, `V="2026-01-24T08:46:00"`},
		"a proposal": {"s1/12", `"rejected"`, `"accepted"`},
		"a zone":     {"s1/13", `"valueCode": "red"`, `"valueCode": "green"`},
		"a light":    {"s1/23", `"code": "red"`, `"code": "yellow"`},
		"an outcome": {"s1/33", `"valueCode": "less"`, `"valueCode": "more"`},
	} {
		t.Run(name, func(t *testing.T) {
			code, sum, _ := runDemo(t, func(course *testdata.Course) {
				for i := range course.Steps {
					s := &course.Steps[i]
					if strings.HasPrefix("s1/"+s.File, c.file) {
						if !bytes.Contains(s.Body, []byte(c.old)) {
							t.Fatalf("%s does not hold %s", s.File, c.old)
						}
						s.Body = bytes.ReplaceAll(s.Body, []byte(c.old), []byte(c.new))
					}
				}
			})
			if code != exitFailed || sum.OK {
				t.Errorf("exit code %d, ok %t: the broken expectation went unnoticed", code, sum.OK)
			}
		})
	}
}
