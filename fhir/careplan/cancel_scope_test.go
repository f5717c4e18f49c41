package careplan

import (
	"slices"
	"testing"

	"github.com/samvirke/samvirke"
)

// TestCancelScopeVersion: for a sender whose cancellations mean one version, the version before counts
// again; in whatever order the messages come, and after a record was stored and read.
func TestCancelScopeVersion(t *testing.T) {
	t.Parallel()
	report := func(n int, op samvirke.Op, parent int, goal, sent string) msg {
		m := msg{kind: kindDischargeReport, id: uuid(n), op: op, conv: uuid(1), from: hospital, to: []string{town}, sent: at(sent)}
		if parent > 0 {
			m.parent = uuid(parent)
		}
		if goal != "" {
			m = m.with(goalNode(goal, "2026-03-01", true))
		}
		return m
	}
	old, changed := report(1, "N", 0, "old", "01-25 10:00"), report(2, "M", 1, "new", "01-25 11:00")
	for _, c := range []struct {
		name  string
		list  []msg
		goals []string
		flags []string
	}{
		{"of the change", []msg{old, changed, report(3, "C", 2, "", "01-25 12:00")}, []string{"old"}, nil},
		{"of the original", []msg{old, report(3, "C", 1, "", "01-25 12:00")}, nil, nil},
		{"of the original after a change", []msg{old, changed, report(3, "C", 1, "", "01-25 12:00")}, []string{"new"}, nil},
		{"of both", []msg{old, changed, report(3, "C", 2, "", "01-25 12:00"), report(4, "C", 1, "", "01-25 13:00")}, nil, nil},
		{"of what has not come", []msg{old, report(3, "C", 2, "", "01-25 12:00")}, []string{"old"}, []string{"orphan"}},
		{"and a further change", []msg{old, changed, report(3, "C", 2, "", "01-25 12:00"), report(4, "M", 2, "newest", "01-25 13:00")}, []string{"newest"}, nil},
		{"of a conversation without a version", []msg{old, changed, report(3, "C", 0, "", "01-25 12:00")}, nil, nil},
	} {
		for _, reverse := range []bool{false, true} {
			list := slices.Clone(c.list)
			if reverse {
				slices.Reverse(list)
			}
			var rs []Record
			for _, r := range records(t, list...) {
				if r.Chain.Op == samvirke.OpCancel && r.Chain.Parent != "" {
					r.Chain.Op = OpCancelVersion // as FromMessage does for such a sender
				}
				stored, err := ParseRecord(r.AppendJSON(nil))
				if err != nil {
					t.Fatal(err)
				}
				rs = append(rs, stored)
			}
			p := Fold(rs)
			var goals []string
			for _, g := range p.Goals {
				goals = append(goals, g.Text)
			}
			if !slices.Equal(goals, c.goals) || !slices.Equal(flagCodes(p), c.flags) {
				t.Errorf("%s, reverse %v: goals %v flags %v, want %v %v", c.name, reverse, goals, flagCodes(p), c.goals, c.flags)
			}
			for _, s := range p.Sources {
				if s.Op == string(OpCancelVersion) {
					t.Errorf("%s: a status that no message has is shown", c.name)
				}
			}
		}
	}
}

// TestCancelScopeOfTheSender: the record of a cancellation says how its sender means it.
func TestCancelScopeOfTheSender(t *testing.T) {
	t.Parallel()
	m := msg{kind: kindDischargeReport, id: uuid(3), op: "C", parent: uuid(2), conv: uuid(1), from: hospital, to: []string{town}, sent: at("01-25 12:00")}
	b, env := m.build()
	for scope, want := range map[bool]samvirke.Op{false: "C", true: OpCancelVersion} {
		r, err := FromMessage(b, env, Meta{Received: m.sent, Mapping: "test/1", CancelVersion: scope})
		if err != nil || r.Chain.Op != want {
			t.Errorf("version scope %v: %s %v", scope, r.Chain.Op, err)
		}
	}
}
