package figures

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
)

var oslo = func() *time.Location {
	l, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		return time.FixedZone("CET", 3600)
	}
	return l
}()

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func value(text string, from ...string) *careplan.Value {
	return &careplan.Value{Text: text, From: from}
}

// said writes a contribution as one word per number.
func said(c Contribution) string {
	var out []string
	for _, p := range c.Points {
		s := fmt.Sprintf("%s/%s", p.Figure, p.Class)
		if p.Month != "" {
			s += "@" + p.Month
		}
		if p.N != 1 {
			s += fmt.Sprintf("x%d", p.N)
		}
		if p.Steps != nil {
			s += fmt.Sprintf("=%ds%v", p.Seconds, p.Steps)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	stay := careplan.Stay{ID: "s", Organiser: "h", Status: "in-progress", Start: value("2026-01-10T22:15:00+01:00", "h/1")}
	sources := map[string]careplan.Source{"h/1": {Key: "h/1", MessageID: "m1", Sender: "h", Kind: "LOG_INNLAGT"}}
	sent, done := at("2026-01-10T21:40:00Z"), at("2026-01-10T21:41:00Z")
	now := at("2026-01-12T00:00:00Z")
	for _, c := range []struct {
		name string
		told []samvirke.Delivery
		stay func(*careplan.Stay)
		now  time.Time
		want string
		open bool
	}{
		{"acknowledged", []samvirke.Delivery{{State: samvirke.DeliveryAcknowledged, SentAt: sent, DoneAt: done}}, nil, now,
			"admission-acknowledged/weekend@2026-01=1560s[0 1 0 0 0 0 0] admission-notified/weekend@2026-01=1500s[0 1 0 0 0 0 0] admission-reached/acknowledged@2026-01", false},
		{"sent only", []samvirke.Delivery{{State: samvirke.DeliverySent, SentAt: sent}}, nil, now,
			"admission-notified/weekend@2026-01=1500s[0 1 0 0 0 0 0] admission-reached/notified@2026-01", true},
		{"stopped", []samvirke.Delivery{{State: samvirke.DeliveryStopped, SentAt: sent}}, nil, now, "admission-reached/not-notified@2026-01", true},
		{"never answered", []samvirke.Delivery{{State: samvirke.DeliverySent, SentAt: sent}}, nil, now.AddDate(0, 3, 0),
			"admission-notified/weekend@2026-01=1500s[0 1 0 0 0 0 0] admission-reached/notified@2026-01", false},
		{"sender's clock ahead", []samvirke.Delivery{{State: samvirke.DeliverySent, SentAt: at("2026-01-10T21:00:00Z")}}, nil, now,
			"admission-notified/weekend@2026-01=0s[1 0 0 0 0 0 0] admission-reached/notified@2026-01", true},
		{"withdrawn", nil, func(s *careplan.Stay) { s.Status = "entered-in-error" }, now, "", false},
		{"start unknown", nil, func(s *careplan.Stay) { s.Start = nil }, now, "", false},
		{"Friday afternoon", nil, func(s *careplan.Stay) { s.Start = value("2026-01-09T16:30:00+01:00", "h/1") }, now, "admission-reached/not-notified@2026-01", true},
	} {
		s := stay
		if c.stay != nil {
			c.stay(&s)
		}
		got := Contribute(Case{Plan: &careplan.Plan{Stays: []careplan.Stay{s}, Sources: sources}, Now: c.now, Zone: oslo,
			Told: func(id string) []samvirke.Delivery {
				if id != "m1" {
					t.Errorf("%s: asked for message %q", c.name, id)
				}
				return c.told
			}})
		if said(got) != c.want || got.Open != c.open {
			t.Errorf("%s:\n got %s (open %v)\nwant %s (open %v)", c.name, said(got), got.Open, c.want, c.open)
		}
	}
}

func TestWeekend(t *testing.T) {
	t.Parallel()
	c := contribution{Case: &Case{Zone: oslo}}
	for text, want := range map[string]string{
		"2026-01-09T15:59:00+01:00": "weekday", "2026-01-09T16:00:00+01:00": "weekend", "2026-01-10T12:00:00+01:00": "weekend",
		"2026-01-11T23:59:00+01:00": "weekend", "2026-01-12T07:59:00+01:00": "weekend", "2026-01-12T08:00:00+01:00": "weekday",
		"2026-01-14T03:00:00+01:00": "weekday",
	} {
		if got := c.weekend(at(text)); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

func TestDischarge(t *testing.T) {
	t.Parallel()
	base := careplan.Stay{ID: "s", Organiser: "h", Status: "finished", End: value("2026-01-25T11:00:00+01:00", "h/2")}
	report := func(received string) map[string]careplan.Source {
		return map[string]careplan.Source{"h/r": {Kind: "UTSKRIVNINGSRAPPORT", Sender: "h", Received: at(received)}}
	}
	for name, c := range map[string]struct {
		plan careplan.Plan
		want string
	}{
		"before":           {careplan.Plan{Sources: report("2026-01-25T09:59:00Z")}, "discharge-report/before@2026-01"},
		"after":            {careplan.Plan{Sources: report("2026-01-25T12:00:00Z")}, "discharge-report/after@2026-01"},
		"missing":          {careplan.Plan{Gaps: []careplan.Gap{{Rule: "R6", Subject: "s"}}}, "discharge-report/missing@2026-01"},
		"missing of other": {careplan.Plan{Sources: report("2026-01-25T12:00:00Z"), Gaps: []careplan.Gap{{Rule: "R6", Subject: "x"}}}, "discharge-report/after@2026-01"},
		"died there":       {careplan.Plan{Person: careplan.Person{Deceased: value("2026-01-25")}}, ""},
		"died later": {careplan.Plan{Person: careplan.Person{Deceased: value("2026-03-01")}, Sources: report("2026-01-25T12:00:00Z")},
			"discharge-report/after@2026-01"},
	} {
		c.plan.Stays = []careplan.Stay{base}
		if got := said(Contribute(Case{Plan: &c.plan, Now: at("2026-03-02T00:00:00Z"), Zone: oslo})); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestProposalsAndState(t *testing.T) {
	t.Parallel()
	sources := map[string]careplan.Source{"h/1": {Sender: "h", Sent: at("2026-01-25T12:00:00Z"), Received: at("2026-01-25T12:00:05Z")}}
	measure := func(answers ...careplan.Answer) careplan.Measure {
		return careplan.Measure{Kind: "proposal", Requester: "h", From: []string{"h/1"}, Answers: answers}
	}
	yes := careplan.Answer{By: "k", Status: "accepted", At: at("2026-01-25T14:00:00Z")}
	later := careplan.Answer{By: "g", Status: "accepted", At: at("2026-01-26T14:00:00Z")}
	no := careplan.Answer{By: "k", Status: "rejected", At: at("2026-01-25T13:00:00Z")}
	p := careplan.Plan{Sources: sources, Measures: []careplan.Measure{measure(no, yes, later), measure(no), measure(), {Kind: "order"}},
		Goals: []careplan.Goal{{ExpressedBy: "patient"}}, Contacts: []careplan.Contact{{RoleCode: "8"}}}
	p.Measures[1].Evaluation = value("2026-03-25", "h/1")
	p.Measures[1].Status = "active"
	want := "evaluations/planned plan-coordinator/yes plan-own-goal/yes proposal-owner/all@2026-01=7200s[0 0 1 0 0 0 0] " +
		"proposals/accepted@2026-01 proposals/rejected@2026-01 proposals/unanswered@2026-01"
	got := Contribute(Case{Plan: &p, Now: at("2026-03-25T20:00:00Z")})
	if said(got) != want || !got.Open {
		t.Errorf(" got %s (open %v)\nwant %s", said(got), got.Open, want)
	}
	if got = Contribute(Case{Plan: &p, Now: at("2026-03-26T00:00:01Z")}); !strings.Contains(said(got), "evaluations/overdue") {
		t.Errorf("the day after: %s", said(got))
	}
	p.Person.Deceased = value("2026-03-27")
	if got = Contribute(Case{Plan: &p, Now: at("2026-03-28T00:00:00Z")}); strings.Contains(said(got), "plan-") {
		t.Errorf("after death the plan is counted: %s", said(got))
	}
}

func TestCourses(t *testing.T) {
	t.Parallel()
	course := careplan.Course{Status: "finished", Start: value("2026-02-25"), End: value("2026-04-22"), Outcome: &careplan.Value{Code: "less"}}
	barthel := func(date string) careplan.Assessment { return careplan.Assessment{Line: "barthel-20", Date: date} }
	for name, c := range map[string]struct {
		course   func(*careplan.Course)
		function []careplan.Assessment
		want     string
	}{
		"pair":        {nil, []careplan.Assessment{barthel("2026-02-20"), barthel("2026-04-22")}, "course-outcome/less@2026-04 course-pairs/comparable@2026-04"},
		"one scale":   {nil, []careplan.Assessment{barthel("2026-02-20"), {Line: "iplos", Date: "2026-04-22"}}, "course-outcome/less@2026-04 course-pairs/not-comparable@2026-04"},
		"no line":     {nil, []careplan.Assessment{{Date: "2026-02-20"}, {Date: "2026-04-22"}}, "course-outcome/less@2026-04 course-pairs/not-comparable@2026-04"},
		"one only":    {nil, []careplan.Assessment{barthel("2026-02-20")}, "course-outcome/less@2026-04 course-pairs/not-comparable@2026-04"},
		"running":     {func(k *careplan.Course) { k.Status = "active" }, nil, ""},
		"no class":    {func(k *careplan.Course) { k.Outcome = nil }, nil, "course-outcome/not-stated@2026-04 course-pairs/not-comparable@2026-04"},
		"other class": {func(k *careplan.Course) { k.Outcome = &careplan.Value{Text: "splendid"} }, nil, "course-outcome/not-stated@2026-04 course-pairs/not-comparable@2026-04"},
	} {
		k := course
		if c.course != nil {
			c.course(&k)
		}
		p := careplan.Plan{Function: c.function, Course: &careplan.CoursePart{Courses: []careplan.Course{k}}}
		if got := said(Contribute(Case{Plan: &p, Now: at("2026-05-01T00:00:00Z")})); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestClassesAreDefined: whatever is counted has a class that its definition lists.
func TestClassesAreDefined(t *testing.T) {
	t.Parallel()
	for _, d := range Definitions() {
		if len(d.Classes) == 0 || d.Title == "" || d.TitleNo == "" || d.Text == "" || slices.Contains(d.Classes, "") {
			t.Errorf("definition %+v", d)
		}
	}
	if Contribute(Case{}).Points != nil {
		t.Error("no plan, yet something is counted")
	}
}
