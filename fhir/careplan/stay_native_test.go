package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// stayMessage is a native message with one Encounter of the hospital's episode e-1.
func stayMessage(t *testing.T, n int, sent, status, start, end, more string) msg {
	t.Helper()
	period := ""
	if start != "" {
		period = `"start":"` + start + `"`
	}
	if end != "" {
		period = strings.TrimPrefix(period+`,"end":"`+end+`"`, ",")
	}
	return update(n, hospital, sent, resource(t, `{"resourceType":"Encounter","status":"`+status+`","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"IMP"},
		"episodeOfCare":[{"identifier":{"value":"e-1"}}],"period":{`+period+`}`+more+`}`))
}

func leavePeriod(start, end string) string {
	p := `"start":"` + start + `"`
	if end != "" {
		p += `,"end":"` + end + `"`
	}
	return `,"extension":[{"url":"` + extLeave + `","valuePeriod":{` + p + `}}]`
}

// leaveLine says what a plan shows of its stays and leaves.
func leaveLine(p *Plan) string {
	text := func(v *Value) string {
		if v == nil {
			return "?"
		}
		return v.Text[5:16]
	}
	var out []string
	for _, s := range p.Stays {
		l := s.Status + " " + text(s.Start) + "-" + text(s.End)
		for _, v := range s.Leaves {
			l += " away " + text(v.Start) + "-" + text(v.End)
		}
		out = append(out, l)
	}
	return strings.Join(out, "; ")
}

const stayStart = "2026-01-10T08:00:00+01:00"

// leaveCourse is admission, leave, end of leave, a later admission time by a change, and discharge, each a
// conversation of its own but the change.
func leaveCourse(t *testing.T) []msg {
	admit := stayMessage(t, 1, "01-10 08:10", "in-progress", stayStart, "", "")
	revised := stayMessage(t, 4, "01-14 08:00", "in-progress", "2026-01-10T07:30:00+01:00", "", "")
	revised.op, revised.parent, revised.conv = samvirke.OpChange, admit.id, admit.id
	return []msg{admit,
		stayMessage(t, 2, "01-11 10:00", "onleave", stayStart, "", leavePeriod("2026-01-11T09:45:00+01:00", "")),
		stayMessage(t, 3, "01-13 18:00", "in-progress", stayStart, "", leavePeriod("2026-01-11T09:45:00+01:00", "2026-01-13T17:50:00+01:00")),
		revised,
		stayMessage(t, 5, "01-20 12:00", "finished", stayStart, "2026-01-20T11:30:00+01:00", ""),
	}
}

// permutations calls each with every order of n things.
func permutations(n int, each func([]int)) {
	order := seq(n)
	var walk func(k int)
	walk = func(k int) {
		if k == n {
			each(order)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			walk(k + 1)
			order[k], order[i] = order[i], order[k]
		}
	}
	walk(0)
}

// S10: whatever the order of arrival, the stay is the same; with the admission withdrawn it is entered in error.
func TestStayInEveryOrder(t *testing.T) {
	list := leaveCourse(t)
	cases := []struct {
		name string
		list []msg
		want string
	}{
		{"all", list, "finished 01-10T07:30-01-20T11:30 away 01-11T09:45-01-13T17:50"},
		{"admission withdrawn", append(slices.Clone(list), cancel(list[0], 6, "01-21 08:00")), "entered-in-error ?-01-20T11:30 away 01-11T09:45-01-13T17:50"},
		{"discharge withdrawn", append(slices.Clone(list), cancel(list[4], 6, "01-21 08:00")), "in-progress 01-10T07:30-? away 01-11T09:45-01-13T17:50"},
		{"end of leave withdrawn", []msg{list[0], list[1], list[2], cancel(list[2], 6, "01-21 08:00")}, "onleave 01-10T08:00-? away 01-11T09:45-?"},
		{"leave withdrawn", []msg{list[0], list[1], cancel(list[1], 6, "01-12 08:00")}, "in-progress 01-10T08:00-?"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			recs := records(t, c.list...)
			want := Fold(recs)
			equal(t, "stays", leaveLine(want), c.want)
			bytes, n := string(want.JSON()), 0
			permutations(len(recs), func(order []int) {
				got := make([]Record, len(recs))
				for i, j := range order {
					got[i] = recs[j]
				}
				if n++; string(Fold(got).JSON()) != bytes {
					t.Fatalf("order %v gives another plan: %s", order, leaveLine(Fold(got)))
				}
			})
			if want := []int{1, 1, 2, 6, 24, 120, 720}[len(recs)]; n != want {
				t.Fatalf("%d orders, want %d", n, want)
			}
		})
	}
}

// TestNativeStays: what one Encounter, and several of one episode, tell of a stay.
func TestNativeStays(t *testing.T) {
	one := func(n int, sent, status, start, end, more string) msg {
		return stayMessage(t, n, sent, status, start, end, more)
	}
	again := "2026-02-01T08:00:00+01:00"
	cases := []struct {
		name  string
		list  []msg
		want  string
		flags []string
	}{
		{"planned", []msg{one(1, "01-05 08:00", "planned", stayStart, "", "")}, "planned 01-10T08:00-?", nil},
		{"planned and come", []msg{one(1, "01-05 08:00", "planned", "2026-01-10T12:00:00+01:00", "", ""), one(2, "01-10 08:10", "in-progress", stayStart, "", "")},
			"in-progress 01-10T08:00-?", nil},
		{"called off", []msg{one(1, "01-05 08:00", "planned", stayStart, "", ""), one(2, "01-08 08:00", "cancelled", stayStart, "", "")}, "cancelled 01-10T08:00-?", nil},
		{"all in one with its history", []msg{one(1, "01-20 12:00", "finished", stayStart, "2026-01-20T11:30:00+01:00",
			`,"statusHistory":[{"status":"in-progress","period":{"start":"2026-01-10"}},{"status":"onleave","period":{"start":"2026-01-11T09:45:00+01:00","end":"2026-01-13T17:50:00+01:00"}}]`)},
			"finished 01-10T08:00-01-20T11:30 away 01-11T09:45-01-13T17:50", nil},
		{"on leave, and nothing said of when", []msg{one(1, "01-11 10:00", "onleave", stayStart, "", "")}, "onleave 01-10T08:00-? away 01-11T09:00-?", nil},
		{"left for good while on leave", []msg{one(1, "01-11 10:00", "onleave", stayStart, "", leavePeriod("2026-01-11T09:45:00+01:00", "")),
			one(2, "01-12 12:00", "finished", stayStart, "2026-01-12T11:00:00+01:00", "")}, "finished 01-10T08:00-01-12T11:00 away 01-11T09:45-01-12T11:00", nil},
		{"discharge alone", []msg{one(1, "01-20 12:00", "finished", "", "2026-01-20T11:30:00+01:00", "")}, "finished ?-01-20T11:30", nil},
		{"admission after the discharge arrived", []msg{one(1, "01-20 12:00", "finished", "", "2026-01-20T11:30:00+01:00", ""), one(2, "01-21 08:00", "in-progress", stayStart, "", "")},
			"finished 01-10T08:00-01-20T11:30", nil},
		{"entered in error", []msg{one(1, "01-10 08:10", "in-progress", stayStart, "", ""), one(2, "01-11 08:10", "entered-in-error", stayStart, "", "")},
			"entered-in-error ?-?", []string{"admission-withdrawn"}},
		{"back after the discharge", []msg{one(1, "01-10 08:10", "in-progress", stayStart, "", ""), one(2, "01-20 12:00", "finished", stayStart, "2026-01-20T11:30:00+01:00", ""),
			one(3, "02-01 08:10", "in-progress", again, "", "")}, "finished 01-10T08:00-01-20T11:30; in-progress 02-01T08:00-?", nil},
		{"told by national message too", []msg{admission(1, "01-10 08:05", "01-10 08:00"), one(2, "01-10 08:10", "in-progress", stayStart, "", ""),
			one(3, "01-11 10:00", "onleave", stayStart, "", leavePeriod("2026-01-11T09:45:00+01:00", ""))}, "onleave 01-10T08:00-? away 01-11T09:45-?", nil},
		{"end of a leave that nobody told of", []msg{one(1, "01-10 08:10", "in-progress", stayStart, "", ""),
			one(2, "01-13 18:00", "in-progress", stayStart, "", `,"extension":[{"url":"`+extLeave+`","valuePeriod":{"end":"2026-01-13T17:50:00+01:00"}}]`)},
			"in-progress 01-10T08:00-? away ?-01-13T17:50", []string{"leave-end-without-start"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := foldAll(t, c.list...)
			equal(t, "stays", leaveLine(p), c.want)
			equal(t, "flags", flagCodes(p), c.flags)
			if len(p.Stays[0].Identifiers) == 0 || p.Stays[0].Class == nil || p.Stays[0].Class.Code != "IMP" {
				t.Errorf("stay %+v", p.Stays[0])
			}
		})
	}
}

// TestStayOfTwoHospitals: a transfer is two stays and no oddity; two that are open for longer are.
func TestStayOfTwoHospitals(t *testing.T) {
	here := admission(1, "01-10 08:05", "01-10 08:00")
	there := func(n int, start string) msg {
		m := stayMessage(t, n, start, "in-progress", stamp(at(start)), "", "")
		m.from = gp
		return m
	}
	left := msg{kind: kindDischarged, id: uuid(2), from: hospital, to: []string{town}, sent: at("01-12 10:00")}.with(encounter(at("01-10 08:00"), at("01-12 09:00")))
	equal(t, "transfer", fmt.Sprint(flagCodes(foldAll(t, here, left, there(3, "01-12 08:00")))), "[]")
	equal(t, "both open", fmt.Sprint(flagCodes(foldAll(t, here, there(3, "01-12 08:00")))), "[overlapping-stays]")
}

// TestReadyNeedsStay: discharge-ready stands on a stay that goes on, and the municipality's own house owes no reports.
func TestReadyNeedsStay(t *testing.T) {
	ready := msg{kind: kindReady, id: uuid(2), from: hospital, to: []string{town}, sent: at("01-19 10:00")}.with(
		encounter(at("01-10 08:00"), time.Time{}, eventNode("3", stamp(at("01-19 10:00")), false)))
	p := foldAll(t, stayMessage(t, 1, "01-10 08:10", "in-progress", stayStart, "", ""), ready)
	equal(t, "ready on a native stay", fmt.Sprint(len(p.Stays), len(p.Ready), p.Stays[0].ReadyCount), "1 1 1")
	report := msg{kind: kindAdmissionReport, id: uuid(8), from: town, to: []string{hospital}, sent: at("01-11 10:05")}
	house := stayMessage(t, 9, "01-25 13:00", "in-progress", "2026-01-25T12:00:00+01:00", "", "")
	house.from, house.to = town, []string{hospital}
	p = foldAll(t, report, house)
	equal(t, "gaps of the municipality's own house", slices.Contains(gapRules(p), "R15"), false)
	house = stayMessage(t, 9, "02-25 13:00", "finished", "2026-01-25T12:00:00+01:00", "2026-02-25T12:00:00+01:00", "")
	house.from, house.to = town, []string{hospital}
	equal(t, "gaps after it", slices.Contains(gapRules(foldAll(t, report, house)), "R6"), false)
}
