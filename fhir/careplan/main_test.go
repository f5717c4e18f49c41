package careplan

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/internal/drawn"
)

// casesInCI is how many worlds each property is tried on. A long run takes more, for instance a hundred thousand:
//
//	go test ./fhir/careplan -run 'Propert' -rapid.checks=100000 -timeout 0
//
// A failure prints the seed that draws its world again, and the world shrunk to what is needed.
const casesInCI = 2000

// TestMain has every property tried on that many cases, the same in every run, unless the
// command line says how many: then new ones are drawn. A short run takes a tenth.
func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // the worlds are small and many: to collect after each takes 40 % of the time
	n := casesInCI
	if testing.Short() {
		n /= 10
	}
	drawn.Cases(n)
	os.Exit(m.Run())
}

// TestCasesInCI: what the properties are tried on is what is said above. A rapid without the flag would try a hundred.
func TestCasesInCI(t *testing.T) {
	if i := slices.IndexFunc(os.Args, func(a string) bool { return strings.Contains(a, "rapid.checks") }); i >= 0 {
		t.Skipf("asked for another number: %s", os.Args[i])
	}
	want := casesInCI
	if testing.Short() {
		want /= 10
	}
	if f := flag.Lookup("rapid.checks"); f == nil || f.Value.String() != fmt.Sprint(want) {
		t.Errorf("%+v, want %d cases", f, want)
	}
}
