package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// stayLine says what a plan shows of its stays, for table tests.
func stayLine(p *Plan) string {
	var out []string
	for _, s := range p.Stays {
		start, end := "?", ""
		if s.Start != nil {
			start = s.Start.Text[5:min(16, len(s.Start.Text))]
		}
		if s.End != nil {
			end = s.End.Text[5:min(16, len(s.End.Text))]
		}
		out = append(out, fmt.Sprintf("%s %s-%s ready %d/%d", s.Status, start, end, s.ReadyCount, s.WithdrawnN))
	}
	return strings.Join(out, "; ")
}

// TestStays folds stays in every odd order of events. Each case is also run in reverse order of arrival.
func TestStays(t *testing.T) {
	none := time.Time{}
	admit := func(n int, start string) msg { return admission(n, start, start) }
	say := func(n int, kind, sent string, e *fhir.Node) msg {
		return msg{kind: kind, id: uuid(n), from: hospital, to: []string{town}, sent: at(sent)}.with(e)
	}
	ready := func(n int, start, set string) msg {
		from := none
		if start != "" {
			from = at(start)
		}
		return say(n, kindReady, set, encounter(from, none, eventNode("3", stamp(at(set)), false)))
	}
	notReady := func(n int, when string) msg {
		return say(n, kindNotReady, when, encounter(none, none, eventNode("4", stamp(at(when)), false)))
	}
	discharge := func(n int, start, end string) msg {
		from := none
		if start != "" {
			from = at(start)
		}
		return say(n, kindDischarged, end, encounter(from, at(end)))
	}
	change := func(of msg, n int, sent, start string) msg {
		of.op, of.parent, of.conv, of.id, of.sent = samvirke.OpChange, of.id, of.id, uuid(n), at(sent)
		of.resources = []*fhir.Node{encounter(at(start), none)}
		return of
	}
	a := admit(1, "01-10 22:15")
	cases := []struct {
		name  string
		list  []msg
		stays string
		flags []string
		tasks string
	}{
		{"admission", []msg{a}, "in-progress 01-10T22:15- ready 0/0", nil, ""},
		{"ready with admission time", []msg{a, ready(2, "01-10 22:15", "01-19 10:00")}, "in-progress 01-10T22:15- ready 1/0", nil, "requested"},
		{"ready without", []msg{a, ready(2, "", "01-19 10:00")}, "in-progress 01-10T22:15- ready 1/0", nil, "requested"},
		{"ready whose admission never came", []msg{ready(2, "01-10 22:15", "01-19 10:00")}, "in-progress 01-10T22:15- ready 1/0", nil, "requested"},
		{"ready without admission time or stay", []msg{ready(2, "", "01-19 10:00")}, "in-progress ?- ready 1/0", []string{"unattached-event"}, "requested requested"},
		{"withdrawal with nothing to withdraw", []msg{a, notReady(2, "01-19 10:00")}, "in-progress 01-10T22:15- ready 0/0", []string{"unattached-event"}, "requested"},
		{"withdrawal without any stay", []msg{notReady(2, "01-19 10:00")}, "", []string{"unattached-event"}, "requested"},
		{"ready twice", []msg{a, ready(2, "", "01-19 10:00"), notReady(3, "01-19 17:00"), ready(4, "", "01-24 09:00")},
			"in-progress 01-10T22:15- ready 2/1", nil, "cancelled requested"},
		{"ready repeated", []msg{a, ready(2, "", "01-19 10:00"), ready(4, "", "01-20 09:00")}, "in-progress 01-10T22:15- ready 1/0", []string{"ready-repeated"}, "requested"},
		{"discharged while ready", []msg{a, ready(2, "", "01-19 10:00"), discharge(3, "", "01-20 12:00")},
			"finished 01-10T22:15-01-20T12:00 ready 1/0", nil, "done"},
		{"admission time changed, ready still has the old one", []msg{a, ready(2, "01-10 22:15", "01-19 10:00"), change(a, 3, "01-11 08:00", "01-10 21:50")},
			"in-progress 01-10T21:50- ready 1/0", nil, "requested"},
		{"admission withdrawn", []msg{a, cancel(a, 2, "01-11 08:00")}, "", nil, ""},
		{"admission withdrawn, later events stand", []msg{a, ready(2, "01-10 22:15", "01-19 10:00"), cancel(a, 3, "01-20 08:00")},
			"entered-in-error ?- ready 1/0", []string{"admission-withdrawn"}, "cancelled"},
		{"admission withdrawn, later event without admission time", []msg{a, discharge(2, "", "01-19 10:00"), cancel(a, 3, "01-20 08:00")},
			"entered-in-error ?-01-19T10:00 ready 0/0", []string{"admission-withdrawn"}, ""},
		{"admission withdrawn and sent anew with the same time", []msg{a, cancel(a, 2, "01-11 08:00"), admit(3, "01-10 22:15"), ready(4, "01-10 22:15", "01-19 10:00")},
			"in-progress 01-10T22:15- ready 1/0", nil, "requested"},
		{"withdrawn discharge drops out", []msg{a, discharge(2, "", "01-19 10:00"), cancel(discharge(2, "", "01-19 10:00"), 3, "01-19 11:00")},
			"in-progress 01-10T22:15- ready 0/0", nil, ""},
		{"two stays after each other", []msg{a, discharge(2, "", "01-12 10:00"), admit(3, "01-20 08:00"), ready(4, "", "01-22 08:00")},
			"finished 01-10T22:15-01-12T10:00 ready 0/0; in-progress 01-20T08:00- ready 1/0", nil, "requested"},
		{"two open stays, event without admission time", []msg{a, admit(3, "01-12 08:00"), ready(4, "", "01-22 08:00")},
			"in-progress 01-10T22:15- ready 0/0; in-progress 01-12T08:00- ready 0/0", []string{"overlapping-stays", "unattached-event"}, "requested"},
		{"transfer", []msg{a, discharge(2, "01-10 22:15", "01-12 16:00"), admit(3, "01-12 08:00")},
			"finished 01-10T22:15-01-12T16:00 ready 0/0; in-progress 01-12T08:00- ready 0/0", nil, ""},
		{"discharged twice", []msg{a, discharge(2, "01-10 22:15", "01-12 16:00"), discharge(3, "01-10 22:15", "01-12 18:00")},
			"finished 01-10T22:15-01-12T16:00 ready 0/0", []string{"discharged-twice"}, ""},
		{"discharge before the admission in time", []msg{a, discharge(2, "01-10 22:15", "01-10 20:00")},
			"finished 01-10T22:15-01-10T20:00 ready 0/0", []string{"end-before-start"}, ""},
		{"planned day withdrawn before it comes", []msg{a,
			say(2, kindReady, "01-19 10:00", encounter(none, none, eventNode("3", "2026-01-21", true))), notReady(3, "01-20 09:00")},
			"in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
		{"day only and withdrawn the same day", []msg{a,
			say(2, kindReady, "01-19 10:00", encounter(none, none, eventNode("3", "2026-01-19", false))),
			say(3, kindNotReady, "01-19 15:00", encounter(none, none, eventNode("4", "2026-01-19", false)))},
			"in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
		{"admission day only in the notice", []msg{a,
			say(2, kindReady, "01-19 10:00", fhir.NewObject("resourceType", "Encounter", "period", fhir.NewObject("start", "2026-01-10"),
				"extension", fhir.NewArray(eventNode("3", "2026-01-19", false))))}, "in-progress 01-10T22:15- ready 1/0", nil, "requested"},
		{"withdrawal repeats what it withdraws", []msg{a, ready(2, "01-10 22:15", "01-19 10:00"),
			say(3, kindNotReady, "01-19 17:12", encounter(at("01-10 22:15"), none, eventNode("3", stamp(at("01-19 10:00")), false), eventNode("4", stamp(at("01-19 17:00")), false)))},
			"in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
		{"days only, and the withdrawal repeats", []msg{a,
			say(2, kindReady, "01-19 10:20", encounter(at("01-10 22:15"), none, eventNode("3", "2026-01-19", true))),
			say(3, kindNotReady, "01-19 17:12", encounter(at("01-10 22:15"), none, eventNode("3", "2026-01-19", true), eventNode("4", "2026-01-19", false)))},
			"in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
		{"withdrawal repeats a notice that never came", []msg{a,
			say(3, kindNotReady, "01-19 17:12", encounter(none, none, eventNode("3", stamp(at("01-19 10:00")), false), eventNode("4", stamp(at("01-19 17:00")), false)))},
			"in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
		{"second notice repeats the first and its withdrawal", []msg{a, ready(2, "", "01-19 10:00"), notReady(3, "01-19 17:00"),
			say(4, kindReady, "01-24 09:00", encounter(at("01-10 22:15"), none, eventNode("3", stamp(at("01-19 10:00")), false),
				eventNode("4", stamp(at("01-19 17:00")), false), eventNode("3", stamp(at("01-24 08:45")), false)))},
			"in-progress 01-10T22:15- ready 2/1", nil, "cancelled requested"},
		{"admission without a time", []msg{say(1, kindAdmitted, "01-10 22:15", encounter(none, none))}, "", []string{"unattached-event"}, "requested"},
		{"unknown event", []msg{a, say(2, kindReady, "01-19 10:00", encounter(at("01-10 22:15"), none, eventNode("77", "2026-01-19", false), eventNode("3", "2026-01-19", false)))},
			"in-progress 01-10T22:15- ready 1/0", []string{"unknown-event"}, "requested"},
		{"uncoded event of a notice", []msg{a, say(2, kindNotReady, "01-19 10:00", encounter(none, none, eventNode("", "2026-01-19", false))),
			ready(3, "", "01-18 10:00")}, "in-progress 01-10T22:15- ready 1/1", nil, "cancelled"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, reverse := range []bool{false, true} {
				list := records(t, c.list...)
				if reverse {
					slices.Reverse(list)
				}
				p := Fold(list)
				equal(t, "stays", stayLine(p), c.stays)
				equal(t, "flags", flagCodes(p), c.flags)
				var tasks []string
				for _, k := range p.Tasks {
					tasks = append(tasks, k.Status)
				}
				equal(t, "tasks", strings.Join(tasks, " "), c.tasks)
			}
		})
	}
}

// TestExpectedDay: an early notice tells the expected day and never sets discharge-ready.
func TestExpectedDay(t *testing.T) {
	notice := msg{kind: "HELSEOPPL_SOKNAD", id: uuid(2), from: hospital, to: []string{town}, sent: at("01-11 09:00")}.
		with(encounter(time.Time{}, time.Time{}, eventNode("3", "2026-01-20", true)))
	p := Fold(records(t, admission(1, "01-10 22:40", "01-10 22:15"), notice))
	equal(t, "expected", p.Stays[0].Expected.Text, "2026-01-20")
	equal(t, "ready", len(p.Ready), 0)
}

// TestDeath ends what is asked of people, and a withdrawn notice brings it back.
func TestDeath(t *testing.T) {
	course := strokeCourse()[:8]
	before := Fold(records(t, course...))
	dead := msg{kind: kindDead, id: uuid(60), from: town, to: []string{gp}, sent: at("01-24 20:00")}
	patient := fhir.NewObject("resourceType", "Patient", "deceasedDateTime", "2026-01-24T18:00:00+01:00")
	list := append(records(t, course...), withPatient(t, dead, patient))
	p := Fold(list)
	equal(t, "deceased", p.Person.Deceased.Text, "2026-01-24T18:00:00+01:00")
	equal(t, "gaps", gapRules(p), []string(nil))
	for _, k := range p.Tasks {
		if k.Status == "requested" {
			t.Errorf("still asks: %s", k.Text)
		}
	}
	list = append(list, cancel(dead, 61, "01-24 21:00").record(t))
	if got := Fold(list); visible(got) != visible(before) {
		t.Errorf("the withdrawn death left something: %v", Diff(before, got))
	}
}

// withPatient makes the record of a message whose Patient says more.
func withPatient(t *testing.T, m msg, patient *fhir.Node) Record {
	t.Helper()
	b, env := m.build()
	for _, k := range patient.Keys() {
		b.First("Patient").Set(k, patient.Get(k))
	}
	r, err := FromMessage(b, env, Meta{Received: m.sent, Mapping: "test/1"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
