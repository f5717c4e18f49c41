package admin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/samvirke/samvirke/fhir/careplan"
)

// fullPlan is the newest plan of the full course.
func fullPlan(t *testing.T) *careplan.Plan {
	t.Helper()
	c := newFullCourse(t)
	var p careplan.Plan
	if err := json.Unmarshal(c.st.plans[len(c.st.plans)-1].Body, &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

func TestSheet(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string][]string{
		"nb": {"Planen min", "søndag 25. januar 2026", "mandag 20. april 2026 kl. 10.30", "Gult: noe blir dårligere", "Ring 113. Legevakt: 116 117."},
		"da": {"Min plan", "søndag den 25. januar 2026", "mandag den 20. april 2026 kl. 10.30", "Gul: noget bliver dårligere", "Ring 112."},
	} {
		words, ok := printText(lang)
		if !ok {
			t.Fatal(lang)
		}
		p := sheetOf(fullPlan(t), words, courseNow)
		if p.T.Title != want[0] || p.Made != want[1] || p.T.DangerCall != want[4] {
			t.Errorf("%s: %q, %q, %q", lang, p.T.Title, p.Made, p.T.DangerCall)
		}
		if len(p.Own) != 2 || p.Own[0].Text != "Gå på tur med bikkja igjen" || !strings.Contains(p.Own[1].Note, words.Kin) || len(p.Others) != 2 {
			t.Errorf("%s: own %+v, others %+v", lang, p.Own, p.Others)
		}
		if len(p.Soon) == 0 || p.Soon[len(p.Soon)-1].When != want[2] && p.Soon[0].When != want[2] {
			t.Errorf("%s: what happens when: %+v", lang, p.Soon)
		}
		if len(p.Zones) != 3 || p.Zones[1].Name != want[3] || p.Zones[0].Tone != "green" || len(p.Zones[1].Do) != 2 {
			t.Errorf("%s: zones %+v", lang, p.Zones)
		}
		if len(p.Calls) != 2 || p.Calls[0].Name != "Eldrid Haugen" || p.Calls[0].Role != "koordinator" || p.Calls[0].Phone != "+47 99 99 00 03" {
			t.Errorf("%s: whom to call %+v", lang, p.Calls)
		}
		if len(p.Agreed) != 3 || len(p.Proposed) != 1 || p.Proposed[0].Text != "Logopedi to ganger i uken" {
			t.Errorf("%s: agreed %+v, proposed %+v", lang, p.Agreed, p.Proposed)
		}
	}
	if _, ok := printText("sv"); ok {
		t.Error("a language that is not there")
	}
}

// TestSheetKeepsToItself renders the sheet of a plan that holds everything: nothing internal stands on it.
func TestSheetKeepsToItself(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	words, _ := printText("nb")
	p := sheetOf(fullPlan(t), words, courseNow)
	var b strings.Builder
	page, err := h.s.pages.page("print")
	if err != nil {
		t.Fatal(err)
	}
	if err := page.ExecuteTemplate(&b, "bare", view{Title: "x", Lang: "nb", Data: p}); err != nil {
		t.Fatal(err)
	}
	text := seen(b.String())
	for _, never := range []string{"Hjelpemiddelet kom aldri frem", "avvik", "gap", "R6", "Discharged without", "Pasienten vil ikke dele", "Gjelder en annen", "26. mars", "19. mars", "kapasitet", testNumber, "53116900216", "Falt i gangen", "Øyepoliklinikken", "conflict", "HER "} {
		if strings.Contains(text, never) {
			t.Errorf("the patient's sheet says %q", never)
		}
	}
	for _, want := range []string{"Gå på tur med bikkja igjen", "Ring 113 med en gang", "Turgruppe onsdager", "Solveig Bakkerud"} {
		if !strings.Contains(text, want) {
			t.Errorf("the patient's sheet does not say %q", want)
		}
	}
	if f := nesting(b.String()); len(f) > 0 {
		t.Errorf("faults: %v", f)
	}
}

func TestSheetIsBounded(t *testing.T) {
	t.Parallel()
	pl := fullPlan(t)
	for range 20 {
		pl.Goals = append(pl.Goals, careplan.Goal{ID: "g", Text: "Enda et mål", ExpressedBy: "patient", Status: "active"})
		pl.Measures = append(pl.Measures, careplan.Measure{ID: "m", Text: "Enda et tiltak", Kind: "order", Status: "active", Owner: municipality})
		pl.Contacts = append(pl.Contacts, careplan.Contact{Kind: "professional", Name: "Enda en", Phone: []string{"1" + strings.Repeat("2", len(pl.Contacts)%7)}})
	}
	words, _ := printText("nb")
	p := sheetOf(pl, words, courseNow)
	if len(p.Own) != printGoals || len(p.Agreed) != printMeasures || len(p.Calls) != printPhones || p.More == 0 {
		t.Errorf("%d own goals, %d measures, %d numbers, %d left out", len(p.Own), len(p.Agreed), len(p.Calls), p.More)
	}
	empty := sheetOf(&careplan.Plan{}, words, courseNow)
	if empty.Name != "" || len(empty.Own)+len(empty.Zones)+len(empty.Calls) != 0 {
		t.Errorf("sheet of an empty plan: %+v", empty)
	}
}

func TestPrintPage(t *testing.T) {
	t.Parallel()
	h := recorded(t)
	path := "/plans/" + h.s.sealer.seal(testPatient) + "/print"
	for lang, title := range map[string]string{"nb": "Planen min", "da": "Min plan"} {
		a := h.get(path + "?lang=" + lang)
		if a.status != http.StatusOK || !strings.Contains(a.body, `<html lang="`+lang+`">`) || !strings.Contains(a.body, "<h1>"+title+"</h1>") || !strings.Contains(a.body, "bikkja") {
			t.Errorf("%s: status %d, %.200s", lang, a.status, a.body)
		}
		if last := h.st.lastAudit(); last.Action != "print-plan" || last.Patient != testPatient {
			t.Errorf("audit: %+v", last)
		}
		checkNoNumber(t, path, a)
	}
	if a := h.get(path + "?lang=xx"); a.status != http.StatusNotFound {
		t.Errorf("a language that is not there: status %d", a.status)
	}
	for in, want := range map[string]string{"+4799990003": "+47 99 99 00 03", "99 99 00 03": "99 99 00 03", "99990003": "99 99 00 03", "004599990003": "+45 99 99 00 03", "tel:+4799990003": "+47 99 99 00 03", "815 00": "815 00"} {
		if got := phoneText(in); got != want {
			t.Errorf("phone %q: %q, want %q", in, got, want)
		}
	}
}
