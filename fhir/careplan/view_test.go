package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

const canary = "CANARY"

// report is a hospital report full of words that nobody else may see.
func secretReport(n int, sent string) msg {
	return msg{kind: kindDischargeReport, id: uuid(n), from: hospital, to: []string{gp}, sent: at(sent), noForwarding: true}.with(
		goalNode(canary+" goal", "2026-03-01", true), proposal(canary+" measure", "2026-02-01"), serviceNode("15", canary+" service", canary),
		barthel(7, "2026-01-24"), section(canary, canary+" note"),
		fhir.NewObject("resourceType", "Condition", "code", text(canary)),
		fhir.NewObject("resourceType", "RelatedPerson", "name", fhir.NewArray(fhir.NewObject("text", canary)),
			"telecom", fhir.NewArray(fhir.NewObject("system", "phone", "value", canary))),
		fhir.NewObject("resourceType", "DeviceRequest", "status", "active", "intent", "proposal", "codeCodeableConcept", text(canary)),
		fhir.NewObject("resourceType", "Appointment", "status", "proposed", "comment", canary))
}

// S7: a report with a forwarding objection. Whoever was not addressed sees a plan that is the same to
// the byte as without it; the GP, who was, sees it all.
func TestForwardingObjection(t *testing.T) {
	base := records(t, strokeCourse()[:8]...)
	with := append(slices.Clone(base), secretReport(70, "01-24 10:00").record(t))
	other := Viewer{HER: []string{physio}}
	got, want := FoldFor(with, other), FoldFor(base, other)
	if string(got.JSON()) != string(want.JSON()) {
		t.Errorf("the view differs from a world without the report: %v", Diff(want, got))
	}
	if strings.Contains(string(got.JSON())+string(got.FHIR().Bytes()), canary) {
		t.Error("a hidden word came through")
	}
	for name, v := range map[string]Viewer{"addressee": {HER: []string{gp}}, "addressee's inner level": {HER: []string{gp + "9"}},
		"sender": {HER: []string{hospital}}, "sender's inner level": {HER: []string{hospital + "9"}}} {
		p := FoldFor(with, v)
		if string(p.JSON()) != string(Fold(with).JSON()) || !p.Restricted {
			t.Errorf("%s does not see the whole plan", name)
		}
	}
}

// S7b: a hidden head hides its conversation: the older version does not come back, nor do the
// version's traces in history and flags. A withdrawal acts for everybody.
func TestHiddenHead(t *testing.T) {
	n := secretReport(70, "01-24 10:00")
	n.noForwarding = false
	n.resources = []*fhir.Node{goalNode("older", "2026-03-01", true), proposal("older", "")}
	m := secretReport(71, "01-24 11:00")
	m.op, m.parent, m.conv = samvirke.OpChange, n.id, n.id
	add := secretReport(72, "01-24 12:00")
	add.op, add.parent, add.conv, add.noForwarding = samvirke.OpAddition, m.id, n.id, false
	add.resources = []*fhir.Node{goalNode("addition", "2026-03-01", true)}
	fork := m
	fork.id, fork.sent = uuid(73), at("01-24 11:30")
	other := Viewer{HER: []string{physio}}
	base := records(t, strokeCourse()[:8]...)
	want := string(FoldFor(base, other).JSON())
	for name, list := range map[string][]msg{"changed": {n, m}, "with addition": {n, m, add}, "forked": {n, m, fork},
		"withdrawn": {n, m, cancel(m, 74, "01-24 13:00")}} {
		got := FoldFor(append(slices.Clone(base), records(t, list...)...), other)
		if name == "withdrawn" {
			// What is left to see is that something open was replaced and withdrawn: the open version's history.
			equal(t, "withdrawn: goals", len(got.Goals), 0)
			equal(t, "canary", strings.Contains(string(got.JSON()), canary), false)
			continue
		}
		if string(got.JSON()) != want {
			t.Errorf("%s: the view holds more than a world without: %s", name, differ("", want, string(got.JSON())))
		}
	}
	hiddenAdd := add
	hiddenAdd.noForwarding, hiddenAdd.parent = true, n.id
	p := FoldFor(append(slices.Clone(base), records(t, n, hiddenAdd)...), other)
	equal(t, "hidden addition: goals", fmt.Sprint(len(p.Goals), " ", p.Goals[0].Text), "1 older")
}

// A withdrawal that the viewer may not see acts, and is not told: what it took back is gone without a word today, and on
// the day before it came it stands as the viewer knew it then.
func TestHiddenWithdrawalLeavesNoWord(t *testing.T) {
	t.Parallel()
	n := secretReport(70, "01-24 10:00")
	n.noForwarding = false
	m := n
	m.id, m.op, m.parent, m.conv, m.sent = uuid(71), samvirke.OpChange, n.id, n.id, at("01-24 11:00")
	end := cancel(m, 74, "01-24 13:00")
	end.noForwarding, end.to = true, []string{gp}
	base := records(t, strokeCourse()[:8]...)
	all := append(slices.Clone(base), records(t, n, m, end)...)
	other := Viewer{HER: []string{physio}}
	if got, want := FoldFor(all, other), FoldFor(base, other); string(got.JSON()) != string(want.JSON()) {
		t.Errorf("after the withdrawal: %v", differ("", string(want.JSON()), string(got.JSON())))
	}
	// With the same record twice, too.
	if got, want := FoldFor(append(slices.Clone(all), all[len(base)]), other), FoldFor(base, other); string(got.JSON()) != string(want.JSON()) {
		t.Errorf("with a repeat: %v", differ("", string(want.JSON()), string(got.JSON())))
	}
	before := FoldWith(all, Options{Viewer: &other, Until: at("01-24 12:00")})
	if want := FoldFor(all[:len(all)-1], other); string(before.JSON()) != string(want.JSON()) {
		t.Errorf("on the day before: %v", differ("", string(want.JSON()), string(before.JSON())))
	}
	if p := FoldFor(all, Viewer{HER: []string{gp}}); len(p.History) < 3 {
		t.Errorf("who was told of the withdrawal sees %d entries of history", len(p.History))
	}
}

// TestDenyNeverAdds is P16: an objection never adds a visible value.
func TestDenyNeverAdds(t *testing.T) {
	for cut := range strokeCourse() {
		list := records(t, strokeCourse()...)
		before := FoldFor(list, Viewer{HER: []string{physio}})
		list[cut].NoForwarding = true
		after := FoldFor(list, Viewer{HER: []string{physio}})
		seen := map[string]bool{}
		for _, l := range leaves(before) {
			seen[l.text] = true
		}
		for _, l := range leaves(after) {
			// what is derived (gaps, tasks, flags, counts, status) may change as in a world without the record
			if strings.HasPrefix(l.path, "goal/") || strings.HasPrefix(l.path, "function/") || strings.HasPrefix(l.path, "service/") || strings.HasPrefix(l.path, "note/") {
				if !seen[l.text] {
					t.Errorf("hiding record %d shows %q", cut, l.text)
				}
			}
		}
	}
}
