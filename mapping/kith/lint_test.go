package kith

import (
	b64 "encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// lintCase changes a good message in one place and says what must be found, and nothing else.
type lintCase struct {
	name, file string
	old, new   string // "" as old: the whole message is new
	want       []string
}

const (
	lintReady = "06-log-utskrivningsklar.xml"
	lintIn    = "01-log-innlagt.xml"
	lintOut   = "09-log-utskrevet.xml"
	lintMore  = "04-innleggelsesrapport-endring.xml"
	lintEpi   = "11-epikrise.xml"
)

const lintHER = `<TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/>`

func lintCases() []lintCase {
	pdf := "%PDF-1.7 ... pdfaid:part ..."
	png := "\x89PNG\r\n\x1a\n...."
	return []lintCase{
		{name: "no UUID", file: lintReady, old: "105c7848-38b0-5dda-8841-1dbb1efb7a73", new: "17", want: []string{"message-id"}},
		{name: "other type", file: lintReady, old: `<Type V="LOG_UTSKRIVNINGSKLAR"`, new: `<Type V="LOG_AVMELDING"`, want: []string{"type-mismatch"}},
		{name: "no event 3", file: lintReady, old: `Hendelsekode V="3"`, new: `Hendelsekode V="5"`, want: []string{"event-missing", "estimate"}},
		{name: "no event 1", file: lintReady, old: `<Hendelsekode V="1" DN="Pasient innlagt" S="2.16.578.1.12.4.1.1.9121"/>`,
			new: `<BeskrivelseAvHendelse>Innlagt</BeskrivelseAvHendelse>`, want: []string{"event-admission-missing"}},
		{name: "event of another type", file: lintReady, old: `Hendelsekode V="1"`, new: `Hendelsekode V="13"`, want: []string{"event-admission-missing", "event-foreign"}},
		{name: "unknown event", file: lintReady, old: `Hendelsekode V="1"`, new: `Hendelsekode V="99"`, want: []string{"event-admission-missing", "event-unknown"}},
		{name: "admission without time of day", file: lintIn, old: `TidspunktForHendelse V="2026-01-10T22:15:00"`, new: `TidspunktForHendelse V="2026-01-10"`, want: []string{"event-time"}},
		{name: "ready before admission", file: lintReady, old: `TidspunktForHendelse V="2026-01-19T10:00:00"`, new: `TidspunktForHendelse V="2026-01-09T10:00:00"`, want: []string{"event-order"}},
		{name: "ready on the day of admission", file: lintReady, old: `TidspunktForHendelse V="2026-01-19T10:00:00"`, new: `TidspunktForHendelse V="2026-01-10"`},
		{name: "admission as an estimate", file: lintIn, old: "<Anslag>false", new: "<Anslag>true", want: []string{"estimate"}},
		{name: "nobody decided", file: lintReady, old: "<fk1:FamilyName>Myhre</fk1:FamilyName>", new: "", want: []string{"deciding-clinician"}},
		{name: "a nurse decided", file: lintReady, old: `TypeHealthcareProfessional V="LE"`, new: `TypeHealthcareProfessional V="SP"`},
		{name: "no doctor by role either", file: lintReady, old: `V="LE" DN="Lege"/>` + "\n              " + `<fk1:RoleToPatient V="3"`,
			new: `V="SP" DN="Sykepleier"/>` + "\n              " + `<fk1:RoleToPatient V="9"`, want: []string{"deciding-clinician-role"}},
		{name: "discharged to nowhere", file: lintOut, old: "UtskrevetTil", new: "Utskrevet_", want: []string{"discharged-to"}},
		{name: "HER-id with dots", file: lintReady, old: "<Id>8140002", new: "<Id>81.400.02", want: []string{"address-her-form"}},
		{name: "HER-id with letters", file: lintReady, old: "<Id>8140002", new: "<Id>81x", want: []string{"address-her-digits"}},
		{name: "service with an organisation number only", file: lintReady, old: "<Id>8140002</Id>\n            " + lintHER,
			new: "<Id>974760673</Id>\n            " + strings.ReplaceAll(lintHER, "HER", "ENH"), want: []string{"address-her"}},
		{name: "no name", file: lintReady, old: "<OrganisationName>Slagenheten<", new: "<OrganisationName> <", want: []string{"address-name"}},
		{name: "one number twice", file: lintReady, old: "<Id>8140002", new: "<Id>8140001", want: []string{"address-same"}},
		{name: "answer to nothing", file: lintMore, old: "ConversationRef", new: "Conversation_", want: []string{"conversation-missing"}},
		{name: "half a reference", file: lintMore, old: "RefToParent", new: "RefTo", want: []string{"conversation-incomplete"}},
		{name: "status", file: lintReady, old: `Forsendelsesstatus V="N"`, new: `Forsendelsesstatus V="Q"`, want: []string{"status-unknown"}},
		{name: "no patient", file: lintReady, old: "Patient>", new: "Patien>", want: []string{"patient-missing"}},
		{name: "a name is not enough", file: lintReady, old: "Ident>\n        <Id>11064700342", new: "Iden>\n        <Id>11064700342"},
		{name: "birth date alone is not enough", file: lintReady, old: "<Sex V=\"1\" DN=\"Mann\"/>\n      <Ident>\n        <Id>11064700342</Id>\n        <TypeId V=\"FNR\"",
			new: "<Ident><Id>11064700342</Id><TypeId V=\"XXX\"", want: []string{"patient-insufficient"}},
		{name: "check digit", file: lintReady, old: "11064700342", new: "11064700343", want: []string{"patient-identifier"}},
		{name: "swapped digits", file: lintReady, old: "11064700342", new: "11064700432", want: []string{"patient-identifier"}},
		{name: "no number of the epicrisis", file: lintEpi, old: "ServProvId", new: "ServProv", want: []string{"report-id"}},
		{name: "no referral", file: lintEpi, old: "<Id>855a9a7a-6a4b-5101-aa75-e0d1952de9a4</Id>", new: "", want: []string{"referral-missing"}},
		{name: "status of the epicrisis", file: lintEpi, old: "<ServType V=\"N\" DN=\"Ny\"/>\n    <IssueDate", new: "<IssueDate", want: []string{"status-unknown"}},
		{name: "GP without the person", file: lintEpi, old: "HCPerson", new: "HCPerso", want: []string{"address-level"}},
		{name: "epicrisis without patient", file: lintEpi, old: "Patient>", new: "Patien>", want: []string{"patient-missing"}},

		{name: "dialogue", new: lintDialogue("", "application/pdf", pdf)},
		{name: "dialogue with a picture", new: lintDialogue("", "image/png", png)},
		{name: "dialogue with a text", new: lintDialogue("", "text/plain", "Hei"), want: []string{"attachment-type"}},
		{name: "a text called PDF", new: lintDialogue("", "application/pdf", "Hei"), want: []string{"attachment-content"}},
		{name: "PDF of an unknown kind", new: lintDialogue("", "application/pdf", "%PDF-1.4"), want: []string{"attachment-pdf-a"}},
		{name: "no type", new: lintDialogue("", "", png), want: []string{"attachment-mime"}},
		{name: "empty", new: lintDialogue("", "image/png", ""), want: []string{"attachment-empty"}},
		{name: "attachment first", new: strings.Replace(lintDialogue("", "image/png", png), `<MsgType V="XML"/>`, `<MsgType V="A"/>`, 1), want: []string{"document-type"}},
		{name: "refers to itself", new: lintDialogue(lintRef(lintID, lintID), "image/png", png), want: []string{"conversation-self"}},
		{name: "refers to a word", new: lintDialogue(lintRef("x", "y"), "image/png", png), want: []string{"conversation-form"}},
		{name: "answer without reference", new: strings.Replace(lintDialogue("", "image/png", png), "DIALOG_HELSEFAGLIG", "DIALOG_SVAR", 1), want: []string{"conversation-missing"}},
		{name: "objection and a copy", new: strings.NewReplacer("</Receiver>", "</Receiver><OtherReceiver>"+lintAddress("3", "4")+"</OtherReceiver>",
			"<Dialogmelding/>", "<x><InformasjonOmForsendelsen><ForbeholdOmVideresending>true</ForbeholdOmVideresending></InformasjonOmForsendelsen></x>").
			Replace(lintDialogue("", "image/png", png)), want: []string{"forwarding-objection"}},
		{name: "passport that is empty", new: strings.Replace(lintDialogue("", "image/png", png), "</Patient>", `<Ident><Id>1</Id><TypeId V="HER"/></Ident><Ident><Id>x</Id><TypeId V="DUF"/></Ident></Patient>`, 1),
			want: []string{"patient-other-identifier"}},
		{name: "larger than the net", new: lintDialogue("<!--"+strings.Repeat("x", adviceBytes)+"-->", "image/png", png), want: []string{"size"}},

		{name: "receipt", new: lintReceipt("2012-02-15", "v1.1 2012-02-15", "1", "", "EPIKRISE")},
		{name: "old receipt of a new epicrisis", new: lintReceipt("2004-11-21", "1.0 2004-11-21", "1", "", "EPIKRISE"), want: []string{"apprec-version"}},
		{name: "new receipt of an old epicrisis", new: lintReceipt("2012-02-15", "v1.1 2012-02-15", "1", "", "E"), want: []string{"apprec-version"}},
		{name: "receipt of two versions", new: lintReceipt("2012-02-15", "1.0 2004-11-21", "1", "", "EPIKRISE"), want: []string{"apprec-form"}},
		{name: "refusal without reason", new: lintReceipt("2012-02-15", "v1.1 2012-02-15", "2", "", "EPIKRISE"), want: []string{"apprec-status"}},
		{name: "acceptance with error", new: lintReceipt("2012-02-15", "v1.1 2012-02-15", "1", `<Error V="E36"/>`, "EPIKRISE"), want: []string{"apprec-status"}},
		{name: "receipt of nothing", new: strings.Replace(lintReceipt("2012-02-15", "v1.1 2012-02-15", "1", "", "EPIKRISE"), "<Id>m</Id>", "", 1), want: []string{"apprec-original"}},
	}
}

const lintID = "105c7848-38b0-5dda-8841-1dbb1efb7a70"

func lintRef(parent, first string) string {
	return "<ConversationRef><RefToParent>" + parent + "</RefToParent><RefToConversation>" + first + "</RefToConversation></ConversationRef>"
}

func lintAddress(outer, inner string) string {
	level := func(her, in string) string {
		return "<Organisation><OrganisationName>Navn</OrganisationName><Ident><Id>" + her + "</Id>" + lintHER + "</Ident>" + in + "</Organisation>"
	}
	return level(outer, level(inner, ""))
}

// lintDialogue is a clinical dialogue with one attachment; it need not follow the schema.
func lintDialogue(more, mime, content string) string {
	if mime != "" {
		mime = "<MimeType>" + mime + "</MimeType>"
	}
	return `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo><Type V="DIALOG_HELSEFAGLIG"/><MsgId>` + lintID + `</MsgId>` + more +
		`<Sender>` + lintAddress("1", "2") + `</Sender><Receiver>` + lintAddress("3", "4") + `</Receiver>` +
		`<Patient><FamilyName>Solvang</FamilyName><Ident><Id>11064700342</Id><TypeId V="FNR"/></Ident></Patient></MsgInfo>` +
		`<Document><RefDoc><MsgType V="XML"/><Content><Dialogmelding/></Content></RefDoc></Document>` +
		`<Document><RefDoc><MsgType V="A"/>` + mime + `<Content><Base64Container>` + b64.StdEncoding.EncodeToString([]byte(content)) +
		`</Base64Container></Content></RefDoc></Document></MsgHead>`
}

func lintReceipt(ns, mig, status, errors, answers string) string {
	hcp := func(a, b string) string {
		return `<HCP><Inst><Name>Navn</Name><Id>` + a + `</Id><TypeId V="HER"/><Dept><Name>Navn</Name><Id>` + b + `</Id><TypeId V="HER"/></Dept></Inst></HCP>`
	}
	return `<AppRec xmlns="http://www.kith.no/xmlstds/apprec/` + ns + `"><MsgType V="APPREC"/><MIGversion>` + mig + `</MIGversion><Id>` + lintID +
		`</Id><Sender>` + hcp("1", "2") + `</Sender><Receiver>` + hcp("3", "4") + `</Receiver><Status V="` + status + `"/>` + errors +
		`<OriginalMsgId><MsgType V="` + answers + `"/><Id>m</Id></OriginalMsgId></AppRec>`
}

func lintCodes(fs []mapping.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return out
}

func TestLint(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]bool{}
	for _, c := range lintCases() {
		raw := []byte(c.new)
		if c.file != "" {
			good := read(t, filepath.Join("..", "..", "testdata", "s1", c.file))
			if got := lintCodes(f.Lint(good)); len(got) > 0 {
				t.Fatalf("%s: %v in a good message", c.file, got)
			}
			raw = []byte(strings.ReplaceAll(string(good), c.old, c.new))
			if string(raw) == string(good) {
				t.Fatalf("%s: nothing changed", c.name)
			}
		}
		found := f.Lint(raw)
		slices.Sort(c.want)
		if got := lintCodes(found); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", c.name, got, c.want)
		}
		for _, x := range found {
			tried[x.Code] = true
			if x.Path == "" || x.Line == 0 || x.Text == "" || x.TextNO == "" || x.Severity == "" {
				t.Errorf("%s: incomplete: %+v", c.name, x)
			}
		}
	}
	tried["patient-test-number"], tried["conversation-not-latest"] = true, true // below
	for _, c := range LintCodes() {
		if !tried[c.Code] {
			t.Errorf("no case for %s", c.Code)
		}
	}
}

// TestLintLines: a finding stands on the line of its element, comments and data sections before it aside.
func TestLintLines(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	good := string(read(t, filepath.Join("..", "..", "testdata", "s1", lintReady)))
	raw := strings.Replace(good, "<MsgInfo>", "<!-- <a>\n<b> -->\n<MsgInfo>\n", 1)
	raw = strings.Replace(raw, "<Anslag>false", "<Anslag>true", 1)
	want := strings.Count(raw[:strings.Index(raw, "<Anslag>true")], "\n") + 1
	got := f.Lint([]byte(raw))
	if len(got) != 1 || got[0].Line != want || !strings.HasSuffix(got[0].Path, "/MeldingUtskrivningsklarPasient/TidsfestetHendelse[1]/Anslag") {
		t.Errorf("got %+v, want line %d", got, want)
	}
}

// TestLintTestNumbers: a number of a test register passes where the environment says so and nowhere else.
func TestLintTestNumbers(t *testing.T) {
	t.Parallel()
	raw := []byte(strings.ReplaceAll(lintDialogue("", "image/png", "\x89PNG\r\n\x1a\n"), "11064700342", "11864700308"))
	for _, allow := range []bool{true, false} {
		f, err := New(Options{AllowSynthetic: allow})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"patient-test-number"}
		if allow {
			want = nil
		}
		if got := lintCodes(f.Lint(raw)); !slices.Equal(got, want) {
			t.Errorf("allowed %v: %v", allow, got)
		}
	}
}

func TestLintChain(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC) }
	envs := []samvirke.Envelope{
		{ID: "1", Op: "N", GeneratedAt: at(1)},
		{ID: "2", Op: "M", Parent: "1", Conversation: "1", GeneratedAt: at(2)},
		{ID: "3", Op: "C", Parent: "1", Conversation: "1", GeneratedAt: at(3)},
		{ID: "4", Op: "C", Parent: "2", Conversation: "1", GeneratedAt: at(3)},
		{ID: "5", Op: "M", Parent: "9", Conversation: "9", GeneratedAt: at(3)},
	}
	got := LintChain(envs)
	if len(got) != 1 || got[2].Code != "conversation-not-latest" {
		t.Errorf("got %v", got)
	}
}

// TestLintUnreadable: what is no message gives no findings and does not stop anybody.
func TestLintUnreadable(t *testing.T) {
	t.Parallel()
	f, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"", "<", "x", "<a/>", "<MsgHead/>", "<Message/>", "<Message><ServReq/></Message>", "<AppRec/>", `<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo/></MsgHead>`} {
		_ = f.Lint([]byte(s))
	}
	if u := mapping.Unsendable(f.Lint([]byte(lintReceipt("2012-02-15", "v1.1 2012-02-15", "2", "", "EPIKRISE")))); u == nil || u.Code != "apprec-status" || u.Class != samvirke.Permanent {
		t.Errorf("a refusal without reason may be sent: %v", u)
	}
}

// TestLintIsBounded: a message with very many things to tell costs little and an error is not lost behind warnings.
func TestLintIsBounded(t *testing.T) {
	t.Parallel()
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	png := lintDialogue("", "image/png", "\x89PNG\r\n\x1a\n")
	many := strings.Repeat("<OtherReceiver>"+lintAddress("3.1", "4.1")+"</OtherReceiver>", 5000)
	bad := "<OtherReceiver>" + lintAddress("x", "y") + "</OtherReceiver>"
	start := mappingtest.CPU()
	found := f.Lint([]byte(strings.Replace(png, "</Receiver>", "</Receiver>"+many+bad, 1)))
	if took := mappingtest.CPU() - start; took > time.Minute {
		t.Errorf("took %s", took)
	}
	if len(found) != maxFindings || mapping.Unsendable(found) == nil {
		t.Errorf("%d findings, sendable %v", len(found), mapping.Unsendable(found) == nil)
	}
}

// TestLintPublished looks at all published examples: nothing may stop the checks, and the complete cases of
// the newest nursing and care standard hold no error but those that are known of them.
func TestLintPublished(t *testing.T) {
	t.Parallel()
	root := os.Getenv("SAMVIRKE_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared")
	}
	root = filepath.Join(root, "standards", "no", "examples")
	if _, err := os.Stat(root); err != nil {
		t.Skip("published examples not found (set SAMVIRKE_SHARED)")
	}
	f, err := New(Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	files, errors := 0, map[string]int{}
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".xml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, x := range f.Lint(raw) {
			if x.Severity == mapping.SeverityError && strings.Contains(path, "v1.6") {
				errors[x.Code]++
			}
			if x.Line == 0 {
				t.Errorf("%s: %s without a line", filepath.Base(path), x.Code)
			}
		}
		return nil
	})
	if err != nil || files < 200 {
		t.Fatalf("%d files, %v", files, err)
	}
	if len(errors) > 0 {
		t.Logf("errors in nursing and care 1.6: %v", errors)
	}
	fmt.Fprintln(t.Output(), files, "files")
}
