package careplan

import (
	"slices"
	"testing"
)

// TestFunctionDisagreement: two organisations that saw different things in one category at about the same time are both asked, and
// neither is right before they answer.
func TestFunctionDisagreement(t *testing.T) {
	iplos := func(n int, from, day string, eating int) msg {
		m := msg{kind: "assessment", id: uuid(n), from: from, to: []string{town}, sent: at(day + " 12:00")}
		return m.withFunction("2026-"+day, "responsible", map[int]int{10: eating})
	}
	p := foldAll(t, iplos(1, town, "02-10", 1), iplos(2, physio, "02-12", 5))
	if !slices.Contains(gapRules(p), "R12") {
		t.Fatalf("no question: %v", gapRules(p))
	}
	var asked []string
	for _, k := range p.Tasks {
		if k.Rule == "R12" {
			asked = append(asked, k.For)
		}
	}
	slices.Sort(asked)
	equal(t, "asked", asked, []string{town, physio})
	for _, g := range p.Gaps {
		if g.Rule == "R12" && (g.Severity != SeverityWarn || len(g.From) != 2) {
			t.Errorf("gap %+v", g)
		}
	}
	off := FoldWith(records(t, iplos(1, town, "02-10", 1), iplos(2, physio, "02-12", 5)), Options{Off: []string{"R12"}})
	if slices.Contains(gapRules(off), "R12") || len(off.Tasks) != 0 {
		t.Error("asks although switched off")
	}
	for name, list := range map[string][]msg{
		"bands that touch": {iplos(1, town, "02-10", 3), iplos(2, physio, "02-12", 4)},
		"far apart":        {iplos(1, town, "02-10", 1), iplos(2, physio, "03-12", 5)},
		"one organisation": {iplos(1, town, "02-10", 1), iplos(2, town, "02-12", 5)},
	} {
		if p := foldAll(t, list...); slices.Contains(gapRules(p), "R12") {
			t.Errorf("%s: asks", name)
		}
	}
}
