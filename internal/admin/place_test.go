package admin

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const placeXML = `<?xml version="1.0"?><m:MsgHead xmlns:m="urn:x"><m:MsgInfo><m:Patient><m:FamilyName>Bakkerud</m:FamilyName></m:Patient></m:MsgInfo>` +
	`<m:Document><m:RefDoc><m:Content><m:Rapport><m:Maal><m:Tekst>Gå inne uten hjelpemiddel &amp; stokk</m:Tekst><m:Frist>2026-04-22</m:Frist></m:Maal>` +
	`<m:Tiltak V="2026-04-22"/><m:Notat>Vi avtalte: gå inne uten hjelpemiddel &amp; stokk, ute med rullator</m:Notat><m:Tid>2026-01-10T22:15:00</m:Tid></m:Rapport></m:Content></m:RefDoc></m:Document></m:MsgHead>`

func placeRows() []MappingRow {
	base := "/MsgHead/Document/RefDoc/Content/Rapport/"
	return []MappingRow{{XML: base + "Maal/Tekst", FHIR: "Goal.description.text", Type: "string"}, {XML: base + "Maal/Frist", FHIR: "Goal.target[0].dueDate", Type: "date", Note: "a day"},
		{XML: base + "Tiltak", FHIR: "ServiceRequest.occurrence", Type: "date"}, {XML: base + "Tid", FHIR: "Encounter.period.start", Type: "dateTime"}}
}

func TestPlaceOfAValue(t *testing.T) {
	t.Parallel()
	lines := makeBody([]byte(placeXML), "application/xml").Lines
	for name, c := range map[string]struct {
		mark placeMark
		path string
		fhir string
		n    int
	}{
		"text of a goal":            {placeMark{"goal", "Gå inne uten hjelpemiddel & stokk"}, "Maal/Tekst", "Goal.description.text", 2},
		"day of a goal, not of all": {placeMark{"goal date", "2026-04-22"}, "Maal/Frist", "Goal.target[0].dueDate", 2},
		"attribute of a measure":    {placeMark{"evaluation", "2026-04-22"}, "Tiltak", "ServiceRequest.occurrence", 2},
		"time in another zone":      {placeMark{"admission time", "2026-01-10T21:15:00Z"}, "Tid", "Encounter.period.start", 1},
		"name":                      {placeMark{"name", "Bakkerud"}, "Patient/FamilyName", "", 1},
	} {
		v := findPlaces(slices.Clone(lines), c.mark, placeRows())
		if len(v.Places) == 0 || !strings.HasSuffix(v.Places[0].Path, c.path) || !v.Places[0].Exact {
			t.Errorf("%s: %+v", name, v.Places)
			continue
		}
		if r := v.Places[0].Row; (c.fhir == "") != (r == nil) || r != nil && r.FHIR != c.fhir {
			t.Errorf("%s: mapping row %+v, want %s", name, r, c.fhir)
		}
		if len(v.Places) > c.n {
			t.Errorf("%s: %d places, want at most %d", name, len(v.Places), c.n)
		}
	}
	if v := findPlaces(lines, placeMark{"goal", "noe helt annet"}, placeRows()); len(v.Places) != 0 {
		t.Errorf("a value that is not there is found: %+v", v.Places)
	}
}

func TestPlaceInJSON(t *testing.T) {
	t.Parallel()
	body := `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","valueQuantity":{"value":6},"note":[{"text":"Gikk \"bra\" i dag"}]}},{"resource":{"resourceType":"Goal","description":{"text":"Gå tur"}}}]}`
	lines := makeBody([]byte(body), "application/fhir+json").Lines
	for text, path := range map[string]string{"Gå tur": "entry.resource.description.text", `Gikk "bra" i dag`: "entry.resource.note.text", "6": "entry.resource.valueQuantity.value"} {
		v := findPlaces(slices.Clone(lines), placeMark{"goal", text}, nil)
		if len(v.Places) != 1 || v.Places[0].Path != path || !v.Places[0].Exact {
			t.Errorf("%q: %+v, want %s", text, v.Places, path)
		}
	}
}

var markLink = regexp.MustCompile(`href="(/messages/[^"?]+/original\?mark=[^"#]+)#place"`)

// TestFromValueToLine follows the links of the plan page: each leads to its message, the value is not in the address,
// and where the message holds it the line is marked.
func TestFromValueToLine(t *testing.T) {
	t.Parallel()
	h, _ := deciding(t)
	body := h.get("/plans/" + h.s.sealer.seal(testPatient)).body
	links := markLink.FindAllStringSubmatch(body, -1)
	if len(links) < 60 {
		t.Fatalf("%d values lead to their place, want many more", len(links))
	}
	for _, l := range []string{"bikkja", "Bakkerud", testNumber, "Rullator"} {
		for _, m := range links {
			if strings.Contains(m[1], l) {
				t.Fatalf("the address %s holds a value", m[1])
			}
		}
	}
	found := 0
	for _, m := range links[:8] {
		a := h.get(strings.ReplaceAll(m[1], "&amp;", "&"))
		if a.status != http.StatusOK || !strings.Contains(a.body, "Where this value stands") {
			t.Fatalf("status %d", a.status)
		}
		checkHTML(t, m[1], a.body)
		if strings.Contains(a.body, `id="place"`) {
			found++
			if !strings.Contains(a.body, `class="ln hit"`) {
				t.Error("the line is not marked")
			}
		} else if !strings.Contains(a.body, "does not stand in this message in these words") {
			t.Error("nothing is said where nothing is found")
		}
		if last := h.st.lastAudit(); last.Action != "read-original" {
			t.Errorf("audit: %+v", last)
		}
	}
	if found == 0 {
		t.Error("no value was found in its message")
	}
	if a := h.get("/messages/m0001/original?mark=" + h.s.sealer.seal(testPatient)); a.status != http.StatusOK || strings.Contains(a.body, "Where this value stands") {
		t.Error("an id of another sort is taken for a mark")
	}
}

func TestMarkIsBounded(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	long := strings.Repeat("å", 500)
	m, ok := h.s.sealer.openMark(h.s.sealer.seal(placeMark{"note", long}.String()))
	if !ok || m.What != "note" || !strings.HasPrefix(long, m.Text) || len(m.Text) > maxMark || len(m.Text) < maxMark-2 {
		t.Errorf("mark of a long text: %v, %d bytes", ok, len(m.Text))
	}
	if _, ok := h.s.sealer.openMark("nonsense"); ok {
		t.Error("nonsense is taken for a mark")
	}
}
