package kith

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

const receiptID = "3c0e7a10-5d5b-4a57-9c2d-000000000001"

func receiptTarget() mapping.Target {
	return mapping.Target{NewID: receiptID, Now: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)}
}

func accepted() samvirke.ReceiptContent {
	return samvirke.ReceiptContent{Status: samvirke.ReceiptOK}
}

func rejected(code, detail string) samvirke.ReceiptContent {
	return samvirke.ReceiptContent{Status: samvirke.ReceiptRejected, Errors: []samvirke.ReceiptError{{Code: code, Detail: detail}}}
}

// envelopeForTest is a header-generation message with two levels on each side and a copy receiver.
func envelopeForTest() *samvirke.Envelope {
	return &samvirke.Envelope{
		Format: Name, Kind: "LOG_INNLAGT", KindDisplay: "Melding om innlagt pasient", Version: "1.6", ID: "9b3c5a10-5d5b-4a57-9c2d-0000000000aa",
		GeneratedRaw: "2026-07-01T11:59:00.5", GeneratedAt: time.Date(2026, 7, 1, 9, 59, 0, 0, time.UTC),
		Sender: samvirke.Address{Levels: []samvirke.AddressLevel{
			{Kind: "organisation", Name: "Prøve sykehus <HF> & Co", IDs: []samvirke.Identifier{fhir.NewIdentifier("ENH", "974744570"), fhir.NewIdentifier("HER", "100001")}},
			{Kind: "department", Name: "Slagenheten", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100002"), fhir.NewIdentifier("RSH", "4200")}},
		}},
		Receivers: []samvirke.Address{
			{Role: "primary", Levels: []samvirke.AddressLevel{
				{Kind: "organisation", Name: "Prøve kommune", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100010")}},
				{Kind: "department", Name: "Sykepleietjenesten", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100011")}},
			}},
			{Role: "copy", RoleCode: "COP", Levels: []samvirke.AddressLevel{
				{Kind: "organisation", Name: "Strand legekontor", IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", "100020")}},
				{Kind: "person", Name: "Ragna Strand", IDs: []samvirke.Identifier{fhir.NewIdentifier("HPR", "9144897"), fhir.NewIdentifier("HER", "100021")}},
			}},
		},
	}
}

func TestRenderReceipt(t *testing.T) {
	f := testFormat(t)
	cases := []struct {
		name     string
		receiver int
		content  samvirke.ReceiptContent
		version  string
		want     map[string]string // path below AppRec = value
	}{
		{"positive", 0, accepted(), "", map[string]string{
			"MsgType/@V": "APPREC", "MIGversion": "v1.1 2012-02-15", "GenDate": "2026-07-01T12:00:00", "Id": receiptID,
			"Sender/Role/@V": "PRIM", "Sender/HCP/Inst/Name": "Prøve kommune", "Sender/HCP/Inst/Id": "100010",
			"Sender/HCP/Inst/Dept/Id": "100011", "Receiver/Role/@V": "AVS", "Receiver/HCP/Inst/Name": "Prøve sykehus <HF> & Co",
			"Receiver/HCP/Inst/Id": "100001", "Receiver/HCP/Inst/TypeId/@V": "HER", "Receiver/HCP/Inst/AdditionalId/Id": "974744570",
			"Receiver/HCP/Inst/AdditionalId/Type/@V": "ENH", "Receiver/HCP/Inst/Dept/AdditionalId/Id": "4200",
			"Status/@V": "1", "Status/@DN": "OK", "OriginalMsgId/MsgType/@V": "LOG_INNLAGT", "OriginalMsgId/MsgType/@DN": "Melding om innlagt pasient",
			"OriginalMsgId/IssueDate": "2026-07-01T11:59:00.5", "OriginalMsgId/Id": "9b3c5a10-5d5b-4a57-9c2d-0000000000aa",
		}},
		{"negative from the copy receiver", 1, rejected("E36", "navn \"mangler\""), "", map[string]string{
			"Sender/Role/@V": "COP", "Sender/HCP/Inst/HCPerson/Id": "100021", "Sender/HCP/Inst/HCPerson/AdditionalId/Id": "9144897",
			"Status/@V": "2", "Error/@V": "E36", "Error/@S": oidReceiptErrors, "Error/@DN": "Pasientopplysninger er utilstrekkelige",
			"Error/@OT": "navn \"mangler\"",
		}},
		{"older version", 0, rejected("T02", ""), "1.0", map[string]string{
			"MIGversion": "1.0 2004-11-21", "Sender/Role/@V": "REQ", "Receiver/Role/@V": "SPR", "Error/@DN": "XML validerer ikke", "Error/@OT": "",
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			target := receiptTarget()
			target.Version = c.version
			out, err := f.RenderReceipt(envelopeForTest(), c.receiver, c.content, target)
			if err != nil {
				t.Fatal(err)
			}
			if out.Kind != "APPREC" || out.ExternalID != receiptID || len(out.Notes) > 0 {
				t.Errorf("got %+v", out)
			}
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(out.Body); err != nil {
				t.Fatal(err)
			}
			for path, want := range c.want {
				if got := valueAt(doc.Root(), path); got != want {
					t.Errorf("%s = %q, want %q", path, got, want)
				}
			}
			p, err := f.Parse(out.Body)
			if err != nil {
				t.Fatalf("our own receipt is refused: %v", err)
			}
			if p.Envelope.Receipt.Status != c.content.Status || p.Envelope.Receipt.OriginalID != "9b3c5a10-5d5b-4a57-9c2d-0000000000aa" || len(p.Warnings) > 0 {
				t.Errorf("read back: %+v %v", p.Envelope.Receipt, p.Warnings)
			}
			mappingtest.XMLLint(t, out.Body)
		})
	}
}

// valueAt reads an element or attribute by a path of names.
func valueAt(e *etree.Element, path string) string {
	for _, step := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(step, "@"); ok {
			return e.SelectAttrValue(name, "")
		}
		if e = e.SelectElement(step); e == nil {
			return ""
		}
	}
	return e.Text()
}

func TestReceiptRefused(t *testing.T) {
	f := testFormat(t)
	cases := []struct {
		name     string
		change   func(*samvirke.Envelope, *mapping.Target)
		content  samvirke.ReceiptContent
		receiver int
		code     string
	}{
		{"receipt for a receipt", func(e *samvirke.Envelope, _ *mapping.Target) { e.Receipt = &samvirke.ReceiptContent{} }, accepted(), 0, "receipt-for-receipt"},
		{"receipt for the kind", func(e *samvirke.Envelope, _ *mapping.Target) { e.Kind = "APPREC" }, accepted(), 0, "receipt-for-receipt"},
		{"no sender", func(e *samvirke.Envelope, _ *mapping.Target) { e.Sender.Levels = nil }, accepted(), 0, "no-sender"},
		{"sender without identifiers", func(e *samvirke.Envelope, _ *mapping.Target) {
			e.Sender.Levels[0].IDs, e.Sender.Levels[1].IDs = nil, nil
		}, accepted(), 0, "no-sender"},
		{"no such receiver", nil, accepted(), 2, "no-receiver"},
		{"negative receiver", nil, accepted(), -1, "no-receiver"},
		{"unknown version", func(_ *samvirke.Envelope, t *mapping.Target) { t.Version = "1.6" }, accepted(), 0, "receipt-version"},
		{"no id", func(_ *samvirke.Envelope, t *mapping.Target) { t.NewID = "" }, accepted(), 0, "receipt-target"},
		{"no time", func(_ *samvirke.Envelope, t *mapping.Target) { t.Now = time.Time{} }, accepted(), 0, "receipt-target"},
		{"yes with an error", nil, samvirke.ReceiptContent{Status: "1", Errors: rejected("E36", "").Errors}, 0, "receipt-content"},
		{"no without an error", nil, samvirke.ReceiptContent{Status: "2"}, 0, "receipt-content"},
		{"unknown status", nil, samvirke.ReceiptContent{Status: "9"}, 0, "receipt-content"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			env, target := envelopeForTest(), receiptTarget()
			if c.change != nil {
				c.change(env, &target)
			}
			out, err := f.RenderReceipt(env, c.receiver, c.content, target)
			if err == nil || samvirke.FaultOf(err).Code != c.code || out != nil {
				t.Errorf("got %v, %v, want fault %s", out, err, c.code)
			}
		})
	}
}

// Rule 9 of README section 7.3.
func TestAppRecVersion(t *testing.T) {
	cases := []struct{ kind, version, want string }{
		{"LOG_INNLAGT", "1.5", "1.0"}, {"LOG_INNLAGT", "1.6", "1.1"}, {"INNLEGGELSESRAPPORT", "1.5", "1.0"}, {"UTSKRIVNINGSRAPPORT", "1.6", "1.1"},
		{"EPIKRISE", "1.2", "1.1"}, {"E", "1.1", "1.0"}, {"E", "1.0", "1.0"}, {"EPIKRISE", "1.1", "1.0"},
		{"DIALOG_FORESPORSEL", "1.0", "1.0"}, {"DIALOG_HELSEFAGLIG", "1.1", "1.1"}, {"DIALOG_AVVIK", "1.0", "1.0"},
		{"DIALOG_STATUS_HENVISNING", "1.1", "1.1"}, {"DIALOG_INNBYGGER_EKONTAKT", "1.1", "1.1"}, {"EPJ-EKSTRAKT", "1.0", "1.0"},
		{"H", "1.0", "1.0"}, {"HENVISNING", "1.1", "1.1"}, {"HENVISNING_NYTILSTAND", "2.0", "1.1"}, {"LOG_INNLAGT", "", "1.1"},
	}
	for _, c := range cases {
		if got := AppRecVersion(c.kind, c.version); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.kind, c.version, got, c.want)
		}
	}
}

func TestNorwegianTime(t *testing.T) {
	cases := []struct{ utc, want string }{
		{"2026-01-15T10:00:00Z", "2026-01-15T11:00:00"},
		{"2026-07-15T10:00:00Z", "2026-07-15T12:00:00"},
		{"2026-12-31T23:30:00Z", "2027-01-01T00:30:00"},
		{"2026-03-29T00:59:59Z", "2026-03-29T01:59:59"},
		{"2026-03-29T01:00:00Z", "2026-03-29T03:00:00"},
		{"2026-10-24T23:59:59Z", "2026-10-25T01:59:59"},
		{"2026-10-25T00:30:00Z", "2026-10-25T02:30:00+02:00"},
		{"2026-10-25T01:30:00Z", "2026-10-25T02:30:00+01:00"},
		{"2026-10-25T02:00:00Z", "2026-10-25T03:00:00"},
	}
	for _, c := range cases {
		at, err := time.Parse(time.RFC3339, c.utc)
		if err != nil {
			t.Fatal(err)
		}
		if got := norwegianTime(at); got != c.want {
			t.Errorf("%s: %s, want %s", c.utc, got, c.want)
		}
	}
}

// TestNorwegianTimeByParts: a time written in one go is what its date and its time of day come to one by one, in every
// half hour of the months in which the clock is changed, and now and then in all others.
func TestNorwegianTimeByParts(t *testing.T) {
	t.Parallel()
	check := func(at time.Time) {
		date, clock := toOslo(at.UTC().Format(time.RFC3339), "", "")
		want := date + "T" + clock
		if twice(date, clock) {
			offset := "+01:00"
			if at.UTC().Hour() == 0 {
				offset = "+02:00"
			}
			want += offset
		}
		if got := norwegianTime(at); got != want {
			t.Fatalf("%s: %s, want %s", at, got, want)
		}
	}
	for year := 1979; year < 2060; year++ {
		for _, month := range [...]time.Month{time.March, time.September, time.October} {
			for half := range 31 * 48 {
				check(time.Date(year, month, 1, 0, 30*half, 1, 999, time.UTC))
			}
		}
		for day := range 365 {
			check(time.Date(year, time.January, day, day%24, day%60, 0, 0, time.FixedZone("", 3600*(day%5-2))))
		}
	}
}

// A message of the HCP generation may write its time as a date; a receipt must have a dateTime.
func TestReceiptIssueDate(t *testing.T) {
	f := testFormat(t)
	for _, c := range []struct{ raw, want, note string }{
		{"2026-07-01T11:59:00", "2026-07-01T11:59:00", ""},
		{"2026-07-01T11:59:00.123Z", "2026-07-01T11:59:00.123Z", ""},
		{"2026-07-01", "2026-07-01T00:00:00", "derived"},
		{"2026", "2026-07-01T12:00:00", "derived"},
		{"", "2026-07-01T12:00:00", "derived"},
		{"<script>", "2026-07-01T12:00:00", "derived"},
	} {
		env := envelopeForTest()
		env.GeneratedRaw, env.GeneratedAt = c.raw, time.Time{}
		out, err := f.RenderReceipt(env, 0, accepted(), receiptTarget())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out.Body), "<IssueDate>"+c.want+"</IssueDate>") {
			t.Errorf("%q: %s", c.raw, out.Body)
		}
		if len(out.Notes) > 0 != (c.note != "") {
			t.Errorf("%q: notes %v", c.raw, out.Notes)
		}
		if p := f.schema.Validate(out.Body); p != nil {
			t.Errorf("%q: %v", c.raw, p)
		}
	}
}

// Every example that can be answered is, for each of its receivers, with both verdicts, in the version of its standard.
func TestReceiptForExamples(t *testing.T) {
	f := testFormat(t)
	docs := map[string][]byte{}
	unanswered := 0
	for _, e := range mappingtest.Examples(t, func(e mappingtest.Example) bool {
		return e.WellFormed && (e.Root == "MsgHead" || e.Root == "Message")
	}) {
		p, _ := f.Parse(e.Raw(t))
		if p == nil {
			t.Errorf("%s: no envelope", e.File)
			continue
		}
		for i := range p.Envelope.Receivers {
			for name, c := range map[string]samvirke.ReceiptContent{"yes": accepted(), "no": rejected("X99", "prøve")} {
				out, err := f.RenderReceipt(&p.Envelope, i, c, receiptTarget())
				if err != nil {
					if samvirke.FaultOf(err).Code != "no-sender" {
						t.Errorf("%s: %v", e.File, err)
					}
					unanswered++
					continue
				}
				docs[fmt.Sprintf("%s %d %s", e.File, i, name)] = out.Body
				back, err := f.Parse(out.Body)
				if err != nil {
					t.Errorf("%s: our receipt is refused: %v", e.File, err)
					continue
				}
				if len(back.Envelope.Receivers) != 1 || back.Envelope.Receivers[0].HER() != p.Envelope.Sender.HER() || back.Envelope.Sender.HER() != p.Envelope.Receivers[i].HER() {
					t.Errorf("%s: addressed from %v to %v", e.File, back.Envelope.Sender, back.Envelope.Receivers)
				}
			}
		}
	}
	t.Logf("%d receipts, %d not possible", len(docs), unanswered)
	if len(docs) < 300 {
		t.Errorf("only %d receipts", len(docs))
	}
	for name, problem := range mappingtest.XMLLintAll(t, docs) {
		t.Errorf("%s: %s", name, problem)
	}
}

func TestReceiptCodes(t *testing.T) {
	if n := len(samvirke.ReceiptCodes()); n != 21 {
		t.Errorf("%d codes, want the 21 of list 8221", n)
	}
	seen := map[string]bool{}
	for _, c := range samvirke.ReceiptCodes() {
		if seen[c.Code] || c.Display == "" || samvirke.ReceiptCodeDisplay(c.Code) != c.Display {
			t.Errorf("code %+v", c)
		}
		seen[c.Code] = true
	}
	for _, no := range []string{"E22", "E23", "E24", ""} {
		if samvirke.ReceiptCodeDisplay(no) != "" {
			t.Errorf("%q is in no list", no)
		}
	}
}

func BenchmarkRenderReceipt(b *testing.B) {
	f := testFormat(b)
	env, target := envelopeForTest(), receiptTarget()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.RenderReceipt(env, 0, accepted(), target); err != nil {
			b.Fatal(err)
		}
	}
}
