package admin

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// The later parties of the course.
const gpHER, providerHER = "90003", "90004"

// fakeDecider keeps what people decided.
type fakeDecider struct {
	mu     sync.Mutex
	writes []gateway.Write
	fault  *samvirke.Fault
	err    error
	status samvirke.MessageStatus
}

func (f *fakeDecider) Submit(_ context.Context, w gateway.Write) (gateway.Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return gateway.Result{}, f.err
	}
	f.writes = append(f.writes, w)
	status := f.status
	if status == "" {
		status = samvirke.MessageProcessed
	}
	return gateway.Result{MessageID: "m9001", Status: status, Fault: f.fault}, nil
}

func (f *fakeDecider) SeenIn(_ context.Context, _ string, version int64) ([]string, error) {
	return []string{fmt.Sprintf("seen-in-%d", version)}, nil
}

// last is the newest decision.
func (f *fakeDecider) last(t *testing.T) gateway.Write {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.writes) == 0 {
		t.Fatal("nothing was decided")
	}
	return f.writes[len(f.writes)-1]
}

// newFullCourse is the course with every part that a plan can have.
func newFullCourse(t *testing.T) *course {
	t.Helper()
	c := newCourse(t)
	c.at("2026-01-25 13:58:00")
	m := c.message("brygga-gp", "plan-update", samvirke.OpNew)
	gp := c.source("90003/20", m, "plan-update", gpHER, "Brygga legesenter", "Fastlege Ingeborg Myhre")
	m = c.message("sjoevik", "plan-update", samvirke.OpNew)
	ke := c.source("90002/21", m, "plan-update", municipality, "Sjøvik kommune", "Koordinator Eldrid Haugen")
	hos := c.plan.Goals[0].From
	c.plan.Shared = fullShared(gp, ke)
	c.plan.Rights = fullRights(gp, ke)
	c.plan.Course = fullCoursePart(gp, ke, hos)
	c.plan.Goals = append(c.plan.Goals, careplan.Goal{ID: "g3", Text: "Gå på tur med bikkja igjen", ExpressedBy: "patient", Status: "active", Owner: municipality, Start: val("2026-01-25", ke), Due: val("2026-05-01", ke),
		Code: &careplan.Value{Text: "Mobilitet", Code: "d450", System: "http://hl7.org/fhir/sid/icf", From: ke}, From: ke},
		careplan.Goal{ID: "g4", Text: "Være med på søndagsmiddag", ExpressedBy: "kin", OnBehalf: "afasi", Status: "active", Owner: municipality, From: ke})
	c.plan.Measures = append(c.plan.Measures, careplan.Measure{ID: "m1", Text: "Turgruppe onsdager", Kind: "order", Status: "active", Requester: municipality, Owner: municipality, Note: "Med følge",
		Code: &careplan.Value{Text: "Gruppetrening", Code: "229065009", System: "http://snomed.info/sct", From: ke}, Period: "2026-02-01", From: ke})
	c.plan.Gaps = append(c.plan.Gaps, careplan.Gap{Rule: "R6", Severity: careplan.SeverityUrgent, Text: "Discharged without a discharge report.", From: hos},
		careplan.Gap{Rule: "R5", Text: "To be evaluated: Trening i personlig stell", Due: courseNow.Add(48 * time.Hour), Subject: "p1", From: hos})
	c.plan.Stays[0].Leaves = []careplan.Leave{{Start: val("2026-01-17T10:00:00+01:00", hos), End: val("2026-01-18T18:00:00+01:00", hos)}, {End: val("2026-01-22T18:00:00+01:00", hos)}}
	c.plan.Stays[0].Kind, c.plan.Stays[0].Class, c.plan.Stays[0].Identifiers = val("sykehusopphold", hos), val("IMP", hos), []string{"opphold-4711"}
	c.plan.Checkups = append(c.plan.Checkups, careplan.Checkup{ID: "k2", Start: "2026-02-10T09:00:00+01:00", Place: "Øyepoliklinikken", Cancelled: true, Owner: hospital, From: hos})
	c.plan.Contacts = append(c.plan.Contacts, careplan.Contact{Kind: "professional", Name: "Eldrid Haugen", Role: "koordinator", RoleCode: "8", Phone: []string{"+4799990003"}, Owner: municipality, From: ke})
	c.version(m)
	return c
}

func fullShared(gp, ke []string) *careplan.SharedPart {
	at := oslotime("2026-01-24 09:00:00")
	return &careplan.SharedPart{
		Fields: []careplan.Field{
			{Name: careplan.FieldNextEvaluation, Value: *val("2026-03-19", gp), By: gpHER, At: at, Contested: true},
			{Name: careplan.FieldCoordinator, Value: careplan.Value{Text: "Eldrid Haugen", Code: "9144897", From: ke}, By: municipality, At: at},
			{Name: careplan.FieldStatus, Value: *val("active", ke), By: municipality, At: at},
			{Name: careplan.FieldPeriodStart, Value: *val("2026-02-25", ke), By: municipality}, {Name: careplan.FieldPeriodEnd, Value: *val("2026-04-22", ke), By: municipality},
			{Name: careplan.FieldPatientGoal, Element: "g3", Value: *val("Gå på tur med bikkja igjen", ke), By: municipality},
		},
		Conflicts: []careplan.Conflict{
			{ID: "c1", Field: careplan.FieldNextEvaluation, Status: "open", Opened: at, For: municipality, Candidates: []careplan.Candidate{
				{Value: *val("2026-03-19", gp), By: gpHER, Author: "Fastlege Ingeborg Myhre", At: at, Shown: true},
				{Value: *val("2026-03-26", ke), By: municipality, Author: "Koordinator Eldrid Haugen", At: at.Add(5 * time.Minute)}}},
			{ID: "c2", Field: careplan.FieldCoordinator, Status: "resolved", Opened: at, For: municipality, Chosen: &careplan.Value{Text: "Eldrid Haugen", Code: "9144897", From: ke}, ResolvedBy: municipality, Author: "Avdelingsleder Bodil Sand",
				Candidates: []careplan.Candidate{{Value: careplan.Value{Text: "Eldrid Haugen", Code: "9144897", From: ke}, By: municipality, At: at}, {Value: *val("Sverre Lund", gp), By: gpHER, Author: "Legesekretær Tiril Vik", At: at}}},
			{ID: "c3", Field: careplan.FieldPatientGoal, Element: "g3", Status: "basis-withdrawn", Opened: at.Add(-80 * time.Hour), For: "coordinator", Candidates: []careplan.Candidate{
				{Value: *val("Gå på tur med bikkja igjen", ke), By: municipality, Shown: true}, {Removed: true, Value: careplan.Value{From: gp}, By: gpHER}}},
		},
		Proposals: []careplan.Proposal{
			{ID: "w1", Element: "p0", Owner: municipality, By: gpHER, Author: "Fastlege Ingeborg Myhre", Text: "Pause i gangtreningen", Status: "requested", At: at, From: gp},
			{ID: "w2", Element: "m1", Owner: municipality, By: gpHER, Text: "Flytt turgruppen", Field: "period-end", Wanted: val("2026-06-30", gp), Status: "changed", Reason: "Til mai går bra", At: at, From: gp, Closed: ke},
		},
		Same: []careplan.SameAs{{A: "p0", B: "m1", Rule: "same-code", From: gp}, {A: "p1", B: "m1", Confirmed: true, From: ke}},
	}
}

func fullRights(gp, ke []string) *careplan.RightsPart {
	return &careplan.RightsPart{
		Identities: []careplan.Identity{{Patient: testPatient, Plan: "active", From: ke}, {Patient: systemDNR + "|53116900216", Plan: "ended", From: ke}},
		Members: []careplan.Membership{
			{ID: "t1", HER: providerHER, Name: "Fjordtrim fysioterapi", Role: "privat aktør", Start: oslotime("2026-01-01 00:00:00"), End: oslotime("2026-01-15 00:00:00"), From: ke},
			{ID: "t2", HER: providerHER, Name: "Fjordtrim fysioterapi", Start: oslotime("2026-03-01 00:00:00"), From: ke}, {ID: "t3", HER: gpHER, Name: "Brygga legesenter", Role: "fastlege", From: gp}},
		Restrictions: []careplan.Restriction{
			{ID: "r1", Kind: "block", Denied: []string{providerHER}, Scope: "organisation:" + hospital, By: "patient", Start: oslotime("2026-01-12 00:00:00"), Reason: "Pasienten vil ikke dele sykehusets notater", From: ke},
			{ID: "r2", Kind: "reservation", Allowed: []string{municipality}, Scope: "topic:sosialt", By: municipality, End: oslotime("2026-01-20 00:00:00"), From: ke}},
		Held:     []careplan.Held{{Key: "90001/77", By: municipality, Reason: "Gjelder en annen med samme navn", From: ke}},
		Withheld: []string{"rus og avhengighet"},
	}
}

func fullCoursePart(gp, ke, hos []string) *careplan.CoursePart {
	return &careplan.CoursePart{
		Courses: []careplan.Course{{ID: "e1", Identifier: val("forløp-88", ke), Status: "active", Kind: "Hverdagsrehabilitering", Start: val("2026-01-25", ke), End: val("2026-04-22", ke),
			Outcome: &careplan.Value{Text: "less", Code: "less", From: ke}, Owner: municipality, From: ke}},
		SubPlans: []careplan.SubPlan{{ID: "s1", Owner: municipality, Title: "Treningsplan hjemme", Status: "on-hold", Start: val("2026-01-25", ke), End: val("2026-03-25", ke), Goals: []string{"g3", "gone"}, Measures: []string{"m1"},
			Note: "Stans i ferien", From: ke}},
		Zones: []careplan.Zone{{ID: "z3", Owner: hospital, Colour: "red", Signs: "Ny lammelse eller talevansker", Measures: []string{"Ring 113 med en gang"}, From: hos},
			{ID: "z1", Owner: hospital, Colour: "green", Signs: "Går som avtalt", Measures: []string{"Fortsett treningen"}, From: hos}, {ID: "z2", Owner: hospital, Colour: "yellow", Signs: "Mer ustø enn før", Measures: []string{"Ring hjemmetjenesten", "Hvil til i morgen"}, From: hos}},
		Marks: []careplan.Mark{{ID: "k1", Scale: "light", Value: "green", At: oslotime("2026-01-12 09:00:00"), Owner: municipality, From: ke}, {ID: "k2", Scale: "light", Value: "red", At: oslotime("2026-01-25 09:30:00"), Owner: municipality, Note: "Falt i gangen", Drop: true, From: ke},
			{ID: "k3", Scale: "smiley", Value: "4", At: oslotime("2026-01-20 12:00:00"), Owner: municipality, From: ke}, {ID: "k4", Scale: "smiley", Value: "9", Invalid: true, Owner: municipality, From: ke}},
		Dialogue: []careplan.Dialogue{{ID: "d1", About: "g3", Message: gp[0], Category: "avvik", Text: "Hjelpemiddelet kom aldri frem", By: municipality, To: []string{gpHER, hospital}, At: oslotime("2026-01-25 10:00:00"), From: ke},
			{ID: "d2", Category: "spørsmål", Text: "Kan han gå i trapp?", By: gpHER, From: gp}},
	}
}

// deciding serves the full course with somebody who has these roles, all when none are named.
func deciding(t *testing.T, roles ...string) (*house, *fakeDecider) {
	t.Helper()
	c := newFullCourse(t)
	for key, src := range c.plan.Sources {
		c.st.records = append(c.st.records, queue.Record{Key: key, Patient: testPatient, MessageID: src.MessageID, ReceivedAt: src.Received})
	}
	h := signedIn(t, c.st, roles...)
	d := &fakeDecider{}
	h.s.opt.Decider = d
	return h, d
}

// nativeRecord makes the record of a native message, as the gateway would.
func nativeRecord(t *testing.T, her, name, id, at string, resources ...*fhir.Node) queue.Record {
	t.Helper()
	when := oslotime(at)
	number := samvirke.Identifier{System: systemFNR, Value: testNumber}
	from := samvirke.Address{Levels: []samvirke.AddressLevel{{Kind: "organisation", Name: name, IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, her)}}}}
	b, err := gateway.NewWrite(gateway.Write{Patient: number, Resources: resources, ID: id, At: when}, from)
	if err != nil {
		t.Fatal(err)
	}
	env := &samvirke.Envelope{Format: "fhir", Kind: gateway.KindPlanWrite, ID: id, Op: samvirke.OpNew, GeneratedAt: when, Sender: from, Patient: samvirke.PatientRef{Identifier: number}}
	rec, err := careplan.FromMessage(b, env, careplan.Meta{Received: when, MessageID: "x-" + id[len(id)-2:], Mapping: "fhir/4"})
	if err != nil {
		t.Fatal(err)
	}
	return queue.Record{Key: rec.Key.String(), Hash: rec.Hash, Patient: testPatient, MessageID: rec.MessageID, ReceivedAt: when, Body: rec.AppendJSON(nil)}
}

func goalNode(text, by string) *fhir.Node {
	g := fhir.NewObject("resourceType", "Goal", "identifier", fhir.NewArray(fhir.NewObject("system", "urn:test:goal", "value", strings.ReplaceAll(text, " ", "-"))),
		"lifecycleStatus", "active", "description", fhir.NewObject("text", text))
	if by != "" {
		g.Set("expressedBy", fhir.NewObject("reference", by))
	}
	return g
}

const recordID = "6f1c2d3e-0000-4000-8000-0000000000"
