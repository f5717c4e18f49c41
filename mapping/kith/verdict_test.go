package kith

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/samvirke/samvirke/mapping/internal/mutation"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// TestVerdictOfExamples: on every example file, as it lies there, our verdict is xmllint's.
func TestVerdictOfExamples(t *testing.T) {
	f := newFormat(t)
	docs := map[string][]byte{}
	for _, e := range mappingtest.Examples(t, func(mappingtest.Example) bool { return true }) {
		docs[e.File] = e.Raw(t)
	}
	if len(docs) < 214 {
		t.Errorf("%d example files, want 214", len(docs))
	}
	valid := 0
	for file, problem := range lintAll(t, docs) {
		ours := f.CheckSchema(docs[file])
		if (len(ours) == 0) != (problem == "") {
			t.Errorf("%s: ours %v, xmllint %q", file, ours, problem)
		}
		if problem == "" {
			valid++
		}
		for _, p := range ours {
			if p.Code == "" || p.Safe == "" || p.Code == "schema" && p.Detail == "" || p.Line == 0 && p.Code == "schema" {
				t.Errorf("%s: no code, text or line in %v", file, p)
			}
		}
	}
	t.Logf("%d files, %d valid", len(docs), valid)
}

// TestFullMessagesBothWays: messages with every element of their table have the same verdict with and without
// the quick way.
func TestFullMessagesBothWays(t *testing.T) {
	f := newFormat(t)
	valid := 0
	for kind, tab := range f.tables {
		for _, r := range tab.releases {
			if len(tab.unchecked) > 0 {
				continue
			}
			for variant := range 3 {
				text, _, err := toUTF8(fullMessage(t, tab, r.version, variant))
				if err != nil {
					t.Fatal(err)
				}
				quick, slow := f.problems(text), f.schema.Validate(text)
				if (len(quick) > 0) != (len(slow) > 0) {
					t.Errorf("%s %s %d: %v, %v", kind, r.version, variant, quick, slow)
				}
				if len(quick) == 0 {
					valid++
				}
			}
		}
	}
	if valid < 50 { // those with a header of their own are made elsewhere
		t.Errorf("only %d of the messages are valid", valid)
	}
}

// lintAll gives xmllint's first problem of each document, "" for none.
func lintAll(t *testing.T, docs map[string][]byte) map[string]string {
	found := mappingtest.XMLLintAll(t, docs)
	out := make(map[string]string, len(docs))
	for name := range docs {
		out[name] = found[name]
	}
	return out
}

// notMessages are the examples that are no health messages but what carries or addresses them: validate knows neither root nor
// schema of theirs, and refuses them as it refuses any other XML. Their verdict is held against xmllint's like
// all others', but to mutate them says nothing about the schemas that are read
// here.
var notMessages = map[string]string{
	"ebxml/Acknowledgment.xml": "ebMS signal in a SOAP envelope",
	"ebxml/ebxml-header-Description-manifest2-overvakning-SVAR_CYT.xml":    "ebMS header in a SOAP envelope",
	"ebxml/ebxml-header.d237e310-796f-4e56-a50b-353b0e5d5947.SVAR_CYT.xml": "ebMS header in a SOAP envelope",
	"ebxml/MessageError-Error-SecurityFailure.xml":                         "ebMS error signal in a SOAP envelope",
	registryAnswer:                "answer of the address registry",
	"cpp-cpa/CPA_93252.xml":       "agreement between parties",
	"cpp-cpa/CPP_93238.xml":       "profile of a party",
	"cpp-cpa/CPP-NHN-PartyA.xml":  "template of a profile",
	"cpp-cpa/AMQP-mal-sender.xml": "template of a profile",
}

const registryAnswer = "address-registry/CommunicationDetails_93238.xml"

// TestNotMessages: the list above is complete and says nothing untrue.
func TestNotMessages(t *testing.T) {
	f := newFormat(t)
	seen := 0
	for _, e := range mappingtest.Examples(t, func(mappingtest.Example) bool { return true }) {
		problems := f.CheckSchema(e.Raw(t))
		unknown := len(problems) > 0 && problems[0].Detail == "unknown-root"
		if why, listed := notMessages[e.File]; listed {
			seen++
			if !unknown {
				t.Errorf("%s (%s): %v", e.File, why, problems)
			}
		} else if unknown {
			t.Errorf("%s is of no schema that is read, and not in the list", e.File)
		}
	}
	if seen != len(notMessages) {
		t.Errorf("%d of %d files of the list are examples", seen, len(notMessages))
	}
}

// mutants makes seeded mutations of the example files. What carries messages (notMessages) and
// very large files are left out: they say little and cost much.
func mutants(t *testing.T, n int, seed uint64) map[string][]byte {
	t.Helper()
	var docs []*mutation.Document
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool {
		// The registry's answer stays: without it the same seed makes other mutations than the documented ones.
		return e.WellFormed && (notMessages[e.File] == "" || e.File == registryAnswer)
	}) {
		raw := e.Raw(t)
		if len(raw) > 120_000 {
			continue
		}
		text, _, err := toUTF8(raw)
		if err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		d, err := mutation.New(text)
		if err != nil {
			t.Fatalf("%s: %v", e.File, err)
		}
		docs = append(docs, d)
	}
	r := rand.New(rand.NewPCG(seed, 214))
	out := make(map[string][]byte, n)
	for i := range n {
		text, what := docs[i%len(docs)].Mutate(r, docs)
		out[fmt.Sprintf("%d %s", i, what)] = text
	}
	return out
}

// TestVerdictOfMutations: the verdict is xmllint's on 99.9 % of seeded mutations of the examples. What differs is
// told in the package doc of schema.
func TestVerdictOfMutations(t *testing.T) {
	n := 6000
	if testing.Short() {
		n = 1000
	}
	f := newFormat(t)
	docs := mutants(t, n, 1)
	differ, valid := 0, 0
	for name, problem := range lintAll(t, docs) {
		ours := f.CheckSchema(docs[name])
		if problem == "" {
			valid++
		}
		if (len(ours) == 0) != (problem == "") {
			differ++
			t.Logf("%s: ours %v, xmllint %q", name, ours, problem)
		}
	}
	t.Logf("%d mutations, %d of them valid, %d verdicts differ", n, valid, differ)
	if differ > n/1000 {
		t.Errorf("%d of %d verdicts differ, more than 0.1 %%", differ, n)
	}
	if valid < n/10 || valid > n*9/10 {
		t.Errorf("%d of %d mutations are valid: they say little", valid, n)
	}
}
