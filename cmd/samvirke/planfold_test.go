package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
	"github.com/samvirke/samvirke/testdata"
)

// keptMessages writes every message that a store has kept to a file of its own.
func keptMessages(t *testing.T, data string) []string {
	t.Helper()
	st, err := sqlite.OpenReader(data)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close() //nolint:errcheck // reading only
	ms, err := st.Messages(t.Context(), queue.MessageFilter{Limit: queue.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var files []string
	for i, m := range ms {
		d, err := st.Message(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%03d", i)))
		if err := os.WriteFile(files[i], d.Raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func foldFiles(t *testing.T, files []string, more ...string) string {
	t.Helper()
	code, out, words := command(t, nil, append(append([]string{"plan", "fold"}, more...), files...)...)
	if code != exitOK {
		t.Fatalf("plan fold: %d %s", code, words)
	}
	return out
}

// TestFoldIsThePlanOfTheGateway: all that the gateway kept of the whole course (messages, receipts, a write over REST, a
// person's decision), folded by the configuration, is the plan that the gateway has; in any order.
func TestFoldIsThePlanOfTheGateway(t *testing.T) {
	dir := t.TempDir()
	if code, _, words := command(t, nil, "demo", "--once", "--json", "--data", dir); code != exitOK {
		t.Fatalf("demo: %d %s", code, words)
	}
	course, err := testdata.S1Whole()
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(dir, "store")
	code, shown, words := command(t, nil, "plan", "show", "--data", store, course.Patient)
	if code != exitOK {
		t.Fatalf("plan show: %d %s", code, words)
	}
	var plan careplan.Plan
	if err := json.Unmarshal([]byte(shown), &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Shared.Conflicts) != 1 || plan.Shared.Conflicts[0].Status != "resolved" {
		t.Fatalf("the course has no settled conflict, and the test shows nothing: %+v", plan.Shared.Conflicts)
	}
	files := keptMessages(t, store)
	config := filepath.Join(dir, "samvirke.yaml")
	want := foldFiles(t, files, "--config", config)
	var folded careplan.Plan
	if err := json.Unmarshal([]byte(want), &folded); err != nil {
		t.Fatal(err)
	}
	if a, b := folded.JSON(), plan.JSON(); !bytes.Equal(a, b) {
		t.Errorf("fold and gateway differ:\n%s\n%s", a, b)
	}
	seed := time.Now().UnixNano()
	r := rand.New(rand.NewPCG(uint64(seed), 1)) //nolint:gosec // a test's order, and any seed will do
	for range 3 {
		r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		if got := foldFiles(t, files, "--config", config); got != want {
			t.Fatalf("seed %d: another order gives another plan:\n%s\n%s", seed, got, want)
		}
	}
}

// foldTime is the time of a message of the tests below.
func foldTime(minute int) string {
	return time.Date(2026, 3, 12, 9, minute, 0, 0, time.UTC).Format(time.RFC3339)
}

// receiptFrom writes the receipt by which the municipality answers a message of the GP.
func receiptFrom(t *testing.T, fs []mapping.Format, message []byte, status samvirke.ReceiptStatus, minute int) []byte {
	t.Helper()
	p, fault := parse(fs, message)
	if fault != nil {
		t.Fatal(fault)
	}
	c := samvirke.ReceiptContent{Status: status, OriginalID: p.Envelope.ID, OriginalKind: p.Envelope.Kind, OriginalIssued: foldTime(0)}
	if status == samvirke.ReceiptRejected {
		c.Errors = []samvirke.ReceiptError{{Code: "X99"}}
	}
	at, err := time.Parse(time.RFC3339, foldTime(minute))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fs {
		if f.Name() != p.Envelope.Format {
			continue
		}
		r, err := f.RenderReceipt(&p.Envelope, 0, c, mapping.Target{Now: at, NewID: letterID(fmt.Sprint("receipt", status, minute))})
		if err != nil {
			t.Fatal(err)
		}
		return r.Body
	}
	t.Fatal("no format writes the receipt")
	return nil
}

// TestFoldTakesReceipts: who has answered a message with a positive receipt has seen it. What they write well after
// that settles the field; without the receipt, with a refusal, or right after it, it is a conflict.
func TestFoldTakesReceipts(t *testing.T) {
	fs, err := formats(false)
	if err != nil {
		t.Fatal(err)
	}
	gp := nativeMessage("gp", "plan-update", foldTime(0), coursePerson, []string{"municipality"}, nextEvaluationNode(t, "2026-03-19"))
	town := nativeMessage("municipality", "plan-update", foldTime(30), coursePerson, []string{"gp"}, nextEvaluationNode(t, "2026-03-26"))
	for name, c := range map[string]struct {
		receipt   []byte
		conflicts int
	}{
		"no receipt":       {nil, 1},
		"accepted":         {receiptFrom(t, fs, gp, samvirke.ReceiptOK, 5), 0},
		"refused":          {receiptFrom(t, fs, gp, samvirke.ReceiptRejected, 5), 1},
		"a moment before":  {receiptFrom(t, fs, gp, samvirke.ReceiptOK, 28), 1}, // less than the five minutes of rule 3
		"about other news": {bytes.ReplaceAll(receiptFrom(t, fs, gp, samvirke.ReceiptOK, 5), []byte(bundleID(t, gp)), []byte(letterID("other"))), 1},
	} {
		t.Run(name, func(t *testing.T) {
			bodies := [][]byte{gp, town}
			if c.receipt != nil {
				bodies = append(bodies, c.receipt)
			}
			var want string
			for shift := range bodies { // every rotation
				var files []string
				for i := range bodies {
					name := filepath.Join(t.TempDir(), fmt.Sprint(i))
					if err := os.WriteFile(name, bodies[(i+shift)%len(bodies)], 0o600); err != nil {
						t.Fatal(err)
					}
					files = append(files, name)
				}
				got := foldFiles(t, files)
				if want == "" {
					want = got
				}
				if got != want {
					t.Errorf("another order gives another plan:\n%s\n%s", got, want)
				}
			}
			var p careplan.Plan
			if err := json.Unmarshal([]byte(want), &p); err != nil {
				t.Fatal(err)
			}
			if len(p.Shared.Conflicts) != c.conflicts {
				t.Errorf("%d conflicts, want %d: %s", len(p.Shared.Conflicts), c.conflicts, want)
			}
		})
	}
}

// TestFoldTakesRoles: a link of two numbers counts when the configuration says that its sender is the identity
// authority, and from nobody else.
func TestFoldTakesRoles(t *testing.T) {
	dnr := otherPerson(t, fhir.TypeDNR)
	patient := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", coursePerson)),
		"link", fhir.NewArray(fhir.NewObject("type", "seealso", "other", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemDNR, "value", dnr)))))
	dir := t.TempDir()
	write := func(name string, body []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, body, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	in := letter{step: 1, edits: []string{"<Id>" + coursePerson + "</Id>", "<Id>" + dnr + "</Id>", `V="FNR" DN="Fødselsnummer"`, `V="DNR" DN="D-nummer"`}}.xml(t)
	files := []string{write("in", in), write("report", step(t, 3).Body), write("link", identityMessage(t, "N", "2026-02-01T10:00:00+01:00", "", patient))}
	config := func(role string) string {
		return write(role+".yaml", []byte(`listen: 127.0.0.1:0
data_dir: `+dir+`
environment: test
parties:
  - {id: authority, name: Personregister, role: other, `+role+`her: ["`+herAuthority+`"], token: token-of-the-authority-0123456789}
`))
	}
	code, out, words := command(t, nil, append([]string{"plan", "fold", "--config", config("roles: [identity-authority], ")}, files...)...)
	var p careplan.Plan
	if code != exitOK || json.Unmarshal([]byte(out), &p) != nil || len(p.Stays) != 1 || len(p.Function) != 1 {
		t.Errorf("with the authority: %d %s %.300s", code, words, out)
	}
	reversed := []string{files[2], files[1], files[0]}
	if _, again, _ := command(t, nil, append([]string{"plan", "fold", "--config", config("roles: [identity-authority], ")}, reversed...)...); again != out {
		t.Errorf("another order gives another plan:\n%s\n%s", again, out)
	}
	for name, args := range map[string][]string{"a party like others": {"--config", config("")}, "no configuration": nil} {
		code, _, words = command(t, nil, append(append([]string{"plan", "fold"}, args...), files...)...)
		if code != exitUsage || !strings.Contains(words, "2 patients") {
			t.Errorf("%s links two people: %d %s", name, code, words)
		}
	}
}
