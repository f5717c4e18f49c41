//go:build fault

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
)

// faultPatience bounds each wait. A loaded machine needs some of it, a hang all.
const faultPatience = 4 * time.Minute

// Who is written about. The journals of the first kind each have persons of their own and write one message after the other, so that
// the order is known; those of the second kind write about the same persons at once, so that messages meet.
const (
	strictJournals = 5
	strictPersons  = 4   // of each
	manyPersons    = 150 // of each, where a killed gateway leaves lanes that stand until its leases end
	looseJournals  = 4
	firstLoose     = 1000 // persons from here on are written about by several at once
	loosePersons   = 2
	firstForgotten = 2000 // persons from here on are erased
)

// faultRig is a gateway that is crashed again and again, with those who send to it and receive from it, and the books of all that was
// acknowledged.
type faultRig struct {
	t     *testing.T
	rnd   *rand.Rand
	addr  string
	door  string // where messages are posted to: addr, or a network before it
	cfg   string
	place storeOptions // where the store is
	town  *town
	ward  *ward
	sheet *faultSheet
	all   []*journal
	fault string // at work now
	// dropped: bodies that have served are dropped, so that they are not held against what was sent.
	dropped bool
	// cityURL and hospitalURL are the receivers.
	cityURL, hospitalURL string

	mu        sync.Mutex
	acked     []acked
	label     map[string]string // message id -> fault at work when it was acknowledged or first sent
	forgotten []int             // persons who were erased
	refused   int               // answers that say to come again
}

type acked struct {
	id, gatewayID, fault string
	person               int
	body                 []byte
}

// journal sends messages one after the other, each until it is acknowledged.
type journal struct {
	persons []int
	next    map[int]int
	step    int // between two numbers
	pending *acked
}

// newRig makes a gateway with a store of its own. more is added to the configuration.
func newRig(t *testing.T, seed uint64, title, more string) *faultRig {
	t.Helper()
	r := &faultRig{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), addr: freeAddr(t), sheet: newFaultSheet(title), label: map[string]string{}, fault: "none",
		ward: &ward{got: map[string]map[string]bool{}}}
	r.door = r.addr
	r.town = newTown(r.addr)
	r.serve(r.town)
	data := filepath.Join(t.TempDir(), "data")
	r.place.file.Dir = data
	t.Cleanup(r.town.close)
	for range strictJournals {
		r.all = append(r.all, &journal{next: map[int]int{}, step: 1})
	}
	r.writeAbout(strictPersons)
	for i := range looseJournals {
		j := &journal{next: map[int]int{}, step: looseJournals}
		for k := range loosePersons {
			j.persons = append(j.persons, firstLoose+k)
			j.next[firstLoose+k] = i + 1 - looseJournals
		}
		r.all = append(r.all, j)
	}
	r.cfg = strings.Replace(r.cfg, "{more}", more, 1)
	return r
}

// writeAbout says how many persons each journal of the first kind has. It is for a rig that has sent nothing yet.
func (r *faultRig) writeAbout(each int) {
	for i, j := range r.all[:strictJournals] {
		j.persons = j.persons[:0]
		for k := range each {
			j.persons = append(j.persons, i*each+k)
		}
	}
}

// serve starts the receivers and writes the configuration.
func (r *faultRig) serve(town http.Handler) {
	city, hospital := httptest.NewServer(town), httptest.NewServer(r.ward)
	r.t.Cleanup(city.Close)
	r.t.Cleanup(hospital.Close)
	r.cityURL, r.hospitalURL = city.URL, hospital.URL
	r.cfg = faultConfig(r.t, r.addr, hospital.URL, city.URL)
}

// faultConfig is a configuration in which {data} and {more} are to be filled in.
func faultConfig(t *testing.T, addr, hospitalURL, cityURL string) string {
	t.Helper()
	name := writeConfig(t, addr, "{data}", hospitalURL, cityURL, "{more}")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("receipts: none", "receipts: apprec", "timeout: 2m}", "timeout: 5s}").Replace(string(text))
}

// config writes the configuration file.
func (r *faultRig) config() string {
	r.t.Helper()
	name := filepath.Join(r.t.TempDir(), "samvirke.yaml")
	if err := os.WriteFile(name, []byte(strings.Replace(r.cfg, "{data}", r.place.file.Dir, 1)), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return name
}

// begin starts the gateway. ready is false when it ended before it was.
func (r *faultRig) begin(file, orders string, prefix ...string) (p *process, ready bool) {
	r.t.Helper()
	args := append(append([]string{}, prefix...), binary(r.t), "run", "--config", file)
	return r.run(orders, args)
}

// run starts a program that is a gateway on the rig's address.
func (r *faultRig) run(orders string, args []string) (p *process, ready bool) {
	r.t.Helper()
	p = &process{cmd: exec.Command(args[0], args[1:]...), log: &lockedBuffer{}, addr: r.addr, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Env = append(os.Environ(), queue.FaultEnv+"="+orders)
	if err := p.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	r.t.Cleanup(p.kill)
	for deadline := time.Now().Add(faultPatience); ; {
		resp, err := http.Get("http://" + r.addr + "/readyz")
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, true
			}
		}
		select {
		case <-p.done:
			return p, false
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the gateway is not ready after %s:\n%s", faultPatience, p.log)
		}
	}
}

// load sends from all journals until the gateway is gone, or enough says so.
func (r *faultRig) load(p *process, enough func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for _, j := range r.all {
		own := rand.New(rand.NewPCG(r.rnd.Uint64(), 2))
		wg.Go(func() { r.send(ctx, j, own) })
	}
	deadline := time.After(faultPatience)
	for over := false; !over && !(enough != nil && enough()); {
		select {
		case <-p.done:
			over = true
		case <-deadline:
			cancel()
			wg.Wait()
			r.t.Fatalf("%s: nothing has happened for %s\n%s", r.fault, faultPatience, p.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
	cancel()
	wg.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// send is one journal. A message of which nobody knows whether it arrived is sent again with the same bytes.
func (r *faultRig) send(ctx context.Context, j *journal, rnd *rand.Rand) {
	for ctx.Err() == nil {
		if j.pending == nil {
			p := j.persons[rnd.IntN(len(j.persons))]
			j.next[p] += j.step
			j.pending = r.message(p, j.next[p])
		}
		if r.post(ctx, j.pending) {
			j.pending = nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(2+rnd.IntN(6)) * time.Millisecond): // leaves the processor to the gateway
		}
	}
}

func (r *faultRig) message(person, number int) *acked {
	a := &acked{id: uuid.NewString(), person: person}
	a.body = admission(a.id, person, fmt.Sprintf("no %d", number))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.label[a.id] = r.fault
	return a
}

// post sends one message and says whether it was acknowledged.
func (r *faultRig) post(ctx context.Context, a *acked) bool {
	status, text, err := post(ctx, r.door, hospitalToken, "application/xml", a.body)
	switch {
	case err != nil:
		return false
	case later(status):
		r.mu.Lock()
		r.refused++
		r.mu.Unlock()
		return false
	case status != http.StatusAccepted:
		r.t.Errorf("%s: a message was answered with %d %s", r.fault, status, text)
		return false
	}
	var answer struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.ID == "" {
		r.t.Errorf("%s: the answer names no id: %s", r.fault, text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.gatewayID, a.fault = answer.ID, r.fault
	r.acked = append(r.acked, *a)
	r.label[a.id] = r.fault
	return true
}

func (r *faultRig) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.acked)
}

// arrived waits until everything that was acknowledged is with its receiver.
func (r *faultRig) arrived(p *process) {
	r.t.Helper()
	r.mu.Lock()
	list := append([]acked(nil), r.acked...)
	r.mu.Unlock()
	for i := range list {
		r.within(p, "delivering what was acknowledged", func() bool { return r.town.has(list[i].id) })
	}
}

// refusals counts the answers that said to come again.
func (r *faultRig) refusals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refused
}

// within waits for what must come.
func (r *faultRig) within(p *process, what string, ok func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(faultPatience); !ok(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			r.t.Fatalf("%s: the gateway ended while %s\n%s", r.fault, what, p.log)
		default:
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: still %s after %s\n%s", r.fault, what, faultPatience, p.log)
		}
	}
}

// forgottenPerson is the number that names a person who is to be erased.
func forgottenPerson(n int) string { return simulate.PersonNumber(firstForgotten + n) }

func personNumber(n int) string { return simulate.PersonNumber(n) }

// onPostgres starts a database, and gives what makes a rig on it with a schema of its own. Its journals have many persons: the few of a
// rig on a folder would soon all wait for leases of the dead, and a gateway that sends nothing is not killed in mid-load.
func onPostgres(t *testing.T) func(seed uint64) *faultRig {
	t.Helper()
	if postgrestest.Bin() == "" {
		t.Skip(postgrestest.Missing)
	}
	db, err := postgrestest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	made := 0
	return func(seed uint64) *faultRig {
		t.Helper()
		made++
		schema := fmt.Sprintf("fault%d", made)
		r := newRig(t, seed, "", fmt.Sprintf("store: {postgres: {url: %q, schema: %s, alive: 3s}}\n", db.URL(), schema))
		r.place.database = &postgres.Options{URL: db.URL(), Schema: schema}
		r.writeAbout(manyPersons)
		return r
	}
}
