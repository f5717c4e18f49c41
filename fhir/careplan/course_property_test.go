package careplan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawFacts draws what a message states about a course, from few words so that messages speak of the same things.
func drawFacts(t *rapid.T, name func(string) string, stays bool) *courseFacts {
	pick := func(what string, words ...string) string { return rapid.SampledFrom(words).Draw(t, name(what)) }
	when := func(what string) string {
		m := worldBase.Add(time.Duration(rapid.IntRange(-3*24, 60*24).Draw(t, name(what))) * time.Hour)
		if rapid.IntRange(0, 3).Draw(t, name(what+" day")) == 0 {
			return m.Format("2006-01-02")
		}
		return m.Format(time.RFC3339)
	}
	has := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, name("with "+what)) == 0 }
	c := &courseFacts{}
	if has("course") {
		c.Courses = []episode{{ID: pick("course id", "", "c1", "c2"), Status: pick("course status", "planned", "active", "finished", "entered-in-error"),
			Start: when("course start"), End: when("course end"), Outcome: pick("outcome", "", "less", "odd")}}
	}
	if has("plan") {
		c.Plans = []ownPlan{{ID: pick("plan id", "", "p1"), Title: pick("title", "Home", "Clinic"), Status: pick("plan status", "active", "completed"),
			Goals:    []named{{Type: "Goal", Text: pick("goal of plan", "goal 0", "goal 1", "nothing")}},
			Measures: []named{{Type: "ServiceRequest", Text: pick("measure of plan", "measure 0", "measure 1")}}}}
	}
	if has("zone") {
		c.Zones = []zone{{Colour: pick("colour", "green", "yellow", "red"), Signs: pick("signs", "short of breath", ""), Measures: []string{pick("do", "rest", "ring")},
			Ended: has("end of zone")}}
	}
	if has("mark") {
		m := mark{Scale: pick("scale", scaleSmiley, scaleLight), At: when("mark at")}
		if m.Value = pick("smiley", "1", "3", "5"); m.Scale == scaleLight {
			m.Value = pick("light", "green", "red")
		}
		if has("odd mark") {
			m.Value, m.Bad = "9", true
		}
		c.Marks = []mark{m}
	}
	if has("talk") {
		c.Talks = []talk{{Text: pick("said", "how is it going", "better"), At: when("said at"), Answers: fmt.Sprint("m", rapid.IntRange(0, 12).Draw(t, name("answers"))),
			About: []named{{Type: "Goal", Text: pick("about", "goal 0", "nothing")}}}}
	}
	if has("call off") {
		c.Booked = []appointment{{ID: pick("booking", "b1", "b2"), Start: when("was"), Place: "clinic"}}
	}
	if stays && has("stay") {
		start := pick("admitted", "2026-01-12T08:00:00Z", "2026-01-14T08:00:00Z")
		s := ownStay{IDs: []string{pick("episode", "e1", "e2")}, Main: pick("stay event", eventAdmitted, eventLeave, eventBack, eventDischarged, eventPlanned, eventCancelled, eventError),
			Class: &coded{Code: pick("class", "IMP", "EMER")}}
		s.tell(eventAdmitted, start)
		if s.Main == eventPlanned || s.Main == eventCancelled {
			s.Events[0].Code = eventPlanned
		}
		if s.Main != eventAdmitted && s.Main != eventPlanned {
			s.tell(s.Main, when("stay event at"))
		}
		c.Stays = []ownStay{s}
	}
	return c
}

// drawCourseWorld is a world whose messages also speak of courses.
func drawCourseWorld(t *rapid.T) world {
	w := drawWorld(t)
	add := func(r *Record, name func(string) string, stays bool) {
		c := r.contents()
		c.More = &more{Course: drawFacts(t, name, stays)}
		r.fill(c)
	}
	for i := range w.Records {
		add(&w.Records[i], func(s string) string { return fmt.Sprintf("%s %d", s, i) }, true)
	}
	for i := range w.Line {
		// No stays: an admission that is withdrawn while others still speak of it is shown as entered in error.
		add(&w.Line[i], func(s string) string { return fmt.Sprintf("line %s %d", s, i) }, false)
	}
	return w
}

// P1, P2, P3, P7, P8, P15 and P13 for what is stated about courses, in the same words as for the rest.
func TestCourseProperties(t *testing.T) {
	t.Parallel()
	for _, p := range properties {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				if err := p.check(Fold, drawCourseWorld(t)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// P5 and P6: every value of a course that is shown stands in a live record that it names, and what a live record
// states about marks and zones is shown or replaced by a later statement of the same organisation.
func TestCourseProvenance(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawCourseWorld(t)
		p := Fold(w.Records)
		if p.Course == nil {
			return
		}
		said := map[string]string{} // source -> everything it says
		for _, r := range w.Records {
			said[r.Key.String()] += fmt.Sprintf("%+v", *r.contents().More.Course)
		}
		l := &leafList{used: map[string]int{}}
		l.course(p.Course)
		for _, leaf := range l.list {
			if len(leaf.from) == 0 {
				t.Fatalf("%s has no source", leaf.path)
			}
			for _, k := range leaf.from {
				if _, live := p.Sources[k]; !live {
					t.Fatalf("%s rests on %s, which is not live", leaf.path, k)
				}
			}
			field := leaf.path[strings.LastIndexByte(leaf.path, '/')+1:]
			if slices.Contains([]string{"drop", "status", "goals", "measures", "about", "to"}, field) {
				continue // derived, or ids of items that have their own test
			}
			word := strings.TrimSuffix(leaf.text, " (outside the scale)")
			if strings.HasPrefix(leaf.path, "subplan/") && field == "" || word == "" {
				continue
			}
			if !slices.ContainsFunc(leaf.from, func(k string) bool { return strings.Contains(said[k], word) }) {
				t.Fatalf("%s shows %q, which none of %v says", leaf.path, word, leaf.from)
			}
		}
		for _, r := range settle(w.Records).recs {
			if _, live := p.Sources[r.key]; !live {
				continue
			}
			for _, m := range r.facts.More.Course.Marks {
				if !slices.ContainsFunc(p.Course.Marks, func(o Mark) bool {
					return o.Owner == r.Key.Sender && o.Scale == m.Scale && o.Value == m.Value && slices.Contains(o.From, r.key)
				}) {
					t.Fatalf("the mark %+v of %s is live and not shown", m, r.key)
				}
			}
		}
	})
}

// P23: what the minimum content lacks follows from the plan that is shown and from nothing else.
func TestCompletenessFollowsFromView(t *testing.T) {
	t.Parallel()
	minimum := map[string]bool{}
	for _, r := range rules() {
		minimum[r.ID] = r.check == nil && r.ID != gapStartUnknown
	}
	rapid.Check(t, func(t *rapid.T) {
		w := drawCourseWorld(t)
		viewer := Viewer{HER: []string{rapid.SampledFrom(worldSenders).Draw(t, "viewer")}}
		p := parsePlan(t, FoldFor(w.Records, viewer).JSON())
		var got, want []string
		for _, g := range p.Gaps {
			if minimum[g.Rule] {
				got = append(got, g.Rule+" "+g.Text+" "+g.Subject)
			}
		}
		if p.Person.Deceased == nil {
			for _, g := range completeness(p) {
				want = append(want, g.Rule+" "+g.Text+" "+g.Subject)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("gaps %q, the view gives %q", got, want)
		}
	})
}

// P21 for clocks of courses, and P23: gaps and clocks of a plan that was stored are those of the plan.
func TestCourseClocks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawCourseWorld(t)
		p := Fold(w.Records)
		ids := map[string]bool{}
		for _, c := range p.Clocks() {
			if ids[c.ID] || len(c.From) == 0 || c.For == "" || c.Text == "" {
				t.Fatalf("clock %+v", c)
			}
			ids[c.ID] = true
			for _, k := range c.From {
				if _, live := p.Sources[k]; !live {
					t.Fatalf("clock %s rests on %s, which is not live", c.Rule, k)
				}
			}
		}
		if got, want := fmt.Sprint(parsePlan(t, p.JSON()).Clocks()), fmt.Sprint(p.Clocks()); got != want {
			t.Fatalf("the stored plan has other clocks:\n%s\n%s", got, want)
		}
		if got, want := clockLines(Fold(w.mixed(append(slices.Clone(w.Line), w.Cancel)...))), clockLines(p); !slices.Equal(got, want) {
			t.Fatalf("a withdrawn conversation left %v, want %v", got, want)
		}
	})
}
