package samvirke_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/samvirke/samvirke"

// room is one row of the import table: which of our own packages a room may import. A name that
// ends in "/..." stands for all packages below it too; every package may import its own room.
type room struct {
	name   string
	duty   string
	may    []string
	inTest []string // what its tests may import besides
}

// everything may be imported by rooms that put the house together.
var everything = []string{"", "fhir/...", "mapping/...", "connectors/...", "queue/...", "internal/...", "testdata"}

// house is the import table. The workshops (mapping, connectors, queue, fhir/careplan, internal/route)
// never import each other; formats, protocols and engines are chosen in cmd and nowhere else.
// testdata is a package that go names only when asked for by name.
// A new folder needs a row here and a reason in its commit.
var house = []room{
	{name: "", duty: "the words all rooms share", inTest: []string{"internal/loopback"}},
	{name: "fhir", duty: "canonical model", may: []string{""}, inTest: []string{"mapping/mappingtest"}},
	{name: "fhir/definition", duty: "rules of R4 and of profiles as tables", may: []string{"", "fhir"}, inTest: []string{"mapping/...", "fhir/fhirxml"}},
	{name: "fhir/definition/generate", duty: "writes the tables; profiles are published as XML", may: []string{"fhir", "fhir/definition", "fhir/fhirxml"}, inTest: []string{"mapping/mappingtest"}},
	{name: "fhir/fhirxml", duty: "FHIR in XML", may: []string{"", "fhir", "fhir/definition"}, inTest: []string{"mapping/mappingtest"}},
	{name: "fhir/careplan", duty: "the shared plan", may: []string{"", "fhir", "fhir/careplan/function"}, inTest: []string{"mapping/...", "fhir/definition", "internal/simulate", "internal/drawn", "testdata"}},
	{name: "fhir/careplan/function", duty: "instruments and the picture of function", may: []string{"", "fhir"}, inTest: []string{"internal/drawn"}},
	{name: "fhir/careplan/internal/mutate", duty: "breaks merge rules to see that tests notice"},
	// The schema check walks trees that its tests must read from text.
	{name: "mapping", duty: "formats", may: []string{"", "fhir"}, inTest: []string{"fhir/definition", "mapping/kith/xmltree"}},
	{name: "connectors", duty: "wires", may: []string{""}, inTest: []string{"internal/leaks", "internal/loopback"}},
	{name: "queue", duty: "everything durable", may: []string{"", "queue/press"}, inTest: []string{"queue/sqlite", "queue/memory", "queue/postgres/postgrestest", "internal/leaks", "internal/drawn"}},
	{name: "queue/postgres/postgrestest", duty: "real PostgreSQL servers for tests", may: []string{"internal/loopback"}},
	{name: "queue/press", duty: "aged bodies made small"},
	// A decorator over any engine; its tests stand on a real one.
	{name: "queue/sealed", duty: "content of a store encrypted", may: []string{"", "queue"}, inTest: []string{"queue/sqlite", "queue/postgres", "queue/postgres/postgrestest", "queue/queuetest", "internal/drawn"}},
	// Not durable: nothing but tests may import it, see TestImportTable.
	{name: "queue/memory", duty: "the contract of a store as a program, for tests", may: []string{"", "queue"}, inTest: []string{"queue/queuetest", "internal/leaks", "internal/drawn"}},
	{name: "internal/route", duty: "who receives", may: []string{"", "fhir"}},
	{name: "internal/addressbook", duty: "who bears which HER-id", may: []string{"fhir", "fhir/codes"}},
	{
		name: "internal/gateway", duty: "the conductor",
		may:    []string{"", "fhir", "fhir/careplan", "mapping", "connectors", "queue", "internal/route"},
		inTest: everything,
	},
	{name: "internal/config", duty: "one YAML file", may: []string{""}},
	{
		name: "internal/api", duty: "FHIR for systems",
		may: []string{"", "fhir", "fhir/careplan", "fhir/careplan/function", "fhir/definition", "fhir/fhirxml", "queue", "internal/gateway"}, inTest: everything,
	},
	{
		name: "internal/figures", duty: "what the messages tell about care as a whole",
		may: []string{"", "fhir", "fhir/careplan", "queue"}, inTest: everything,
	},
	{
		name: "internal/reading", duty: "a message as a page that people read",
		may: []string{"", "fhir", "fhir/codes"}, inTest: everything,
	},
	{
		name: "internal/admin", duty: "UI for people",
		may: []string{"", "fhir", "fhir/codes", "fhir/careplan", "fhir/careplan/function", "queue", "internal/gateway", "internal/figures", "internal/reading"}, inTest: everything,
	},
	{
		name: "internal/simulate", duty: "simulated parties",
		may: []string{"", "fhir", "connectors/...", "mapping/..."}, inTest: everything,
	},
	{name: "internal/drawn", duty: "which cases property tests draw"},
	{name: "internal/leaks", duty: "goroutines that tests leave behind"},
	{name: "internal/loopback", duty: "addresses for servers that know theirs beforehand"},
	{name: "testdata", duty: "courses and messages written here", may: []string{"internal/simulate"}, inTest: everything},
	{name: "cmd/samvirke", duty: "wires the house", may: everything},
}

// folders without Go packages that may stand at the top.
var folders = []string{"deploy", "changelog", "docs"}

// pkg is what go list tells of one package.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p pkg) short() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// roomOf finds the row with the longest name that holds a package.
func roomOf(name string) (room, bool) {
	best, found := room{}, false
	for _, r := range house {
		if (name == r.name || r.name != "" && strings.HasPrefix(name, r.name+"/")) && (!found || len(r.name) > len(best.name)) {
			best, found = r, true
		}
	}
	return best, found
}

// allowed tells whether a package may import another of ours.
func allowed(from, to string, inTest bool) bool {
	r, ok := roomOf(from)
	if !ok {
		return false
	}
	may := r.may
	if inTest {
		may = slices.Concat(r.may, r.inTest)
		// A shared suite is for tests, of its own room and of whoever brings another implementation.
		if own, ok := roomOf(to); ok && own.name == r.name && strings.HasSuffix(path.Base(to), "test") {
			return true
		}
	}
	if inside(from, to, r.name) {
		return true
	}
	for _, m := range may {
		base, below := strings.CutSuffix(m, "...")
		base = strings.TrimSuffix(base, "/")
		if to == base || below && strings.HasPrefix(to, base+"/") {
			return true
		}
	}
	return false
}

// inside tells whether from may import to because both lie in the same room: a package may use the
// room itself and what lies below itself or in the room's own internal folder, never a sibling. So
// one format, protocol or engine does not lean on another.
func inside(from, to, name string) bool {
	own, ok := roomOf(to)
	if !ok || own.name != name || name == "" {
		return false
	}
	return to == name || strings.HasPrefix(to, from+"/") || strings.HasPrefix(to, name+"/internal/") ||
		strings.HasPrefix(from, to+"/")
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...", "./testdata").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	var all []pkg
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// TestImportTable holds every package against the table above.
func TestImportTable(t *testing.T) {
	all := listPackages(t)
	if len(all) < 5 {
		t.Fatalf("go list found %d packages", len(all))
	}
	check := func(p pkg, imports []string, inTest bool) {
		for _, imported := range imports {
			to, ours := strings.CutPrefix(imported, module)
			if to = strings.TrimPrefix(to, "/"); !ours || to == p.short() {
				continue
			}
			if to == "queue/memory" && !inTest {
				t.Errorf("%s imports %s, which keeps nothing", p.ImportPath, imported)
			}
			if !allowed(p.short(), to, inTest) {
				what := "imports"
				if inTest {
					what = "imports in its tests"
				}
				t.Errorf("%s %s %s, which its row of the table does not allow", p.ImportPath, what, imported)
			}
		}
	}
	for _, p := range all {
		if _, ok := roomOf(p.short()); !ok {
			t.Errorf("%s has no row in the table", p.ImportPath)
			continue
		}
		check(p, p.Imports, strings.HasSuffix(path.Base(p.ImportPath), "test")) // a suite is a test
		check(p, p.TestImports, true)
		check(p, p.XTestImports, true)
		switch name := path.Base(p.ImportPath); name {
		case "util", "utils", "common", "helper", "helpers", "types", "models", "manager", "misc", "base":
			t.Errorf("%s: the name %s says nothing about its duty", p.ImportPath, name)
		}
	}
}

// TestTopFolders: a new folder at the top needs a row or a place in the list of folders.
func TestTopFolders(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := e.Name()
		if !e.IsDir() || strings.HasPrefix(name, ".") || slices.Contains(folders, name) {
			continue
		}
		if !slices.ContainsFunc(house, func(r room) bool { return r.name == name || strings.HasPrefix(r.name, name+"/") }) && !ignored(t, name) {
			t.Errorf("%s/ has no row in the import table and is not in the list of folders", name)
		}
	}
}

// ignored tells whether git leaves a folder out, such as a data folder of a run by hand.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	return exec.Command("git", "check-ignore", "-q", name).Run() == nil
}

// TestAllowed shows that the table can say no.
func TestAllowed(t *testing.T) {
	tests := []struct {
		from, to string
		inTest   bool
		want     bool
	}{
		{"fhir", "", false, true},
		{"", "fhir", false, false},
		{"fhir", "fhir/careplan", false, false},
		{"fhir/careplan", "fhir", false, true},
		{"fhir/careplan", "queue", false, false},
		{"mapping/kith", "mapping", false, true},
		{"mapping/kith", "mapping/kith/schema", false, true},
		{"mapping/kith", "mapping/medcom", false, false},
		{"mapping/kith", "mapping/internal/xml", false, true},
		{"mapping/kith", "connectors", false, false},
		{"mapping/kith", "fhir", false, true},
		{"mapping/kith", "fhir/careplan", false, false},
		{"mapping/kith", "mapping/mappingtest", false, false},
		{"mapping/kith", "mapping/mappingtest", true, true},
		{"connectors/rest", "mapping", false, false},
		{"connectors/rest", "mapping", true, false},
		{"queue/sqlite", "queue", false, true},
		{"queue/sqlite", "queue/postgres", false, false},
		{"queue/sqlite", "internal/gateway", false, false},
		{"internal/route", "mapping", false, false},
		{"internal/gateway", "queue", false, true},
		{"internal/gateway", "queue/sqlite", false, false},
		{"internal/gateway", "queue/sqlite", true, true},
		{"internal/gateway", "mapping/kith", false, false},
		{"internal/gateway", "internal/route", false, true},
		{"internal/gateway", "internal/admin", false, false},
		{"internal/config", "internal/route", false, false},
		{"internal/admin", "internal/gateway", false, true},
		{"internal/admin", "internal/config", false, false},
		{"internal/simulate", "connectors/rest", false, true},
		{"internal/simulate", "queue", false, false},
		{"cmd/samvirke", "internal/config", false, true},
		{"cmd/samvirke", "queue/sqlite", false, true},
		{"cmd/samvirke", "", false, true},
		{"newroom", "", false, false},
	}
	for _, tt := range tests {
		if got := allowed(tt.from, tt.to, tt.inTest); got != tt.want {
			t.Errorf("%q imports %q (test %v): got %v, want %v", tt.from, tt.to, tt.inTest, got, tt.want)
		}
	}
}
