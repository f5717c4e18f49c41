package gateway_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
)

// Every code of list 8221 that the gateway sends is provoked here, and those that depend on a setting in both ways.
func TestEveryReceiptCode(t *testing.T) {
	const name = `<FamilyName>Prøvesen</FamilyName><GivenName>Torvild</GivenName>`
	ident := `<Ident><Id>` + simulate.PersonNumber(0) + `</Id><TypeId V="FNR" DN="Fødselsnummer" S="2.16.578.1.12.4.1.1.8116"/></Ident>`
	swap := []string{simulate.PersonNumber(0), strings.Replace(simulate.PersonNumber(0), "0", "1", 1)}
	unnamed := []string{name, "<FamilyName></FamilyName>"}
	unnumbered := []string{ident, ""}
	hNumber := []string{ident, "<DateOfBirth>1964-07-15</DateOfBirth>" + strings.NewReplacer(simulate.PersonNumber(0), "15476500548", "FNR", "HNR").Replace(ident)}
	exact := func(r *rig) { r.hospitalParty.PatientCodes = samvirke.PatientCodesExact }
	seen := map[string]bool{}
	for what, c := range map[string]struct {
		l      letter
		change func(*rig)
		want   string
	}{
		"E10 an id that is no UUID":            {letter{change: []string{"<MsgId>", "<MsgId>x"}}, nil, "AppRec 1.1 PRIM status 2 E10"},
		"E21 unknown service, refused":         {letter{receivers: [][2]string{{simulate.AdmissionCity, "8999002"}}}, refuseService, "AppRec 1.1 PRIM status 2 E21"},
		"E21 unknown service, accepted":        {letter{receivers: [][2]string{{simulate.AdmissionCity, "8999002"}}}, nil, "AppRec 1.1 PRIM status 1"},
		"E21 the enterprise alone, refused":    {letter{receivers: [][2]string{{simulate.AdmissionCity, ""}}}, refuseService, "AppRec 1.1 PRIM status 2 E21"},
		"E21 the enterprise alone, accepted":   {letter{receivers: [][2]string{{simulate.AdmissionCity, ""}}}, nil, "AppRec 1.1 PRIM status 1"},
		"E21 a service that is ours":           {letter{receivers: [][2]string{nursing()}}, refuseService, "AppRec 1.1 PRIM status 1"},
		"E36 no number":                        {letter{change: unnumbered}, nil, "AppRec 1.1 PRIM status 2 E36"},
		"E30 no number, exact":                 {letter{change: unnumbered}, exact, "AppRec 1.1 PRIM status 2 E30"},
		"E36 a number that does not hold":      {letter{change: swap}, nil, "AppRec 1.1 PRIM status 2 E36"},
		"E31 a number that does not hold":      {letter{change: swap}, exact, "AppRec 1.1 PRIM status 2 E31"},
		"E36 no name":                          {letter{change: unnamed}, nil, "AppRec 1.1 PRIM status 2 E36"},
		"E32 no name, exact":                   {letter{change: unnamed}, exact, "AppRec 1.1 PRIM status 2 E32"},
		"E36 neither, exact":                   {letter{change: append(slices.Clone(unnamed), unnumbered...)}, exact, "AppRec 1.1 PRIM status 2 E36"},
		"E36 an H-number":                      {letter{change: hNumber}, nil, "AppRec 1.1 PRIM status 2 E36"},
		"E36 an H-number, accepted":            {letter{change: hNumber}, func(r *rig) { r.options.AllowH = true }, "AppRec 1.1 PRIM status 1"},
		"T02 against the schema":               {letter{change: []string{"<Anslag>false", "<Anslag>perhaps"}}, nil, "AppRec 1.1 PRIM status 2 T02"},
		"T10 an unknown type":                  {letter{change: []string{"LOG_INNLAGT", "LOG_UTFLYTTET"}}, nil, "AppRec 1.1 PRIM status 2 T10"},
		"T99 a type that is not the content's": {letter{change: []string{`V="LOG_INNLAGT"`, `V="LOG_DOD"`}}, nil, "AppRec 1.1 PRIM status 2 T99"},
	} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				if c.change != nil {
					c.change(r)
				}
			})
			c.l.ID = uuid.NewString()
			ans := r.receive("hospital", c.l.xml())
			got := r.answers(ans.MessageID)
			expect(t, got, c.want)
			for _, a := range got {
				for _, code := range a.codes {
					seen[code] = true
					if a.detail == "" || strings.Contains(a.detail, simulate.PersonNumber(0)) {
						t.Errorf("the detail of %s is %q", code, a.detail)
					}
				}
			}
			if refused := strings.Contains(c.want, "status 2"); refused != (r.message(ans.MessageID).Status == samvirke.MessageRefused) {
				t.Errorf("message is %s", r.message(ans.MessageID).Status)
			}
		})
	}
	// T01, E35 and X99 have tests of their own.
	for _, c := range samvirke.ReceiptCodes() {
		if own := slices.Contains([]string{"T01", "E35", "X99"}, c.Code); c.Sent != (seen[c.Code] || own) {
			t.Errorf("%s: sent is %v, seen %v", c.Code, c.Sent, seen[c.Code])
		}
		if c.When == "" || c.Display == "" {
			t.Errorf("%s does not say when it is used", c.Code)
		}
	}
}

func refuseService(r *rig) { r.cityParty.UnknownService = samvirke.AnswerRefuse }

// T01 stands in the answer of the transport: nothing in the message says who to send a receipt to.
func TestUnreadableIsToldByTheTransport(t *testing.T) {
	r := newRig(t)
	for name, body := range map[string]string{
		"cut off":   string(simulate.Admission{ID: uuid.NewString()}.XML()[:900]),
		"no XML":    "Kjære sykehus",
		"an entity": `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><MsgHead>&a;</MsgHead>`,
	} {
		ans := r.receive("hospital", []byte(body))
		if ans.Fault == nil || ans.Fault.Receipt != "T01" {
			t.Errorf("%s: the transport answers %+v", name, ans.Fault)
		}
		expect(t, r.answers(ans.MessageID))
		if m := r.message(ans.MessageID); m.Status != samvirke.MessageRefused || string(m.Raw) != body {
			t.Errorf("%s: message is %s", name, m.Status)
		}
	}
}

// E35: an epicrisis about somebody nobody here knows, each receiver answering for itself; what is refused is not
// delivered to the one who refuses. Whom a message or the patients file has named is known.
func TestUnknownPatientOfAnEpicrisis(t *testing.T) {
	body := epicrisis(t)
	for name, c := range map[string]struct {
		gp, copies samvirke.Answer
		known      bool
		want       []string
		status     samvirke.MessageStatus
		clinics    []string
	}{
		"accepted unless told otherwise": {"", "", false, []string{"AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1"}, samvirke.MessageProcessed, []string{"doctor", "other-doctor"}},
		"one of two refuses":             {samvirke.AnswerRefuse, "", false, []string{"AppRec 1.1 PRIM status 2 E35", "AppRec 1.1 COP status 1"}, samvirke.MessageProcessed, []string{"other-doctor"}},
		"both refuse":                    {samvirke.AnswerRefuse, samvirke.AnswerRefuse, false, []string{"AppRec 1.1 PRIM status 2 E35", "AppRec 1.1 COP status 2 E35"}, samvirke.MessageRefused, nil},
		"the patients file knows":        {samvirke.AnswerRefuse, samvirke.AnswerRefuse, true, []string{"AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1"}, samvirke.MessageProcessed, []string{"doctor", "other-doctor"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) {
				r.hospitalParty.HER = []string{"100001", "100002"}
				for i, id := range []string{"doctor", "other-doctor"} {
					p := clinic(&wire{})
					p.ID, p.HER = id, [][]string{{"100010", "100011"}, {"100020", "100021"}}[i]
					p.UnknownPatient = []samvirke.Answer{c.gp, c.copies}[i]
					r.more = append(r.more, p)
				}
				r.patient = func(string) (string, string) {
					if c.known {
						return "4601", ""
					}
					return "", ""
				}
			})
			ans := r.receive("hospital", body)
			if ans.Fault != nil {
				t.Fatal(ans.Fault)
			}
			expect(t, r.answers(ans.MessageID), c.want...)
			if m := r.message(ans.MessageID); m.Status != c.status {
				t.Errorf("message is %s %s", m.Status, m.FaultText)
			}
			var to []string
			for _, d := range r.deliveries(ans.MessageID, samvirke.PurposeForward) {
				to = append(to, d.Party)
			}
			slices.Sort(to)
			if !slices.Equal(to, c.clinics) {
				t.Errorf("delivered to %v, want %v", to, c.clinics)
			}
			if c.status != samvirke.MessageRefused {
				return
			}
			if ps, err := r.store.Patients(context.Background(), 10); err != nil || len(ps) != 0 {
				t.Errorf("a refused epicrisis made plans: %v %v", ps, err)
			}
		})
	}
}

// epicrisis is a small epicrisis 1.2 to a GP, with a copy to another one.
func epicrisis(t *testing.T) []byte {
	t.Helper()
	hcp := func(outer, inner string) string {
		return `<HCP><Inst><Name>Enhet</Name><Id>` + outer + `</Id><TypeId V="HER"/><Dept><Name>Tjeneste</Name><Id>` + inner + `</Id><TypeId V="HER"/></Dept></Inst></HCP>`
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><Message xmlns="http://www.kith.no/xmlstds/epikrise/2012-02-15"><Type V="EPIKRISE" DN="Epikrise"/><MIGversion>v1.2 2012-02-15</MIGversion>` +
		`<GenDate V="2026-02-03T10:00:00"/><MsgId>` + uuid.NewString() + `</MsgId><ServRprt><ServType V="N"/><IssueDate V="2026-02-03"/><Status V="F"/><MsgDescr></MsgDescr><ServProvId>e-1</ServProvId>` +
		`<Event><ReportedEvent><StartDateTime V="2026-01-22"/></ReportedEvent><ServType V="N"/><Service/></Event>` +
		`<Patient><Sex V="2"/><DateOfBirth V="1969-11-13"/><Name>Astrid Nordli</Name><OffId>` + simulate.PersonNumber(3) + `</OffId><TypeOffId V="FNR"/></Patient>` +
		`<ServProvider>` + hcp("100001", "100002") + `</ServProvider><CopyDest>` + hcp("100020", "100021") + `</CopyDest><Requester>` + hcp("100010", "100011") + `</Requester></ServRprt></Message>`)
}
