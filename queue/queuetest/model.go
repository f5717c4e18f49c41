package queuetest

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/memory"
)

// testModel plays random calls against the store and against queue/memory, which is the contract as a program of maps and
// slices, and compares every answer, and again and again everything that can be read. When they
// differ rapid prints the seed and a shrunk case. The ordinary run is bounded by rapid's own flags (see internal/drawn); a long one, with new cases, is
//
//	go test ./queue/sqlite -run TestSuite/Model -rapid.checks=1000 -rapid.steps=60
func testModel(t *testing.T, v *env) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(v.dir, fmt.Sprint("model", n))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		m := &model{e: v.e, t: t, dir: dir, s: v.e.Open(t, dir), tokens: map[int64]int64{}, owed: map[string]bool{}, began: time.Now().UTC().Truncate(time.Microsecond)}
		m.ref, m.now = m.newReference(), m.began.Add(-2*time.Hour)
		m.events, m.unsubscribe = m.s.Subscribe(subscribed)
		defer func() {
			_ = m.s.Close()
			_ = os.RemoveAll(dir)
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"":           m.check,
			"unit":       m.one,
			"another":    m.one, // units are most of what happens
			"message":    m.message,
			"delivery":   m.delivery,
			"report":     m.report,
			"together":   m.together,
			"lease":      m.lease,
			"lease ends": m.leaseEnds,
			"received":   m.received,
			"process":    m.process,
			"restart":    m.restart,
			"age":        m.age,
			"drop":       m.drop,
			"erase":      m.erase,
			"ask":        m.ask,
			"look":       m.look,
		})
		m.look(rt)
		m.restart(rt)
		m.look(rt)
	})
}

// subscribed is how far the model may be behind the events: more than a case can make.
const subscribed = 20000

// model is a store and what it should be.
type model struct {
	e   Engine
	t   *testing.T
	dir string
	s   queue.Store
	ref *reference
	// log is everything that changed ref, to be done once more to a new one.
	log []func(*reference)
	// began is the time of the wall; now goes from long before it in steps, as the clock of the units.
	began, now time.Time
	n          int // ids given
	// tokens are those of the store by those of ref. held are all that ref ever gave.
	tokens map[int64]int64
	held   []queue.DeliveryStep
	// owed are messages that ref has handed out and the store has not.
	owed map[string]bool
	// events are those the store tells of, heard is the number of the last one.
	events      <-chan samvirke.Event
	unsubscribe func()
	heard       int64
}

// reference is the model's own store, with a clock of its own: what it does depends on nothing else.
type reference struct {
	disk *memory.Disk
	now  time.Time
	*memory.Store
}

func (m *model) newReference() *reference {
	r := &reference{disk: memory.NewDisk(), now: m.began}
	r.open()
	return r
}

func (r *reference) open() {
	r.Store = memory.Open(r.disk, memory.Options{Now: func() time.Time { return r.now }})
}

// atOnce is a context that has ended for who waits, and not for who does not have to.
type atOnce struct {
	context.Context
	asked bool
}

func (c *atOnce) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (c *atOnce) Err() error {
	if c.asked {
		return context.DeadlineExceeded
	}
	c.asked = true
	return nil
}

func (m *model) ctx(rt *rapid.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	rt.Cleanup(cancel)
	return ctx
}

func (m *model) tick() time.Time {
	m.now = m.now.Add(time.Second)
	return m.now
}

// do does something to ref that is to be done again in a replay.
func (m *model) do(f func(*reference)) {
	f(m.ref)
	m.log = append(m.log, f)
}

// same fails when the store answers otherwise than it should.
func same(rt *rapid.T, what, got, want string) {
	rt.Helper()
	if got != want {
		rt.Fatalf("%s\ngot  %s\nwant %s", what, got, want)
	}
}

// translated is a unit with the tokens of the store.
func (m *model) translated(u queue.Unit) *queue.Unit {
	u.Steps = slices.Clone(u.Steps)
	for i := range u.Steps {
		if t, known := m.tokens[u.Steps[i].Token]; known {
			u.Steps[i].Token = t
		}
	}
	return &u
}

func (m *model) commit(rt *rapid.T, u queue.Unit) error {
	rt.Helper()
	u.Now = m.tick()
	var out queue.Outcome
	var err error
	m.do(func(r *reference) { out, err = r.Commit(context.Background(), &u) })
	got, gotErr := m.s.Commit(m.ctx(rt), m.translated(u))
	if g, w := outcomeText(got, gotErr), outcomeText(out, err); !answers(g, w) {
		same(rt, "commit", g, w)
	}
	return err
}

// answers says that an outcome is the one that is wanted. Also of a unit that breaks several rules all engines name the same one, for what
// the caller does next depends on it; only that an id is taken may be seen last, by an engine that leaves it to its index.
func answers(got, want string) bool {
	return got == want || want == class(queue.ErrExists) && strings.HasPrefix(got, "error")
}

// one commits any unit.
func (m *model) one(rt *rapid.T) { _ = m.commit(rt, m.unit(rt)) }

// message accepts one alone, or with what comes of it.
func (m *model) message(rt *rapid.T) {
	u := queue.Unit{Accept: m.drawMessage(rt)}
	if chance(rt, "at once", 2) {
		u.Message = &queue.MessageStep{ID: u.Accept.ID, To: samvirke.MessageProcessed, Envelope: body(rt, m.e), Notes: []byte("[]")}
		u.Deliveries = []samvirke.Delivery{m.drawDelivery(rt, u.Accept)}
	}
	m.taken(&u)
	_ = m.commit(rt, u)
}

func (m *model) delivery(rt *rapid.T) {
	_ = m.commit(rt, queue.Unit{Deliveries: []samvirke.Delivery{m.drawDelivery(rt, nil)}})
}

// report is a step under a lease, mostly one that holds.
func (m *model) report(rt *rapid.T) {
	if len(m.held) == 0 {
		rt.Skip("no lease yet")
	}
	s := m.drawStep(rt, nil)
	h := m.held[len(m.held)-1-rapid.IntRange(0, min(len(m.held)-1, 4)).Draw(rt, "lease")]
	if m.erased(h.ID) {
		rt.Skip("it was erased")
	}
	s.ID, s.Token, s.From = h.ID, h.Token, nil
	_ = m.commit(rt, queue.Unit{Steps: []queue.DeliveryStep{s}})
}

// process takes the first received message of a patient out of received, as the gateway does.
func (m *model) process(rt *rapid.T) {
	list, err := m.ref.Messages(context.Background(), queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageReceived}, Limit: queue.MaxPage})
	if err != nil || len(list) == 0 {
		rt.Skip("nothing to process")
	}
	x := rapid.SampledFrom(list).Draw(rt, "message")
	to := rapid.SampledFrom([]samvirke.MessageStatus{samvirke.MessageProcessed, samvirke.MessageAttention, samvirke.MessageRefused, samvirke.MessageClosed}).Draw(rt, "to")
	u := queue.Unit{Message: &queue.MessageStep{ID: x.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: to, Envelope: body(rt, m.e)},
		Records: []queue.Record{{Key: x.ID, Hash: "h", Patient: x.Patient, MessageID: x.ID, Body: body(rt, m.e)}},
		Events:  []samvirke.Event{{MessageID: x.ID, Patient: x.Patient, Name: samvirke.EventProcessed}}}
	if x.Patient != "" {
		u.Plan = m.drawPlan(rt, x.Patient)
	}
	_ = m.commit(rt, u)
}

// together commits some units at once: there must be an order in which they could have come one by one.
func (m *model) together(rt *rapid.T) {
	units := make([]queue.Unit, rapid.IntRange(2, 3).Draw(rt, "units"))
	for i := range units {
		units[i] = m.unit(rt)
		units[i].Now = m.tick()
	}
	got := make([]string, len(units))
	var wg sync.WaitGroup
	ctx := m.ctx(rt)
	for i := range units {
		wg.Go(func() {
			out, err := m.s.Commit(ctx, m.translated(units[i]))
			got[i] = outcomeText(out, err)
		})
	}
	wg.Wait()
	var have, near []string
	for order := range permutations(len(units)) {
		next := m.newReference()
		for _, f := range m.log {
			f(next)
		}
		log := slices.Clip(m.log)
		could := true
		for _, i := range order {
			out, err := next.Commit(ctx, &units[i])
			want := outcomeText(out, err)
			if could = answers(got[i], want); !could {
				break
			}
			log = append(log, func(r *reference) { _, _ = r.Commit(context.Background(), &units[i]) })
		}
		if !could {
			continue
		}
		if have == nil {
			have = m.dump(rt, m.s)
		}
		near = m.dump(rt, next)
		if !slices.Equal(have, near) {
			continue
		}
		m.ref, m.log = next, log
		return
	}
	if near != nil {
		compare(rt, have, near)
	}
	rt.Fatalf("in no order could %d units have ended as\n%s", len(units), strings.Join(got, "\n"))
}

// permutations gives the orders of n things.
func permutations(n int) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var rec func(order []int) bool
		rec = func(order []int) bool {
			if len(order) == n {
				return yield(order)
			}
			for i := range n {
				if !slices.Contains(order, i) && !rec(append(slices.Clone(order), i)) {
					return false
				}
			}
			return true
		}
		rec(nil)
	}
}

// messageIDs are all ids of messages, in order.
func (m *model) messageIDs() (out []string) {
	list, _ := m.ref.Messages(context.Background(), queue.MessageFilter{Limit: queue.MaxPage})
	for i := range slices.Backward(list) {
		out = append(out, list[i].ID)
	}
	return out
}

// deliveryIDs are all ids of deliveries, in order.
func (m *model) deliveryIDs() (out []string) {
	list, _ := m.ref.Deliveries(context.Background(), queue.DeliveryFilter{Limit: queue.MaxPage})
	for i := range slices.Backward(list) {
		out = append(out, list[i].ID)
	}
	return out
}

// erased says that a delivery was: there is nothing to send, and nobody moves it any more.
func (m *model) erased(id string) bool {
	d, err := m.ref.Delivery(context.Background(), id)
	return err == nil && d.Checksum == ""
}

// check holds the totals against each other.
func (m *model) check(rt *rapid.T) {
	ctx := m.ctx(rt)
	got, err := m.s.Stats(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	want, err := m.ref.Stats(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	same(rt, "totals", statsText(got), statsText(want))
	sum := int64(0)
	for n := range maps.Values(got.Messages) {
		sum += n
	}
	if sum != got.Accepted {
		rt.Fatalf("%d accepted, %d accounted for", got.Accepted, sum)
	}
}
