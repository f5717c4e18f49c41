package careplan

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// proven says which tests prove an invariant. Each is a test's name, after its room when that is another one, with its
// subtests: the room is a folder from the root of the module.
type proven struct {
	id, says string
	by       []string
}

// invariants are those of careplan.md section 11 and of function.md section 10, and the wrong ways that must fail.
func invariants() []proven {
	return []proven{
		{"P1", "convergence", []string{"TestProperties/P1 convergence", "TestFullProperties/P1 convergence", "TestCourseProperties/P1 convergence",
			"TestSharedProperties/P1 convergence", "TestEverySetInEveryOrder/shared fields", "TestCoreProperties"}},
		{"P2", "idempotence", []string{"TestProperties/P2 idempotence", "TestFullProperties/P2 idempotence", "TestCoreProperties", "internal/gateway:TestRule06Duplicates"}},
		{"P3", "incremental = batch", []string{"TestProperties/P3 incremental", "TestFullProperties/P3 incremental", "TestFolderWithRights", "TestCoreProperties"}},
		{"P4", "no lost update", []string{"TestSharedProperties/P4 no lost update", "TestProperties/P5 provenance", "TestCourseProvenance"}},
		{"P5", "provenance", []string{"TestProperties/P5 provenance", "TestFullProperties/P5 provenance", "TestCourseProvenance"}},
		{"P6", "no invention", []string{"TestFullProperties/P6 no invention", "TestDerivedWords", "TestCourseProvenance"}},
		{"P7", "retraction", []string{"TestProperties/P7 retraction", "TestFullProperties/P7 retraction", "TestCourseProperties/P7 retraction", "TestCoreProperties"}},
		{"P8", "tombstone first", []string{"TestProperties/P8 tombstone first", "TestFullProperties/P8 tombstone first", "TestCancelBeforeAdmission"}},
		{"P9", "conflict truth", []string{"TestSharedProperties/P9 conflict truth", "TestContext"}},
		{"P10", "resolution", []string{"TestSharedProperties/P10 resolution", "TestBasisWithdrawn", "TestTwelfthOfMarch"}},
		{"P11", "ownership", []string{"TestSharedProperties/P11 ownership", "TestAcceptedContent"}},
		{"P12", "chain", []string{"TestProperties/P12 chain", "TestFullProperties/P12 chain", "TestCoreProperties"}},
		{"P13", "clock", []string{"TestProperties/P13 clock", "TestFullProperties/P13 clock", "TestSharedProperties/P13 clock"}},
		{"P14", "identity", []string{"TestClasses", "TestIdentityLink", "internal/gateway:TestUnlinkIsToldOnBothSides"}},
		{"P15", "block", []string{"TestViewProperties/P15 blocked", "TestViewProperties/P15 older", "TestFullProperties/P15 blocked", "internal/api:TestCanary",
			"internal/gateway:TestBlockedCanary", "internal/gateway:TestWhatIsWithheldIsNotTold"}},
		{"P16", "deny wins", []string{"TestViewProperties/P16 deny", "TestFullProperties/P16 deny", "TestSharedProperties/P16 deny"}},
		{"P17", "event numbers", []string{"internal/gateway:TestToldOverCrashesProperty", "internal/gateway:TestEventNumbersOverCrashes"}},
		{"P18", "told once known", []string{"internal/gateway:TestToldProperty", "internal/gateway:TestSubscriberIsToldWhatItSees", "internal/gateway:TestMembersAreToldWithoutARule",
			"internal/gateway:TestPrivateProviderIsToldOfItsOwnOnly"}},
		{"P19", "withdrawal reach", []string{"internal/gateway:TestToldProperty", "internal/gateway:TestToldOverCrashesProperty", "internal/gateway:TestWithdrawalReachesWhoeverWasTold", "internal/gateway:TestWithdrawalReachesWhoWasToldByANotice"}},
		{"P20", "re-join", []string{"TestRejoinProperty", "TestRejoin", "TestPeriods"}},
		{"P21", "timers", []string{"TestClocksRestOnLiveRecords", "TestCourseClocks", "internal/gateway:TestClockGoesWithItsRecord"}},
		{"P22", "erasure", []string{"internal/gateway:TestErasedProperty", "internal/gateway:TestErasure", "internal/gateway:TestErasureInterrupted", "internal/gateway:TestErasedIsInNoSubscription", "queue/sealed:TestErasedKey"}},
		{"P23", "gap list", []string{"TestCompletenessFollowsFromView"}},
		{"P24", "round trip", []string{"TestFullProperties/P24 round trip", "TestRightsFactsRoundTrip", "mapping/kith:TestRoundTripFigures"}},
		{"P25", "mapping upgrade", []string{"TestFullProperties/P25 same mapping", "TestMadeAgain", "TestMappedAgain"}},

		{"F1", "value in = value out", []string{"TestF1ValueInValueOut"}},
		{"F2", "nothing without a source", []string{"TestF2NothingWithoutSource"}},
		{"F3", "lines need equal keys", []string{"fhir/careplan/function:TestF3LinesNeedEqualKeys", "fhir/careplan/function:TestF3Keys"}},
		{"F4", "sum check", []string{"fhir/careplan/function:TestF4Sums"}},
		{"F5", "incomplete items give no total", []string{"fhir/careplan/function:TestF5NoTotalOfOurs", "TestNothingIsSummed"}},
		{"F6", "9, 8, not relevant are no numbers", []string{"fhir/careplan/function:TestF6NoNumberOfNotRelevant"}},
		{"F7", "text is no number", []string{"fhir/careplan/function:TestF7NoNumberFromWords", "TestF7OnlyNumbersAreNumbers"}},
		{"F8", "bands", []string{"fhir/careplan/function:TestF8Bands"}},
		{"F9", "disagreement", []string{"fhir/careplan/function:TestF9Disagreements", "TestR12IsThePicture"}},
		{"F10", "bands are not exported", []string{"fhir/careplan/function:TestF10BandsAreDecoration", "TestF10ExportHasNoBands"}},
		{"F11", "timeline of any order", []string{"fhir/careplan/function:TestF11OrderOfArrival", "TestF11TimelineOfAnyOrder"}},
		{"F12", "blocked leaves no trace", []string{"TestF12BlockedLeavesNoTrace"}},
		{"F13", "change of common problems", []string{"fhir/careplan/function:TestF13ProblemChange"}},
		{"F14", "EQ-5D index", []string{"fhir/careplan/function:TestF14Index"}},
		{"F15", "GAF is not IPLOS", []string{"fhir/careplan/function:TestF15GAFIsNotIPLOS", "TestGAFApart"}},
		{"F16", "severity concepts", []string{"fhir/careplan/function:TestF16Severity"}},
		{"F17", "fivefold only", []string{"fhir/careplan/function:TestF17FivefoldOnly"}},
		{"F18", "no label without entry", []string{"fhir/careplan/function:TestF18NoLabelWithoutEntry"}},
		{"F19", "no licensed text", []string{"fhir/careplan/function:TestF19NoLicensedText"}},

		{"N1", "last arrival wins", []string{"TestNegativeControls/last arrival wins fails P1 convergence", "TestNegativeControls/last arrival wins fails P12 chain"}},
		{"N2", "dropping context", []string{"TestSharedNegativeControls/context dropped fails P9 conflict truth", "TestSharedNegativeControls/context dropped fails P10 resolution"}},
		{"N3", "comparing the sent time raw", []string{"TestNegativeControls/raw sent time fails P13 clock", "TestSharedNegativeControls/raw sent time fails P13 clock"}},
		{"N4", "conflicts or counts before visibility", []string{"TestRightsControls/conclusions before visibility fails P15 blocked"}},
		{"N5", "blocked records dropped before liveness", []string{"TestRightsControls/blocked records dropped before liveness fails P15 older"}},
		{"N6", "event counter in memory", []string{"internal/gateway:TestEventNumbersOverCrashes"}},
		{"N7", "membership without period", []string{"TestRightsControls/membership without period fails P20"}},
	}
}

// folderTests is what the tests of a package hold: their names, and every text in them, which names of subtests are among.
type folderTests struct{ tests, texts map[string]bool }

func readFolder(t *testing.T, dir string) folderTests {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	r := folderTests{map[string]bool{}, map[string]bool{}}
	for _, name := range files {
		if filepath.Base(name) == "proof_test.go" {
			continue // its own words prove nothing
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, raw, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.FuncDecl:
				if x.Recv == nil && strings.HasPrefix(x.Name.Name, "Test") {
					r.tests[x.Name.Name] = true
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
					r.texts[s] = true
				}
			}
			return true
		})
	}
	return r
}

// holds tells whether a test of this name is there. A subtest's name is a text of the room, or two joined by " fails ".
func (r *folderTests) holds(name string) bool {
	test, sub, has := strings.Cut(name, "/")
	if !r.tests[test] || !has {
		return r.tests[test]
	}
	wrong, must, joined := strings.Cut(sub, " fails ")
	return r.texts[sub] || joined && r.texts[wrong] && r.texts[must]
}

// TestEveryInvariantIsProven: each invariant has a test that is there.
func TestEveryInvariantIsProven(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for prefix, n := range map[string]int{"P": 25, "F": 19, "N": 7} {
		for i := range n {
			want[fmt.Sprint(prefix, i+1)] = true
		}
	}
	rooms := map[string]folderTests{}
	for _, p := range invariants() {
		if !want[p.id] || p.says == "" || len(p.by) == 0 {
			t.Errorf("%s: listed twice, or nothing proves it", p.id)
		}
		delete(want, p.id)
		for _, name := range p.by {
			dir, test, elsewhere := strings.Cut(name, ":")
			if !elsewhere {
				dir, test = "fhir/careplan", name
			}
			if _, ok := rooms[dir]; !ok {
				rooms[dir] = readFolder(t, filepath.Join("..", "..", dir))
			}
			if r := rooms[dir]; !r.holds(test) {
				t.Errorf("%s %s: %s has no test %s", p.id, p.says, dir, test)
			}
		}
	}
	for id := range want {
		t.Errorf("%s is not in the list", id)
	}
	if here := rooms["fhir/careplan"]; here.holds("TestNobodyWrote") || here.holds("TestProperties/P99 nothing") || here.holds("TestProperties/P1 convergence fails what nobody wrote") {
		t.Error("a test that nobody wrote is found")
	}
}
