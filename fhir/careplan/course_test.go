package careplan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
)

// parsePlan reads a plan as it is stored.
func parsePlan(t interface {
	Helper()
	Fatalf(string, ...any)
}, raw []byte) *Plan {
	t.Helper()
	var p Plan
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatalf("stored plan: %v", err)
	}
	return &p
}

// update is a message of our own kind.
func update(n int, from string, sent string, list ...*fhir.Node) msg {
	return msg{kind: "plan-update", id: uuid(n), from: from, to: []string{town}, sent: at(sent)}.with(list...)
}

// resource makes a resource from JSON.
func resource(t *testing.T, text string) *fhir.Node {
	t.Helper()
	n, err := fhir.ParseNode([]byte(text))
	if err != nil {
		t.Fatalf("resource: %v in %s", err, text)
	}
	return n
}

// foldAll folds in both orders and demands the same plan.
func foldAll(t *testing.T, list ...msg) *Plan {
	t.Helper()
	recs := records(t, list...)
	p := Fold(recs)
	slices.Reverse(recs)
	if err := differ("reversed", string(p.JSON()), string(Fold(recs).JSON())); err != nil {
		t.Error(err)
	}
	return p
}

const courseText = `{"resourceType":"EpisodeOfCare","status":"active","identifier":[{"system":"urn:x","value":"course-1"}],
	"type":[{"text":"Home rehabilitation"}],"patient":{"display":"x"},"period":{"start":"2026-02-25","end":"2026-04-22"}}`

// TestCourse: an episode of care is a course; what its owner states later replaces, and withdrawing it restores.
func TestCourse(t *testing.T) {
	first := update(1, town, "02-25 08:00", resource(t, courseText))
	ended := strings.NewReplacer(`"active"`, `"finished"`, `"resourceType":"EpisodeOfCare",`,
		`"resourceType":"EpisodeOfCare","extension":[{"url":"`+extOutcome+`","valueCode":"less"}],`).Replace(courseText)
	second := update(2, town, "04-22 08:00", resource(t, ended))
	p := foldAll(t, first)
	c := p.Course.Courses[0]
	equal(t, "course", fmt.Sprint(c.Identifier.Text, " ", c.Status, " ", c.Kind, " ", c.Start.Text, " ", c.End.Text, " ", c.Owner), "course-1 active Home rehabilitation 2026-02-25 2026-04-22 "+town)
	p = foldAll(t, first, second)
	equal(t, "courses", len(p.Course.Courses), 1)
	equal(t, "ended", p.Course.Courses[0].Status+" "+p.Course.Courses[0].Outcome.Code, "finished less")
	equal(t, "same course", p.Course.Courses[0].ID, c.ID)
	p = foldAll(t, first, second, cancel(second, 3, "04-23 08:00"))
	equal(t, "restored", p.Course.Courses[0].Status, "active")
	// Another organisation's course with the same identifier is its own.
	p = foldAll(t, first, update(4, physio, "03-01 08:00", resource(t, ended)))
	equal(t, "two owners", len(p.Course.Courses), 2)
	// A course entered in error is none.
	p = foldAll(t, first, update(5, town, "03-01 08:00", resource(t, strings.Replace(courseText, `"active"`, `"entered-in-error"`, 1))))
	equal(t, "entered in error", p.Course == nil, true)
	odd := strings.Replace(ended, `"less"`, `"splendid"`, 1)
	p = foldAll(t, update(6, town, "04-22 08:00", resource(t, odd)))
	equal(t, "odd outcome", p.Course.Courses[0].Outcome.Text+p.Course.Courses[0].Outcome.Code+fmt.Sprint(flagCodes(p)), "splendid[outcome-unknown]")
}

// TestDeathEndsCourse: death finishes a course, and a withdrawn death brings it back.
func TestDeathEndsCourse(t *testing.T) {
	start := update(1, town, "02-25 08:00", resource(t, courseText))
	dead := msg{kind: kindDead, id: uuid(60), from: town, to: []string{gp}, sent: at("03-24 20:00")}
	list := append(records(t, start), withPatient(t, dead, fhir.NewObject("resourceType", "Patient", "deceasedDateTime", "2026-03-24T18:00:00+01:00")))
	p := Fold(list)
	equal(t, "dead", p.Course.Courses[0].Status, "finished")
	equal(t, "rests on", p.Course.Courses[0].From, []string{town + "/" + uuid(1), town + "/" + uuid(60)})
	equal(t, "clocks", len(p.Clocks()), 0)
	p = Fold(append(list, cancel(dead, 61, "03-25 21:00").record(t)))
	equal(t, "alive", p.Course.Courses[0].Status, "active")
}

// TestSubPlan: the plan of an organisation names goals and measures; activities written out are measures.
func TestSubPlan(t *testing.T) {
	goal := goalNode("Walks to the shop", "2026-05-01", true)
	goal.Set("id", fhir.String("g1"))
	m := update(1, town, "02-25 08:00", goal).with(resource(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","title":"Home training","partOf":[{"reference":"CarePlan/plan-x"}],
		"subject":{"display":"x"},"period":{"start":"2026-02-25"},"goal":[{"reference":"Goal/g1"}],
		"activity":[{"detail":{"status":"in-progress","description":"Walking training"}},{"detail":{"status":"cancelled","description":"Swimming"}}]}`))
	p := foldAll(t, m)
	equal(t, "measures", len(p.Measures), 1)
	equal(t, "measure", p.Measures[0].Text+" "+p.Measures[0].Kind+" "+p.Measures[0].Owner, "Walking training order "+town)
	s := p.Course.SubPlans[0]
	equal(t, "plan", fmt.Sprint(s.Title, " ", s.Owner, " ", s.Status, s.Goals, s.Measures), fmt.Sprint("Home training ", town, " active", []string{p.Goals[0].ID}, []string{p.Measures[0].ID}))
	equal(t, "flags", flagCodes(p), []string(nil))
	lost := update(2, physio, "02-26 08:00", resource(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","partOf":[{"reference":"CarePlan/plan-x"}],
		"subject":{"display":"x"},"goal":[{"reference":"Goal/nowhere"}]}`))
	p = foldAll(t, m, lost)
	equal(t, "flags of a plan that points nowhere", flagCodes(p), []string{"reference-unresolved"})
	// One plan for each planned intervention, as Danish municipalities report: a measure and no plan.
	single := update(3, town, "02-26 09:00", resource(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{"display":"x"},
		"identifier":[{"value":"kl-7"}],"activity":[{"detail":{"status":"scheduled","code":{"coding":[{"system":"urn:fsiii","code":"G1.3","display":"Help with the bath"}]}}}]}`))
	p = foldAll(t, single)
	equal(t, "intervention", fmt.Sprint(p.Measures[0].Text, " ", p.Measures[0].Code.Code, " ", p.Course == nil), "Help with the bath G1.3 true")
	answered := foldAll(t, single, update(4, physio, "02-27 09:00", resource(t, `{"resourceType":"Task","status":"accepted","intent":"order","focus":{"identifier":{"value":"kl-7"}}}`)))
	equal(t, "answered by its identifier", len(answered.Measures[0].Answers), 1)
}

func zoneText(colour, signs, do string) string {
	return `{"resourceType":"CarePlan","status":"active","intent":"plan","partOf":[{"reference":"CarePlan/plan-x"}],"subject":{"display":"x"},
	"category":[{"coding":[{"system":"urn:x","code":"zone-plan"}]}],"extension":[{"url":"` + extZone + `","valueCode":"` + colour + `"}],
	"description":"` + signs + `","activity":[{"detail":{"status":"not-started","description":"` + do + `"}}]}`
}

// TestZonePlan: one zone for each colour and author; its measures are no measures of the plan.
func TestZonePlan(t *testing.T) {
	plan := update(1, hospital, "01-25 08:00", resource(t, zoneText("green", "As usual", "Walk each day")), resource(t, zoneText("red", "Cannot speak", "Ring 113")))
	p := foldAll(t, plan, update(2, hospital, "01-26 08:00", resource(t, zoneText("red", "Cannot lift an arm", "Ring 113 at once"))),
		update(3, gp, "01-27 08:00", resource(t, zoneText("yellow", "Tired", "Rest"))))
	var got []string
	for _, z := range p.Course.Zones {
		got = append(got, z.Owner+" "+z.Colour+" "+z.Signs+" "+strings.Join(z.Measures, ","))
	}
	equal(t, "zones", got, []string{hospital + " green As usual Walk each day", hospital + " red Cannot lift an arm Ring 113 at once", gp + " yellow Tired Rest"})
	equal(t, "measures", len(p.Measures), 0)
	ended := update(4, hospital, "01-28 08:00", resource(t, strings.Replace(zoneText("red", "x", "y"), `"active"`, `"revoked"`, 1)))
	equal(t, "after the end of one", len(foldAll(t, plan, ended).Course.Zones), 1)
}

func markNode(scale, value, when string) *fhir.Node {
	n := fhir.NewObject("resourceType", "Observation", "status", "final", "code", codeNode(systemFunction, scale))
	if when != "" {
		n.SetText("effectiveDateTime", when)
	}
	if scale == scaleSmiley {
		n.Set("valueInteger", fhir.Number(value))
	} else {
		n.Set("valueCodeableConcept", codeNode(systemFunction, value))
	}
	return n
}

// TestMarks: marks are a log of signals and no assessments; what is outside the scale stays text.
func TestMarks(t *testing.T) {
	a := update(1, town, "03-08 10:00", markNode(scaleSmiley, "4", "2026-03-08T10:00:00+01:00"))
	p := foldAll(t, a, update(2, town, "03-09 10:00", markNode(scaleSmiley, "7", "2026-03-09T10:00:00+01:00")),
		update(3, town, "03-10 10:00", markNode("traffic-light", "yellow", "")))
	var got []string
	for _, m := range p.Course.Marks {
		got = append(got, fmt.Sprint(m.Scale, " ", m.Value, " ", m.Invalid, " ", m.Drop))
	}
	equal(t, "marks", got, []string{"smiley 4 false false", "smiley 7 true false", "light yellow false false"})
	equal(t, "assessments", len(p.Function), 0)
	equal(t, "flags", flagCodes(p), []string{"mark-invalid", "mark-without-time"})
	// Corrected by its author only.
	fix := update(4, town, "03-08 12:00", markNode(scaleSmiley, "3", "2026-03-08T10:00:00+01:00"))
	fix.op, fix.parent, fix.conv = samvirke.OpChange, a.id, a.id
	p = foldAll(t, a, fix)
	equal(t, "corrected", fmt.Sprint(len(p.Course.Marks), " ", p.Course.Marks[0].Value), "1 3")
	fix.from = gp
	p = foldAll(t, a, fix)
	equal(t, "corrected by another", fmt.Sprint(len(p.Course.Marks), " ", p.Course.Marks[0].Value, " ", flagCodes(p)), "1 4 [foreign-change]")
}

// TestDrop: red, or two smiley steps down within 48 hours, asks the supervising therapist.
func TestDrop(t *testing.T) {
	smiley := func(n int, value, when string) msg {
		return update(n, town, when, markNode(scaleSmiley, value, stamp(at(when))))
	}
	light := func(n int, value, when string) msg {
		return update(n, town, when, markNode("traffic-light", value, stamp(at(when))))
	}
	training := update(50, physio, "03-01 10:00", resource(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Walking training"}}`))
	nursing := update(51, gp, "03-01 10:00", resource(t, `{"resourceType":"ServiceRequest","status":"active","intent":"order","code":{"text":"Wound care"}}`))
	therapist := update(52, physio, "03-01 11:00", resource(t, `{"resourceType":"PractitionerRole","code":[{"text":"Fysioterapeut"}],"practitioner":{"display":"Kari Prøve"},"telecom":[{"system":"phone","value":"5550100"}]}`))
	note := update(53, physio, "03-11 11:00", section("Status", "Seen at home"))
	cases := []struct {
		name string
		list []msg
		want string // For and status of the tasks
	}{
		{"green and yellow", []msg{light(1, "green", "03-09 10:00"), light(2, "yellow", "03-10 10:00")}, ""},
		{"red", []msg{light(1, "green", "03-09 10:00"), light(2, "red", "03-10 10:00")}, "coordinator requested"},
		{"one step down", []msg{smiley(1, "4", "03-09 10:00"), smiley(2, "3", "03-10 10:00")}, ""},
		{"two steps down in time", []msg{smiley(1, "4", "03-08 10:00"), smiley(2, "2", "03-10 10:00")}, "coordinator requested"},
		{"two steps down too slowly", []msg{smiley(1, "4", "03-08 09:00"), smiley(2, "2", "03-10 10:00")}, ""},
		{"two steps in two marks", []msg{smiley(1, "5", "03-09 10:00"), smiley(2, "4", "03-09 20:00"), smiley(3, "3", "03-10 10:00")}, "coordinator requested"},
		{"two steps up", []msg{smiley(1, "2", "03-09 10:00"), smiley(2, "4", "03-10 10:00")}, ""},
		{"other scale", []msg{light(1, "green", "03-09 10:00"), smiley(2, "1", "03-10 10:00")}, ""},
		{"outside the scale", []msg{smiley(1, "5", "03-09 10:00"), smiley(2, "0", "03-10 10:00")}, ""},
		{"one who carries a measure", []msg{training, light(2, "red", "03-10 10:00")}, physio + " requested"},
		{"two who carry measures", []msg{training, nursing, light(2, "red", "03-10 10:00")}, "coordinator requested"},
		{"the therapist of two", []msg{training, nursing, therapist, light(2, "red", "03-10 10:00")}, physio + " requested"},
		{"answered", []msg{training, light(2, "red", "03-10 10:00"), note}, physio + " done"},
		{"withdrawn", []msg{training, light(2, "red", "03-10 10:00"), cancel(light(2, "red", "03-10 10:00"), 3, "03-10 11:00")}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := foldAll(t, c.list...)
			var got []string
			for _, k := range p.Tasks {
				if k.Rule == "drop" {
					got = append(got, k.For+" "+k.Status)
				}
			}
			equal(t, "tasks", strings.Join(got, "; "), c.want)
			drops := 0
			if p.Course != nil {
				for _, m := range p.Course.Marks {
					drops += b2i(m.Drop)
				}
			}
			equal(t, "marks that drop", drops > 0, c.want != "")
		})
	}
}

// TestDialogue: a message belongs to the item it names, or to what it answers.
func TestDialogue(t *testing.T) {
	report := msg{kind: kindDischargeReport, id: uuid(1), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(proposal("Walking training", ""))
	ask := msg{kind: "DIALOG_NOTAT", id: uuid(2), from: town, to: []string{hospital}, sent: at("01-26 09:00"), parent: uuid(1), conv: uuid(1)}.with(
		resource(t, `{"resourceType":"Communication","status":"completed","payload":[{"contentString":"How far?"}]}`))
	answer := msg{kind: "DIALOG_SVAR", id: uuid(3), from: hospital, to: []string{town}, sent: at("01-26 10:00"), parent: uuid(2), conv: uuid(1)}.with(
		resource(t, `{"resourceType":"Communication","status":"completed","topic":{"text":"Distance"},"payload":[{"contentString":"Fifty metres"}]}`),
		resource(t, `{"resourceType":"CommunicationRequest","status":"completed","payload":[{"contentString":"How far?"}]}`))
	alone := msg{kind: "DIALOG_NOTAT", id: uuid(4), from: town, to: []string{hospital}, sent: at("01-26 11:00")}.with(
		resource(t, `{"resourceType":"Communication","status":"completed","payload":[{"contentString":"About something else"}]}`))
	p := foldAll(t, report, ask, answer, alone)
	equal(t, "messages", len(p.Course.Dialogue), 2)
	for i, want := range []string{"How far?", "Distance\nFifty metres"} {
		d := p.Course.Dialogue[i]
		equal(t, "message", d.Text+" "+d.About, want+" "+p.Measures[0].ID)
	}
	equal(t, "to", p.Course.Dialogue[0].To, []string{hospital})
	equal(t, "answers", p.Course.Dialogue[1].Message, town+"/"+uuid(2))
	// Without what it answers it waits outside the plan.
	equal(t, "answer alone", foldAll(t, answer).Course == nil, true)
	// Our own messages say what they are about, or stand for themselves.
	own := update(5, physio, "02-01 10:00", resource(t, `{"resourceType":"Communication","status":"completed","sent":"2026-02-01T10:00:00+01:00",
		"about":[{"reference":"ServiceRequest/`+p.Measures[0].ID+`"}],"payload":[{"contentString":"Going well"}]}`))
	d := foldAll(t, report, own).Course.Dialogue[0]
	equal(t, "about our own id", d.About, p.Measures[0].ID)
	// A deviation is not shown to the person.
	avvik := update(6, physio, "02-01 11:00", resource(t, `{"resourceType":"Communication","status":"completed","category":[{"coding":[{"code":"avvik"}]}],
		"payload":[{"contentString":"The papers were those of another"}]}`))
	equal(t, "shown to professionals", len(Fold(records(t, avvik)).Course.Dialogue), 1)
	if c := FoldFor(records(t, avvik), Viewer{Patient: true}).Course; c != nil && len(c.Dialogue) > 0 {
		t.Error("a deviation is shown to the person")
	}
}

// TestCancelledAppointment: a later message cancels or moves a check-up by its identifier.
func TestCancelledAppointment(t *testing.T) {
	appointment := func(n int, status, start, sent string) msg {
		return update(n, hospital, sent, resource(t, `{"resourceType":"Appointment","status":"`+status+`","identifier":[{"value":"a-1"}],"start":"`+start+`",
			"participant":[{"status":"accepted"}]}`))
	}
	lines := func(p *Plan) (out []string) {
		for _, c := range p.Checkups {
			out = append(out, fmt.Sprint(c.Start, " ", c.Booked, " ", c.Cancelled))
		}
		return out
	}
	booked := appointment(1, "booked", "2026-03-25T10:00:00+01:00", "01-25 13:00")
	moved := appointment(2, "booked", "2026-03-26T10:00:00+01:00", "02-25 13:00")
	off := appointment(3, "cancelled", "2026-03-26T10:00:00+01:00", "03-01 13:00")
	equal(t, "booked", lines(foldAll(t, booked)), []string{"2026-03-25T10:00:00+01:00 true false"})
	equal(t, "moved", lines(foldAll(t, booked, moved)), []string{"2026-03-26T10:00:00+01:00 true false"})
	equal(t, "cancelled", lines(foldAll(t, booked, moved, off)), []string{"2026-03-26T10:00:00+01:00 false true"})
	equal(t, "restored", lines(foldAll(t, booked, moved, off, cancel(off, 4, "03-02 10:00"))), []string{"2026-03-26T10:00:00+01:00 true false"})
}

// TestCourseExport: what a plan says about courses and stays is R4.
func TestCourseExport(t *testing.T) {
	p := foldAll(t, update(1, town, "02-25 08:00", resource(t, courseText), resource(t, zoneText("red", "Cannot speak", "Ring 113"))),
		update(2, town, "03-08 10:00", markNode(scaleSmiley, "4", "2026-03-08T10:00:00+01:00"), markNode("traffic-light", "purple", "2026-03-08T11:00:00+01:00"),
			resource(t, `{"resourceType":"Communication","status":"completed","payload":[{"contentString":"How is it?"}]}`)),
		stayMessage(t, 3, "01-10 22:40", "onleave", "2026-01-10T22:15:00+01:00", "", `,"statusHistory":[{"status":"planned","period":{"start":"2026-01-09"}}]`))
	checkR4(t, p)
	e := p.FHIR().First("Encounter")
	equal(t, "history", e.At("statusHistory.0.status").Text()+e.At("class.code").Text()+e.At("identifier.0.value").Text(), "in-progressIMPe-1")
	types := map[string]int{}
	for _, e := range p.FHIR().Entries() {
		types[e.Type]++
	}
	for _, typ := range []string{"EpisodeOfCare", "CarePlan", "Observation", "Communication", "Encounter"} {
		if types[typ] == 0 {
			t.Errorf("no %s among %v", typ, types)
		}
	}
}

// TestStayHistory: the status history of an Encounter tells the leaves one after the other.
func TestStayHistory(t *testing.T) {
	p := foldAll(t, leaveCourse(t)...)
	checkR4(t, p)
	var got []string
	for _, h := range p.FHIR().First("Encounter").Get("statusHistory").Items() {
		got = append(got, h.Get("status").Text()+" "+h.At("period.start").Text()[5:16]+"-"+h.At("period.end").Text()[5:16])
	}
	equal(t, "history", got, []string{"in-progress 01-10T07:30-01-11T09:45", "onleave 01-11T09:45-01-13T17:50", "in-progress 01-13T17:50-01-20T11:30"})
	// What we export says the same again when it comes in.
	back := update(90, hospital, "01-21 10:00", p.FHIR().First("Encounter").Clone())
	equal(t, "read back", leaveLine(foldAll(t, back)), leaveLine(p))
}

// checkR4 holds the resources of a plan against the R4 definitions.
func checkR4(t *testing.T, p *Plan) {
	t.Helper()
	set, err := definition.R4()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range p.FHIR().Entries() {
		for _, issue := range set.Check(e.Resource) {
			t.Errorf("%s: %+v", e.Type, issue)
		}
	}
}
