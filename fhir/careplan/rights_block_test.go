package careplan

import (
	"slices"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

func her(id string) *fhir.Node {
	return fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemHER, "value", id))
}

// consentNode denies what scopes say to whom denied lists.
func consentNode(status, id string, denied []string, scopes ...string) *fhir.Node {
	p := fhir.NewObject("type", "deny")
	for _, d := range denied {
		p.Append("actor", fhir.NewObject("role", text("receiver"), "reference", her(d)))
	}
	for _, s := range scopes {
		kind, word, _ := strings.Cut(s, ":")
		switch kind {
		case "record":
			p.Append("data", fhir.NewObject("meaning", "instance", "reference", fhir.NewObject("identifier", fhir.NewObject("value", word))))
		case "organisation":
			ref := her(word)
			ref.SetText("type", "Organization")
			p.Append("data", fhir.NewObject("meaning", "instance", "reference", ref))
		case "kind":
			p.Append("class", fhir.NewObject("system", fhir.SystemMessageType, "code", word))
		case "topic":
			p.Append("code", text(word))
		}
	}
	n := fhir.NewObject("resourceType", "Consent", "status", status, "provision", p)
	if id != "" {
		n.Append("identifier", fhir.NewObject("system", fhir.ExtBase+"consent", "value", id))
	}
	return n
}

func blockRecord(t testing.TB, n int, from, sent string, consent *fhir.Node, roles ...string) Record {
	t.Helper()
	return msg{id: uuid(n), from: from, sent: at(sent)}.with(consent).says(t, roles...)
}

// TestBlocks: each way to say what is blocked from whom.
func TestBlocks(t *testing.T) {
	base := records(t, strokeCourse()...)
	secret := secretReport(70, "01-26 10:00")
	secret.noForwarding = false
	report := secret.record(t)
	all := append(slices.Clone(base), report)
	other := Viewer{HER: []string{physio}}
	without := string(FoldFor(base, other).JSON())
	if string(FoldFor(all, other).JSON()) == without {
		t.Fatal("the report shows nothing")
	}
	for name, c := range map[string]*fhir.Node{
		"document by key": consentNode("active", "c", []string{physio}, "record:"+report.Key.String()),
		"document by id":  consentNode("active", "c", []string{physio}, "record:urn:uuid:"+report.Key.MessageID),
		"everybody":       consentNode("active", "c", nil, "record:"+report.Key.String()),
		"topic":           consentNode("active", "c", []string{physio}, "topic:canary goal"),
		"a unit beside":   consentNode("active", "", []string{"1", physio}, "record:"+report.Key.String()),
		"two scopes":      consentNode("active", "c", []string{physio}, "record:"+report.Key.String(), "topic:CANARY"),
	} {
		with := append(slices.Clone(all), blockRecord(t, 80, gp, "01-27 10:00", c))
		if got := string(FoldFor(with, other).JSON()); got != without {
			t.Errorf("%s: %v", name, differ("the blocked view", without, got))
		}
		if p := FoldFor(with, Viewer{HER: []string{town}}); name != "everybody" && (len(p.Goals) != 3 || len(p.Rights.Restrictions) == 0) {
			t.Errorf("%s: the town is not blocked, but sees %d goals", name, len(p.Goals))
		}
		for who, v := range map[string]Viewer{"patient": {Patient: true}, "author": {HER: []string{hospital}}} {
			if p := FoldFor(with, v); len(p.Goals) != 3 {
				t.Errorf("%s: the %s sees %d goals", name, who, len(p.Goals))
			}
		}
	}
	kinds := func(c *fhir.Node) *Plan {
		return FoldFor(append(slices.Clone(all), blockRecord(t, 80, gp, "01-27 10:00", c)), other)
	}
	equal(t, "kind", len(kinds(consentNode("active", "c", []string{physio}, "kind:"+kindDischargeReport)).Goals), 0)
	equal(t, "organisation", len(kinds(consentNode("active", "c", []string{physio}, "organisation:"+hospital)).Stays), 0)
	p := kinds(consentNode("active", "c", []string{physio}))
	equal(t, "all", len(p.Goals)+len(p.Stays)+len(p.Sources)+len(p.History), 0)
	ok, why := Fold(append(slices.Clone(all), blockRecord(t, 80, gp, "01-27 10:00", consentNode("active", "c", []string{physio})))).Allowed(other)
	equal(t, "refused without telling why", !ok && why == NotAMember, true)
	equal(t, "a permission limits nobody", len(kinds(fhir.NewObject("resourceType", "Consent", "status", "active",
		"provision", fhir.NewObject("type", "permit", "actor", fhir.NewArray(fhir.NewObject("reference", her(gp))))).Clone()).Goals), 3)
}

// TestBlockOfPerson: a block against one person leaves the others of the same unit.
func TestBlockOfPerson(t *testing.T) {
	base := records(t, strokeCourse()...)
	c := consentNode("active", "c", nil)
	c.Get("provision").Append("actor", fhir.NewObject("role", text("receiver"), "reference", fhir.NewObject("identifier",
		fhir.NewObject("system", fhir.SystemHPR, "value", "1234567"))))
	with := append(base, blockRecord(t, 80, gp, "01-27 10:00", c))
	equal(t, "the person", len(FoldFor(with, Viewer{HER: []string{physio}, Person: "HPR:1234567"}).Goals), 0)
	equal(t, "a colleague", len(FoldFor(with, Viewer{HER: []string{physio}, Person: "HPR:7654321"}).Goals), 2)
}

// TestLifting: only the authority that set a limit, or the patient, lifts it; another one's permission does not.
func TestLifting(t *testing.T) {
	base := records(t, strokeCourse()...)
	set := func(roles ...string) Record {
		return blockRecord(t, 80, gp, "01-27 10:00", consentNode("active", "c1", []string{physio}), roles...)
	}
	off := func(from string, roles ...string) Record {
		return blockRecord(t, 81, from, "01-28 10:00", consentNode("inactive", "c1", nil), roles...)
	}
	again := blockRecord(t, 82, gp, "01-29 10:00", consentNode("active", "c1", []string{physio}))
	cases := map[string]struct {
		list []Record
		open bool
	}{
		"set":                              {[]Record{set()}, false},
		"lifted by its authority":          {[]Record{set(), off(gp)}, true},
		"lifted by the patient":            {[]Record{set(), off(town, rolePatient)}, true},
		"lifted by another":                {[]Record{set(), off(town)}, false},
		"the patient's lifted by recorder": {[]Record{set(rolePatient), off(gp)}, false},
		"the patient's by the patient":     {[]Record{set(rolePatient), off(town, rolePatient)}, true},
		"set again":                        {[]Record{set(), off(gp), again}, false},
		"taken back":                       {[]Record{set(), undo(t, set(), 83, "01-28 10:00")}, true},
	}
	for name, c := range cases {
		list := append(slices.Clone(base), c.list...)
		for range 2 {
			equal(t, name, len(FoldFor(list, Viewer{HER: []string{physio}}).Goals) > 0, c.open)
			slices.Reverse(list)
		}
	}
	p := Fold(append(slices.Clone(base), set(), off(town)))
	equal(t, "flag", slices.Contains(flagCodes(p), "lift-without-authority"), true)
	// A lifting that says somebody else, or nobody, or comes before the limit, tells the blocked one nothing.
	for _, list := range [][]Record{{off(gp)}, {set(), blockRecord(t, 84, gp, "01-28 10:00", consentNode("inactive", "c1", []string{town}))}} {
		got := FoldFor(append(slices.Clone(base), list...), Viewer{HER: []string{physio}})
		if want := FoldFor(base, Viewer{HER: []string{physio}}); string(got.JSON()) != string(want.JSON()) {
			t.Error(differ("a trace of a lifting", string(want.JSON()), string(got.JSON())))
		}
	}
	equal(t, "others see who limits", len(FoldFor(append(slices.Clone(base), set(), off(town)), Viewer{HER: []string{hospital}}).Rights.Restrictions), 1)
	// Who was blocked sees no trace of it, also when it is over.
	for _, name := range []string{"lifted by its authority", "taken back"} {
		got := FoldFor(append(slices.Clone(base), cases[name].list...), Viewer{HER: []string{physio}})
		if want := FoldFor(base, Viewer{HER: []string{physio}}); string(got.JSON()) != string(want.JSON()) {
			t.Errorf("%s: %v", name, differ("a trace", string(want.JSON()), string(got.JSON())))
		}
	}
}

// TestTeamChoice: the patient's choice of who is in the team denies everybody else.
func TestTeamChoice(t *testing.T) {
	base := records(t, strokeCourse()...)
	c := fhir.NewObject("resourceType", "Consent", "status", "active", "category", fhir.NewArray(codeNode(systemRestriction, codeTeamChoice)),
		"provision", fhir.NewObject("type", "permit", "actor", fhir.NewArray(fhir.NewObject("reference", her(town)), fhir.NewObject("reference", her(hospital)))))
	with := append(base, blockRecord(t, 80, town, "01-27 10:00", c, rolePatient))
	equal(t, "in the team", len(FoldFor(with, Viewer{HER: []string{hospital}}).Goals), 2)
	equal(t, "not in the team", len(FoldFor(with, Viewer{HER: []string{gp}}).Goals), 0)
	equal(t, "the patient", len(FoldFor(with, Viewer{Patient: true}).Goals), 2)
	p := Fold(with)
	equal(t, "listed", p.Rights.Restrictions[0].Kind+" "+p.Rights.Restrictions[0].By, "team patient")
}

// TestLabels: a labelled item is for who wrote and was sent it, the rest of the message for all.
func TestLabels(t *testing.T) {
	label := func(n *fhir.Node, system, code string) *fhir.Node {
		n.Set("meta", fhir.NewObject("security", fhir.NewArray(fhir.NewObject("system", system, "code", code))))
		return n
	}
	m := msg{kind: kindDischargeReport, id: uuid(9), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(
		goalNode("plain", "2026-03-01", false), label(goalNode(canary, "2026-04-01", false), systemConfidentiality, "R"),
		label(barthel(6, "2026-01-20"), systemConfidentiality, "V"), goalNode("plain too", "2026-04-01", false),
		label(section(canary, "not for the patient"), systemActCode, "NOPAT"))
	list := []Record{m.record(t)}
	out := func(p *Plan) string { return string(p.JSON()) + string(p.FHIR().Bytes()) }
	p := FoldFor(list, Viewer{HER: []string{physio}, ShowWithheld: true})
	equal(t, "goals", len(p.Goals), 2)
	equal(t, "function", len(p.Function), 0)
	equal(t, "note", len(p.Notes), 1)
	equal(t, "canary goal", strings.Contains(strings.ReplaceAll(out(p), p.Notes[0].Heading.Text, ""), canary), false)
	equal(t, "withheld", p.Rights.Withheld, []string{"function", "goals"})
	equal(t, "no label told", len(p.Rights.Restrictions), 0)
	for _, h := range []string{town, hospital} {
		equal(t, "addressee", len(FoldFor(list, Viewer{HER: []string{h}}).Goals), 3)
	}
	p = FoldFor(list, Viewer{Patient: true})
	equal(t, "the patient's goals", len(p.Goals), 3)
	equal(t, "the patient's notes", len(p.Notes), 0)
	whole := msg{kind: kindDischargeReport, id: uuid(10), from: hospital, to: []string{town}, sent: at("01-25 13:00")}.with(
		goalNode("plain", "2026-03-01", false), label(encounter(at("01-10 22:15"), at("01-25 11:00")), systemConfidentiality, "V"))
	equal(t, "a label elsewhere covers all", len(FoldFor([]Record{whole.record(t)}, Viewer{HER: []string{physio}}).Sources), 0)
}

// S7b: the hidden report changes a shared field: who may not see it reads the field as not recorded, or as
// withheld, and never the value that it replaced.
func TestHiddenSharedField(t *testing.T) {
	base := records(t, strokeCourse()[:9]...)
	dated := func(n int, sent, day string, hide bool) Record {
		p := masterPlan("active")
		p.Append("extension", fhir.NewObject("url", ExtNextEvaluation, "valueDateTime", day))
		return msg{id: uuid(n), from: hospital, to: []string{gp}, sent: at(sent), noForwarding: hide}.with(p).says(t, roleCoordinator)
	}
	old, newer := dated(80, "01-25 13:00", "2026-03-01", false), dated(81, "01-26 13:00", "2026-04-01", true)
	newer.Seen = []string{old.Key.String()}
	provider := Viewer{HER: []string{physio}}
	value := func(p *Plan) string {
		if f := p.Field(FieldNextEvaluation); f != nil {
			return f.Value.Text
		}
		return ""
	}
	with := append(base, old)
	equal(t, "before", value(FoldFor(with, provider)), "2026-03-01")
	with = append(with, newer)
	equal(t, "all", value(Fold(with)), "2026-04-01")
	equal(t, "the GP, who was sent it", value(FoldFor(with, Viewer{HER: []string{gp}})), "2026-04-01")
	p := FoldFor(with, provider)
	equal(t, "not recorded", value(p), "")
	equal(t, "nothing of it", strings.Contains(string(p.JSON())+string(p.FHIR().Bytes()), "2026-04-01"), false)
	provider.ShowWithheld = true
	equal(t, "or withheld", slices.Contains(FoldFor(with, provider).Rights.Withheld, FieldNextEvaluation), true)
	equal(t, "withdrawn", value(FoldFor(append(with, undo(t, newer, 82, "01-27 10:00")), provider)), "2026-03-01")
}

// TestLaterBlock: a block stops the views of the past too, and what is withdrawn is shown for the day on which it stood.
func TestLaterBlock(t *testing.T) {
	list := records(t, strokeCourse()...)
	v := Viewer{HER: []string{physio}}
	then := Options{Viewer: &v, Until: at("01-25 14:00")}
	equal(t, "then", len(FoldWith(list, then).Goals), 2)
	list = append(list, blockRecord(t, 80, gp, "02-27 10:00", consentNode("active", "c", []string{physio}, "kind:"+kindDischargeReport)))
	equal(t, "then, as blocked today", len(FoldWith(list, then).Goals), 0)
	equal(t, "no trace of the block", FoldWith(list, then).Rights == nil, true)
	change := secretReport(90, "02-01 10:00")
	change.op, change.parent, change.conv = samvirke.OpChange, uuid(9), uuid(9)
	equal(t, "a later hidden version", len(FoldWith(append(records(t, strokeCourse()...), change.record(t)), then).Goals), 0)
}

// TestNarrowViews: what a private provider and the coordinating unit are shown.
func TestNarrowViews(t *testing.T) {
	list := append(records(t, strokeCourse()...), msg{kind: "task-answer", id: uuid(30), from: physio, to: []string{town}, sent: at("01-26 10:00")}.
		with(taskNode("Speech therapy", "accepted", "")).record(t), teamRecord(t, 31, physio, "01-26 11:00", participant(physio, "add", "2026-01-26", "")))
	p := FoldFor(list, Viewer{HER: []string{physio}, Private: true})
	equal(t, "measures", len(p.Measures) == 1 && p.Measures[0].Text == "Speech therapy", true)
	equal(t, "goals they serve", len(p.Goals), 2)
	equal(t, "zone plan", len(p.Notes), 1)
	equal(t, "nothing else", len(p.Stays)+len(p.Function)+len(p.Services)+len(p.Ready)+len(p.Diagnoses), 0)
	for k, s := range p.Sources {
		if s.Sender != physio && s.Kind != kindDischargeReport && s.Kind != "task-answer" {
			t.Errorf("source %s of kind %s", k, s.Kind)
		}
	}
	equal(t, "own membership", len(p.Rights.Members), 1)
	equal(t, "a coordinator who takes part", len(FoldFor(list, Viewer{HER: []string{town}, Purpose: PurposeCoordination}).Function), 2)
	p = FoldFor(list, Viewer{HER: []string{"700001"}, Purpose: PurposeCoordination})
	equal(t, "overview has", len(p.Measures) == 3 && len(p.Stays) == 1 && len(p.Goals) == 2 && len(p.Team) == 3, true)
	equal(t, "overview lacks", len(p.Function)+len(p.Diagnoses), 0)
	p = FoldFor(list, Viewer{HER: []string{town}, Purpose: PurposeStatistics})
	equal(t, "statistics", string(p.JSON()), string((&Plan{Sources: map[string]Source{}}).JSON()))
	for name, v := range map[string]Viewer{"private": {HER: []string{physio}, Private: true}, "overview": {HER: []string{"700001"}, Purpose: PurposeCoordination}} {
		p := FoldFor(list, v)
		for _, l := range leaves(p) {
			for _, k := range l.from {
				if _, ok := p.Sources[k]; !ok && !slices.ContainsFunc(p.History, func(s Source) bool { return s.Key == k }) {
					t.Errorf("%s: %s rests on %s, which is not a source", name, l.path, k)
				}
			}
		}
	}
}

// rightsSample has one of everything that is about rights.
func rightsSample(t testing.TB) []Record {
	report := secretReport(70, "01-24 10:00").record(t)
	link := rightsRecord("link", registry, at("01-20 10:00"), rightsFacts{Links: []linkFact{{Other: dnr(testDNR)}}}, roleAuthority)
	person := consentNode("active", "c2", nil, "organisation:"+hospital, "kind:"+kindAdmissionReport, "topic:F20")
	person.Get("provision").Append("actor", fhir.NewObject("role", text("receiver"), "reference", fhir.NewObject("identifier",
		fhir.NewObject("system", fhir.SystemHPR, "value", "1234567"))))
	person.Set("policyRule", text("the patient asked for it"))
	person.Get("provision").Set("period", fhir.NewObject("start", "2026-01-01", "end", "2026-12-31"))
	choice := rightsRecord("choice", town, at("01-21 10:00"), rightsFacts{Blocks: []blockFact{{Kind: kindTeam, Allowed: []string{town, gp}}}}, rolePatient)
	words := rightsRecord("words", town, at("01-21 11:00"), rightsFacts{Blocks: []blockFact{{Kind: kindReservation, Reason: "not to my employer"}},
		Labels: []labelFact{{Code: "V"}}, Master: &masterFact{Status: "active"}})
	return append(records(t, strokeCourse()...), report, link, choice, words,
		blockRecord(t, 80, gp, "01-27 10:00", consentNode("active", "c1", []string{physio}, "record:"+report.Key.String())),
		blockRecord(t, 81, gp, "01-27 10:00", person, rolePatient),
		teamRecord(t, 82, provider, "01-28 10:00", participant(provider, "add", "2026-01-28", "2026-03-01")),
		teamRecord(t, 83, hospital, "01-28 10:00", participant(physio, "add", "2026-01-28", "")),
		msg{id: uuid(84), from: town, sent: at("01-28 11:00")}.with(holdTask("in-progress", town+"/"+uuid(12))).says(t, rolePerson))
}

// TestExportedLimits: a limit that the plan shows in FHIR is read again as the same limit.
func TestExportedLimits(t *testing.T) {
	p := FoldWith(rightsSample(t), Options{Subject: fnr(testFNR)})
	b := p.FHIR()
	x := newExtractor(b, "plan-update")
	c := &content{}
	for _, e := range b.All("Consent") {
		x.consent(fhir.Entry{Resource: e}, c)
	}
	read := map[string]blockFact{}
	for _, f := range c.rights().Blocks {
		read[strings.Join(f.Scopes, " ")+" "+strings.Join(f.Denied, " ")+" "+strings.Join(f.Allowed, " ")] = f
	}
	for _, r := range p.Rights.Restrictions {
		if r.Kind != kindBlock && r.Kind != kindTeam {
			continue
		}
		scope := r.Scope
		if scope == scopeAll {
			scope = ""
		}
		f, ok := read[scope+" "+strings.Join(r.Denied, " ")+" "+strings.Join(r.Allowed, " ")]
		if !ok || f.Kind != r.Kind {
			t.Errorf("restriction %+v is not among %v", r, read)
		}
	}
	if n := len(b.First("Patient").Get("link").Items()); n != 1 {
		t.Errorf("%d links of the patient", n)
	}
	held := 0
	for _, f := range b.All("Flag") {
		if f.At("code.coding.0.code").Text() == stateHeld {
			held++
		}
	}
	equal(t, "held flags", held, 1)
}

// TestBlockCoversVersions: a document that a limit names is covered in every version, and a scope that this
// version does not know covers everything.
func TestBlockCoversVersions(t *testing.T) {
	base := records(t, strokeCourse()[:8]...)
	n := msg{kind: kindDischargeReport, id: uuid(70), from: hospital, to: []string{gp}, sent: at("01-24 10:00")}.with(goalNode("first", "", true))
	m := msg{kind: kindDischargeReport, id: uuid(71), op: samvirke.OpChange, parent: uuid(70), conv: uuid(70), from: hospital, to: []string{gp},
		sent: at("01-24 11:00")}.with(goalNode("second", "", true))
	v := Viewer{HER: []string{physio}}
	for _, id := range []string{uuid(70), uuid(71)} {
		list := append(records(t, n, m), append(slices.Clone(base), blockRecord(t, 80, gp, "01-27 10:00", consentNode("active", "c", []string{physio}, "record:"+id)))...)
		if got, want := string(FoldFor(list, v).JSON()), string(FoldFor(base, v).JSON()); got != want {
			t.Errorf("block of %s: %v", id, differ("the view", want, got))
		}
	}
	odd := rightsRecord("odd", gp, at("01-27 10:00"), rightsFacts{Blocks: []blockFact{{Kind: kindBlock, Denied: []string{physio}, Scopes: []string{"phase:later"}}}})
	equal(t, "a scope not known", len(FoldFor(append(base, odd), v).Sources), 0)
}

// TestBlockOfWhatNoRecordIs: a limit on a resource by a reference of somebody's own server names no record. It covers
// everything rather than nothing; and a deny inside a rule that permits is a limit too.
func TestBlockOfWhatNoRecordIs(t *testing.T) {
	base := records(t, strokeCourse()...)
	other := Viewer{HER: []string{physio}}
	whole := FoldFor(base, other)
	if len(whole.Goals) == 0 {
		t.Fatal("nothing to hide")
	}
	deny := consentNode("active", "b", []string{physio}).Get("provision")
	deny.Set("data", fhir.NewArray(fhir.NewObject("meaning", "instance", "reference", fhir.NewObject("reference", "Goal/elsewhere"))))
	for name, provision := range map[string]*fhir.Node{"a rule": deny, "an exception": fhir.NewObject("type", "permit", "provision", fhir.NewArray(deny.Clone()))} {
		consent := consentNode("active", "b", nil)
		consent.Set("provision", provision)
		p := FoldFor(append(slices.Clone(base), blockRecord(t, 71, hospital, "01-26 11:00", consent, "patient")), other)
		if len(p.Goals) > 0 {
			t.Errorf("%s: %d goals are still shown", name, len(p.Goals))
		}
	}
}
