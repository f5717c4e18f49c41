package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/fhir"
)

// TestErasureLeavesNoByte is P22 through the real binary. A person with two numbers that are linked is erased: on a running gateway
// by the command, in a store that nobody serves, and by the time that records are kept. After it no answer of the FHIR API, no page and no JSON
// of the UI, no figure, no word of the log and no file has anything of the person; another person's course stays as it was.
func TestErasureLeavesNoByte(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program six times")
	}
	for name, erase := range map[string]func(*erasureHouse){
		"on a running gateway": (*erasureHouse).eraseRunning, "in the store": (*erasureHouse).eraseStored, "by its time": (*erasureHouse).eraseByTime,
	} {
		t.Run(name, func(t *testing.T) {
			h := openErasure(t)
			h.play()
			before := h.look()
			for _, needle := range h.needles() {
				if !strings.Contains(before, needle) && len(h.files(needle)) == 0 {
					t.Errorf("%s stands nowhere before the erasure: the test shows nothing", needle)
				}
			}
			survivor := string(h.planText(h.other))
			erase(h)
			h.gone("after the erasure")
			same(t, "the other person's plan", string(h.planText(h.other)), survivor)
			same(t, "exit code of a clean stop", h.proc.stop(t), exitOK)
			h.clean("of the stopped gateway")
			h.pass = ""
			h.start()
			h.useDoor()
			h.gone("after a restart")
			same(t, "exit code of a clean stop", h.proc.stop(t), exitOK)
		})
	}
}

// erasureHouse is a course of somebody who is erased, with a word of its own in each place that takes words.
type erasureHouse struct {
	*clockHouse
	dnr, other string
	words      []string
	plans      []string // opaque ids of the person's plans
	subs       []string
	pages      []string // that were seen before
	password   string
}

func openErasure(t *testing.T) *erasureHouse {
	t.Helper()
	h := &erasureHouse{dnr: otherPerson(t, fhir.TypeDNR), other: otherPerson(t, fhir.TypeFNR)}
	h.clockHouse = &clockHouse{courseHouse: newCourse(t, courseConfig+"retention: {when: \"@every 1s\", records: 240h, payloads: 0s}\n", coursePerson, h.dnr, h.other)}
	h.clock = filepath.Join(t.TempDir(), "clock")
	h.clockHouse.write("2026-03-01T12:00:00+01:00")
	h.start()
	h.signIn()
	h.password = h.pass
	return h
}

// useDoor signs in again; the password of the first start stands in the log of the first start only.
func (h *erasureHouse) useDoor() {
	h.t.Helper()
	h.pass = h.password
	h.enter()
}

func (h *erasureHouse) word(what string) string {
	w := "KANARI" + what + strings.ReplaceAll(uuid.NewString(), "-", "")
	h.words = append(h.words, w)
	return w
}

// needles are what must be gone everywhere: words and numbers. The opaque id of a plan, which leads nowhere any more, stays in the
// audit: what was read by it is part of a chain of hashes.
func (h *erasureHouse) needles() []string {
	return append([]string{coursePerson, h.dnr}, h.words...)
}

// play plays the two numbers of the person and somebody else.
func (h *erasureHouse) play() {
	t := h.t
	for i, number := range []string{h.dnr, h.other} {
		edits := []string{"<Id>" + coursePerson + "</Id>", "<Id>" + number + "</Id>", "Solvang", h.word("navn")}
		if number == h.dnr {
			edits = append(edits, `V="FNR" DN="Fødselsnummer"`, `V="DNR" DN="D-nummer"`)
		} else {
			edits[3] = "Prøvesen"
			h.words = h.words[:len(h.words)-1]
		}
		h.send("hospital", kithType, letter{step: 1, id: fmt.Sprint("erase-in-", i), edits: edits}.xml(t))
	}
	h.send("municipality", kithType, letter{step: 3, edits: []string{"Solvang", h.word("etternavn")}}.xml(t))
	sub := h.courseHouse.write("gp", "POST", "Subscription", resourceText(t, `{"resourceType":"Subscription","status":"requested","reason":"Follow my patients",
		"criteria":"https://samvirke.github.io/fhir/SubscriptionTopic/plan-changed","channel":{"type":"rest-hook","payload":"application/fhir+json",
		"_payload":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content","valueCode":"full-resource"}]}}}`), http.StatusCreated)
	h.subs = append(h.subs, sub.Get("id").Text())
	number := 0
	for _, person := range []string{coursePerson, h.dnr, h.other} {
		word := func(what string) string { return "urørt" }
		if person != h.other {
			word = h.word
		}
		number++
		h.send("hospital", nativeType, nativeMessage("hospital", "plan-update", fmt.Sprintf("2026-02-0%dT10:00:00+01:00", number), person, []string{"gp", "physio"},
			resourceText(t, `{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":%q},"note":[{"text":%q}]}`, word("mål"), word("notat")),
			resourceText(t, `{"resourceType":"Condition","code":{"text":%q}}`, word("diagnose")),
			resourceText(t, `{"resourceType":"ServiceRequest","status":"active","intent":"proposal","code":{"text":%q},"note":[{"text":%q}]}`, word("tiltak"), word("merknad")),
			resourceText(t, `{"resourceType":"Communication","status":"completed","payload":[{"contentString":%q}]}`, strings.Repeat(word("brev")+" ", 3000)),
			resourceText(t, `{"resourceType":"Observation","status":"final","code":{"text":%q},"valueString":%q}`, word("kartlegging"), word("verdi"))))
	}
	link := fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", fhir.SystemFNR, "value", coursePerson)),
		"link", fhir.NewArray(fhir.NewObject("type", "seealso", "other", fhir.NewObject("identifier", fhir.NewObject("system", fhir.SystemDNR, "value", h.dnr)))))
	h.send("authority", nativeType, identityMessage(t, "N", "2026-02-05T10:00:00+01:00", "", link))
	for _, person := range []string{coursePerson, h.dnr} {
		if id := h.planID("hospital", person); id != "" && !slices.Contains(h.plans, id) {
			h.plans = append(h.plans, id)
		}
	}
	if len(h.plans) == 0 {
		t.Fatal("the hospital finds no plan")
	}
	h.courseHouse.write("hospital", "POST", "Goal", resourceText(t, `{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":%q},"subject":{"reference":"Patient/%s"}}`, h.word("skrevet"), h.plans[0]), http.StatusCreated)
	one := h.courseHouse.write("municipality", "POST", "Subscription", resourceText(t, `{"resourceType":"Subscription","status":"requested","reason":"One plan",
		"criteria":"https://samvirke.github.io/fhir/SubscriptionTopic/plan-changed","_criteria":{"extension":[{"url":"http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria","valueString":"CarePlan?_id=%s"}]},
		"channel":{"type":"rest-hook","payload":"application/fhir+json"}}`, h.plans[0]), http.StatusCreated)
	h.subs = append(h.subs, one.Get("id").Text())
	h.courseHouse.write("hospital", "POST", "Goal", resourceText(t, `{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":%q},"subject":{"reference":"Patient/%s"}}`, h.word("sist"), h.plans[0]), http.StatusCreated)
}

// look reads all that can be read: each resource as each party, each page of the UI, its JSON, the figures.
func (h *erasureHouse) look() string {
	var all strings.Builder
	for _, party := range []string{"hospital", "municipality", "gp"} {
		for _, path := range h.paths() {
			all.WriteString(h.fhirText(party, path))
		}
	}
	all.WriteString(h.unnamed())
	return all.String()
}

// subscribed reads the subscriptions and their events.
func (h *erasureHouse) subscribed() string {
	var all strings.Builder
	for _, party := range []string{"municipality", "gp"} {
		all.WriteString(h.fhirText(party, "Subscription"))
		for _, id := range h.subs {
			for _, path := range []string{"", "/$status", "/$events", "/$events?eventsSinceNumber=1&content=full-resource"} {
				all.WriteString(h.fhirText(party, "Subscription/"+id+path))
			}
		}
	}
	return all.String()
}

// unnamed reads what is asked for without a plan's id.
func (h *erasureHouse) unnamed() string {
	var all strings.Builder
	all.WriteString(h.subscribed())
	for _, party := range []string{"municipality", "gp"} {
		all.WriteString(h.fhirText(party, "AuditEvent?_count=1000"))
		for _, kind := range []string{"Patient", "CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task", "Encounter", "EpisodeOfCare", "Observation", "Condition", "Communication", "Flag", "Provenance", "DocumentReference", "MeasureReport"} {
			all.WriteString(h.fhirText(party, kind))
		}
	}
	all.WriteString(h.crawl())
	for _, path := range []string{"overview", "messages", "plans", "attention", "parties", "audit"} {
		all.WriteString(h.raw(path))
	}
	r, err := http.Get("http://" + h.addr + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	all.WriteString(body(h.t, r))
	return all.String()
}

// paths are reads that name the plan.
func (h *erasureHouse) paths() (out []string) {
	for _, id := range h.plans {
		out = append(out, "Patient/"+id, "Patient/"+id+"/$everything", "CarePlan/"+id, "CarePlan/"+id+"/_history", "CarePlan/"+id+"/_history/1", "CareTeam/"+id, "AuditEvent?patient="+id)
		for _, kind := range []string{"CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task", "Encounter", "EpisodeOfCare", "Observation", "Condition", "Communication", "Flag", "Provenance", "DocumentReference"} {
			out = append(out, kind+"?patient="+id)
		}
	}
	return out
}

func (h *erasureHouse) fhirText(party, path string) string {
	h.t.Helper()
	resp, n := h.fhir(party, "GET", path, nil)
	if n == nil {
		return ""
	}
	if resp.StatusCode >= 500 {
		h.t.Errorf("%s reads %s: %d %s", party, path, resp.StatusCode, n.Bytes())
	}
	return string(n.Bytes())
}

// raw reads the JSON of the UI as it is.
func (h *erasureHouse) raw(path string) string {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), "GET", "http://"+h.addr+"/api/v1/"+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.SetBasicAuth("admin", h.password)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return body(h.t, resp)
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	defer r.Body.Close() //nolint:errcheck // reading only
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var reLink = regexp.MustCompile(`href="(/[^"#]*)"`)

// crawl reads each page of the UI that a link leads to, and each that was seen before.
func (h *erasureHouse) crawl() string {
	h.t.Helper()
	todo := slices.Concat(h.pages, []string{"/overview", "/messages", "/plans", "/attention", "/parties", "/audit", "/people", "/mapping", "/figures", "/figures/csv"})
	seen := map[string]bool{}
	var all strings.Builder
	for len(todo) > 0 && len(seen) < 150 {
		path := todo[0]
		todo = todo[1:]
		if kind, _, _ := strings.Cut(path, "?"); seen[path] || strings.HasPrefix(path, "/assets/") || strings.HasPrefix(path, "/mapping/") || kind == "/sign-out" || strings.HasPrefix(path, "/language") {
			continue
		}
		seen[path] = true
		r, err := h.person.Get("http://" + h.addr + path)
		if err != nil {
			h.t.Fatal(err)
		}
		text := body(h.t, r)
		if r.StatusCode >= 500 {
			h.t.Errorf("%s: %d %.500s", path, r.StatusCode, text)
		}
		all.WriteString(text)
		for _, m := range reLink.FindAllStringSubmatch(text, -1) {
			todo = append(todo, html.UnescapeString(m[1]))
		}
	}
	h.pages = slices.Sorted(maps.Keys(seen))
	return all.String()
}

// gone looks everywhere for what is left.
func (h *erasureHouse) gone(when string) {
	h.t.Helper()
	find := func(where, text string, needles []string) {
		for _, needle := range needles {
			if i := strings.Index(text, needle); i >= 0 {
				h.t.Errorf("%s, %s: %s in ...%s...", when, where, needle, text[max(0, i-300):min(len(text), i+200)])
			}
		}
	}
	find("what is read", h.look(), h.needles())
	find("what is told of subscriptions", h.subscribed(), h.plans)
	find("the log", h.proc.log.String(), append(h.needles(), h.plans...))
	h.clean(when)
}

// clean looks through the files of the store.
func (h *erasureHouse) clean(when string) {
	h.t.Helper()
	for _, needle := range h.needles() {
		if in := h.files(needle); len(in) > 0 {
			h.t.Errorf("%s: %s stands in %q", when, needle, in)
		}
	}
}

// files are the files of the store that hold some bytes.
func (h *erasureHouse) files(needle string) (found []string) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		found = nil
		err := filepath.WalkDir(h.data, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if bytes.Contains(raw, []byte(needle)) {
				found = append(found, filepath.Base(path))
			}
			return err
		})
		if err == nil {
			return found
		}
		// A gateway at work makes, renames and drops files: what went away may stand under another name.
		if !errors.Is(err, fs.ErrNotExist) || time.Now().After(deadline) {
			h.t.Fatal(err)
		}
	}
}

// eraseRunning erases by the command on the gateway that runs, by the other one of the two numbers.
func (h *erasureHouse) eraseRunning() {
	h.t.Helper()
	h.t.Setenv("SAMVIRKE_PASSWORD", h.password)
	code, out, words := command(h.t, []byte(h.dnr+"\n"), "erase", "--url", "http://"+h.addr, "--reason", "asked for", "-")
	same(h.t, "exit code of erase "+words, code, exitOK)
	same(h.t, "erase says", out, "erased\n")
}

// eraseStored erases in a store that nobody serves.
func (h *erasureHouse) eraseStored() {
	h.t.Helper()
	same(h.t, "exit code of a clean stop", h.proc.stop(h.t), exitOK)
	code, out, words := command(h.t, []byte(coursePerson+"\n"), "erase", "--data", h.data, "--reason", "asked for", "-")
	same(h.t, "exit code of erase "+words, code, exitOK)
	if !strings.HasPrefix(out, "erased: ") {
		h.t.Errorf("erase says %s", out)
	}
	h.clean("before anybody serves it again")
	h.start()
	h.useDoor()
}

// eraseByTime lets the person die, and the time pass that records are kept.
func (h *erasureHouse) eraseByTime() {
	h.t.Helper()
	word := nativeMessage("authority", "plan-update", "2026-02-20T10:00:00+01:00", coursePerson, []string{"gp"},
		resourceText(h.t, `{"resourceType":"Communication","status":"completed","payload":[{"contentString":%q}]}`, h.word("død")))
	h.send("authority", nativeType, bytes.Replace(word, []byte(`{"resourceType":"Patient",`), []byte(`{"resourceType":"Patient","deceasedDateTime":"2026-02-19",`), 1))
	if h.plan(coursePerson).Person.Deceased == nil {
		h.t.Fatal("the person lives in the plan")
	}
	h.jump("2026-06-01T12:00:00+02:00")
	deadline := time.Now().Add(patience)
	for _, needle := range h.needles() {
		for len(h.files(needle)) > 0 {
			if time.Now().After(deadline) {
				h.t.Fatalf("the person was not erased\n%s", h.proc.log)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	h.settle()
}
