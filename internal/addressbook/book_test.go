package addressbook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/addressbook"
)

const header = "her_id,name,parent_her_id,parent_name,type,service,org_number,active,valid_from,valid_to,edi_address,queue_async,queue_sync,queue_error,certificate,processes\n"

const good = header +
	"8140101,Bekkedal kommune,,,organisation,,974760673,true,,,,,,,,\n" +
	"8140103,\"Saksbehandling, pleie og omsorg\",81.401.01,,service,KD0501,,true,2020-01-01,2026-06-30,edi@bekkedal.example,8140103_async,8140103_sync,8140103_error,ldap://x,LOG_UTSKRIVNINGSKLAR|LOG_AVMELDING\n" +
	"8140102,Sykepleietjeneste,8140101,,service,8663/KP02,,nei,,,,,,,,\n" +
	"814 02 02,Ingrid Sand,8140201,Nordlia legesenter,person,,,,2027-01-01,,,,,,,\n"

func at(day string) time.Time {
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return t.Add(12 * time.Hour)
}

func TestLookup(t *testing.T) {
	t.Parallel()
	b, problems := addressbook.Parse("book.csv", []byte(good))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, c := range []struct {
		her, day, name, parent string
		want                   addressbook.Status
	}{
		{"8140103", "2026-06-30", "Saksbehandling, pleie og omsorg", "Bekkedal kommune", addressbook.Listed},
		{"81.401.03", "2026-01-01", "Saksbehandling, pleie og omsorg", "Bekkedal kommune", addressbook.Listed},
		{"8140103", "2026-07-01", "Saksbehandling, pleie og omsorg", "Bekkedal kommune", addressbook.Expired},
		{"8140103", "2019-12-31", "Saksbehandling, pleie og omsorg", "Bekkedal kommune", addressbook.NotYet},
		{"8140102", "2026-01-01", "Sykepleietjeneste", "Bekkedal kommune", addressbook.Inactive},
		{"8140202", "2027-01-01", "Ingrid Sand", "Nordlia legesenter", addressbook.Listed},
		{"99", "2026-01-01", "", "", addressbook.Unknown},
		{"", "2026-01-01", "", "", addressbook.Unknown},
	} {
		e, got := b.Lookup(c.her, at(c.day))
		if got != c.want || e.Name != c.name || e.ParentName != c.parent {
			t.Errorf("%s on %s: %s %q %q", c.her, c.day, got, e.Name, e.ParentName)
		}
	}
	e, _ := b.Lookup("8140103", at("2026-01-01"))
	if e.Service != "8663/KD0501" || e.ServiceName != "Saksbehandling" || e.Async != "8140103_async" || e.EDI == "" || e.Line != 3 ||
		!e.Takes("LOG_AVMELDING") || e.Takes("EPIKRISE") {
		t.Errorf("entry %+v", e)
	}
	// The last day ends at midnight in Norway, an hour or two before it does elsewhere.
	if _, s := b.Lookup("8140103", time.Date(2026, 6, 30, 21, 59, 0, 0, time.UTC)); s != addressbook.Listed {
		t.Errorf("a minute before midnight: %s", s)
	}
	if _, s := b.Lookup("8140103", time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC)); s != addressbook.Expired {
		t.Errorf("at midnight: %s", s)
	}
}

func TestEnterpriseThatEnded(t *testing.T) {
	t.Parallel()
	b, problems := addressbook.Parse("b.csv", []byte(strings.Replace(good, "974760673,true,", "974760673,false,", 1)))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, s := b.Lookup("8140103", at("2026-01-01")); s != addressbook.Orphan {
		t.Errorf("a service of an enterprise out of use: %s", s)
	}
}

func TestYAMLSaysTheSame(t *testing.T) {
	t.Parallel()
	yaml := `addresses:
  - her_id: "8140101"
    name: Bekkedal kommune
  - her_id: 8140103
    name: Saksbehandling
    parent_her_id: "8140101"
    type: service
    service: 8663/KD0501
    active: true
    valid_to: 2026-06-30
    processes: [LOG_AVMELDING, "LOG_*"]
`
	b, problems := addressbook.Parse("book.yaml", []byte(yaml))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if e, s := b.Lookup("8140103", at("2026-06-30")); s != addressbook.Listed || e.ParentName != "Bekkedal kommune" || len(e.Processes) != 2 || e.Line != 4 {
		t.Errorf("%s %+v", s, e)
	}
	semicolon := strings.ReplaceAll(strings.ReplaceAll(good, "\"Saksbehandling, pleie og omsorg\"", "Saksbehandling"), ",", ";")
	if b, problems := addressbook.Parse("b.csv", []byte("\ufeff"+semicolon)); len(problems) > 0 || b.Len() != 4 {
		t.Errorf("with semicolons: %v", problems)
	}
}

// TestMistakes: each is told with its line and a stable code, all of a file at once.
func TestMistakes(t *testing.T) {
	t.Parallel()
	line := func(s string) string { return header + "1,Foretak,,,,,,,,,,,,,,\n" + s + "\n" }
	for _, c := range []struct {
		name, file, text string
		want             []string // "line code key"
	}{
		{"two at once", "a.csv", line("x,,,,,,,,,,,,,,,"), []string{"3 address-value her_id", "3 address-missing name"}},
		{"twice", "a.csv", line("1,Igjen,,,,,,,,,,,,,,"), []string{"3 address-duplicate her_id"}},
		{"its own parent", "a.csv", line("2,T,2,,,,,,,,,,,,,"), []string{"3 address-parent parent_her_id"}},
		{"parent unknown", "a.csv", line("2,T,9,,,,,,,,,,,,,"), []string{"3 address-parent parent_her_id"}},
		{"service without parent", "a.csv", line("2,T,,,service,,,,,,,,,,,"), []string{"3 address-parent parent_her_id"}},
		{"three levels", "a.csv", line("2,T,1,,,,,,,,,,,,,\n3,U,2,,,,,,,,,,,,,"), []string{"4 address-parent parent_her_id"}},
		{"type", "a.csv", line("2,T,1,,thing,,,,,,,,,,,"), []string{"3 address-value type"}},
		{"service", "a.csv", line("2,T,1,,,QQ,,,,,,,,,,"), []string{"3 address-service service"}},
		{"service of another list", "a.csv", line("2,T,1,,,8668/KP02,,,,,,,,,,"), []string{"3 address-service service"}},
		{"organisation number", "a.csv", line("2,T,1,,,,974760674,,,,,,,,,"), []string{"3 address-value org_number"}},
		{"active", "a.csv", line("2,T,1,,,,,kanskje,,,,,,,,"), []string{"3 address-value active"}},
		{"no date", "a.csv", line("2,T,1,,,,,,2026-02-30,,,,,,,"), []string{"3 address-value valid_from"}},
		{"days the wrong way", "a.csv", line("2,T,1,,,,,,2026-02-02,2026-02-01,,,,,,"), []string{"3 address-value valid_to"}},
		{"mail", "a.csv", line("2,T,1,,,,,,,,x,,,,,"), []string{"3 address-value edi_address"}},
		{"queue", "a.csv", line("2,T,1,,,,,,,,,a b,,,,"), []string{"3 address-value queue_async"}},
		{"process", "a.csv", line("2,T,1,,,,,,,,,,,,,log"), []string{"3 address-value processes"}},
		{"column", "a.csv", "her_id,name,naem\n1,F,\n", []string{"1 address-column naem"}},
		{"column twice", "a.csv", "her_id,name,name\n1,F,F\n", []string{"1 address-duplicate name"}},
		{"column missing", "a.csv", "her_id\n1\n", []string{"1 address-missing name", "2 address-missing name"}},
		{"too many values", "a.csv", "her_id,name\n1,F,G\n", []string{"2 address-syntax "}},
		{"quotes", "a.csv", "her_id,name\n1,\"F\n", []string{"2 address-syntax "}},
		{"nothing", "a.csv", "", []string{"1 address-syntax "}},
		{"empty", "a.csv", header, []string{"1 address-missing "}},
		{"Latin-1", "a.csv", "her_id,name\n1,Foretak\n2,S\xf8r\n", []string{"3 address-syntax "}},
		{"Latin-1 in YAML", "a.yaml", "addresses:\n  - her_id: 1\n    name: S\xf8r\n", []string{"3 address-syntax "}},
		{"YAML", "a.yaml", "addresses: [\n", []string{"1 address-syntax "}},
		{"YAML of something else", "a.yaml", "parties: []\n", []string{"1 address-syntax addresses"}},
		{"YAML key", "a.yaml", "addresses:\n  - her_id: 1\n    name: F\n    naem: x\n", []string{"4 address-column naem"}},
		{"YAML key twice", "a.yaml", "addresses:\n  - her_id: 1\n    name: F\n    name: G\n", []string{"4 address-duplicate name"}},
		{"YAML list", "a.yaml", "addresses:\n  - her_id: 1\n    name: [F]\n", []string{"3 address-value name", "3 address-missing name"}},
	} {
		b, problems := addressbook.Parse(c.file, []byte(c.text))
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%d %s %s", p.Line, p.Code, p.Key))
			if p.Text == "" || p.Fix == "" || p.File != c.file {
				t.Errorf("%s: incomplete: %+v", c.name, p)
			}
		}
		if b != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if _, problems := addressbook.Load(filepath.Join(t.TempDir(), "none.csv")); len(problems) != 1 || problems[0].Code != addressbook.CodeFile {
		t.Errorf("a file that is not there: %v", problems)
	}
}

// TestCache: it follows its file, keeps what it has when the file goes wrong, and does not trust an old one.
func TestCache(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book.csv")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	write := func(text string, changed time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
	}
	write("her_id,name\n1,En\n", now)
	var told [][]addressbook.Problem
	c, problems := addressbook.Open(path, addressbook.Options{
		Every: time.Minute, MaxAge: 24 * time.Hour, Now: func() time.Time { return now },
		Changed: func(_ int, p []addressbook.Problem) { told = append(told, p) },
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	expect := func(what, her string, want addressbook.Status, toldTimes int) {
		t.Helper()
		if _, got := c.Lookup(her); got != want || len(told) != toldTimes {
			t.Errorf("%s: %s, told %d times; want %s, %d", what, got, len(told), want, toldTimes)
		}
	}
	expect("at first", "2", addressbook.Unknown, 0)
	write("her_id,name\n1,En\n2,To\n", now.Add(time.Second))
	expect("before the next look", "2", addressbook.Unknown, 0)
	now = now.Add(time.Minute)
	expect("after a change", "2", addressbook.Listed, 1)
	write("her_id,name\n1,En\nx,To\n", now)
	now = now.Add(time.Minute)
	expect("after a bad change", "2", addressbook.Listed, 2)
	if len(told[1]) != 1 || told[1][0].Line != 3 {
		t.Errorf("told %v", told[1])
	}
	now = now.Add(time.Minute)
	expect("the bad one is not read again and again", "2", addressbook.Listed, 2)
	write("her_id,name\n1,En\n", now)
	c.Refresh()
	expect("when asked to look", "2", addressbook.Unknown, 3)
	now = now.Add(25 * time.Hour)
	expect("too old", "1", addressbook.Stale, 3)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	expect("gone", "1", addressbook.Stale, 4)
	if c.Len() != 1 {
		t.Errorf("%d entries", c.Len())
	}
}
