package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

const (
	kithType   = "application/xml"
	nativeType = "application/fhir+json"
)

// letter is a message of testdata/s1 made into another one.
type letter struct {
	step         int
	id, op, sent string // id "" keeps that of the step
	parent       string
	edits        []string // old, new
}

// xml writes the message. Every edit must be found, or a test would show nothing.
func (l letter) xml(t *testing.T) []byte {
	t.Helper()
	s := string(step(t, l.step).Body)
	replace := func(old, text string) {
		t.Helper()
		if !strings.Contains(s, old) {
			t.Fatalf("step %d has no %q", l.step, old)
		}
		s = strings.ReplaceAll(s, old, text)
	}
	if id := messageID(t, []byte(s)); l.id != "" {
		replace(id, letterID(l.id))
	}
	if l.sent != "" {
		i := strings.Index(s, "<GenDate>")
		replace(s[i:i+len("<GenDate>2026-01-10T22:40:00")], "<GenDate>"+l.sent)
	}
	if l.op != "" {
		was := "N"
		if strings.Contains(s, `<Forsendelsesstatus V="M"`) {
			was = "M"
		}
		names := map[string]string{"N": "Ny", "M": "Endring", "C": "Kansellering"}
		replace(`<Forsendelsesstatus V="`+was+`" DN="`+names[was]+`"/>`, `<Forsendelsesstatus V="`+l.op+`" DN="`+names[l.op]+`"/>`)
	}
	if l.parent != "" && !strings.Contains(s, "<ConversationRef>") {
		replace("</MsgId>", "</MsgId><ConversationRef><RefToParent>"+letterID(l.parent)+"</RefToParent><RefToConversation>"+letterID(l.parent)+"</RefToConversation></ConversationRef>")
	}
	for i := 0; i < len(l.edits); i += 2 {
		replace(l.edits[i], l.edits[i+1])
	}
	return []byte(s)
}

// letterID makes a message id of a name; one that is an id stays.
func letterID(name string) string {
	if len(name) == 36 {
		return name
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:samvirke:letter:"+name)).String()
}

// seen is what a party reads of a person, without the times of receipt, which are this run's.
func (h *courseHouse) seen(party, plan string) string {
	h.t.Helper()
	resp, n := h.fhir(party, "GET", "Patient/"+plan+"/$everything", nil)
	if resp.StatusCode != 200 {
		return fmt.Sprint(resp.StatusCode)
	}
	out := []string{}
	for _, e := range n.Get("entry").Items() {
		r := e.Get("resource").Clone()
		if m := r.Get("meta"); m != nil {
			m.Set("lastUpdated", nil)
			// Shown again after something else, it is another version of the same (If-Match); what it shows is its digest.
			sum, _, _ := strings.Cut(m.Get("versionId").Text(), "-")
			m.SetText("versionId", sum)
		}
		if r.Get("resourceType").Text() == "Provenance" {
			r.Set("recorded", nil)
		}
		out = append(out, string(r.Bytes()))
	}
	return strings.Join(out, "\n")
}

// TestCourseS2: the withdrawal of an admission comes before the admission.
func TestCourseS2(t *testing.T) {
	h := openCourse(t, coursePerson)
	admitted := letter{step: 1, sent: "2026-01-10T22:40:00"}
	cancel := letter{step: 1, id: "s2-c", op: "C", sent: "2026-01-10T22:42:00", parent: messageID(t, step(t, 1).Body)}
	h.send("hospital", kithType, cancel.xml(t))
	h.send("hospital", kithType, admitted.xml(t))
	p := h.plan(coursePerson)
	same(t, "stays, team, gaps, tasks", fmt.Sprint(len(p.Stays), len(p.Team), len(p.Gaps), len(p.Tasks)), "0 0 0 0")
	same(t, "both are on record", len(p.History), 2)
	same(t, "notifications of the GP", h.told("gp"), 0)
	same(t, "receipts", fmt.Sprint(len(h.parties["hospital"].ReceiptsFor(messageID(t, admitted.xml(t)))), len(h.parties["hospital"].ReceiptsFor(letterID("s2-c")))), "1 1")
	if id := h.planID("gp", coursePerson); id != "" {
		t.Error("the GP finds a plan")
	}
	checkFold(t, p, cancel.xml(t), admitted.xml(t))
}

// TestCourseS3: the discharge comes before the admission, which fills the start in and does not open the stay again.
func TestCourseS3(t *testing.T) {
	h := openCourse(t, coursePerson)
	out, in := letter{step: 9}.xml(t), letter{step: 1}.xml(t)
	h.send("hospital", kithType, out)
	p := h.plan(coursePerson)
	same(t, "stay", fmt.Sprint(len(p.Stays), " ", p.Stays[0].Status, " ", p.Stays[0].Start), "1 finished <nil>")
	same(t, "gap", len(gapsOf(p, "stay-start-unknown")), 1)
	id := h.planID("municipality", coursePerson)
	e := h.get("municipality", "Encounter?patient="+id).At("entry.0.resource")
	same(t, "what the municipality reads", e.Get("status").Text()+" "+e.At("period.start").Text()+e.At("period._start.extension.0.valueCode").Text(), "finished unknown")
	h.send("hospital", kithType, in)
	p = h.plan(coursePerson)
	same(t, "filled in", fmt.Sprint(len(p.Stays), " ", p.Stays[0].Status, " ", p.Stays[0].Start.Text), "1 finished 2026-01-10T22:15:00+01:00")
	same(t, "gap is gone", len(gapsOf(p, "stay-start-unknown")), 0)
	checkFold(t, p, out, in)
}

// TestCourseS4: two changes of one message. Both are kept, and the order of arrival decides nothing.
func TestCourseS4(t *testing.T) {
	first := letter{step: 3}.xml(t)
	one := letter{step: 4, sent: "2026-01-11T12:00:00"}.xml(t)
	two := letter{step: 4, id: "s4-two", sent: "2026-01-11T12:30:00", edits: []string{"<Vurdering>2</Vurdering>", "<Vurdering>4</Vurdering>"}}.xml(t)
	var plans []string
	for _, order := range [][][]byte{{first, one, two}, {two, one, first}} {
		h := openCourse(t, coursePerson)
		for _, body := range order {
			h.send("municipality", kithType, body)
		}
		p := h.plan(coursePerson)
		same(t, "hygiene", shownOf(p.Function[0], "7"), "4")
		same(t, "flags", flagsOf(p), "fork")
		var history []string
		for _, s := range p.History {
			history = append(history, strings.TrimPrefix(s.Key, herTown+"/")+" "+s.State)
		}
		slices.Sort(history)
		want := []string{messageID(t, first) + " replaced", messageID(t, one) + " replaced"}
		slices.Sort(want)
		same(t, "history", history, want)
		plans = append(plans, string(h.planText(coursePerson)))
	}
	same(t, "the plan after the other order", plans[1], plans[0])
	checkFold(t, nil, first, one, two)
}

func flagsOf(p *careplan.Plan) string {
	var out []string
	for _, f := range p.Flags {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// otherPerson is a synthetic number: month + 80, no living person has it.
func otherPerson(t *testing.T, kind string) string {
	t.Helper()
	start := map[string]string{fhir.TypeFNR: "118647", fhir.TypeDNR: "518647"}[kind]
	for n := range 100000 {
		if v := fmt.Sprintf("%s%05d", start, n); fhir.Check(kind, v, fhir.AllowSynthetic()) == nil {
			return v
		}
	}
	t.Fatal("no number has right check digits")
	return ""
}

// TestCourseS5: a report about the wrong person. After its withdrawal everybody reads of that person what they read before, and
// everybody who was told of it is told of the withdrawal.
func TestCourseS5(t *testing.T) {
	right := otherPerson(t, fhir.TypeFNR)
	h := openCourse(t, coursePerson, right)
	h.send("hospital", kithType, letter{step: 1}.xml(t))
	id := h.planID("gp", coursePerson)
	readers := []string{"gp", "municipality", "hospital"}
	before := map[string]string{}
	for _, r := range readers {
		before[r] = h.seen(r, id)
	}
	wrong := letter{step: 10}.xml(t)
	h.send("hospital", kithType, wrong)
	same(t, "goals in the wrong plan", len(h.plan(coursePerson).Goals), 2)
	for _, r := range readers {
		same(t, r+" reads something new", h.seen(r, id) != before[r], true)
	}
	told, reports := h.told("gp"), h.got("municipality", "UTSKRIVNINGSRAPPORT")
	h.send("hospital", kithType, letter{step: 10, id: "s5-c", op: "C", sent: "2026-01-25T13:20:00", parent: messageID(t, wrong)}.xml(t))
	for _, r := range readers {
		same(t, r+" reads what was there before", h.seen(r, id), before[r])
	}
	same(t, "the GP is told of the withdrawal", h.told("gp")-told, 1)
	same(t, "the municipality gets the withdrawal", h.got("municipality", "UTSKRIVNINGSRAPPORT")-reports, 1)
	h.send("hospital", kithType, letter{step: 10, id: "s5-n", sent: "2026-01-25T13:30:00", edits: []string{coursePerson, right, "Solvang", "Prøvesen", "1947-06-11", "1947-06-11"}}.xml(t))
	for _, r := range readers {
		same(t, r+" reads nothing of the other person here", h.seen(r, id), before[r])
	}
	same(t, "goals in the right plan", len(h.plan(right).Goals), 2)
	same(t, "ids of two people differ", h.planID("gp", right) != id, true)
}

// TestCourseS6: a person comes under a D-number and gets a national number midway. The authority links the two and takes the link
// back; then each plan is what its own messages give.
func TestCourseS6(t *testing.T) {
	dnr := otherPerson(t, fhir.TypeDNR)
	h := openCourse(t, coursePerson, dnr)
	h.send("hospital", kithType, letter{step: 1, id: "s6-in", edits: []string{"<Id>" + coursePerson + "</Id>", "<Id>" + dnr + "</Id>", `V="FNR" DN="Fødselsnummer"`, `V="DNR" DN="D-nummer"`}}.xml(t))
	h.send("municipality", kithType, letter{step: 3}.xml(t))
	same(t, "two plans", fmt.Sprint(len(h.plan(dnr).Stays), len(h.plan(coursePerson).Stays), len(h.plan(dnr).Function), len(h.plan(coursePerson).Function)), "1 0 0 1")
	link := func(op, at, parent string) []byte {
		n := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", coursePerson)),
			"link", fhir.NewArray(fhir.NewObject("type", "seealso", "other", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemDNR, "value", dnr)))))
		return identityMessage(t, op, at, parent, n)
	}
	// Somebody who is no authority links nobody, whatever the message says.
	h.send("gp", nativeType, bytes.ReplaceAll(link("N", "2026-02-01T09:00:00+01:00", ""), []byte(herAuthority), []byte(herGP)))
	same(t, "a link by the GP", len(h.plan(coursePerson).Stays), 0)
	before := [2]string{string(h.planText(dnr)), string(h.planText(coursePerson))}
	link1 := link("N", "2026-02-01T10:00:00+01:00", "")
	h.send("authority", nativeType, link1)
	for _, number := range []string{coursePerson, dnr} {
		p := h.plan(number)
		same(t, "as one under "+number[:1], fmt.Sprint(len(p.Stays), len(p.Function), len(p.Rights.Identities)), "1 1 2")
	}
	same(t, "R15 is answered across the two", len(gapsOf(h.plan(coursePerson), "R15")), 0)
	h.send("authority", nativeType, link("C", "2026-02-02T10:00:00+01:00", bundleID(t, link1)))
	for i, number := range []string{dnr, coursePerson} {
		was, is := planOfText(t, before[i]), h.plan(number)
		for _, p := range []*careplan.Plan{was, is} {
			p.Sources, p.History = nil, nil // the link and its withdrawal are on record for ever
		}
		if was.Patient == "" {
			t.Fatal("there was no plan before")
		}
		same(t, "the plan after the link was taken back", string(is.JSON()), string(was.JSON()))
	}
}

func planOfText(t *testing.T, text string) *careplan.Plan {
	t.Helper()
	p := &careplan.Plan{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		t.Fatal(err)
	}
	return p
}

// identityMessage is what the authority sends: N with a link, or C of an earlier one.
func identityMessage(t *testing.T, op, at, parent string, patient *fhir.Node) []byte {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	m := fhir.NewMessage(letterID("link"+op+at), when, fhir.Coding{System: fhir.SystemNativeMessage, Code: "plan-update"})
	m.From(courseAddress("authority"))
	if op == "N" {
		m.Chain(samvirke.OpNew, "", "")
	} else {
		m.Chain(samvirke.OpCancel, parent, parent)
	}
	m.Focus(m.Add(patient))
	return m.Bundle().Bytes()
}

func bundleID(t *testing.T, body []byte) string {
	t.Helper()
	n, err := fhir.ParseNode(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(n.At("identifier.value").Text(), "urn:uuid:")
}

// checkFold holds `samvirke plan fold` of messages in random orders against one another, and against the plan that the
// gateway has.
func checkFold(t *testing.T, p *careplan.Plan, bodies ...[]byte) {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for i, b := range bodies {
		name := filepath.Join(dir, fmt.Sprintf("%02d", i))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	code, want, words := command(t, nil, append([]string{"plan", "fold"}, files...)...)
	if code != exitOK {
		t.Fatalf("plan fold: %d %s", code, words)
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // an order, no secret
	for range 20 {
		r.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		if code, out, words := command(t, nil, append([]string{"plan", "fold"}, files...)...); code != exitOK || out != want {
			t.Fatalf("seed %d: the order %v gives another plan: %d %s\n%s\n%s", seed, files, code, words, out, want)
		}
	}
	if p == nil {
		return
	}
	var folded careplan.Plan
	if err := json.Unmarshal([]byte(want), &folded); err != nil {
		t.Fatal(err)
	}
	if a, b := folded.JSON(), p.JSON(); !bytes.Equal(a, b) {
		t.Errorf("plan fold and the gateway differ:\n%s\n%s", a, b)
	}
}

// TestFoldAnyOrder: `plan fold` of the messages of S1 prints the same bytes in any order.
func TestFoldAnyOrder(t *testing.T) {
	var bodies [][]byte
	for n := 1; n <= 12; n++ {
		bodies = append(bodies, step(t, n).Body)
	}
	bodies = append(bodies, nativeMessage("municipality", "plan-update", "2026-01-25T16:00:00+01:00", coursePerson, nil, nextEvaluationNode(t, "2026-03-26")),
		nativeMessage("gp", "plan-update", "2026-03-12T09:00:00+01:00", coursePerson, nil, nextEvaluationNode(t, "2026-03-19")))
	checkFold(t, nil, bodies...)
}

func nextEvaluationNode(t *testing.T, day string) *fhir.Node {
	return resourceText(t, `{"resourceType":"CarePlan","status":"active","intent":"plan","extension":[{"url":%q,"valueCode":"next-evaluation"},{"url":%q,"valueDateTime":%q}]}`,
		careplan.ExtStates, careplan.ExtNextEvaluation, day)
}
