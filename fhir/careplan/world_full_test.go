package careplan

import (
	"fmt"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

// drawFullWorld is drawWorld with everything else that records can state among the messages: links and their
// withdrawal, members who join and leave, limits set and lifted, holds, shared statements with what their
// authors had seen, decisions about conflicts, and receipts. Every record is drawn on its own, so that a
// failing world shrinks to the records that it takes.
func drawFullWorld(t *rapid.T) world {
	w := drawWorld(t)
	for i := range w.Records {
		w.Records[i].MessageID = fmt.Sprint("gw-", i)
	}
	drawCourses(t, &w)
	drawStatements(t, &w)
	drawRights(t, &w) // and draws the order of all
	w.Repeat = rapid.SliceOfN(rapid.IntRange(0, len(w.Records)-1), 0, 5).Draw(t, "repeats of all")
	return w
}

// drawCourses has some of the messages speak of courses too, those of the withdrawn conversation among them.
func drawCourses(t *rapid.T, w *world) {
	for i := range w.Records {
		name := func(s string) string { return fmt.Sprintf("%s %d", s, i) }
		if rapid.IntRange(0, 2).Draw(t, name("with course")) == 0 && w.Records[i].Chain.Op != samvirke.OpCancel {
			c := w.Records[i].contents()
			c.rare().Course = drawFacts(t, name, true)
			w.Records[i].fill(c)
		}
	}
	for i := range w.Line {
		name := func(s string) string { return fmt.Sprintf("line %s %d", s, i) }
		if rapid.IntRange(0, 2).Draw(t, name("with course")) == 0 {
			c := w.Line[i].contents()
			c.rare().Course = drawFacts(t, name, false) // see drawCourseWorld
			w.Line[i].fill(c)
		}
	}
}

// drawStatements draws records about shared fields.
func drawStatements(t *rapid.T, w *world) {
	n := rapid.IntRange(0, 8).Draw(t, "statements")
	for i := range n {
		name := func(s string) string { return fmt.Sprintf("statement %s %d", s, i) }
		sent := worldBase.Add(time.Duration(rapid.IntRange(0, 10*24*60).Draw(t, name("sent"))) * time.Minute)
		r := Record{Key: Key{rapid.SampledFrom(worldSenders).Draw(t, name("sender")), fmt.Sprint("s", i)}, Subject: fnr(testFNR), Kind: "plan-write",
			Sent: sent, Receive: sent.Add(time.Duration(rapid.IntRange(-60, 48*60).Draw(t, name("delay"))) * time.Minute),
			MessageID: fmt.Sprint("gw-s", i), Mapping: "test/1", Chain: Chain{Conversation: fmt.Sprint("s", i), Op: samvirke.OpNew}}
		if i > 0 && rapid.IntRange(0, 3).Draw(t, name("in chain")) == 0 {
			r.Chain = Chain{Conversation: fmt.Sprint("s", i-1), Parent: fmt.Sprint("s", i-1), Op: rapid.SampledFrom([]samvirke.Op{"M", "A", "C"}).Draw(t, name("op"))}
			r.Key.Sender = w.Records[len(w.Records)-1].Key.Sender
		}
		for j := range rapid.IntRange(0, 3).Draw(t, name("seen")) {
			r.Seen = append(r.Seen, rapid.SampledFrom(w.Records).Draw(t, name(fmt.Sprint("saw ", j))).Key.String())
		}
		r.Roles = [][]string{nil, {rolePerson, roleCoordinator}, {rolePatient, rolePerson}, {roleCoordinator}}[rapid.IntRange(0, 3).Draw(t, name("roles"))]
		field := rapid.SampledFrom([]string{FieldNextEvaluation, FieldStatus, FieldCoordinator, FieldPeriodEnd}).Draw(t, name("field"))
		value := coded{Text: fmt.Sprintf("2026-03-%02d", rapid.IntRange(10, 13).Draw(t, name("value")))}
		c := &content{}
		switch rapid.IntRange(0, 4).Draw(t, name("sort")) {
		case 0:
			r.Kind = KindReceipt
			r.Chain = Chain{Conversation: r.Key.MessageID, Op: samvirke.OpNew}
		case 1:
			c.shared().Resolutions = []decidedConflict{{Conflict: conflictID(field, ""), Value: value}}
		default:
			c.shared().Statements = []statedField{{Field: field, Value: value}}
		}
		if r.Chain.Op == samvirke.OpCancel {
			c = &content{}
		}
		r.fill(c)
		w.Records = append(w.Records, r)
	}
}

// fullProperties hold whatever records state.
var fullProperties = []struct {
	name  string
	check property
}{
	{"P1 convergence", convergence}, {"P2 idempotence", idempotence}, {"P3 incremental", incremental}, {"P5 provenance", provenance}, {"P6 no invention", noInvention},
	{"P7 retraction", retraction}, {"P8 tombstone first", tombstone}, {"P12 chain", deepestWins}, {"P13 clock", clockAhead}, {"P15 blocked", blocked}, {"P16 deny", denyNeverAdds},
	{"P24 round trip", roundTrip}, {"P25 same mapping", sameMapping},
}

func TestFullProperties(t *testing.T) {
	t.Parallel()
	for _, p := range fullProperties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				if err := p.check(Fold, drawFullWorld(t)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestFullWorldStates: the worlds hold what they are meant to hold, or the properties would say nothing.
func TestFullWorldStates(t *testing.T) {
	gen := rapid.Custom(drawFullWorld)
	got := map[string]int{}
	for seed := range 300 {
		w := gen.Example(seed)
		p := Fold(w.Records)
		seen := map[string]bool{
			"goals": len(p.Goals) > 0, "stays": len(p.Stays) > 0, "function": len(p.Function) > 0, "history": len(p.History) > 0,
			"fields": p.Shared != nil && len(p.Shared.Fields) > 0, "conflicts": p.Shared != nil && len(p.Shared.Conflicts) > 0,
			"members": p.Rights != nil && len(p.Rights.Members) > 0, "limits": p.Rights != nil && len(p.Rights.Restrictions) > 0,
			"courses": p.Course != nil && len(p.Course.Courses) > 0, "sub-plans": p.Course != nil && len(p.Course.SubPlans) > 0,
			"zones": p.Course != nil && len(p.Course.Zones) > 0, "marks": p.Course != nil && len(p.Course.Marks) > 0,
			"dialogue": p.Course != nil && len(p.Course.Dialogue) > 0,
			"holds":    p.Rights != nil && len(p.Rights.Held) > 0, "identities": p.Rights != nil && len(p.Rights.Identities) > 0,
		}
		for _, f := range p.Flags {
			seen["flag "+f.Code] = true
		}
		for _, r := range w.Records {
			seen["receipts"] = seen["receipts"] || r.Kind == KindReceipt
		}
		for what, is := range seen {
			got[what] += b2i(is)
		}
	}
	for _, what := range []string{"goals", "stays", "function", "history", "fields", "conflicts", "members", "limits", "holds", "identities", "receipts",
		"courses", "sub-plans", "zones", "marks", "dialogue",
		"flag orphan", "flag cycle", "flag fork", "flag reopened", "flag no-parent", "flag foreign-change", "flag message-id-reused"} {
		if got[what] == 0 {
			t.Errorf("300 worlds and none has %s", what)
		}
	}
}
