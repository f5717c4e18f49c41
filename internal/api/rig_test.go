package api_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/definition"
	"github.com/samvirke/samvirke/fhir/fhirxml"
	"github.com/samvirke/samvirke/internal/api"
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

func TestMain(m *testing.M) { leaks.Main(m) }

// wire takes everything and remembers it.
type wire struct {
	mu  sync.Mutex
	got []samvirke.Delivery
}

func (w *wire) Send(_ context.Context, d samvirke.Delivery) (connectors.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, d)
	return connectors.Result{Answer: "HTTP 202"}, nil
}

func (w *wire) Close() error { return nil }

// logBuffer may be read while others write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const (
	herGP       = "8000099"
	herStranger = "8000077"
	herPhysio   = "8000066"
	herUnit     = "8000055"
)

// rig is a gateway on a real store with the API before it. The parties are hospital and city (in the
// team), gp (is told of plan changes), unit (the coordinating unit), physio (a private provider), portal
// (speaks for patients) and stranger (has nothing to do with anybody).
type rig struct {
	*httptest.Server
	t     *testing.T
	store queue.Store
	g     *gateway.Gateway
	gp    *wire
	log   *logBuffer
	set   *definition.Set
	// requests is every URL that was asked for.
	mu       sync.Mutex
	requests []string
}

func parties() []samvirke.Party {
	return []samvirke.Party{
		{ID: "hospital", Role: "hospital", HER: []string{simulate.AdmissionHospital, simulate.AdmissionWard}, Accepts: []samvirke.Accept{{Format: "fhir"}}},
		{ID: "city", Role: "municipality", HER: []string{simulate.AdmissionCity, simulate.AdmissionNursing}, Accepts: []samvirke.Accept{{Format: "kith"}, {Format: "fhir"}}},
		{ID: "gp", Role: "gp", HER: []string{herGP}, Accepts: []samvirke.Accept{{Format: "fhir-notification"}}},
		{ID: "stranger", Role: "other", HER: []string{herStranger}, Accepts: []samvirke.Accept{{Format: "kith"}}},
		{ID: "physio", Role: "other", HER: []string{herPhysio}, Roles: []string{samvirke.RolePrivateProvider}},
		{ID: "unit", Role: "municipality", Municipality: "9901", HER: []string{herUnit}, Roles: []string{samvirke.RoleCoordinator}},
		{ID: "portal", Role: "other", HER: []string{"8000044"}, Roles: []string{samvirke.RolePatientPortal}},
	}
}

func newRig(t *testing.T, change func(*api.Options)) *rig {
	t.Helper()
	r := &rig{t: t, gp: &wire{}, log: &logBuffer{}}
	var err error
	if r.set, err = definition.R4(); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := sqlite.Open(t.Context(), sqlite.Options{Dir: t.TempDir(), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	list := parties()
	table, errs := route.New(list, []route.Rule{{Name: "addressees", To: []string{"addressees"}}, {Name: "gp", To: []string{"gp"}}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	var wired []gateway.Party
	for _, p := range list {
		gp := gateway.Party{Party: p, Sender: &wire{}, Endpoint: "https://" + p.ID + ".example/messages"}
		if p.ID == "gp" {
			gp.Sender = r.gp
		}
		wired = append(wired, gp)
	}
	g, err := gateway.New(gateway.Options{Store: store, Formats: []mapping.Format{k, f}, Router: table, Logger: log, Parties: wired, BaseURL: "https://gw.example",
		ClockEvery: 24 * time.Hour, // no clock of a plan runs out in the middle of a test and tells somebody, however long it takes
		Patient:    func(string) (municipality, gp string) { return "9901", "gp" }})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	o := api.Options{
		Store: store, Submitter: g, Subscriptions: g, Parties: list, PlanID: g.PlanID, Logger: log, Version: "test",
		Auth: func(q *http.Request) (string, bool) {
			return strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
		},
	}
	if change != nil {
		change(&o)
	}
	h, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.store, r.g = store, g
	r.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		r.Client().CloseIdleConnections()
		r.Close()
		g.Stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// admit sends an admission and waits until it has reached everybody.
func (r *rig) admit(a simulate.Admission) {
	r.t.Helper()
	if a.ID == "" {
		a.ID = uuid.NewString()
	}
	r.receive("hospital", a.XML())
}

// receive hands a message over and waits until it has reached everybody.
func (r *rig) receive(party string, body []byte) {
	r.t.Helper()
	events, cancel := r.store.Subscribe(1000)
	defer cancel()
	ans, err := r.g.Receive(context.Background(), connectors.Incoming{Party: party, Body: body, Size: int64(len(body)), ContentType: "application/xml"})
	if err != nil || ans.Fault != nil {
		r.t.Fatal(err, ans.Fault)
	}
	limit := time.After(2 * time.Minute)
	for {
		// The message first: its deliveries are there when it is processed, and not before.
		m, err := r.store.Message(context.Background(), ans.MessageID)
		if err != nil {
			r.t.Fatal(err)
		}
		ds, err := r.store.Deliveries(context.Background(), queue.DeliveryFilter{MessageID: ans.MessageID})
		if err != nil {
			r.t.Fatal(err)
		}
		open := 0
		for _, d := range ds {
			if d.State != samvirke.DeliverySent && d.State != samvirke.DeliveryAcknowledged {
				open++
			}
		}
		if m.Status != samvirke.MessageReceived && open == 0 {
			if m.Status != samvirke.MessageProcessed {
				r.t.Fatalf("the message ended as %s: %s", m.Status, m.Fault)
			}
			return
		}
		select {
		case <-events:
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			r.t.Fatalf("the message is %s, %d of %d deliveries never arrived", m.Status, open, len(ds))
		}
	}
}

func patient(n int) string { return fhir.SystemFNR + "|" + simulate.PersonNumber(n) }

// planID is the opaque id of a person's plan.
func (r *rig) planID(n int) string { return r.g.PlanID(patient(n)) }

// get asks as party ("" = nobody); headers are key, value pairs.
func (r *rig) get(party, path string, headers ...string) (*http.Response, *fhir.Node) {
	r.t.Helper()
	return r.do("GET", party, path, "", headers...)
}

// do sends a request. Every answer must be valid FHIR R4 by the tables.
func (r *rig) do(method, party, path, body string, headers ...string) (*http.Response, *fhir.Node) {
	r.t.Helper()
	r.mu.Lock()
	r.requests = append(r.requests, path)
	r.mu.Unlock()
	q, err := http.NewRequest(method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if party != "" {
		q.Header.Set("Authorization", "Bearer "+party)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.Client().Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if len(b) == 0 {
		return resp, nil
	}
	var n *fhir.Node
	switch ct := resp.Header.Get("Content-Type"); ct {
	case "application/fhir+json; charset=utf-8":
		n, err = fhir.ParseNode(b)
	case "application/fhir+xml; charset=utf-8":
		n, err = fhirxml.Parse(b, fhirxml.Options{})
	default:
		r.t.Errorf("%s: Content-Type %q", path, ct)
	}
	if err != nil {
		r.t.Fatalf("%s: %v: %s", path, err, b)
	}
	for _, i := range r.set.Check(n) {
		r.t.Errorf("%s %s: not valid R4: %v", method, path, i)
	}
	return resp, n
}

// search is POST type/_search.
func (r *rig) search(party, typ, form string) (*http.Response, *fhir.Node) {
	r.t.Helper()
	return r.do("POST", party, "/fhir/"+typ+"/_search", form, "Content-Type", "application/x-www-form-urlencoded")
}

func code(n *fhir.Node) string { return n.At("issue.0.details.coding.0.code").Text() }

func (r *rig) audits() []samvirke.Audit {
	r.t.Helper()
	list, err := r.store.Audits(context.Background(), 0, 500)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.store.VerifyAudit(context.Background()); err != nil {
		r.t.Error(err)
	}
	return list
}
