package definition_test

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

var (
	seed      = flag.Uint64("seed", 20261121, "seed of the mutations")
	mutations = flag.Int("mutations", 1500, "number of mutations")
)

func r4(t testing.TB) *definition.Set {
	t.Helper()
	s, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// examples reads the published resources in JSON.
func examples(t *testing.T) (names []string, nodes []*fhir.Node) {
	t.Helper()
	for _, folder := range []string{"standards/fhir/examples", "standards/dk/examples"} {
		root := mappingtest.Shared(t, folder)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n, err := fhir.ParseNode(raw)
			if err == nil && n.Get("resourceType") != nil {
				rel, _ := filepath.Rel(root, path)
				names, nodes = append(names, rel), append(nodes, n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names, nodes
}

// explained tells whether an issue is of those that Check finds and the published JSON schema does not.
// The schema does not ask for required primitives, since their value may stand as an extension, nor
// for one variant only; to it every type passes as an empty object or as any array (its definitions name
// properties but no type), narrative is anything, and only single codes are bound, not those
// in a Coding or CodeableConcept.
func explained(i definition.Issue) bool {
	switch i.Code {
	case definition.CodeMissing, definition.CodeChoice, definition.CodeEmpty, definition.CodeBinding:
		return true
	case definition.CodeShape:
		return slices.Contains([]string{
			"must be an object", "must be one value, not an array", "must be of type xhtml",
			"the array and its _ sibling must be of one length",
		}, i.Text)
	case definition.CodeUnknownElement: // R4 says that Extension.url is a plain attribute
		return strings.HasSuffix(i.Path, "._url") && i.Text == "it cannot have extensions"
	case definition.CodeValue:
		return i.Text == "is no xhtml" || i.Text == "is no base64Binary"
	}
	return false
}

// Check gives the verdict of the published JSON schema on every example; where it is stricter, for a
// reason that explained knows. What the schema refuses, Check refuses, too.
func TestAgainstSchema(t *testing.T) {
	set, schema := r4(t), mappingtest.R4Schema(t)
	names, nodes := examples(t)
	if len(nodes) < 100 {
		t.Fatalf("%d examples", len(nodes))
	}
	tally := map[string]int{}
	for i, n := range nodes {
		compare(t, set, schema, names[i], n, tally)
	}
	report(t, tally)
}

// The same on examples with one random change each.
func TestAgainstSchemaMutated(t *testing.T) {
	set, schema := r4(t), mappingtest.R4Schema(t)
	names, nodes := examples(t)
	rnd := rand.New(rand.NewPCG(*seed, 0))
	tally := map[string]int{}
	for range *mutations {
		i := rnd.IntN(len(nodes))
		n := piece(rnd, nodes[i]).Clone()
		what := mutate(rnd, n)
		if !compare(t, set, schema, fmt.Sprintf("%s with %s", names[i], what), n, tally) {
			t.Logf("go test -run TestAgainstSchemaMutated -seed=%d", *seed)
			return
		}
	}
	report(t, tally)
}

func compare(t *testing.T, set *definition.Set, schema *mappingtest.R4, name string, n *fhir.Node, tally map[string]int) bool {
	t.Helper()
	issues, problems := set.Check(n), schema.Problems(n.Bytes())
	switch {
	case len(issues) == 0 && len(problems) == 0:
		tally["both accept"]++
	case len(issues) > 0 && len(problems) > 0:
		tally["both refuse"]++
	case len(issues) == 0:
		t.Errorf("%s: only the schema refuses it: %s", name, problems[0])
		return false
	default:
		for _, i := range issues {
			if !explained(i) {
				t.Errorf("%s: only Check refuses it: %s", name, i)
				return false
			}
			tally["only Check: "+i.Code+": "+i.Text[:min(len(i.Text), 40)]]++
		}
	}
	return true
}

func report(t *testing.T, tally map[string]int) {
	t.Helper()
	var keys []string
	for k := range tally {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		t.Logf("%5d %s", tally[k], k)
	}
}

// piece picks a resource inside a Bundle, so that the schema check of a mutation stays short.
func piece(rnd *rand.Rand, n *fhir.Node) *fhir.Node {
	entries := n.Get("entry").Items()
	if len(entries) == 0 || rnd.IntN(50) == 0 {
		return n
	}
	if r := entries[rnd.IntN(len(entries))].Get("resource"); r != nil {
		return r
	}
	return n
}

// mutate changes one place and says how.
func mutate(rnd *rand.Rand, n *fhir.Node) string {
	objects := gather(n, nil)
	o := objects[rnd.IntN(len(objects))]
	keys := slices.Clone(o.Keys())
	if len(keys) == 0 {
		o.Set("new", fhir.Bool(true))
		return "an unknown key"
	}
	key := keys[rnd.IntN(len(keys))]
	v := o.Get(key)
	switch rnd.IntN(12) {
	case 0:
		o.Set(key, nil)
		return "no " + key
	case 1:
		o.Set(key, nil)
		o.Set(key+"X", v)
		return key + " by another name"
	case 2:
		o.Set(key, fhir.Number("1"))
		return key + " as a number"
	case 3:
		o.Set(key, fhir.String("no such code"))
		return key + " as another text"
	case 4:
		o.Set(key, fhir.Bool(false))
		return key + " as a boolean"
	case 5:
		o.Set(key, fhir.NewArray(v))
		return key + " in an array"
	case 6:
		if v.IsArray() && len(v.Items()) > 0 {
			v = v.Items()[0]
		}
		o.Set(key, v)
		return key + " out of its array"
	case 7:
		o.Set(key, fhir.NewObject())
		return key + " as an empty object"
	case 8:
		o.Set(key, fhir.NewArray())
		return key + " as an empty array"
	case 9:
		o.Set("_"+strings.TrimPrefix(key, "_"), fhir.NewObject("id", "a"))
		return "a sibling of " + key
	case 10:
		o.Set(key, fhir.String(v.Text()+" \f"))
		return key + " with a form feed"
	default:
		o.Set("valueBoolean", fhir.Bool(true))
		return "valueBoolean"
	}
}

func gather(n *fhir.Node, out []*fhir.Node) []*fhir.Node {
	if n.IsObject() {
		out = append(out, n)
	}
	for _, k := range n.Keys() {
		out = gather(n.Get(k), out)
	}
	for _, v := range n.Items() {
		out = gather(v, out)
	}
	return out
}
