package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/queue"
)

// answer is one application receipt as its bytes say it.
type answer struct {
	party                  string // who gets it
	version, role          string
	from                   string // HER-id of the receiver that answers
	status                 string
	codes                  []string
	detail                 string
	original, kind, issued string
	id                     string
}

func (a answer) String() string {
	return strings.TrimSpace(fmt.Sprintf("AppRec %s %s status %s %s", a.version, a.role, a.status, strings.Join(a.codes, " ")))
}

// readReceipt reads the bytes of a receipt and holds them against the published schema.
func readReceipt(t testing.TB, f *kith.Format, party string, body []byte) answer {
	t.Helper()
	p, err := f.Parse(body)
	if err != nil || p.Envelope.Receipt == nil || len(p.Warnings) > 0 {
		t.Fatalf("our own receipt is not as it should be: %v %v\n%s", err, p.Warnings, body)
	}
	e := p.Envelope
	a := answer{party: party, version: e.Version, role: e.Sender.RoleCode, from: e.Sender.HER(), status: string(e.Receipt.Status),
		original: e.Receipt.OriginalID, kind: e.Receipt.OriginalKind, issued: e.Receipt.OriginalIssued, id: e.ID}
	for _, x := range e.Receipt.Errors {
		a.codes = append(a.codes, x.Code)
		a.detail += x.Detail
	}
	return a
}

// answers waits until a message is processed and gives its receipts as they are written, by receiver.
func (r *rig) answers(id string) []answer {
	r.t.Helper()
	r.until("processed", func() bool { return r.message(id).Status != samvirke.MessageReceived })
	ds := r.deliveries(id, samvirke.PurposeReceipt)
	slices.SortFunc(ds, func(a, b samvirke.Delivery) int { return int(a.Seq - b.Seq) })
	f, err := kith.New(kith.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []answer
	for _, d := range ds {
		full, err := r.store.Delivery(context.Background(), d.ID)
		if err != nil {
			r.t.Fatal(err)
		}
		a := readReceipt(r.t, f, d.Party, full.Body)
		out = append(out, a)
		mappingtest.XMLLintIfHere(r.t, full.Body)
	}
	rows := r.receipts(queue.ReceiptFilter{MessageID: id})
	kept := 0
	for _, x := range rows {
		if x.Direction == samvirke.Outbound {
			kept++
		}
	}
	if kept != len(out) {
		r.t.Errorf("%d receipts are written, %d are kept", len(out), kept)
	}
	return out
}

// expect compares receipts with their short form, in the order of the receivers.
func expect(t *testing.T, got []answer, want ...string) {
	t.Helper()
	var short []string
	for _, a := range got {
		short = append(short, a.String())
	}
	if !slices.Equal(short, want) {
		t.Errorf("receipts are %q, want %q", short, want)
	}
}

// Further invented communication parties.
const (
	cityHome   = "8000013" // a second service of the city
	copyClinic = "8000021"
	copyDoctor = "8000022"
)

// letter is an admission with receivers of our choice.
type letter struct {
	simulate.Admission
	receivers [][2]string // enterprise and service; the first is primary, the rest get copies
	change    []string    // pairs of old and new text
}

func (l letter) xml() []byte {
	s := string(l.XML())
	if l.receivers != nil {
		i, j := strings.Index(s, "    <Receiver>"), strings.Index(s, "</Receiver>")+len("</Receiver>")
		var b strings.Builder
		for n, r := range l.receivers {
			tag, role := "Receiver", ""
			if n > 0 {
				tag, role = "OtherReceiver", `<RoleReceiver V="COP" DN="Kopimottaker"/>`
			}
			inner := ""
			if r[1] != "" {
				inner = `<Organisation><OrganisationName>Tjeneste</OrganisationName><Ident><Id>` + r[1] + `</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident></Organisation>`
			}
			b.WriteString(`<` + tag + `>` + role + `<Organisation><OrganisationName>Virksomhet</OrganisationName><Ident><Id>` + r[0] + `</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>` + inner + `</Organisation></` + tag + `>`)
		}
		s = s[:i] + b.String() + s[j:]
	}
	return []byte(strings.NewReplacer(l.change...).Replace(s))
}

// post sends a letter from the hospital and gives the gateway's id and the message id.
func (r *rig) post(l letter) (id, msgID string) {
	r.t.Helper()
	if l.ID == "" {
		l.ID = uuid.NewString()
	}
	ans := r.receive("hospital", l.xml())
	if ans.Fault != nil {
		r.t.Fatal(ans.Fault)
	}
	return ans.MessageID, l.ID
}

// clinic is a party that gets copies.
func clinic(w connectors.Sender) gateway.Party {
	return gateway.Party{Sender: w, Party: samvirke.Party{
		ID: "clinic", Name: "Strand legekontor", Role: "gp", HER: []string{copyClinic, copyDoctor},
		Accepts: []samvirke.Accept{{Format: "kith"}}, Receipts: samvirke.ReceiptAppRec,
	}}
}

func nursing() [2]string { return [2]string{simulate.AdmissionCity, simulate.AdmissionNursing} }

// events gives the names of the events of a message, with their details.
func (r *rig) events(id string) []samvirke.Event {
	r.t.Helper()
	es, err := r.store.Events(context.Background(), queue.EventFilter{MessageID: id, Limit: 500})
	if err != nil {
		r.t.Fatal(err)
	}
	return es
}
