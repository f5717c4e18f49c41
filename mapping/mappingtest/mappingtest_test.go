package mappingtest

import (
	"strings"
	"testing"
)

func TestLeaves(t *testing.T) {
	cases := []struct {
		name, doc string
		want      []string
	}{
		{"text and attribute", `<a xmlns="urn:x"><b V="1">t</b></a>`, []string{`/{urn:x}a[1]/b[1]/@V = "1"`, `/{urn:x}a[1]/b[1] = "t"`}},
		{"siblings are counted by name", `<a><b>1</b><c>2</c><b>3</b></a>`, []string{`/a[1]/b[1] = "1"`, `/a[1]/c[1] = "2"`, `/a[1]/b[2] = "3"`}},
		{"prefix does not matter", `<p:a xmlns:p="urn:x" xmlns:q="urn:y"><q:b>1</q:b></p:a>`, []string{`/{urn:x}a[1]/{urn:y}b[1] = "1"`}},
		{"comment splits nothing", `<a>one<!-- c --> two</a>`, []string{`/a[1] = "one two"`}},
		{"white space around is no value", "<a>\n <b> x </b>\n</a>", []string{`/a[1]/b[1] = "x"`}},
		{"mixed content", `<p>one<b>two</b>three<br/>four</p>`, []string{`/p[1]/text()[1] = "one"`, `/p[1]/b[1] = "two"`, `/p[1]/text()[2] = "three"`, `/p[1]/text()[3] = "four"`}},
		{"schema location is left out, xsi:type counts", `<a xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="x y" i:type="z"/>`,
			[]string{`/a[1]/@{http://www.w3.org/2001/XMLSchema-instance}type = "z"`}},
		{"latin-1", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe6</a>", []string{`/a[1] = "æ"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Leaves([]byte(c.doc))
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, l := range got {
				lines = append(lines, l.String())
			}
			if g, w := strings.Join(lines, "\n"), strings.Join(c.want, "\n"); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
	if _, err := Leaves([]byte("<a>")); err == nil {
		t.Error("an open element is no document, want an error")
	}
}

func TestCompare(t *testing.T) {
	d := Compare([]byte(`<a><b>1</b><b>2</b><c V="x"/></a>`), []byte(`<a><b>1</b><b>3</b><d>4</d></a>`))
	if d.Total != 3 || d.Present != 1 || len(d.Missing) != 1 || len(d.Changed) != 1 || len(d.Extra) != 1 || d.Same() {
		t.Errorf("got %s", d)
	}
	if s := d.Share(); s < 0.33 || s > 0.34 {
		t.Errorf("share %v, want a third", s)
	}
	if d := Compare([]byte(`<a>1</a>`), []byte(`<a>`)); d.Err == nil || d.Share() != 0 {
		t.Errorf("a broken document must not count as the same: %s", d)
	}
	if d := Compare([]byte(`<a>1</a>`), []byte(`<p:a xmlns:p="urn:x">1</p:a>`)); d.Present != 0 {
		t.Errorf("another namespace is another place: %s", d)
	}
}

func TestR4Schema(t *testing.T) {
	s := R4Schema(t)
	good := `{"resourceType":"Bundle","type":"message","entry":[{"resource":{"resourceType":"Patient","birthDate":"1969-11-13",
		"contained":[{"resourceType":"Organization","name":"X"}]}}]}`
	if p := s.Problems([]byte(good)); len(p) != 0 {
		t.Errorf("valid bundle: %v", p)
	}
	bad := []struct{ name, json, want string }{
		{"unknown element in an entry", strings.Replace(good, `"birthDate"`, `"birthday"`, 1), "Patient"},
		{"bad date", strings.Replace(good, `1969-11-13`, `13.11.1969`, 1), "birthDate"},
		{"unknown element in a contained resource", strings.Replace(good, `"name":"X"`, `"nome":"X"`, 1), "Organization"},
		{"unknown resource type", strings.Replace(good, `"Organization"`, `"Organisation"`, 1), "not in R4"},
		{"datatype as resource", strings.Replace(good, `"Organization"`, `"Coding"`, 1), "no resource"},
		{"bundle without type", strings.Replace(good, `"type":"message",`, `"kind":"message",`, 1), "Bundle"},
		{"not JSON", "{", "not JSON"},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			if p := strings.Join(s.Problems([]byte(c.json)), "\n"); !strings.Contains(p, c.want) {
				t.Errorf("got %q, want a problem with %q", p, c.want)
			}
		})
	}
}

func TestXMLLint(t *testing.T) {
	valid := Examples(t, func(e Example) bool { return e.File == "apprec/v1.0/AppRec-v1-eksempel-avvist.xml" })[0].Raw(t)
	got := XMLLintAll(t, map[string][]byte{"valid": valid, "invalid": []byte(strings.Replace(string(valid), "<Status", "<Stat", 1)),
		"unknown": []byte(`<a xmlns="urn:nobody"/>`)})
	if got["valid"] != "" {
		t.Errorf("valid document: %s", got["valid"])
	}
	if got["invalid"] == "" || got["unknown"] == "" {
		t.Errorf("invalid documents passed: %v", got)
	}
}

func TestExamples(t *testing.T) {
	all := Examples(t, nil)
	if len(all) < 200 {
		t.Errorf("%d examples, want more than 200", len(all))
	}
	for _, e := range all {
		if len(e.Raw(t)) == 0 {
			t.Errorf("%s is empty", e.File)
		}
	}
}
