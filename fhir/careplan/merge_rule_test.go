package careplan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

// This file holds one small case for each merge rule that no other test would miss; see internal/mutate.

// goalsOf folds a list forwards and backwards and gives the goals.
func goalsOf(t *testing.T, list ...Record) []string {
	t.Helper()
	var out []string
	for _, g := range every(t, list).Goals {
		out = append(out, g.Text)
	}
	return out
}

// TestReusedInOneMoment: of two messages with one id that came in the same moment the one with the smaller hash counts.
func TestReusedInOneMoment(t *testing.T) {
	t.Parallel()
	one, two := word(hospital, "a", "N", "", 0, goalOf("one")), word(hospital, "a", "N", "", 0, goalOf("two"))
	want := "one"
	if two.Hash < one.Hash {
		want = "two"
	}
	equal(t, "goals", goalsOf(t, one, two), []string{want})
}

// TestLateInChain: what comes after a withdrawal, and what comes before the message that it belongs to.
func TestLateInChain(t *testing.T) {
	t.Parallel()
	n := word(hospital, "a", "N", "", 0, goalOf("first"))
	c := word(hospital, "c", "C", "a", 2, &content{})
	equal(t, "addition after the withdrawal", goalsOf(t, n, c, word(hospital, "b", "A", "a", 4, goalOf("added"))), []string(nil))
	// The version that it changes has not come; that the conversation has begun before is known all the same.
	equal(t, "change of an unknown version with an earlier clock", goalsOf(t, n, word(hospital, "d", "M", "x", -5, goalOf("changed"))), []string{"changed"})
}

// TestOnlyVersionWithdrawn: an admission whose only version is taken back is an error, as one that is withdrawn.
func TestOnlyVersionWithdrawn(t *testing.T) {
	t.Parallel()
	start := worldBase.Format(time.RFC3339)
	notice := func(id string, op samvirke.Op, parent, kind string, sent int, events ...event) Record {
		r := word(hospital, id, op, parent, sent, &content{Events: events})
		r.Kind, r.Chain.Conversation = kind, first(parent, id)
		return r
	}
	p := every(t, []Record{
		notice("a", "N", "", kindAdmitted, 0, event{Code: eventAdmitted, Time: start}),
		notice("r", "N", "", kindReady, 20, event{Code: eventAdmitted, Time: start}, event{Code: eventReady, Time: worldBase.Add(19 * time.Hour).Format(time.RFC3339)}),
		notice("c", OpCancelVersion, "a", kindAdmitted, 30),
	})
	if len(p.Stays) != 1 || p.Stays[0].Status != "entered-in-error" {
		t.Errorf("stays %+v", p.Stays)
	}
}

// saysDay is a statement of the next evaluation that became so at a time. Unit of both times: hours from worldBase.
func saysDay(sender, id, day string, event, sent int, seen ...string) Record {
	c := &content{}
	c.shared().Statements = []statedField{{Field: FieldNextEvaluation, Value: coded{Text: "2026-03-" + day}}}
	r := stating(sender, id, sent, c)
	r.Event, r.Seen = worldBase.Add(time.Duration(event)*time.Hour), seen
	return r
}

// TestShownValue: of values that disagree the greatest (event time, order time, key) is shown, whoever is asked first.
func TestShownValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		list []Record
		want string
	}{
		{"the later event, told earlier", []Record{saysDay(hospital, "a", "11", 5, 6), saysDay(town, "b", "12", 1, 9)}, "11"},
		{"one event time: told later", []Record{saysDay(hospital, "a", "11", 1, 9), saysDay(town, "b", "12", 1, 6)}, "11"},
		{"one event time, told later, by the smaller key", []Record{saysDay(hospital, "a", "11", 1, 6), saysDay(town, "b", "12", 1, 9)}, "12"},
		{"all times equal: the greater key", []Record{saysDay(hospital, "z", "11", 1, 6), saysDay(town, "a", "12", 1, 6)}, "12"},
		{"an event in the future counts from when it was told", []Record{saysDay(hospital, "a", "11", 500, 3), saysDay(town, "b", "12", 6, 9)}, "12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := every(t, c.list)
			if f := p.Field(FieldNextEvaluation); f == nil || f.Value.Text != "2026-03-"+c.want || !f.Contested {
				t.Errorf("shows %+v, want %s", f, c.want)
			}
		})
	}
}

// decides is a decision about the next evaluation.
func decides(id, day string, sent int, basis []string, seen ...string) Record {
	c := &content{}
	c.shared().Resolutions = []decidedConflict{{Conflict: conflictID(FieldNextEvaluation, ""), Value: coded{Text: "2026-03-" + day}, Basis: basis}}
	r := stating(town, id, sent, c, rolePerson, roleCoordinator)
	r.Seen = seen
	return r
}

// TestBasisThatOthersState: a decision stands for as long as anybody states what it chose.
func TestBasisThatOthersState(t *testing.T) {
	t.Parallel()
	a, b, c := saysDay(hospital, "a", "11", 1, 1), saysDay(physio, "b", "11", 1, 2, "none"), saysDay(gp, "c", "12", 1, 3, "none")
	d := decides("d", "11", 60, []string{hospital + "/a"}, hospital+"/a", gp+"/c")
	gone := follow(stating(hospital, "e", 70, &content{}), a, "C")
	for _, x := range []struct {
		name string
		list []Record
		want string
	}{
		{"all stand", []Record{a, b, c, d}, "resolved"},
		{"the basis is withdrawn, another says the same", []Record{a, b, c, d, gone}, "resolved"},
		{"the basis is withdrawn", []Record{a, c, d, gone}, "basis-withdrawn"},
	} {
		p := every(t, x.list)
		if k := conflictOn(p, FieldNextEvaluation); k == nil || k.Status != x.want {
			t.Errorf("%s: %+v, want %s", x.name, k, x.want)
		}
	}
}

// TestSameThingOfOneOwner: what one organisation lists twice is its own business, also where others take part.
func TestSameThingOfOneOwner(t *testing.T) {
	t.Parallel()
	walk := func(id string) measure {
		return measure{IDs: []string{id}, Text: "walking " + id, Kind: "order", Code: &coded{Code: "w", System: "urn:x"}}
	}
	p := every(t, []Record{word(hospital, "a", "N", "", 0, &content{Measures: []measure{walk("one"), walk("two")}}),
		stating(town, "b", 1, &content{Measures: []measure{{IDs: []string{"three"}, Text: "swimming", Kind: "order"}}})})
	if len(p.Measures) != 3 || p.Shared != nil {
		t.Errorf("%d measures, suggestions %+v", len(p.Measures), p.Shared)
	}
}

// TestFirstRecordCloses: what the owner states first about an element, with a proposal before it, is the answer.
func TestFirstRecordCloses(t *testing.T) {
	t.Parallel()
	base := stating(physio, "m", 0, &content{Measures: []measure{{IDs: []string{"walk"}, Text: "walking", Kind: "order"}}})
	id := Fold([]Record{base}).Measures[0].ID
	c := &content{}
	c.shared().Wishes = []wishedChange{{Ref: "ServiceRequest/" + id, Field: "status", Wanted: &coded{Text: "on-hold"}, Is: measure{Text: "pause"}}}
	asked := stating(gp, "w", 1, c)
	says := func(id, status string, sent int) Record {
		r := stating(physio, id, sent, &content{Answers: []answer{{ID: "walk", Status: status}}})
		r.Seen = []string{physio + "/m", gp + "/w"}
		return r
	}
	for _, x := range []struct {
		name, first, second, want string
	}{{"another first", "in-progress", "on-hold", "changed"}, {"the wished first", "on-hold", "in-progress", "accepted"}} {
		p := every(t, []Record{base, asked, says("y", x.first, 40), says("z", x.second, 50)})
		if len(p.Shared.Proposals) != 1 || p.Shared.Proposals[0].Status != x.want || p.Shared.Proposals[0].Closed[0] != physio+"/y" {
			t.Errorf("%s: %+v, want %s", x.name, p.Shared.Proposals, x.want)
		}
	}
}

// takesPart states one period of an organisation in the team.
func takesPart(id string, sent int, m memberFact, seen ...string) Record {
	r := rightsRecord(id, provider, worldBase.Add(time.Duration(sent)*time.Hour), rightsFacts{Team: []memberFact{m}})
	r.Seen = seen
	return r
}

// periodsOf are the periods of a plan's members as days.
func periodsOf(p *Plan) (out []string) {
	day := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.Format("0102")
	}
	for _, m := range p.Rights.Members {
		out = append(out, day(m.Start)+"-"+day(m.End))
	}
	return out
}

// TestPeriods: two joinings without an end are two periods, and leaving one of them ends that one.
func TestPeriods(t *testing.T) {
	t.Parallel()
	march, may := "2026-03-01T00:00:00Z", "2026-05-01T00:00:00Z"
	a, b := takesPart("a", 0, memberFact{HER: provider, Start: march}), takesPart("b", 1, memberFact{HER: provider, Start: may})
	equal(t, "two joinings", periodsOf(every(t, []Record{a, b})), []string{"0301-", "0501-"})
	gone := takesPart("c", 2, memberFact{HER: provider, Start: march, End: "2026-03-31T12:00:00Z", Remove: true})
	equal(t, "one is left", periodsOf(every(t, []Record{a, b, gone})), []string{"0301-0331", "0501-"})
}

// TestReportOfTheHospital: a discharge report counts for the stay at the hospital that wrote it.
func TestReportOfTheHospital(t *testing.T) {
	t.Parallel()
	in, out := admission(1, "01-10 22:40", "01-10 22:15"), logMessage(2, kindDischarged, "01-25 11:20", encounter(at("01-10 22:15"), at("01-25 11:15")))
	other := report(5, "01-25 13:00")
	other.from = physio
	equal(t, "another hospital's", gapOf(Fold(records(t, in, out, other)), "R6"), true)
	equal(t, "its own", gapOf(Fold(records(t, in, out, report(5, "01-25 13:00"))), "R6"), false)
}

func gapOf(p *Plan, rule string) bool {
	return slices.ContainsFunc(p.Gaps, func(g Gap) bool { return g.Rule == rule })
}

// TestBookedAgain: a check-up that was called off is missed only when nothing is booked in its place.
func TestBookedAgain(t *testing.T) {
	t.Parallel()
	in, out := admission(1, "01-10 22:40", "01-10 22:15"), logMessage(2, kindDischarged, "01-25 11:20", encounter(at("01-10 22:15"), at("01-25 11:15")))
	off := report(5, "01-25 13:00").record(t)
	c := off.contents()
	c.rare().Course = &courseFacts{Booked: []appointment{{ID: "b1", Start: "2026-02-01", Place: "clinic"}}}
	off.fill(c)
	list := append(records(t, in, out), off)
	equal(t, "called off", gapOf(every(t, list), "R7"), true)
	c.Checkups = []checkup{{Start: "2026-02-09", Place: "clinic", Booked: true}}
	off.fill(c)
	list[2] = off
	equal(t, "booked again", gapOf(every(t, list), "R7"), false)
}

// stayNotice is a message of a stay that began at worldBase. Unit of the times: hours after that.
func stayNotice(id, kind, code string, happened, sent int) Record {
	r := word(hospital, id, "N", "", sent, &content{Events: []event{{Code: eventAdmitted, Time: worldBase.Format(time.RFC3339)},
		{Code: code, Time: worldBase.Add(time.Duration(happened) * time.Hour).Format(time.RFC3339)}}})
	r.Kind, r.Chain.Conversation, r.Receive = kind, id, r.Sent.Add(time.Minute)
	return r
}

// TestEventTimeDecides: events of a stay act in the order in which they happened, not in which they were told.
func TestEventTimeDecides(t *testing.T) {
	t.Parallel()
	p := every(t, []Record{stayNotice("n", kindNotReady, eventNotReady, 12, 13), stayNotice("r", kindReady, eventReady, 10, 20)})
	if len(p.Ready) != 1 || p.Ready[0].Why != "withdrawn" || p.Stays[0].WithdrawnN != 1 || len(flagCodes(p)) != 0 {
		t.Errorf("ready %+v, flags %v", p.Ready, flagCodes(p))
	}
}

// TestReadyAfterDischarge: nobody who has left is ready to leave.
func TestReadyAfterDischarge(t *testing.T) {
	t.Parallel()
	p := every(t, []Record{stayNotice("d", kindDischarged, eventDischarged, 20, 21), stayNotice("r", kindReady, eventReady, 30, 31)})
	if len(p.Ready) != 0 || !slices.Contains(flagCodes(p), "ready-after-discharge") || p.Stays[0].Status != "finished" {
		t.Errorf("ready %+v, flags %v", p.Ready, flagCodes(p))
	}
}

// TestNationalNumberFirst: a person is known by a national number rather than by a local one, whichever sorts first.
func TestNationalNumberFirst(t *testing.T) {
	t.Parallel()
	local := word(hospital, "a", "N", "", 0, goalOf("one"))
	local.Subject = "local|1"
	link := rightsRecord("l", registry, worldBase, rightsFacts{Links: []linkFact{{Other: fnr(testFNR)}}}, roleAuthority)
	link.Subject = "local|1"
	equal(t, "known by", every(t, []Record{local, link}).Patient, fnr(testFNR))
}

// TestHiddenWithdrawal: a stay whose withdrawal may not be seen says nothing of it.
func TestHiddenWithdrawal(t *testing.T) {
	t.Parallel()
	n := stayNotice("a", kindAdmitted, eventAdmitted, 0, 1)
	c := follow(word(hospital, "secret", "C", "a", 40, &content{}), n, samvirke.OpCancel)
	c.Kind, c.NoForwarding = kindAdmitted, true
	list := []Record{n, c, stayNotice("r", kindReady, eventReady, 10, 20)}
	if raw := string(FoldFor(list, Viewer{HER: []string{physio}}).JSON()); strings.Contains(raw, "secret") || strings.Contains(raw, "entered-in-error") {
		t.Errorf("the hidden withdrawal shows: %s", raw)
	}
	if raw := string(FoldFor(list, Viewer{HER: []string{town}}).JSON()); !strings.Contains(raw, "entered-in-error") {
		t.Errorf("the addressee does not see it: %s", raw)
	}
}

// limited is a limit of the patient.
func limited(b blockFact, roles ...string) Record {
	return stating(town, "limit", 3, &content{More: &more{Rights: &rightsFacts{Blocks: []blockFact{b}}}}, roles...)
}

// TestWhoALimitBinds: outside its period a limit binds nobody, and never the patient.
func TestWhoALimitBinds(t *testing.T) {
	t.Parallel()
	n := word(hospital, "a", "N", "", 0, goalOf("first"))
	from, to := worldBase.AddDate(0, 0, 10), worldBase.AddDate(0, 0, 20)
	b := blockFact{ID: "c", Kind: kindBlock, Denied: []string{gp}, Start: from.Format(time.RFC3339), End: to.Format(time.RFC3339)}
	see := func(v Viewer, list ...Record) int { return len(FoldFor(list, v).Goals) }
	for day, want := range map[int]int{5: 1, 15: 0, 25: 1} {
		if got := see(Viewer{HER: []string{gp}, At: worldBase.AddDate(0, 0, day)}, n, limited(b, rolePatient)); got != want {
			t.Errorf("on day %d: %d goals, want %d", day, got, want)
		}
	}
	everybody := limited(blockFact{ID: "d", Kind: kindBlock})
	equal(t, "the patient", see(Viewer{Patient: true, Person: testFNR}, n, everybody), 1)
	equal(t, "another", see(Viewer{HER: []string{gp}}, n, everybody), 0)
	equal(t, "who recorded it", see(Viewer{HER: []string{town}}, n, everybody), 1)
}

// TestReservationLimits: a reservation keeps its message for its addressees, also where nothing else limits it.
func TestReservationLimits(t *testing.T) {
	t.Parallel()
	c := goalOf("first")
	c.More = &more{Rights: &rightsFacts{Blocks: []blockFact{{Kind: kindReservation, Reason: "words"}}}}
	r := word(hospital, "a", "N", "", 0, c)
	equal(t, "another", len(FoldFor([]Record{r}, Viewer{HER: []string{physio}}).Goals), 0)
	equal(t, "the addressee", len(FoldFor([]Record{r}, Viewer{HER: []string{town}}).Goals), 1)
	equal(t, "at a time", len(FoldFor([]Record{r}, Viewer{HER: []string{physio}, At: worldBase}).Goals), 0)
}

// TestMarkToldTwice: one mark that an organisation tells twice is one with two sources.
func TestMarkToldTwice(t *testing.T) {
	t.Parallel()
	says := func(id string, sent int) Record {
		c := &content{}
		c.rare().Course = &courseFacts{Marks: []mark{{Scale: scaleSmiley, Value: "3", At: worldBase.Format(time.RFC3339)}}}
		return stating(town, id, sent, c)
	}
	p := every(t, []Record{says("a", 1), says("b", 2)})
	if p.Course == nil || len(p.Course.Marks) != 1 || len(p.Course.Marks[0].From) != 2 {
		t.Errorf("%+v", p.Course)
	}
}

// TestGoalOfAPlan: a goal that somebody's own plan holds with measures needs none of its owner's.
func TestGoalOfAPlan(t *testing.T) {
	t.Parallel()
	goal := word(hospital, "a", "N", "", 0, goalOf("walk"))
	c := &content{Measures: []measure{{IDs: []string{"m"}, Text: "walking", Kind: "order"}}}
	c.rare().Course = &courseFacts{Plans: []ownPlan{{ID: "p", Title: "Home", Goals: []named{{Type: "Goal", Text: "walk"}}, Measures: []named{{Type: "ServiceRequest", ID: "m", Text: "walking"}}}}}
	equal(t, "alone", gapOf(every(t, []Record{goal}), "R2"), true)
	equal(t, "in a plan", gapOf(every(t, []Record{goal, stating(town, "b", 1, c)}), "R2"), false)
}

// TestCheckupOfAnother: what one organisation books under a number moves nothing that another booked under it.
func TestCheckupOfAnother(t *testing.T) {
	t.Parallel()
	books := func(sender, id, day string, sent int) Record {
		c := &content{Checkups: []checkup{{Start: day, Place: "clinic", Booked: true}}}
		c.rare().Course = &courseFacts{Booked: []appointment{{ID: "b1", Start: day, Place: "clinic", Row: 1}}}
		return stating(sender, id, sent, c)
	}
	a, b := books(hospital, "a", "2026-02-01", 1), books(town, "b", "2026-02-09", 2)
	equal(t, "of two organisations", len(every(t, []Record{a, b}).Checkups), 2)
	equal(t, "of one", len(every(t, []Record{a, books(hospital, "c", "2026-02-09", 2)}).Checkups), 1)
}

// TestWhoAnswersADrop: a drop waits for whom it asks.
func TestWhoAnswersADrop(t *testing.T) {
	t.Parallel()
	c := &content{}
	c.rare().Course = &courseFacts{Marks: []mark{{Scale: scaleLight, Value: "red", At: worldBase.Format(time.RFC3339)}}}
	red := stating(town, "red", 1, c)
	carried := stating(physio, "m", 0, &content{Measures: []measure{{IDs: []string{"walk"}, Text: "walking", Kind: "order"}}})
	status := func(p *Plan) string {
		for _, k := range p.Tasks {
			if k.Rule == "drop" {
				return k.For + " " + k.Status
			}
		}
		return "none"
	}
	equal(t, "asked", status(every(t, []Record{carried, red})), physio+" requested")
	equal(t, "another wrote", status(every(t, []Record{carried, red, stating(gp, "n", 50, goalNote())})), physio+" requested")
	equal(t, "the one asked wrote", status(every(t, []Record{carried, red, stating(physio, "n", 50, goalNote())})), physio+" done")
}

func goalNote() *content {
	return &content{Notes: []note{{Heading: coded{Text: "Status"}, Text: "seen"}}}
}
