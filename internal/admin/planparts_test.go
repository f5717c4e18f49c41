package admin

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir/careplan"
)

var markup = regexp.MustCompile(`<[^>]*>`)

// seen is what a page says, without markup.
func seen(body string) string { return html.UnescapeString(markup.ReplaceAllString(body, "")) }

func TestPlanShowsEveryPart(t *testing.T) {
	t.Parallel()
	h, _ := deciding(t)
	path := "/plans/" + h.s.sealer.seal(testPatient)
	a := h.get(path)
	checkHTML(t, path, a.body)
	checkNoNumber(t, path, a)
	text := seen(a.body)
	for _, want := range []string{
		// conflicts: both values, who, when, age, whose to decide; one decided, one whose basis was withdrawn
		"Next evaluation", "19 Mar 2026", "26 Mar 2026", "Fastlege Ingeborg Myhre", "Koordinator Eldrid Haugen", "24 Jan 2026 09:00", "shown until somebody decides", "open for more than 24 hours",
		"Avdelingsleder Bodil Sand", "Sverre Lund", "Legesekretær Tiril Vik", "no value any more", "open for more than 72 hours", "the coordinator", "Use this",
		// shared fields
		"Coordinator", "Status of the plan", "Plan begins", "25 Feb 2026", "Plan ends", "22 Apr 2026", "contested",
		// goals and their round
		"Gå på tur med bikkja igjen", "in the patient's own words", "in the words of next of kin", "afasi", "in the plan of Sjøvik kommune", "named in the same message", "Hjelpemiddelet kom aldri frem", "IPLOS, need of assistance, Sjøvik kommune", "the whole plan",
		// who carries what, proposals, same things
		"Nobody yet", "Turgruppe onsdager", "Med følge", "229065009", "Pause i gangtreningen", "Flytt turgruppen", "30 Jun 2026", "Til mai går bra", "answered", "suggested by same-code", "the same, says a person", "They are the same",
		// gaps
		"urgent", "Discharged without a discharge report.", "R6", "no report from the hospital", "counts from", "Trening i personlig stell",
		// zones, courses, plans, marks, dialogue
		"Red: get help now", "Ny lammelse eller talevansker", "Ring 113 med en gang", "here now, says the newest mark", "Mer ustø enn før", "Hverdagsrehabilitering", "forløp-88", "outcome: less help", "Treningsplan hjemme", "paused", "Stans i ferien", "one that is not shown",
		"red: marked worsening", "sudden drop", "Falt i gangen", "good", "outside the scale", "deviation", "spørsmål", "Kan han gå i trapp?", "answers plan-update",
		// team with periods
		"Fjordtrim fysioterapi", "joins later", "1 Jan 2026 00:00", "15 Jan 2026 00:00", "1 Mar 2026 00:00", "from the beginning", "privat aktør",
		// rights
		"Block", "not for Fjordtrim fysioterapi", "what Fjellheim sykehus writes", "the patient", "Pasienten vil ikke dele sykehusets notater", "only for Sjøvik kommune", "the topic sosialt", "ended", "90001/77", "Gjelder en annen med samme navn", "Let it count again", "rus og avhengighet",
		"D-number", "53116900216", "plan under it: ended", "Link another identifier",
		// stays and times
		"On leave", "17 Jan 2026 10:00", "18 Jan 2026 18:00", "start not known", "sykehusopphold", "IMP", "opphold-4711", "called off", "The course on one line",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan page does not say %q", want)
		}
	}
	if i, j := strings.Index(text, "Green: as it should be"), strings.Index(text, "Red: get help now"); i < 0 || j < i {
		t.Error("the zones do not stand in the order green, yellow, red")
	}
	if i, j := strings.Index(text, "Gå på tur med bikkja igjen"), strings.Index(text, "Gå inne uten hjelpemiddel"); i < 0 || j < i {
		t.Error("the patient's own goal does not stand first")
	}
}

// unseen are texts that are names for machines, not for readers.
var unseen = map[string]bool{"ID": true, "Status": true, "Colour": true, "Scale": true, "Kind": true, "Scope": true, "Goals": true, "Measures": true, "Name": false, "Field": true, "A": true, "B": true,
	"HER": true, "By": true, "Owner": true, "For": true, "ResolvedBy": true, "Denied": true, "Allowed": true, "To": true, "From": true, "Closed": true, "Element": true, "About": true, "Message": true,
	"System": true, "Patient": true, "Plan": true, "Key": true}

// TestEveryTextOfThePartsIsShown puts a word of its own into every text of the shared, rights and course parts and
// looks for each on the page: a field that is added later is found when nobody draws it.
func TestEveryTextOfThePartsIsShown(t *testing.T) {
	t.Parallel()
	c := newFullCourse(t)
	var words []string
	for _, part := range []any{c.plan.Shared, c.plan.Rights, c.plan.Course} {
		markTexts(reflect.ValueOf(part), "", &words)
	}
	c.plan.Shared.Fields = c.plan.Shared.Fields[:5] // the patient's goal stands among the goals
	c.version("m0001")
	h := signedIn(t, c.st)
	h.s.opt.Decider = &fakeDecider{}
	text := seen(h.get("/plans/" + h.s.sealer.seal(testPatient)).body)
	if len(words) < 45 {
		t.Fatalf("only %d texts: the course lacks parts", len(words))
	}
	for _, w := range words {
		word, where, _ := strings.Cut(w, " ")
		if !strings.Contains(text, word) && !strings.HasPrefix(where, ".Fields.Value.Text") && !strings.HasPrefix(where, ".Fields.Value.Code") {
			t.Errorf("the text of %s is not shown", where)
		}
	}
}

// markTexts appends to each text that readers see a word of its own.
func markTexts(v reflect.Value, where string, words *[]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			markTexts(v.Elem(), where, words)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() && !unseen[f.Name] {
				name := where
				if !f.Anonymous {
					name += "." + f.Name
				}
				markTexts(v.Field(i), name, words)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			markTexts(v.Index(i), where, words)
		}
	case reflect.String:
		if v.String() != "" && where != ".Fields.Name" && where != ".Courses.Outcome.Text" && where != ".Courses.Outcome.Code" && where != ".Marks.Value" {
			word := fmt.Sprintf("ord%dx", len(*words))
			*words = append(*words, word+" "+where)
			v.SetString(v.String() + word)
		}
	}
}

func TestRightsAreForThoseWhoAct(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		role  string
		shown bool
	}{{RoleReader, false}, {RoleIdentity, false}, {RoleCoordinator, true}, {RoleAdmin, true}} {
		h, _ := deciding(t, RoleReader, RoleAllPlans, c.role)
		text := seen(h.get("/plans/" + h.s.sealer.seal(testPatient)).body)
		if got := strings.Contains(text, "Pasienten vil ikke dele"); got != c.shown {
			t.Errorf("%s sees restrictions: %v, want %v", c.role, got, c.shown)
		}
		for words, role := range map[string]string{"Use this": RoleCoordinator, "They are the same": RoleCoordinator, "Set aside…": RoleAdmin, "Let it count again": RoleAdmin, "Link another identifier": RoleIdentity, "Withdraw the link": RoleIdentity} {
			if got := strings.Contains(text, words); got != (role == c.role) {
				t.Errorf("%s is offered %q: %v", c.role, words, got)
			}
		}
	}
}

func TestNothingIsDecidedInAnOldVersion(t *testing.T) {
	t.Parallel()
	c := newFullCourse(t)
	c.version("m0001")
	h := signedIn(t, c.st)
	h.s.opt.Decider = &fakeDecider{}
	body := h.get(fmt.Sprintf("/plans/%s?version=%d", h.s.sealer.seal(testPatient), len(c.st.plans)-1)).body
	if !strings.Contains(body, "This is an older version") || !strings.Contains(seen(body), "26 Mar 2026") {
		t.Fatal("the older version with the conflict is not shown")
	}
	for _, words := range []string{"Use this", "Set aside…", "Link another identifier"} {
		if strings.Contains(body, words) {
			t.Errorf("an older version offers %q", words)
		}
	}
}

func TestListCountsWhatIsToDecide(t *testing.T) {
	t.Parallel()
	h, _ := deciding(t)
	if text := seen(h.get("/plans").body); !strings.Contains(text, "2 to decide") {
		t.Errorf("the list of plans does not say that two conflicts are to be decided")
	}
}

// TestFullPlanIsNotMarkup puts a canary that would be markup into every field of every part.
func TestFullPlanIsNotMarkup(t *testing.T) {
	t.Parallel()
	const canary = `"><img src=x onerror=alert(1)><script>alert(2)</script>'`
	c := newFullCourse(t)
	poison(c, canary)
	h := signedIn(t, c.st)
	h.s.opt.Decider = &fakeDecider{}
	person := h.s.sealer.seal(testPatient)
	for _, path := range []string{"/plans/" + person, "/plans/" + person + "/function", "/plans", fmt.Sprintf("/plans/%s/diff?from=0&to=%d", person, len(c.st.plans))} {
		a := h.get(path)
		if a.status != http.StatusOK {
			t.Errorf("%s: status %d", path, a.status)
		}
		if strings.Contains(a.body, "<img src=x") || strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "onerror=alert(1)><") {
			t.Errorf("%s: the canary stands there as markup", path)
		}
		for _, f := range nesting(a.body) {
			t.Errorf("%s: %s", path, f)
		}
	}
	if n := strings.Count(h.get("/plans/"+person).body, "&lt;script&gt;alert(2)"); n < 100 {
		t.Errorf("the plan page shows the canary %d times: the test looks at little", n)
	}
}

func TestFunctionPage(t *testing.T) {
	t.Parallel()
	h, _ := deciding(t)
	path := "/plans/" + h.s.sealer.seal(testPatient) + "/function"
	a := h.get(path)
	checkHTML(t, path, a.body)
	text := seen(a.body)
	for _, want := range []string{"Picture of function", "By area of life", "IPLOS 4", "Show pale bands", "Totals, timed tests", "6 → 11", "Progress marks", "red: marked worsening", "Each instrument by itself"} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture of function does not say %q", want)
		}
	}
	if a := h.st.lastAudit(); a.Action != "read-plan" || !strings.HasPrefix(a.Object, "function") {
		t.Errorf("audit of the picture: %+v", a)
	}
	var p careplan.Plan
	if err := json.Unmarshal(h.st.plans[len(h.st.plans)-1].Body, &p); err != nil {
		t.Fatal(err)
	}
	v := pictureOf(p.Picture(courseNow))
	for _, r := range append(v.Rows, v.Scales...) {
		if len(r.Segments) > 0 && len(r.Arrows) == 0 {
			t.Errorf("row %s: a line is drawn and no change is said", r.ID)
		}
		for _, pt := range r.Points {
			if pt.Shape != "" && (pt.X < 0 || pt.X > float64(r.Width) || pt.Y < 0 || pt.Y > float64(r.Height)) || pt.TextY > r.Height {
				t.Errorf("row %s: a point lies outside the drawing: %+v of %d x %d", r.ID, pt, r.Width, r.Height)
			}
		}
	}
}
