package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// desk is a gateway on a real store whose loops do not run: a test takes each step by hand.
type desk struct {
	tb    testing.TB
	g     *Gateway
	store queue.Store
}

func newDesk(tb testing.TB) *desk {
	tb.Helper()
	store, err := sqlite.Open(tb.Context(), sqlite.Options{Dir: tb.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	d := &desk{tb: tb, store: store}
	d.restart()
	return d
}

// restart makes a gateway that remembers nothing but what the store has.
func (d *desk) restart() {
	d.tb.Helper()
	accepts := []samvirke.Accept{{Format: "kith"}}
	parties := []samvirke.Party{
		{ID: "hospital", Name: "Hospital", Role: "hospital", HER: []string{"8150001", "8150002"}, Accepts: accepts},
		{ID: "city", Name: "City", Role: "municipality", HER: []string{"8160001", "8160002"}, Accepts: accepts, Receipts: samvirke.ReceiptAppRec},
		{ID: "copy", Name: "Copy", Role: "municipality", HER: []string{"8160011", "8160012"}, Accepts: accepts, Receipts: samvirke.ReceiptAppRec},
	}
	table, errs := route.New(parties, []route.Rule{{Name: "addressees", To: []string{"addressees"}}})
	if len(errs) > 0 {
		d.tb.Fatal(errs)
	}
	format, err := kith.New(kith.Options{})
	if err != nil {
		d.tb.Fatal(err)
	}
	o := Options{Store: d.store, Formats: []mapping.Format{format}, Router: table, Logger: slog.New(slog.DiscardHandler)}
	for _, p := range parties {
		o.Parties = append(o.Parties, Party{Party: p, Sender: nowhere{}})
	}
	g, err := New(o)
	if err != nil {
		d.tb.Fatal(err)
	}
	if err := g.loadPlanKey(d.tb.Context()); err != nil {
		d.tb.Fatal(err)
	}
	d.g = g
}

// nowhere is a wire that nothing is sent on.
type nowhere struct{}

func (nowhere) Send(context.Context, samvirke.Delivery) (connectors.Result, error) {
	return connectors.Result{}, nil
}
func (nowhere) Close() error { return nil }

// report is an admission report of some 8 KB with functional assessments, as samvirke bench sends it. A
// parent makes it a change of an earlier one.
func (d *desk) report(n int, parent string) (body []byte, msgID string) {
	d.tb.Helper()
	raw, err := os.ReadFile("../simulate/template/report.xml")
	if err != nil {
		d.tb.Fatal(err)
	}
	org := func(name, her, inner string) string {
		ident := `<Ident><Id>%s</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>`
		return fmt.Sprintf(`<Organisation><OrganisationName>%s</OrganisationName>`+ident+`<Organisation><OrganisationName>%s</OrganisationName>`+ident+`</Organisation></Organisation>`,
			name, her, "Enhet", inner)
	}
	msgID = fmt.Sprintf("00000000-0000-4000-8000-%012d", n)
	op, ref := "N", ""
	if parent != "" {
		op = "M"
		ref = "<ConversationRef><RefToParent>" + parent + "</RefToParent><RefToConversation>" + parent + "</RefToConversation></ConversationRef>"
	}
	at := time.Date(2026, 1, 10, 12, n, 0, 0, time.UTC)
	return []byte(strings.NewReplacer("{gen}", at.Format("2006-01-02T15:04:05"), "{day}", at.Format(time.DateOnly), "{id}", msgID, "{ref}", ref,
		"{sender}", org("Sykehus", "8150001", "8150002"), "{receiver}", org("By", "8160001", "8160002"),
		"{copies}", `<OtherReceiver><RoleReceiver V="COP" DN="Kopimottaker"/>`+org("Kopi", "8160011", "8160012")+`</OtherReceiver>`,
		"{given}", "Testperson", "{born}", "1950-01-01", "{fnr}", "13116900216", "{op}", op, "{opdn}", "Ny",
		"{hygiene}", fmt.Sprint(2+n%3)).Replace(string(raw))), msgID
}

// take receives a message and gives it as processing gets it.
func (d *desk) take(body []byte) *samvirke.Message {
	d.tb.Helper()
	ans, err := d.g.Receive(d.tb.Context(), connectors.Incoming{Party: "hospital", Body: body, Size: int64(len(body)), ContentType: "application/xml"})
	if err != nil || ans.Fault != nil {
		d.tb.Fatal(err, ans.Fault)
	}
	batch, err := d.store.Received(d.tb.Context(), 1)
	if err != nil || len(batch) != 1 || batch[0].ID != ans.MessageID {
		d.tb.Fatal("received message is not there", err)
	}
	return &batch[0]
}

// run receives and processes a message and gives the gateway's id of it.
func (d *desk) run(body []byte) string {
	d.tb.Helper()
	m := d.take(body)
	d.g.process(d.tb.Context(), m)
	got, err := d.store.Message(d.tb.Context(), m.ID)
	if err != nil || got.Status != samvirke.MessageProcessed {
		d.tb.Fatalf("message is %s (%s %s), want processed; %v", got.Status, got.Fault, got.FaultText, err)
	}
	return m.ID
}

// BenchmarkMessageUnit is processing without the store's commit: the fourth message of a stay, a changed report.
func BenchmarkMessageUnit(b *testing.B) {
	d := newDesk(b)
	parent := ""
	for n := range 3 {
		body, id := d.report(n, parent)
		d.run(body)
		if n == 0 {
			parent = id
		}
	}
	body, _ := d.report(3, parent)
	m := d.take(body)
	out, ok := d.g.parsed.take(m.ID)
	if !ok || out.fault != nil {
		b.Fatal("not parsed", out.fault)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.g.messageUnit(b.Context(), m, out.parsed); err != nil {
			b.Fatal(err)
		}
	}
}
