package careplan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// Invented numbers of the official test range.
const (
	testDNR  = "55076500565"
	otherFNR = "11064700342"
	provider = "500001"
	registry = "600001"
)

func fnr(v string) string { return fhir.SystemFNR + "|" + v }
func dnr(v string) string { return fhir.SystemDNR + "|" + v }

// says gives the record of a message of our own kind, in a capacity.
func (m msg) says(t testing.TB, roles ...string) Record {
	t.Helper()
	if m.kind == "" {
		m.kind = "plan-update"
	}
	r := m.record(t)
	r.Roles = roles
	return r
}

// of makes a record one of another patient key.
func (r Record) of(subject string) Record {
	r.Subject = subject
	return r
}

// linkRecord says that the key other is the same person as the one the message is about.
func linkRecord(t *testing.T, n int, sent, subject, other string, roles ...string) Record {
	t.Helper()
	system, value, _ := strings.Cut(other, "|")
	patient := fhir.NewObject("link", fhir.NewArray(fhir.NewObject("type", "seealso",
		"other", fhir.NewObject("identifier", fhir.NewObject("system", system, "value", value)))))
	r := withPatient(t, msg{kind: "plan-update", id: uuid(n), from: registry, sent: at(sent)}, patient)
	r.Roles = roles
	return r.of(subject)
}

// undo withdraws a record, in the words of its own sender.
func undo(t testing.TB, r Record, n int, sent string) Record {
	t.Helper()
	c := msg{kind: r.Kind, id: uuid(n), op: samvirke.OpCancel, parent: r.Key.MessageID, conv: first(r.Chain.Conversation, r.Key.MessageID),
		from: r.Key.Sender, sent: at(sent)}.record(t)
	c.Roles = r.Roles
	return c.of(r.Subject)
}

func foldOf(records []Record, subject string) *Plan {
	return FoldWith(records, Options{Subject: subject})
}

// S6: a D-number becomes a national number midway. With the link the two are one plan under the national number;
// with the link withdrawn each is what its own records give, to the byte.
func TestIdentityLink(t *testing.T) {
	course := strokeCourse()
	var a, b []Record
	for i, r := range records(t, course...) {
		if i < 6 {
			a = append(a, r.of(dnr(testDNR)))
		} else {
			b = append(b, r)
		}
	}
	link := linkRecord(t, 80, "01-20 10:00", dnr(testDNR), fnr(testFNR), roleAuthority)
	all := append(slices.Clone(a), b...)
	if got := Class(all, fnr(testFNR)); len(got) != 1 {
		t.Errorf("class without a link: %v", got)
	}
	if got, want := foldOf(all, fnr(testFNR)).JSON(), Fold(b).JSON(); string(got) != string(want) {
		t.Error(differ("unlinked plan", string(got), string(want)))
	}
	all = append(all, link)
	want := []string{fnr(testFNR), dnr(testDNR)}
	slices.Sort(want)
	equal(t, "class of the number", Class(all, fnr(testFNR)), want)
	equal(t, "class of the D-number", Class(all, dnr(testDNR)), want)
	equal(t, "class of somebody else", Class(all, fnr(otherFNR)), []string{fnr(otherFNR)})
	p := foldOf(all, dnr(testDNR))
	equal(t, "patient", p.Patient, fnr(testFNR))
	equal(t, "measures of both", len(p.Measures), 3)
	equal(t, "stays of both", len(p.Stays), 1)
	equal(t, "identities", len(p.Rights.Identities), 2)
	equal(t, "best first", p.Rights.Identities[0].Patient, fnr(testFNR))
	equal(t, "link behind", p.Rights.Identities[1].From, []string{link.Key.String()})
	if q := foldOf(all, fnr(testFNR)); string(p.JSON()) != string(q.JSON()) {
		t.Error(differ("either key", string(p.JSON()), string(q.JSON())))
	}
	for name, c := range map[string]Record{"same key": undo(t, link, 81, "01-26 10:00"), "other key": undo(t, link, 82, "01-26 10:00").of(fnr(testFNR))} {
		with := append(slices.Clone(all), c)
		for range 3 {
			slices.Reverse(with)
			equal(t, name+": class", len(Class(with, fnr(testFNR))), 1)
			if got, want := foldOf(with, fnr(testFNR)).JSON(), Fold(b).JSON(); string(got) != string(want) {
				t.Error(differ(name+": plan of the number", string(got), string(want)))
			}
			if got, want := visible(foldOf(with, dnr(testDNR))), visible(Fold(a)); got != want {
				t.Error(differ(name+": plan of the D-number", got, want))
			}
			with = append(with[1:], with[0])
		}
	}
}

// TestLinkAuthority: a link counts only from an identity authority or a person, and a name is no link.
func TestLinkAuthority(t *testing.T) {
	list := records(t, strokeCourse()[0])
	for role, want := range map[string]int{"": 1, roleCoordinator: 1, rolePatient: 1, roleAuthority: 2, rolePerson: 2} {
		with := append(slices.Clone(list), linkRecord(t, 80, "01-20 10:00", fnr(testFNR), dnr(testDNR), role))
		equal(t, "class by role "+role, len(Class(with, fnr(testFNR))), want)
		equal(t, "flag by role "+role, slices.Contains(flagCodes(Fold(with)), "link-without-authority"), want == 1)
	}
	same := list[0].of(fnr(otherFNR)) // same name, same birth date
	equal(t, "same name", len(Class(append(list, same), fnr(testFNR))), 1)
}

func masterPlan(status string, replaces ...string) *fhir.Node {
	n := fhir.NewObject("resourceType", "CarePlan", "status", status, "intent", "plan")
	for _, k := range replaces {
		system, value, _ := strings.Cut(k, "|")
		n.Append("replaces", fhir.NewObject("identifier", fhir.NewObject("system", system, "value", value)))
	}
	return n
}

// TestTwoMasters: two active plans of one person are flagged, and a person picks.
func TestTwoMasters(t *testing.T) {
	a := msg{id: uuid(1), from: town, sent: at("01-10 10:00")}.with(masterPlan("active")).says(t, roleCoordinator).of(dnr(testDNR))
	b := msg{id: uuid(2), from: hospital, sent: at("01-11 10:00")}.with(masterPlan("active")).says(t)
	link := linkRecord(t, 80, "01-20 10:00", dnr(testDNR), fnr(testFNR), rolePerson)
	list := []Record{a, b, link}
	p := foldOf(list, fnr(testFNR))
	has := func(p *Plan) bool {
		return slices.Contains(flagCodes(p), "two-plans") && slices.Contains(gapRules(p), "two-plans")
	}
	equal(t, "two active", has(p), true)
	equal(t, "before the link", has(foldOf(list[:2], fnr(testFNR))), false)
	nobody := msg{id: uuid(3), from: hospital, sent: at("01-21 10:00")}.with(masterPlan("active", dnr(testDNR)))
	equal(t, "picked by a system", has(foldOf(append(slices.Clone(list), nobody.says(t)), fnr(testFNR))), true)
	pick := append(slices.Clone(list), nobody.says(t, rolePerson))
	p = foldOf(pick, fnr(testFNR))
	equal(t, "picked", has(p), false)
	equal(t, "states", p.Rights.Identities[0].Plan+" "+p.Rights.Identities[1].Plan, "active replaced")
	equal(t, "pick withdrawn", has(foldOf(append(pick, undo(t, pick[3], 4, "01-22 10:00")), fnr(testFNR))), true)
}

func holdTask(status, key string) *fhir.Node {
	return fhir.NewObject("resourceType", "Task", "status", status, "intent", "order", "code", codeNode(SystemTask, codeHold),
		"input", fhir.NewArray(fhir.NewObject("type", text("record"), "valueString", key)), "statusReason", text("about somebody else"))
}

// S5: a message about the wrong person. Set aside it takes no part; withdrawn it leaves the plan as it was; and
// whatever is decided last counts, in any order of arrival.
func TestHeldRecord(t *testing.T) {
	base := records(t, strokeCourse()[:9]...)
	before := visible(Fold(base))
	wrong := msg{kind: kindDischargeReport, id: uuid(70), from: hospital, to: []string{town}, sent: at("01-25 14:00")}.
		with(goalNode("of somebody else", "2026-03-01", true), proposal("of somebody else", "")).record(t)
	with := append(slices.Clone(base), wrong)
	if visible(Fold(with)) == before {
		t.Fatal("the report shows nothing")
	}
	hold := func(n int, sent, status string, roles ...string) Record {
		return msg{id: uuid(n), from: town, sent: at(sent)}.with(holdTask(status, wrong.Key.String())).says(t, roles...)
	}
	set := hold(71, "01-25 15:00", "in-progress", rolePerson)
	rest := func(p *Plan) string {
		q := *p
		q.Rights = nil
		return visible(&q)
	}
	p := Fold(append(slices.Clone(with), set))
	equal(t, "held", rest(p), rest(Fold(append(slices.Clone(base), withoutFacts(set)))))
	equal(t, "listed", len(p.Rights.Held) == 1 && p.Rights.Held[0].Key == wrong.Key.String() && p.Rights.Held[0].Reason == "about somebody else", true)
	equal(t, "kept", slices.ContainsFunc(p.History, func(s Source) bool { return s.Key == wrong.Key.String() && s.State == stateHeld }), true)
	equal(t, "by nobody", len(Fold(append(slices.Clone(with), hold(72, "01-25 15:00", "in-progress"))).Goals), 1)
	release := hold(73, "01-25 16:00", "cancelled", rolePerson)
	again := hold(74, "01-25 17:00", "in-progress", rolePerson)
	for name, c := range map[string]struct {
		more  []Record
		goals int
	}{
		"released": {[]Record{set, release}, 1}, "held again": {[]Record{set, release, again}, 0},
		"hold withdrawn": {[]Record{set, undo(t, set, 75, "01-25 18:00")}, 1}, "release withdrawn": {[]Record{set, release, undo(t, release, 76, "01-25 18:00")}, 0},
	} {
		list := append(slices.Clone(with), c.more...)
		equal(t, name, len(Fold(list).Goals), c.goals)
		slices.Reverse(list)
		equal(t, name+" reversed", len(Fold(list).Goals), c.goals)
	}
	// The sender takes it back from A and sends it on B.
	c := undo(t, wrong, 77, "01-25 18:00")
	right := wrong.of(fnr(otherFNR))
	right.Key.MessageID, right.Chain.Conversation = uuid(78), uuid(78)
	all := append(slices.Clone(with), c, right)
	equal(t, "A as before", visible(foldOf(all, fnr(testFNR))), before)
	equal(t, "B has it", len(foldOf(all, fnr(otherFNR)).Goals), 1)
	stop := msg{id: uuid(79), from: town, sent: at("01-25 19:00")}.with(holdTask("in-progress", c.Key.String())).says(t, rolePerson)
	p = Fold(append(slices.Clone(with), c, stop))
	equal(t, "a withdrawal cannot be held", len(p.Goals), 0)
	equal(t, "and says so", slices.Contains(flagCodes(p), "hold-without-effect"), true)
}

// withoutFacts is a record that states nothing.
func withoutFacts(r Record) Record {
	c := *r.contents()
	c.More = nil
	r.fill(&c)
	return r
}

// TestDeathSources: who may say that a person is dead.
func TestDeathSources(t *testing.T) {
	patient := fhir.NewObject("resourceType", "Patient", "deceasedDateTime", "2026-01-24T18:00:00+01:00")
	base := records(t, strokeCourse()[:8]...)
	dead := withPatient(t, msg{kind: "EPIKRISE", id: uuid(60), from: hospital, to: []string{gp}, sent: at("01-24 20:00")}, patient)
	p := Fold(append(slices.Clone(base), dead))
	equal(t, "an epicrisis", p.Person.Deceased == nil && slices.Contains(flagCodes(p), "death-unconfirmed"), true)
	dead.Roles = []string{roleAuthority}
	p = Fold(append(slices.Clone(base), dead))
	equal(t, "the register", p.Person.Deceased != nil && !slices.Contains(flagCodes(p), "death-unconfirmed"), true)
	equal(t, "withdrawn", visible(Fold(append(slices.Clone(base), dead, undo(t, dead, 61, "01-25 10:00")))), visible(Fold(base)))
}

func careTeam(parts ...*fhir.Node) *fhir.Node {
	return fhir.NewObject("resourceType", "CareTeam", "status", "active", "participant", fhir.NewArray(anyOf(parts)...))
}

func anyOf(list []*fhir.Node) []any {
	out := make([]any, len(list))
	for i, n := range list {
		out[i] = n
	}
	return out
}

func participant(her, op, start, end string) *fhir.Node {
	n := fhir.NewObject("member", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", her), "display", "Unit "+her))
	if op != "" {
		n.Append("extension", fhir.NewObject("url", extOperation, "valueCode", op))
	}
	p := fhir.NewObject()
	p.SetText("start", start)
	p.SetText("end", end)
	if len(p.Keys()) > 0 {
		n.Set("period", p)
	}
	return n
}

func teamRecord(t testing.TB, n int, from, sent string, part *fhir.Node, roles ...string) Record {
	t.Helper()
	return msg{id: uuid(n), from: from, sent: at(sent)}.with(careTeam(part)).says(t, roles...)
}

// S8: a private provider joins, leaves and joins again.
func TestRejoin(t *testing.T) {
	base := records(t, strokeCourse()...)
	join := teamRecord(t, 80, provider, "03-01 08:00", participant(provider, "add", "2026-03-01T00:00:00+01:00", ""))
	leave := teamRecord(t, 81, provider, "03-31 16:00", participant(provider, "remove", "", "2026-03-31T23:59:00+02:00"))
	later := msg{kind: "EPIKRISE", id: uuid(82), from: hospital, to: []string{gp}, sent: at("04-10 10:00")}.with(goalNode("set in April", "", false)).record(t)
	again := teamRecord(t, 83, provider, "05-01 08:00", participant(provider, "add", "2026-05-01T00:00:00+02:00", ""))
	all := append(slices.Clone(base), join, leave, later, again)
	p := Fold(all)
	equal(t, "periods", len(p.Rights.Members), 2)
	for day, want := range map[string]string{"02-01 10:00": NotYetAMember, "03-10 10:00": "", "04-15 10:00": MembershipOver, "05-02 10:00": ""} {
		_, why := p.Allowed(Viewer{HER: []string{provider}, At: at(day)})
		equal(t, "on "+day, why, want)
		equal(t, "member on "+day, p.MemberAt(provider, at(day)), want == "")
	}
	see := func(day string) bool {
		v := FoldFor(all, Viewer{HER: []string{provider}, At: at(day)})
		return slices.ContainsFunc(v.Goals, func(g Goal) bool { return g.Text == "set in April" })
	}
	equal(t, "new content between", see("04-15 10:00"), false)
	equal(t, "earlier content stays", len(FoldFor(all, Viewer{HER: []string{provider}, At: at("04-15 10:00")}).Goals), 2)
	gone := append(slices.Clone(all), undo(t, base[9], 84, "04-12 10:00")) // the report that set the goals
	equal(t, "withdrawals act after the end too", len(FoldFor(gone, Viewer{HER: []string{provider}, At: at("04-15 10:00")}).Goals), 0)
	equal(t, "after", see("05-02 10:00"), true)
	equal(t, "nothing before", len(FoldFor(all, Viewer{HER: []string{provider}, At: at("02-01 10:00")}).Goals), 0)
	equal(t, "the town is a member as ever", p.MemberAt(town, at("04-15 10:00")), true)
	_, why := p.Allowed(Viewer{HER: []string{"999999"}, At: at("04-15 10:00")})
	equal(t, "a stranger", why, NotAMember)
	_, why = p.Allowed(Viewer{HER: []string{town}, Purpose: PurposeStatistics})
	equal(t, "statistics", why, NotForPurpose)
}

// TestTeamConcurrency: a remove takes away the adds that it has seen and no others; who may not decide proposes.
func TestTeamConcurrency(t *testing.T) {
	base := records(t, strokeCourse()[:3]...)
	own := teamRecord(t, 80, provider, "03-01 08:00", participant(provider, "add", "2026-03-01", ""))
	out := teamRecord(t, 81, town, "03-05 08:00", participant(provider, "remove", "", ""), roleCoordinator)
	open := func(list ...Record) bool {
		return Fold(append(slices.Clone(base), list...)).MemberAt(provider, at("03-20 10:00"))
	}
	equal(t, "unseen add wins", open(own, out), true)
	out.Seen = []string{own.Key.String()}
	equal(t, "seen add ends", open(own, out), false)
	equal(t, "remove withdrawn", open(own, out, undo(t, out, 82, "03-06 08:00")), true)
	other := teamRecord(t, 85, hospital, "03-05 08:00", participant(provider, "remove", "", ""))
	other.Seen = []string{own.Key.String()}
	equal(t, "removed by one who may not", open(own, other), true)
	wish := teamRecord(t, 83, hospital, "03-05 08:00", participant(provider, "add", "2026-03-01", ""))
	p := Fold(append(slices.Clone(base), wish))
	equal(t, "another one's word", p.MemberAt(provider, at("03-20 10:00")), false)
	equal(t, "is a proposal", len(p.Shared.Proposals) == 1 && p.Shared.Proposals[0].Status == "requested", true)
	yes := teamRecord(t, 84, town, "03-06 08:00", participant(provider, "add", "2026-03-06", ""), roleCoordinator)
	yes.Seen = []string{wish.Key.String()}
	p = Fold(append(slices.Clone(base), wish, yes))
	equal(t, "accepted", p.Shared.Proposals[0].Status, "accepted")
	equal(t, "member now", p.MemberAt(provider, at("03-20 10:00")), true)
	if got := (&Plan{}).MemberAt(provider, time.Time{}); got {
		t.Error("an empty plan has a member")
	}
}

// TestRightsFactsRoundTrip: what a message states about rights survives storing.
func TestRightsFactsRoundTrip(t *testing.T) {
	r := msg{id: uuid(1), from: town, sent: at("01-10 10:00")}.with(careTeam(participant(provider, "add", "2026-03-01", "")),
		consentNode("active", "c1", []string{provider}, "kind:EPIKRISE"), holdTask("in-progress", hospital+"/x"), masterPlan("active")).says(t, rolePerson)
	back := stored(t, []Record{r})[0]
	a, _ := json.Marshal(r.contents().rights())
	b, _ := json.Marshal(back.contents().rights())
	equal(t, "stored", string(b), string(a))
	var s Scratch
	c, _ := json.Marshal(Packed{}.With(r, &s).Records(&s)[0].contents().rights())
	equal(t, "packed", string(c), string(a))
	if !strings.Contains(string(a), "hold") && len(r.contents().rights().Holds) != 1 {
		t.Errorf("facts %s", a)
	}
}
