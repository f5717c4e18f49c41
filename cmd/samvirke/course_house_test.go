package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/testdata"
)

// Addresses of the parties of the courses: those of testdata/s1, and two more.
const (
	herHospital  = "8140001"
	herTown      = "8140101"
	herCases     = "8140103"
	herGP        = "8140201"
	herPhysio    = "8140301"
	herProvider  = "8140401"
	herAuthority = "8140501"
	coursePerson = "11064700342"
)

// courseHouse is the real binary with simulated parties around it.
type courseHouse struct {
	t       *testing.T
	addr    string
	data    string
	config  string // file name
	clock   string // name of the file that sets its clock, "" for the machine's
	proc    *process
	parties map[string]*simulate.Party
	person  *http.Client // signed in at the UI, see signIn
	pass    string
}

// courseConfig are the parties. The municipality is the coordinating unit; the provider has the narrow view.
const courseConfig = `listen: %[1]s
data_dir: %[2]s
environment: test
patients: %[3]s
parties:
  - {id: hospital, name: Fjordvik sykehus, role: hospital, her: ["8140001", "8140002"], token: %[4]shospital, endpoint: {url: "%[5]s", timeout: 2m}, receipts: apprec, accepts: [{format: kith}, {format: fhir}]}
  - {id: municipality, name: Bekkedal kommune, role: municipality, municipality: "9901", roles: [coordinator], her: ["8140101", "8140102", "8140103"], token: %[4]smunicipality, endpoint: {url: "%[6]s", timeout: 2m}, receipts: apprec, accepts: [{format: kith}, {format: fhir}]}
  - {id: gp, name: Nordlia legesenter, role: gp, her: ["8140201", "8140202"], token: %[4]sgp, endpoint: {url: "%[7]s", timeout: 2m}, receipts: none, accepts: [{format: fhir, kinds: [EPIKRISE]}, {format: fhir-notification}]}
  - {id: physio, name: Bekkedal fysioterapi, role: other, her: ["8140301"], token: %[4]sphysio, endpoint: {url: "%[8]s", timeout: 2m}, receipts: none, accepts: [{format: fhir-notification}]}
  - {id: provider, name: Aktiv hverdag, role: other, roles: [private-provider], her: ["8140401"], token: %[4]sprovider, endpoint: {url: "%[9]s", timeout: 2m}, receipts: none, accepts: [{format: fhir-notification}]}
  - {id: authority, name: Personregister, role: other, roles: [identity-authority], her: ["8140501"], token: %[4]sauthority, endpoint: {url: "%[10]s", timeout: 2m}, receipts: none, accepts: [{format: fhir}]}
routes:
  - {name: addressees, to: [addressees]}
  - {name: the patient's GP follows the plan, to: [gp]}
`

// courseToken begins every party's token.
const courseToken = "course-token-0123456789-"

// openCourse starts the binary and the parties. The people named live in the municipality and have the GP.
func openCourse(t *testing.T, people ...string) *courseHouse {
	t.Helper()
	return openCourseOn(t, func(string) {}, people...)
}

// openCourseOn fills the folder of the store before the binary starts.
func openCourseOn(t *testing.T, fill func(data string), people ...string) *courseHouse {
	t.Helper()
	h := newCourse(t, courseConfig, people...)
	fill(h.data)
	h.start()
	return h
}

// newCourse prepares everything and starts nothing but the parties.
func newCourse(t *testing.T, config string, people ...string) *courseHouse {
	t.Helper()
	h := &courseHouse{t: t, addr: freeAddr(t), data: t.TempDir(), parties: map[string]*simulate.Party{}}
	fs, err := formats(false)
	if err != nil {
		t.Fatal(err)
	}
	args := []any{h.addr, h.data, filepath.Join(t.TempDir(), "patients.csv"), courseToken}
	for _, p := range []struct {
		id       string
		her      []string
		receipts samvirke.ReceiptMode
	}{
		{"hospital", []string{"8140001", "8140002"}, samvirke.ReceiptAppRec}, {"municipality", []string{"8140101", "8140102", "8140103"}, samvirke.ReceiptAppRec},
		{"gp", []string{"8140201", "8140202"}, ""}, {"physio", []string{herPhysio}, ""}, {"provider", []string{herProvider}, ""}, {"authority", []string{herAuthority}, ""},
	} {
		sim, err := simulate.NewParty(simulate.PartyOptions{ID: p.id, HER: p.her, Formats: fs, Receipts: p.receipts, Later: true, Token: courseToken + p.id, Gateway: "http://" + h.addr})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sim.Close() })
		h.parties[p.id] = sim
		args = append(args, sim.URL())
	}
	lines := "identifier,municipality,gp\n"
	for _, p := range people {
		lines += p + ",9901,gp\n"
	}
	cfg := filepath.Join(t.TempDir(), "samvirke.yaml")
	for name, text := range map[string]string{args[2].(string): lines, cfg: fmt.Sprintf(config, args...)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h.config = cfg
	return h
}

// start starts the binary on what is configured.
func (h *courseHouse) start() {
	h.t.Helper()
	args := []string{binary(h.t), "run", "--config", h.config}
	if h.clock != "" {
		args = append(args, "--clock-file", h.clock)
	}
	h.proc, _ = launch(h.t, h.addr, args)
}

// send hands a message over and waits until everything that follows from it is done.
func (h *courseHouse) send(party, contentType string, body []byte) simulate.Posted {
	h.t.Helper()
	got, err := h.parties[party].Send(h.t.Context(), body, contentType)
	if err != nil || got.Status != http.StatusAccepted && got.Status != http.StatusOK {
		h.t.Fatalf("%s sends: %d %s %v", party, got.Status, got.Body, err)
	}
	h.settle()
	return got
}

// settle waits until nothing waits: no message, no delivery, no receipt of those who give one.
func (h *courseHouse) settle() {
	h.t.Helper()
	waitZero(h.t, h.addr, "samvirke_deliveries_waiting", "samvirke_messages_unprocessed", "samvirke_receipts_awaited")
}

// plan is what `samvirke plan show` prints about a person.
func (h *courseHouse) plan(person string) *careplan.Plan {
	h.t.Helper()
	p := &careplan.Plan{}
	if err := json.Unmarshal(h.planText(person), p); err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *courseHouse) planText(person string) []byte {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), binary(h.t), "plan", "show", "--data", h.data, person)
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("plan show: %v %s", err, words.String())
	}
	return out
}

// fhir asks the REST API as a party. Headers are key, value pairs.
func (h *courseHouse) fhir(party, method, path string, body *fhir.Node, headers ...string) (*http.Response, *fhir.Node) {
	h.t.Helper()
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body.Bytes())
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.addr+"/fhir/"+path, in)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+courseToken+party)
	if body != nil {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return h.do(r)
}

func (h *courseHouse) do(r *http.Request) (*http.Response, *fhir.Node) {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatalf("%v\n%s", err, h.proc.log)
	}
	defer resp.Body.Close() //nolint:errcheck // reading only
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	n, err := fhir.ParseNode(b)
	if err != nil && len(b) > 0 {
		h.t.Fatalf("%s: %d %s", r.URL.Path, resp.StatusCode, b)
	}
	return resp, n
}

// write is a REST write that must end with a status; everything that follows from it is waited for.
func (h *courseHouse) write(party, method, path string, body *fhir.Node, want int, headers ...string) *fhir.Node {
	h.t.Helper()
	resp, n := h.fhir(party, method, path, body, headers...)
	if resp.StatusCode != want {
		h.t.Fatalf("%s %s by %s: %d, want %d: %s", method, path, party, resp.StatusCode, want, n.Bytes())
	}
	h.settle()
	return n
}

// get reads one resource that must be there.
func (h *courseHouse) get(party, path string) *fhir.Node {
	h.t.Helper()
	resp, n := h.fhir(party, "GET", path, nil)
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("%s reads %s: %d %s", party, path, resp.StatusCode, n.Bytes())
	}
	return n
}

// planID finds the opaque id of a person's plan; "" when the party sees none.
func (h *courseHouse) planID(party, person string) string {
	h.t.Helper()
	system := fhir.SystemFNR
	if person[0] >= '4' {
		system = fhir.SystemDNR
	}
	r, err := http.NewRequestWithContext(h.t.Context(), "POST", "http://"+h.addr+"/fhir/Patient/_search",
		strings.NewReader(url.Values{"identifier": {system + "|" + person}}.Encode()))
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+courseToken+party)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, n := h.do(r)
	return n.At("entry.0.resource.id").Text()
}

// tag is the If-Match of a version that was read.
func tag(n *fhir.Node) string { return `W/"` + n.At("meta.versionId").Text() + `"` }

// told counts the notifications that a party has got.
func (h *courseHouse) told(party string) int {
	n := 0
	for _, r := range h.parties[party].Received() {
		if r.Envelope.Format == "fhir-notification" {
			n++
		}
	}
	return n
}

// got counts the messages of a kind that a party has got.
func (h *courseHouse) got(party, kind string) int {
	n := 0
	for _, r := range h.parties[party].Received() {
		if r.Envelope.Kind == kind {
			n++
		}
	}
	return n
}

// nativeMessage is a message of a party's own system: resources about a person, sent at a time of the story.
func nativeMessage(party, kind, at, person string, to []string, resources ...*fhir.Node) []byte {
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		panic(err)
	}
	m := fhir.NewMessage(uuid.NewSHA1(uuid.NameSpaceOID, []byte(party+kind+at)).String(), when, fhir.Coding{System: fhir.SystemNativeMessage, Code: kind})
	m.From(courseAddress(party))
	for _, p := range to {
		m.To(courseAddress(p))
	}
	system := fhir.SystemFNR
	if person[0] >= '4' {
		system = fhir.SystemDNR
	}
	about := m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.NewObject("system", system, "value", person))))
	m.Focus(about)
	for _, n := range resources {
		switch key := map[string]string{"Task": "for", "Consent": "patient", "EpisodeOfCare": "patient", "Patient": "", "Appointment": ""}; n.Get("resourceType").Text() {
		case "Task", "Consent", "EpisodeOfCare":
			n.Set(key[n.Get("resourceType").Text()], fhir.NewObject("reference", about))
		case "Appointment", "Patient":
		default:
			n.Set("subject", fhir.NewObject("reference", about))
		}
		m.Add(n)
	}
	return m.Bundle().Bytes()
}

func courseAddress(party string) samvirke.Address {
	her := map[string]string{"hospital": herHospital, "municipality": herTown, "gp": herGP, "physio": herPhysio, "provider": herProvider, "authority": herAuthority}[party]
	return samvirke.Address{Levels: []samvirke.AddressLevel{{Kind: "organisation", Name: party, IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, her)}}}}
}

// resourceText makes a resource from JSON.
func resourceText(t *testing.T, format string, args ...any) *fhir.Node {
	t.Helper()
	n, err := fhir.ParseNode(fmt.Appendf(nil, format, args...))
	if err != nil {
		t.Fatalf("%v in %s", err, fmt.Sprintf(format, args...))
	}
	return n
}

// step gives a message of testdata/s1.
func step(t *testing.T, n int) testdata.Step {
	t.Helper()
	c, err := testdata.S1()
	if err != nil {
		t.Fatal(err)
	}
	return c.Steps[n-1]
}

// same fails with both values when they differ in print.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s: %s, want %s", what, g, w)
	}
}

// gapsOf gives the gaps of a rule.
func gapsOf(p *careplan.Plan, rule string) []careplan.Gap {
	var out []careplan.Gap
	for _, g := range p.Gaps {
		if g.Rule == rule {
			out = append(out, g)
		}
	}
	return out
}

// row is one line of a scenario's table; what comes after a row that failed would only fail for its sake.
func (h *courseHouse) row(t *testing.T, name string, play func(t *testing.T)) {
	t.Helper()
	ok := t.Run(name, func(t *testing.T) {
		h.t = t
		play(t)
	})
	if h.t = t; !ok {
		t.FailNow()
	}
}

// messageID is the id that a KITH message bears.
func messageID(t *testing.T, body []byte) string {
	t.Helper()
	m := reMsgID.FindSubmatch(body)
	if m == nil {
		t.Fatal("the message has no MsgId")
	}
	return string(m[1])
}
