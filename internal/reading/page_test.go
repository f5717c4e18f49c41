package reading

import (
	"bytes"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

func TestMoment(t *testing.T) {
	for in, want := range map[string]string{
		"2018":                      "2018",
		"2018-01":                   "januar 2018",
		"2018-01-29":                "29.01.2018",
		"2018-01-29T10:00:00+01:00": "29.01.2018 kl. 10:00",
		"2018-01-29T10:00:30+01:00": "29.01.2018 kl. 10:00:30",
		"2018-07-01T08:00:00Z":      "01.07.2018 kl. 10:00", // summer time
		"2018-01-29T10:00:00":       "29.01.2018 kl. 10:00",
		"2018-01-29T10:00":          "29.01.2018 kl. 10:00",
		"2018-13-40":                "2018-13-40",
		"i fjor":                    "i fjor",
		"":                          "",
	} {
		if got := moment(in); got != want {
			t.Errorf("moment(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPeriod(t *testing.T) {
	tests := []struct{ start, end, want string }{
		{"2018-01-29", "", "fra 29.01.2018"}, {"", "2018-01-29", "til 29.01.2018"},
		{"2018-01-29", "2018-02", "29.01.2018 – februar 2018"}, {"2018", "2018", "2018"}, {"", "", ""},
	}
	for _, tt := range tests {
		if got := period(tt.start, tt.end); got != tt.want {
			t.Errorf("period(%q, %q) = %q, want %q", tt.start, tt.end, got, tt.want)
		}
	}
}

func TestScoreWords(t *testing.T) {
	for score, want := range map[string]int{"1": 1, "3": 3, "5": 5, "9": 0, "7": 0, "": 0, "-1": 0} {
		words, bar := scoreWords(score)
		if bar != want || words == "" {
			t.Errorf("%q: %q, bar %d", score, words, bar)
		}
	}
	if words, _ := scoreWords("9"); words != "Ikke relevant" {
		t.Errorf("9 is %q", words)
	}
}

const small = `{"resourceType":"Bundle","type":"message","timestamp":"2026-01-10T12:00:00+01:00","entry":[
 {"fullUrl":"urn:uuid:1","resource":{"resourceType":"MessageHeader","eventCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.8279","code":"LOG_UTSKRIVNINGSKLAR"},
  "extension":[{"url":"https://samvirke.github.io/fhir/StructureDefinition/op","valueCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.7309","code":"C"}}]}},
 {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","identifier":[{"system":"urn:oid:2.16.578.1.12.4.1.4.1","value":"13116900216"}],"name":[{"family":"Prøve","given":["Kari"]}],
  "telecom":[{"system":"phone","value":"javascript:alert(1)"},{"system":"phone","value":"+47 73 55 55 55"}]}},
 {"fullUrl":"urn:uuid:3","resource":{"resourceType":"Encounter","status":"in-progress","period":{"start":"2026-01-05"},
  "extension":[{"url":"https://samvirke.github.io/fhir/StructureDefinition/event","extension":[{"url":"code","valueCoding":{"system":"urn:oid:2.16.578.1.12.4.1.1.9121","code":"3"}},
   {"url":"time","valueDateTime":"2026-01-12"},{"url":"estimate","valueBoolean":true}]}]}},
 {"fullUrl":"urn:uuid:4","resource":{"resourceType":"Composition","title":"Utskrivningsklar","section":[{"title":"Funksjon","entry":[{"reference":"urn:uuid:5"},{"reference":"urn:uuid:8"}]}]}},
 {"fullUrl":"urn:uuid:5","resource":{"resourceType":"Observation","status":"final","hasMember":[{"reference":"urn:uuid:6"},{"reference":"urn:uuid:7"}],"effectiveDateTime":"2026-01-09"}},
 {"fullUrl":"urn:uuid:6","resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9111","code":"1","display":"Fungere sosialt"}]},"valueInteger":4,"effectiveDateTime":"2026-01-09"}},
 {"fullUrl":"urn:uuid:7","resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9111","code":"10"}]},
  "valueCodeableConcept":{"coding":[{"system":"https://samvirke.github.io/fhir/CodeSystem/function-score","code":"9","display":"Ikke relevant"}]},"effectiveDateTime":"2026-01-03"}},
 {"fullUrl":"urn:uuid:8","resource":{"resourceType":"Condition","code":{"coding":[{"system":"urn:oid:2.16.578.1.12.4.1.1.9034","code":"777"}]},"fantasyField":{"nyttFelt":"Noe helt nytt"}}}]}`

func TestSmall(t *testing.T) {
	b, err := fhir.ParseBundle([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	p := Of(b, nil)
	if len(p.Banners) != 1 || p.Banners[0].Tone != "stop" || !strings.HasPrefix(p.Banners[0].Text, "Kansellering") {
		t.Errorf("banners %+v", p.Banners)
	}
	if p.Title != "Utskrivningsklar" || p.Kind != "LOG_UTSKRIVNINGSKLAR" {
		t.Errorf("title %q, kind %q", p.Title, p.Kind)
	}
	if len(p.Events) != 2 || p.Events[0].When != "05.01.2026" || p.Events[0].Expected ||
		p.Events[1].When != "12.01.2026" || !p.Events[1].Expected || joinSpans(p.Events[1].What) != "Pasient utskrivningsklar" {
		t.Errorf("events %+v", p.Events)
	}
	if len(p.Blocks) == 0 || p.Blocks[0].Function == nil || len(p.Blocks[0].Function.Rows) != 2 {
		t.Fatalf("blocks %+v", p.Blocks)
	}
	rows := p.Blocks[0].Function.Rows
	if rows[0].Score != "4" || rows[0].Bar != 4 || rows[0].Variable[0].Text != "Fungere sosialt" || !strings.Contains(rows[0].Variable[0].Title, "Sosial deltakelse") {
		t.Errorf("row %+v", rows[0])
	}
	if rows[1].Score != "9" || rows[1].Words != "Ikke relevant" || rows[1].Bar != 0 || rows[1].Variable[0].Text != "Spise" || len(rows[1].Facts) == 0 {
		t.Errorf("row %+v", rows[1]) // its own date, other than that of the panel, is shown
	}
	page := string(document(t, b))
	for _, want := range []string{`<span class="r-badge">forventet</span>`, "131169 00216", ">9034: 777</span>", "Noe helt nytt", "Nytt felt", `href="tel:&#43;4773555555"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, `href="javascript`) || strings.Contains(page, `href="tel:1"`) {
		t.Error("a telephone number became a link of another kind")
	}
}

// TestSound looks at every example's page as a screen reader would: ids once, headings in order, labels that exist.
func TestSound(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range mappingtest.Examples(t, nil) {
		p, _ := f.Parse(e.Raw(t))
		if p == nil || p.Bundle == nil {
			continue
		}
		page := document(t, p.Bundle)
		root, err := xhtml.Parse(bytes.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		ids, level, h1 := map[string]bool{}, 0, 0
		for n := range root.Descendants() {
			if id := attr(n, "id"); id != "" {
				if ids[id] {
					t.Errorf("%s: id %s twice", e.File, id)
				}
				ids[id] = true
			}
			if len(n.Data) == 2 && n.Data[0] == 'h' && n.Data[1] >= '1' && n.Data[1] <= '6' && n.Type == xhtml.ElementNode {
				at := int(n.Data[1] - '0')
				if at > level+1 {
					t.Errorf("%s: heading %q skips a level", e.File, deepText(n))
				}
				if level = at; at == 1 {
					h1++
				}
				if strings.TrimSpace(deepText(n)) == "" {
					t.Errorf("%s: empty heading", e.File)
				}
			}
		}
		if h1 != 1 {
			t.Errorf("%s: %d main headings", e.File, h1)
		}
		for n := range root.Descendants() {
			for _, key := range []string{"aria-labelledby"} {
				if v := attr(n, key); v != "" && !ids[v] {
					t.Errorf("%s: %s leads to no %s", e.File, n.Data, v)
				}
			}
			if href := attr(n, "href"); strings.HasPrefix(href, "#") && !ids[href[1:]] {
				t.Errorf("%s: link to no %s", e.File, href)
			}
		}
		for _, odd := range []string{"ZgotmplZ", "%!", "<nil>", "<dd></dd>", "<p class=\"r-title\"></p>"} {
			if bytes.Contains(page, []byte(odd)) {
				t.Errorf("%s: the page holds %s", e.File, odd)
			}
		}
	}
}

func BenchmarkPage(b *testing.B) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		b.Fatal(err)
	}
	ex := mappingtest.Examples(b, func(e mappingtest.Example) bool { return strings.HasSuffix(e.File, "Innleggelsesrapport_Ny.xml") })
	p, err := f.Parse(ex[0].Raw(b))
	if err != nil {
		b.Fatal(err)
	}
	r, err := NewRenderer()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var out bytes.Buffer
		if err := r.Document(&out, Of(p.Bundle, nil)); err != nil {
			b.Fatal(err)
		}
	}
}
