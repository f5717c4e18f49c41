package gateway_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/drawn"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/leaks"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/native"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// casesInCI is how many cases each property of the whole gateway is tried on. A long run takes more, for instance:
//
//	go test ./internal/gateway -run 'Property$' -rapid.checks=100000 -timeout 0
const casesInCI = 2000

// TestMain has every property tried on that many cases, the same in every run, unless the
// command line says how many: then new ones are drawn. A short run takes a tenth.
func TestMain(m *testing.M) {
	flag.Parse()
	n := casesInCI
	if testing.Short() {
		n /= 10
	}
	drawn.Cases(n)
	code := m.Run()
	if code == 0 {
		if err := leaks.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// patience is the time limit of a send in tests that are not about it: however slow the machine is, a far side that a test holds
// is waited for.
const patience = 10 * time.Minute

// wire is a party that answers as scripted; without a script it takes everything.
type wire struct {
	mu     sync.Mutex
	got    []samvirke.Delivery
	answer func(n int, d samvirke.Delivery) (connectors.Result, error)
	hold   chan struct{} // when set, Send waits for it
}

func (w *wire) Send(ctx context.Context, d samvirke.Delivery) (connectors.Result, error) {
	w.mu.Lock()
	n, answer, hold := len(w.got)+1, w.answer, w.hold
	w.got = append(w.got, d)
	w.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "time-out", Safe: "no answer in time"}
		}
	}
	if answer != nil {
		return answer(n, d)
	}
	return connectors.Result{Answer: "HTTP 202"}, nil
}

func (w *wire) Close() error { return nil }

func (w *wire) script(f func(n int, d samvirke.Delivery) (connectors.Result, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = f
}

func (w *wire) sent() []samvirke.Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]samvirke.Delivery(nil), w.got...)
}

// bench is a gateway on a real store with scripted parties.
type rig struct {
	t              *testing.T
	dir            string
	store          queue.Store
	g              *gateway.Gateway
	hospital, city *wire
	log            *lockedLog
	cityParty      samvirke.Party
	retry          gateway.Retry
	breaker        gateway.Breaker
	cityPace       gateway.Pace
	cityExpire     []gateway.Expiry
	rules          []route.Rule
	addresses      gateway.Addresses
	hospitalSite   mapping.Site
	citySite       mapping.Site
	now            func() time.Time
	// What follows is for tests of receipts.
	hospitalParty samvirke.Party
	more          []gateway.Party // further parties, with their wires
	patient       func(key string) (municipality, gp string)
	options       kith.Options
	cityNotes     gateway.PlanChanges
	jobs          []gateway.Job
	planRules     careplan.Options
	looks         atomic.Int64 // rounds of the clocks
	subscriptions gateway.SubscriptionOptions
	wrap          func(queue.Store) queue.Store // what the gateway sees of the store; nil: the store
	startErr      error                         // only with wrap
}

func newRig(t *testing.T, change ...func(*rig)) *rig {
	t.Helper()
	r := &rig{
		t: t, dir: t.TempDir(), hospital: &wire{}, city: &wire{}, log: &lockedLog{},
		cityParty: samvirke.Party{
			ID: "city", Name: "Fjordby kommune", Role: "municipality", HER: []string{simulate.AdmissionCity, simulate.AdmissionNursing},
			Accepts: []samvirke.Accept{{Format: "kith"}}, Receipts: samvirke.ReceiptAppRec, Municipality: "9901",
		},
		patient: func(string) (string, string) { return "9901", "" },
		retry:   gateway.Retry{First: 5 * time.Millisecond, Max: 20 * time.Millisecond},
		rules:   []route.Rule{{Name: "addressees", To: []string{"addressees"}}},
		hospitalParty: samvirke.Party{
			ID: "hospital", Name: "Fjordby sykehus", Role: "hospital",
			HER: []string{simulate.AdmissionHospital, simulate.AdmissionWard}, Accepts: []samvirke.Accept{{Format: "kith"}},
		},
		options: kith.Options{AllowSynthetic: true},
	}
	for _, c := range change {
		c(r)
	}
	r.open()
	t.Cleanup(r.close)
	return r
}

// lockedLog is what the gateway logged. It is read while the gateway goes on.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (r *rig) open() {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := sqlite.Open(r.t.Context(), sqlite.Options{Dir: r.dir, Logger: log})
	if err != nil {
		r.t.Fatal(err)
	}
	r.store = store
	seen := r.store
	if r.wrap != nil {
		seen = r.wrap(seen)
	}
	r.g = r.gatewayOn(seen)
	r.startErr = r.g.Start(r.t.Context())
	if r.startErr != nil && r.wrap == nil {
		r.t.Fatal(r.startErr)
	}
}

// gatewayOn makes a gateway with the parties of the rig, which is not started.
func (r *rig) gatewayOn(store queue.Store) *gateway.Gateway {
	r.t.Helper()
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	k, err := kith.New(r.options)
	if err != nil {
		r.t.Fatal(err)
	}
	fhirFormat, err := native.New(native.Options{AllowSynthetic: r.options.AllowSynthetic})
	if err != nil {
		r.t.Fatal(err)
	}
	all := []gateway.Party{
		{Party: r.hospitalParty, Sender: r.hospital, Retry: r.retry, Site: r.hospitalSite},
		{Party: r.cityParty, Sender: r.city, Retry: r.retry, Breaker: r.breaker, Site: r.citySite, PlanChanges: r.cityNotes, Pace: r.cityPace, Expire: r.cityExpire},
	}
	all = append(all, r.more...)
	for i := range all {
		if all[i].SendTimeout == 0 {
			all[i].SendTimeout = patience
		}
	}
	var words []samvirke.Party
	for _, p := range all {
		words = append(words, p.Party)
	}
	table, errs := route.New(words, r.rules)
	if len(errs) > 0 {
		r.t.Fatal(errs)
	}
	g, err := gateway.New(gateway.Options{
		Store: store, BaseURL: "https://gw.example", Subscriptions: r.subscriptions, Formats: []mapping.Format{k, fhirFormat}, Router: table, Logger: log, Addresses: r.addresses, ClockEvery: 20 * time.Millisecond, Now: r.now,
		Patient: r.patient, Parties: all,
		Rules: r.planRules,
		Jobs:  append([]gateway.Job{{Name: "rounds", Run: func(context.Context) error { r.looks.Add(1); return nil }}}, r.jobs...),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return g
}

// openUnlessDead opens, and tells whether the process came so far.
func (r *rig) openUnlessDead() bool {
	r.t.Helper()
	r.open()
	return r.startErr == nil
}

func (r *rig) close() {
	r.t.Helper()
	r.g.Stop()
	if err := r.store.Close(); err != nil {
		r.t.Error(err)
	}
}

func (r *rig) restart() {
	r.t.Helper()
	r.close()
	r.open()
}

func (r *rig) receive(party string, body []byte) connectors.Answer {
	r.t.Helper()
	a, err := r.g.Receive(context.Background(), connectors.Incoming{Party: party, Body: body, Size: int64(len(body)), ContentType: "application/xml"})
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// admit sends an admission and gives the gateway's id and the message id.
func (r *rig) admit(a simulate.Admission) (id, msgID string) {
	r.t.Helper()
	if a.ID == "" {
		a.ID = uuid.NewString()
	}
	ans := r.receive("hospital", a.XML())
	if ans.Fault != nil {
		r.t.Fatal(ans.Fault)
	}
	return ans.MessageID, a.ID
}

// admitPerson sends an admission of a person.
func (r *rig) admitPerson(n int) (id, msgID string) {
	r.t.Helper()
	return r.admit(simulate.Admission{Person: n})
}

// until waits for a condition; the store wakes it, it does not look by the clock alone.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	events, cancel := r.store.Subscribe(1000)
	defer cancel()
	deadline := time.After(2 * time.Minute)
	for !ok() {
		select {
		case <-events:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			r.t.Fatalf("%s: not in 2 minutes\n%s", what, r.log)
		}
	}
}

func (r *rig) message(id string) queue.MessageDetail {
	r.t.Helper()
	m, err := r.store.Message(context.Background(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *rig) deliveries(id string, p samvirke.Purpose) []samvirke.Delivery {
	r.t.Helper()
	ds, err := r.store.Deliveries(context.Background(), queue.DeliveryFilter{MessageID: id, Purpose: p})
	if err != nil {
		r.t.Fatal(err)
	}
	return ds
}

func (r *rig) one(id string, p samvirke.Purpose) samvirke.Delivery {
	r.t.Helper()
	ds := r.deliveries(id, p)
	if len(ds) != 1 {
		r.t.Fatalf("%d deliveries with purpose %s, want 1\n%s", len(ds), p, r.log)
	}
	return ds[0]
}

func (r *rig) untilState(id string, s samvirke.DeliveryState) samvirke.Delivery {
	r.t.Helper()
	r.until("delivery "+string(s), func() bool {
		ds := r.deliveries(id, samvirke.PurposeForward)
		return len(ds) == 1 && ds[0].State == s
	})
	return r.one(id, samvirke.PurposeForward)
}

func (r *rig) untilStatus(id string, s samvirke.MessageStatus) queue.MessageDetail {
	r.t.Helper()
	r.until("message "+string(s), func() bool { return r.message(id).Status == s })
	return r.message(id)
}

// appRec is a receipt of ours for a delivery, from the city.
func appRec(id, original string, status string, errs ...string) []byte {
	var e strings.Builder
	for _, code := range errs {
		fmt.Fprintf(&e, `<Error V="%s" S="2.16.578.1.12.4.1.1.8221" DN="feil" OT="detalj om feilen"/>`, code)
	}
	hcp := func(role, roleDN, her, her2 string) string {
		return `<Role V="` + role + `" DN="` + roleDN + `"/><HCP><Inst><Name>X</Name><Id>` + her + `</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Y</Name><Id>` + her2 + `</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP>`
	}
	return []byte(`<?xml version="1.0" encoding="UTF-8"?><AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><MsgType V="APPREC" DN="Applikasjonskvittering"/><MIGversion>v1.1 2012-02-15</MIGversion><GenDate>2026-01-10T22:41:00</GenDate><Id>` + id + `</Id>` +
		`<Sender>` + hcp("PRIM", "Primærmottaker", simulate.AdmissionCity, simulate.AdmissionNursing) + `</Sender><Receiver>` + hcp("AVS", "Avsender", simulate.AdmissionHospital, simulate.AdmissionWard) + `</Receiver>` +
		`<Status V="` + status + `" DN="x"/>` + e.String() + `<OriginalMsgId><MsgType V="LOG_INNLAGT" DN="Innlagt pasient"/><IssueDate>2026-01-10T22:40:00</IssueDate><Id>` + original + `</Id></OriginalMsgId></AppRec>`)
}
