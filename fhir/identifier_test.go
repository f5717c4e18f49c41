package fhir_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
)

// sharedFile finds a file of the shared facts, or skips: they are not part of the repository.
func sharedFile(t *testing.T, parts ...string) string {
	t.Helper()
	root := os.Getenv("SAMVIRKE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared facts not found (set SAMVIRKE_SHARED): %s", filepath.Join(parts...))
	}
	return path
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return samvirke.FaultOf(err).Code
}

func TestParsePerson(t *testing.T) {
	t.Parallel()
	synthetic := []fhir.PersonOption{fhir.AllowSynthetic()}
	cases := []struct {
		name, value string
		opts        []fhir.PersonOption
		typ         string
		code        string
		synthetic   bool
		new2032     bool
	}{
		{name: "fnr", value: "15076500565", typ: "FNR"},
		{name: "fnr with a space", value: "150765 00565", typ: "FNR"},
		{name: "worked number", value: "01015000232", typ: "FNR"},
		{name: "two digits swapped", value: "01015000322", typ: "FNR", code: "check-digit"},
		{name: "born after 2000", value: "15040650560", typ: "FNR"},
		{name: "d-number", value: "70019950032", typ: "DNR"},
		{name: "fh-number", value: "80001443511", typ: "FHN"},
		{name: "fh-number, wrong digit", value: "80001443512", typ: "FHN", code: "check-digit"},
		{name: "too short", value: "1507650056", code: "identifier-syntax"},
		{name: "letters", value: "1507650056x", code: "identifier-syntax"},
		{name: "empty", value: "", code: "identifier-syntax"},
		{name: "no such day", value: withDigits(t, 31, 2, 65, 5), typ: "FNR", code: "identifier-syntax"},
		{name: "no such month", value: withDigits(t, 1, 13, 65, 5), typ: "FNR", code: "identifier-syntax"},
		{name: "29 February in no leap year", value: withDigits(t, 29, 2, 65, 5), typ: "FNR", code: "identifier-syntax"},
		{name: "29 February in a leap year", value: withDigits(t, 29, 2, 64, 8), typ: "FNR"},
		{name: "+80 in production", value: withDigits(t, 1, 81, 50, 2), typ: "FNR", code: "synthetic-identifier", synthetic: true},
		{name: "+80 allowed", value: withDigits(t, 1, 81, 50, 2), opts: synthetic, typ: "FNR", synthetic: true},
		{name: "+65 allowed", value: withDigits(t, 1, 66, 50, 2), opts: synthetic, typ: "FNR", synthetic: true},
		{name: "+80 d-number allowed", value: withDigits(t, 41, 81, 50, 2), opts: synthetic, typ: "DNR", synthetic: true},
		{name: "+40 in production is an h-number", value: withDigits(t, 1, 41, 50, 2), typ: "HNR"},
		{name: "+40 allowed", value: withDigits(t, 1, 41, 50, 2), opts: synthetic, typ: "FNR", synthetic: true},
		{name: "rule of 2032", value: rule2032(t), typ: "FNR", new2032: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := fhir.ParsePerson(c.value, c.opts...)
			if got := codeOf(err); got != c.code {
				t.Fatalf("code %q, want %q", got, c.code)
			}
			if p.Type != c.typ || p.Type != "" && p.System != fhir.SystemOf(c.typ) {
				t.Errorf("type %q system %q, want %q", p.Type, p.System, c.typ)
			}
			if p.Synthetic != c.synthetic || p.New2032 != c.new2032 {
				t.Errorf("synthetic %v new %v, want %v %v", p.Synthetic, p.New2032, c.synthetic, c.new2032)
			}
		})
	}
}

// withDigits completes day, month, year and a starting individual number to a number with right check digits.
func withDigits(t *testing.T, day, month, year, individual int) string {
	t.Helper()
	for i := individual; i < 400; i++ {
		s := fmt.Sprintf("%02d%02d%02d%03d", day, month, year, i)
		k1 := 11 - sum(s, 3, 7, 6, 1, 8, 9, 4, 5, 2)%11
		k2 := 11 - sum(s+fmt.Sprint(k1%11), 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11
		if k1 != 10 && k2 != 10 {
			return s + fmt.Sprint(k1%11) + fmt.Sprint(k2%11)
		}
	}
	t.Fatal("no number found")
	return ""
}

// rule2032 gives a number whose first check sum leaves 1.
func rule2032(t *testing.T) string {
	t.Helper()
	for i := range 400 {
		s := fmt.Sprintf("010150%03d", i)
		k1 := 12 - sum(s, 3, 7, 6, 1, 8, 9, 4, 5, 2)%11
		if k1 > 9 {
			continue
		}
		if k2 := 11 - sum(s+fmt.Sprint(k1), 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11; k2 != 10 {
			return s + fmt.Sprint(k1) + fmt.Sprint(k2%11)
		}
	}
	t.Fatal("no number found")
	return ""
}

func sum(s string, weights ...int) int {
	n := 0
	for i, w := range weights {
		n += w * int(s[i]-'0')
	}
	return n
}

func TestChecksByDeclaredType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, value, code string }{
		{"FNR", "15076500565", ""},
		{"FNR", "15076500566", "check-digit"},
		{"FNR", "70019950032", "identifier-type"},
		{"DNR", "70019950032", ""},
		{"DNR", "15076500565", "identifier-type"},
		{"FHN", "80009001259", ""},
		{"FHN", "15076500565", "identifier-type"},
		{"HNR", withDigits(t, 1, 41, 50, 2), ""},
		{"HNR", "25036000305", "identifier-type"}, // test person 8: a local number of another form
		{"FNR", withDigits(t, 1, 81, 50, 2), "synthetic-identifier"},
		{"ENH", "974760673", ""},
		{"ENH", "974760674", "check-digit"},
		{"ENH", "97476067", "identifier-syntax"},
		{"HER", "369.767", ""},
		{"HER", "36x", "identifier-syntax"},
		{"HPR", "9144889", ""},
		{"HPR", "91", "identifier-syntax"},
		{"DUF", "200812345678", ""},
		{"DUF", "2008", "identifier-syntax"},
		{"XXX", "anything", ""},
		{"XXX", "", "identifier-syntax"},
	} {
		if got := codeOf(fhir.Check(c.typ, c.value)); got != c.code {
			t.Errorf("Check(%s): code %q, want %q", c.typ, got, c.code)
		}
	}
}

func TestTestPersons(t *testing.T) {
	t.Parallel()
	f, err := os.Open(sharedFile(t, "standards", "no", "codes", "test-persons.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	seen := 0
	for _, row := range rows[1:] {
		for name, typ := range map[string]string{"fnr": "FNR", "dnr": "DNR", "fhn": "FHN", "hpr": "HPR"} {
			v := row[col[name]]
			if v == "" {
				continue
			}
			seen++
			if err := fhir.Check(typ, v); err != nil {
				t.Errorf("%s %s: %s: %v", row[0], row[1], typ, err)
			}
		}
		if v := row[col["local_h"]]; v != "" && fhir.CheckHNR(v) == nil {
			t.Errorf("%s %s: local number of another form passes", row[0], row[1])
		}
	}
	if seen < 60 {
		t.Errorf("only %d numbers read", seen)
	}
}

func TestSystemsAndTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"FNR", "DNR", "FHN", "HNR", "HPR", "DUF", "ENH", "RSH", "HER", "PNR", "SEF", "DKF", "UID", "LOK", "a/b c"} {
		if got := fhir.TypeOf(fhir.SystemOf(typ)); got != typ {
			t.Errorf("TypeOf(SystemOf(%q)) = %q", typ, got)
		}
	}
	if fhir.SystemOf("") != "" || fhir.TypeOf("urn:oid:1.2.3") != "" {
		t.Error("unknown system or empty type gets a name")
	}
	id := fhir.NewIdentifier("HER", "59")
	if got := fhir.IdentifierOf(fhir.IdentifierNode(id)); got != id {
		t.Errorf("identifier through a node: %+v, want %+v", got, id)
	}
	for in, want := range map[string]string{"369.767": "369767", "3469.67926": "346967926", " 59 ": "59", "59a": "59a", "": ""} {
		if got := fhir.NormalizeHER(in); got != want {
			t.Errorf("NormalizeHER(%q) = %q, want %q", in, got, want)
		}
	}
}
