package careplan

import (
	"testing"
	"time"
)

// TestLiftingDoesNotHangOnHiddenLimits: whether a record that takes back a limit nobody knows is shown must not tell
// that another limit exists which the viewer may not see.
func TestLiftingDoesNotHangOnHiddenLimits(t *testing.T) {
	t.Parallel()
	lift := rightsRecord("lift", hospital, worldBase, rightsFacts{Blocks: []blockFact{{ID: "c0", Kind: kindBlock, Off: true, Reason: "a reason"}}})
	hold := rightsRecord("hold", hospital, worldBase.Add(time.Minute), rightsFacts{Holds: []holdFact{{Record: lift.Key.String()}}}, rolePerson)
	for name, id := range map[string]string{"another limit": "c1", "the limit itself": "c0"} {
		hidden := rightsRecord("hidden", gp, worldBase.Add(time.Hour), rightsFacts{Blocks: []blockFact{{ID: id, Kind: kindBlock, Denied: []string{physio}, Scopes: []string{"kind:X"}}}})
		hidden.NoForwarding = true
		for _, list := range [][]Record{{lift}, {lift, hold}} {
			viewer := Viewer{HER: []string{"999999"}}
			before := FoldFor(list, viewer)
			after := FoldFor(append([]Record{hidden}, list...), viewer)
			if err := differ(name, string(before.JSON()), string(after.JSON())); err != nil {
				t.Error(err)
			}
		}
	}
}
