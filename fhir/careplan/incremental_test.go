package careplan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"pgregory.net/rapid"
)

// oneByOne gives records to a Folder singly, in their order, and compares each plan with that of the batch. The plans
// that were given before must stay as they were: later ones share parts with them.
func oneByOne(list []Record, o Options) error {
	f := NewFolder(o)
	var plans []*Plan
	var want []string
	for i := range list {
		f.Apply(list[i])
		p := f.Plan()
		plans, want = append(plans, p), append(want, string(FoldWith(list[:i+1], o).JSON()))
		if err := differ(fmt.Sprintf("the plan after record %d, %s %s", i, list[i].Key, list[i].Chain.Op), string(p.JSON()), want[i]); err != nil {
			return err
		}
	}
	for i, p := range plans {
		if err := differ(fmt.Sprintf("the plan after record %d when all have come", i), string(p.JSON()), want[i]); err != nil {
			return err
		}
	}
	return nil
}

// TestOneByOne: whatever records state, a plan that is brought up to date is that of the batch, after every record: in
// the order of sending, where steps go on where they stood, and in any other.
func TestOneByOne(t *testing.T) {
	tb := t
	worlds := []struct {
		name string
		draw func(*rapid.T) []Record
	}{
		{"messages", func(t *rapid.T) []Record { return drawWorld(t).Records }},
		{"everything", func(t *rapid.T) []Record { return drawFullWorld(t).Records }},
		{"shared", func(t *rapid.T) []Record { return drawShared(t).Records }},
		{"owned", func(t *rapid.T) []Record { return drawOwned(t).Records }},
		{"course", func(t *rapid.T) []Record { return drawCourseWorld(t).Records }},
		{"function", func(t *rapid.T) []Record { return drawAssessments(t, tb) }},
		{"years", drawYears},
	}
	for _, w := range worlds {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				list := w.draw(t)
				if rapid.Bool().Draw(t, "in order") {
					slices.SortStableFunc(list, func(a, b Record) int { return a.Receive.Compare(b.Receive) })
				}
				o := Options{}
				if rapid.IntRange(0, 4).Draw(t, "rules off") == 0 {
					o.Off = []string{"R5", "R12", gapStartUnknown}
				}
				if err := oneByOne(list, o); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// drawYears gives the records of some stays in nearly the order of sending, with changes, withdrawals and a death notice
// among them, and what else makes a step that was remembered another.
func drawYears(t *rapid.T) []Record {
	var list []Record
	for round := range rapid.IntRange(1, 3).Draw(t, "stays") {
		list = append(list, oneStay(round)...)
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "changes") {
		of := list[rapid.IntRange(0, len(list)-1).Draw(t, fmt.Sprint("of ", i))]
		from := list[rapid.IntRange(0, len(list)-1).Draw(t, fmt.Sprint("content ", i))]
		r := of
		r.Key.MessageID = fmt.Sprint("change ", i)
		r.Chain = Chain{Op: rapid.SampledFrom([]samvirke.Op{"M", "A", "C", "N", OpCancelVersion}).Draw(t, fmt.Sprint("op ", i)),
			Parent: of.Key.MessageID, Conversation: of.Chain.Conversation}
		r.Sent = of.Sent.Add(time.Duration(rapid.IntRange(-1, 60*24).Draw(t, fmt.Sprint("later ", i))) * time.Hour)
		r.Receive = r.Sent.Add(time.Minute)
		c := *from.contents()
		switch rapid.IntRange(0, 5).Draw(t, fmt.Sprint("sort ", i)) {
		case 0:
			p := person{Name: "Oda Testdal", Deceased: "2026-03-03"}
			r.Kind, c.Person = kindDead, &p
		case 1:
			c.Panels = []panel{{Instrument: "barthel-20", Scores: []score{{coded: coded{Code: "96761-2", System: systemLOINC}, Value: "7", Total: true}}}}
		case 2:
			c.Contacts = []contactRow{{Kind: "professional", Name: fmt.Sprint("Kari ", i), Code: "8", Phone: []string{"00000003"}}, {Kind: "kin", Name: "Per Testdal", Note: fmt.Sprint(i)}}
		}
		r.fill(&c)
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b Record) int { return a.Receive.Compare(b.Receive) })
	for i := range rapid.IntRange(0, 4).Draw(t, "late") {
		at := rapid.IntRange(0, len(list)-1).Draw(t, fmt.Sprint("late ", i))
		late := list[at]
		list = append(slices.Delete(list, at, at+1), late)
	}
	return list
}

// TestSameMessageOtherReading: two readings of one message that differ in nothing but what the configuration says of it
// give one plan, whichever comes first and whether they come together or not.
func TestSameMessageOtherReading(t *testing.T) {
	a := Record{Key: Key{hospital, "m0"}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: kindAdmitted, Mapping: "test/1",
		Original: []string{town}, Sent: worldBase, Receive: worldBase, Chain: Chain{Op: samvirke.OpNew, Conversation: "m0"}}
	a.fill(&content{Events: []event{{Code: eventAdmitted, Time: worldBase.Format(time.RFC3339)}}})
	b := a
	b.NoForwarding = true
	want := string(Fold([]Record{a, b}).JSON())
	for _, list := range [][]Record{{b, a}, {a, b, a}, {b, a, b}} {
		if err := oneByOne(list, Options{}); err != nil {
			t.Error(err)
		}
		if err := differ("readings in another order", string(Fold(list).JSON()), want); err != nil {
			t.Error(err)
		}
	}
	if err := oneByOne([]Record{a, b}, Options{}); err != nil {
		t.Error(err)
	}
}

// TestDayNamesTheOnlyStay: a message that names an admission by its day belongs to the only stay that began then. When a
// second one comes, it is no longer known which it is, also for a plan that is brought up to date.
func TestDayNamesTheOnlyStay(t *testing.T) {
	var list []Record
	for i, m := range []struct{ kind, start string }{
		{kindAdmitted, "2026-01-10T12:00:00Z"}, {kindReady, "2026-01-10"}, {kindAdmitted, "2026-01-10T13:00:00Z"}} {
		id := fmt.Sprint("m", i)
		at := worldBase.Add(time.Duration(i) * time.Hour)
		r := Record{Key: Key{hospital, id}, Subject: "urn:oid:2.16.578.1.12.4.1.4.1|" + testFNR, Kind: m.kind, Mapping: "test/1",
			Original: []string{town}, Sent: at, Receive: at, Chain: Chain{Op: samvirke.OpNew, Conversation: id}}
		c := content{Events: []event{{Code: eventAdmitted, Time: m.start}}}
		if m.kind == kindReady {
			c.Events = append(c.Events, event{Code: eventReady, Time: "2026-01-10T14:00:00Z"})
		}
		r.fill(&c)
		list = append(list, r)
	}
	if err := oneByOne(list, Options{}); err != nil {
		t.Error(err)
	}
	if before, after := len(Fold(list[:2]).Stays), len(Fold(list).Stays); before != 1 || after != 3 {
		t.Errorf("%d stays, then %d; want 1, then 3: the day alone no longer names one", before, after)
	}
}
