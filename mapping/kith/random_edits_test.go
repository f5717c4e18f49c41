package kith

import (
	"flag"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var editCount = flag.Int("edits", 500, "edits of TestRandomEdits that count")

// TestRandomEdits changes one value of the FHIR form of a message at a time, round and round over all kinds and
// versions: the XML must differ in that one value, or where together says, and nowhere else. A value that follows
// from others must change nothing; those are not counted.
func TestRandomEdits(t *testing.T) {
	f := newFormat(t)
	pool := map[string][]*subject{} // by kind and version
	t.Run("examples", func(t *testing.T) {
		for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool { return e.SchemaValid && hasTable(e) }) {
			addSubject(t, f, pool, e.Raw(t))
		}
	})
	files, err := filepath.Glob("testdata/*/source.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, cases(t, "source.xml")...) {
		addSubject(t, f, pool, read(t, file))
	}
	for kind, tab := range f.tables {
		for _, v := range tab.releases {
			if tab.root().name != "AppRec" && len(pool[kind+" "+v.version]) == 0 {
				addSubject(t, f, pool, fullMessage(t, tab, v.version, 0))
			}
		}
	}
	run := editing{f: f, rng: rand.New(rand.NewPCG(*seed, 500)), outcomes: map[string]int{}, of: map[string]int{}}
	keys := slices.Sorted(maps.Keys(pool))
	all := *editCount >= 5*len(keys) // so many that each kind must have its turn, however often nothing could be edited in it
	more := func() bool { return run.counted < *editCount || all && len(run.of) < len(keys) }
	for i := 0; more() && i < 20**editCount && !t.Failed(); i++ {
		key := keys[i%len(keys)]
		run.edit(t, key, pool[key][run.rng.IntN(len(pool[key]))])
	}
	if t.Failed() || run.counted < *editCount {
		t.Errorf("%d edits; again: go test ./mapping/kith -run TestRandomEdits -seed=%d -edits=%d", run.counted, *seed, *editCount)
	}
	t.Logf("seed %d: %d edits of messages of %d kinds and versions", *seed, run.counted, len(run.of))
	for _, o := range slices.Sorted(maps.Keys(run.outcomes)) {
		t.Logf("%5d %s", run.outcomes[o], o)
	}
	if all && len(run.of) < len(keys) {
		t.Errorf("edits in %d of %d kinds and versions", len(run.of), len(keys))
	}
}

// subject is a message whose FHIR form is changed.
type subject struct {
	raw, bundle, before []byte
}

func addSubject(t *testing.T, f *Format, pool map[string][]*subject, raw []byte) {
	t.Helper()
	p, err := f.Parse(raw)
	if p == nil || p.Bundle == nil {
		t.Fatal(err)
	}
	key := p.Envelope.Kind + " " + p.Envelope.Version
	pool[key] = append(pool[key], &subject{raw: raw, bundle: p.Bundle.Bytes()})
}

type editing struct {
	f        *Format
	rng      *rand.Rand
	counted  int
	outcomes map[string]int
	of       map[string]int // counted, by kind and version
}

// edit changes one value of s.
func (run *editing) edit(t *testing.T, key string, s *subject) {
	t.Helper()
	b, err := fhir.ParseBundle(s.bundle)
	if err != nil {
		t.Fatal(err)
	}
	if s.before == nil {
		r, err := run.f.Render(b, mapping.Target{})
		if err != nil {
			t.Fatal(err)
		}
		s.before = r.Body
	}
	all := spots(t, b)
	at := all[run.rng.IntN(len(all))]
	if why := at.shape(); why != "" {
		run.outcomes["not edited: "+why]++
		return
	}
	old := at.node.Text()
	if !run.change(t, b, at) {
		run.outcomes["not edited: R4 allows no other of the values tried, or it is an empty text"]++
		return
	}
	now := at.node.Text()
	r, err := run.f.Render(b, mapping.Target{})
	if err != nil {
		if samvirke.FaultOf(err).Code == "render-invalid" && at.fromList() {
			run.outcomes["refused: a FHIR code that the message has no code for, where it must have one"]++
			return
		}
		t.Errorf("%s: %s %q to %q: %v", key, at.path, old, now, err)
		return
	}
	d := mappingtest.Compare(s.before, r.Body)
	what, counts := verdict(at, old, now, d, r.Notes)
	if what == "" {
		t.Errorf("%s: %s (%s %s %s) %.80q to %.80q: %.2000s\nnotes %v", key, at.path, at.rule, at.typ, at.within, old, now, d, r.Notes)
		return
	}
	run.outcomes[what]++
	if counts {
		run.counted++
		run.of[key]++
	}
}

// change gives a value another that R4 allows there.
func (run *editing) change(t *testing.T, b *fhir.Bundle, at spot) bool {
	t.Helper()
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	old := *at.node
	for range 100 {
		v := at.other(run.rng)
		if v == nil {
			return false
		}
		if *at.node = *v; len(set.Check(b.Root)) == 0 {
			return true
		}
		*at.node = old
	}
	return false
}

// fromList tells whether FHIR fixes the codes: the message has a code list of its own for them.
func (s spot) fromList() bool { return s.required || s.key == "status" }

// shape says why a value is no content that can be edited alone; "" when it is.
func (s spot) shape() string {
	in := ""
	if n := len(s.within); n > 0 {
		in = s.within[n-1]
	}
	switch {
	case s.layout:
		return "says which element stands there (section, version, source of a date)"
	case s.rule == "MessageHeader.eventCoding.code":
		return "the kind of the message, which decides the table"
	case s.rule == "DocumentReference.content.format.code":
		return "the kind of a further document, which decides its rows"
	case s.key == "use" && strings.HasSuffix(s.rule, "identifier.use"):
		return "which of the identifiers is the main one"
	case in == fhir.ExtLexical:
		return "how a value was written, not a value"
	case in == "index" && s.within[0] == fhir.ExtEvent:
		return "where an event stands among the others"
	case in == extURL("text-result"):
		return "whether a text result has an element around it"
	case in == extSource && s.key == "code":
		return "the source's code of a FHIR code, which counts only while both mean the same"
	case s.key == "display" && s.obj.Get("system").Text() == fhir.SystemFunctionScore:
		return "the name of our own code for a score"
	}
	return ""
}

// together are values that stand in more than one place of the XML, by the end of their rule or the URL of their
// extension. All places are attributes of the same element.
func together(s spot) string {
	switch {
	case s.fromList():
		return "a FHIR code that the message has a code list for: code and display"
	case len(s.within) == 1 && s.within[0] == fhir.ExtMainDiagnosis:
		return "main diagnosis: code and display of the type"
	case strings.HasSuffix(s.rule, "identifier.type.coding.code"):
		return "type of an identifier that contradicts its system: the type is written as the system says"
	}
	return ""
}

// verdict says what became of an edit, "" when that is wrong, and whether it counts.
func verdict(s spot, old, now string, d mappingtest.Diff, notes []mapping.Note) (what string, counts bool) {
	n := len(d.Changed) + len(d.Missing) + len(d.Extra)
	switch {
	case d.Err != nil:
	case n == 0 && notedAt(notes, s.path):
		return "no place in the message beside what was written, and noted", false
	case n == 0 && s.follows:
		return "follows from other values, and changes nothing", false
	case n == 1 && len(d.Changed) == 1 && s.tells(now, d.Changed[0]):
		return "edited: one value changed", true
	case n == 1 && len(d.Extra) == 1 && s.key == "contentType" && d.Extra[0].Value == now:
		return "the type of XML that is carried, which the message did not say and now does", false
	case n > 0 && together(s) != "" && oneElement(d):
		return "edited: " + together(s), true
	}
	return "", false
}

// notedAt tells whether a value, or all of its resource, is noted as not written.
func notedAt(notes []mapping.Note, path string) bool {
	return slices.ContainsFunc(notes, func(n mapping.Note) bool {
		return n.Code == "not-carried" && (n.Path == path || strings.HasPrefix(path, n.Path+".") && strings.HasSuffix(n.Path, ".resource"))
	})
}

// tells whether a changed leaf says the new value.
func (s spot) tells(now string, c mappingtest.Change) bool {
	switch {
	case s.typ == "boolean":
		truth := map[string]string{"1": "true", "0": "false", "true": "true", "false": "false"}
		return truth[c.Got] == now
	case s.typ == "xhtml":
		return strings.Contains(c.Got, "Endret ")
	case s.typ == "base64Binary":
		return strings.Contains(c.Got, "Endret ") || strings.Join(strings.Fields(c.Got), "") == now
	case s.fromList(): // written in the message's own code
		return c.Got != ""
	case s.typ == "dateTime", s.typ == "instant":
		return c.Got != "" && strings.HasPrefix(now, c.Got[:min(10, len(c.Got))])
	}
	for _, prefix := range []string{fhir.OIDPrefix, "urn:uuid:"} {
		now = strings.TrimPrefix(now, prefix)
	}
	return strings.Contains(c.Got, now)
}

// oneElement tells whether all differences are attributes of the same element.
func oneElement(d mappingtest.Diff) bool {
	var paths []string
	for _, l := range slices.Concat(d.Missing, d.Extra) {
		paths = append(paths, l.Path)
	}
	for _, c := range d.Changed {
		paths = append(paths, c.Path)
	}
	first, _, _ := strings.Cut(paths[0], "/@")
	return !slices.ContainsFunc(paths, func(p string) bool {
		e, _, attribute := strings.Cut(p, "/@")
		return !attribute || e != first
	})
}
