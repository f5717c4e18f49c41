package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// TestHiddenGapHasNoVersion: a resource that was withheld for a while and comes back as it was has one version for its reader; one
// that was withdrawn in its reader's sight, or changed, has more.
func TestHiddenGapHasNoVersion(t *testing.T) {
	goal := func(digest string) []item {
		return []item{{Element: careplan.Element{Type: "Goal", ID: "g"}, digest: digest}}
	}
	for _, c := range []struct {
		name  string
		steps [][]item
		told  bool
		want  string
	}{
		{"hidden and back", [][]item{goal("a"), nil, goal("a")}, false, "[a]"},
		{"hidden and back as another", [][]item{goal("a"), nil, goal("b")}, false, "[a b]"},
		{"hidden twice", [][]item{goal("a"), nil, goal("a"), nil, goal("a")}, false, "[a]"},
		{"withdrawn and back", [][]item{goal("a"), nil, goal("a")}, true, "[a  a-2]"},
		{"changed there and back", [][]item{goal("a"), goal("b"), goal("a")}, true, "[a b a-2]"},
	} {
		tl := &timeline{versions: map[string][]version{}, now: map[string]string{}}
		for i, items := range c.steps {
			tl.step(time.Unix(int64(i), 0), items, c.told)
		}
		var got []string
		for _, v := range tl.versions["Goal/g"] {
			got = append(got, v.id)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: versions %q, want %s", c.name, got, c.want)
		}
		if tl.now["Goal/g"] != tl.versions["Goal/g"][len(tl.versions["Goal/g"])-1].digest {
			t.Errorf("%s: it does not end with what stands now", c.name)
		}
	}
}
