package queuetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// testModel plays random calls against the store and against a model of thirty lines, and compares
// after each. rapid takes a fresh seed each time and prints it with a shrunk case when they differ.
func testModel(t *testing.T, v *env) {
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(v.dir, fmt.Sprint("model", n))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		m := &model{e: v.e, t: t, dir: dir, s: v.e.Open(t, dir), counters: map[string]int64{}}
		defer func() { _ = m.s.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"accept":  m.accept,
			"enqueue": m.enqueue,
			"lease":   m.lease,
			"report":  m.report,
			"other":   m.other,
			"stale":   m.stale,
			"counter": m.counter,
			"restart": m.restart,
		})
	})
}

// model is what the store should be.
type model struct {
	e   Engine
	t   *testing.T
	dir string
	s   queue.Store

	messages   []*modelMessage
	deliveries []*modelDelivery
	counters   map[string]int64
	stales     []queue.DeliveryStep
}

type modelMessage struct {
	id, external, content string
	status                samvirke.MessageStatus
}

type modelDelivery struct {
	id, party, lane string
	state           samvirke.DeliveryState // as stored
	hold, late      bool                   // late: due in an hour
	token           int64
}

func (d *modelDelivery) shown() samvirke.DeliveryState {
	if d.token != 0 {
		return samvirke.DeliverySending
	}
	return d.state
}

func (d *modelDelivery) inLane() bool {
	return d.state == samvirke.DeliveryQueued || d.state == samvirke.DeliveryWaiting || d.hold
}

// heads are the deliveries that may be leased: the first of each lane that is not in hand.
func (m *model) heads(party string) (out []string) {
	busy := map[string]bool{}
	for _, d := range m.deliveries {
		busy[d.lane] = busy[d.lane] || d.token != 0
	}
	for _, d := range m.deliveries {
		if d.party != party || !d.inLane() || busy[d.lane] {
			continue
		}
		busy[d.lane] = true
		if !d.hold && !d.late {
			out = append(out, d.id)
		}
	}
	slices.Sort(out)
	return out
}

func (m *model) commit(rt *rapid.T, u queue.Unit) (queue.Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	u.Now = time.Now()
	return m.s.Commit(ctx, &u)
}

func (m *model) accept(rt *rapid.T) {
	x := &modelMessage{id: fmt.Sprint("m", len(m.messages)), external: rapid.SampledFrom([]string{"", "e1", "e2"}).Draw(rt, "external"),
		content: rapid.SampledFrom([]string{"c1", "c2", "c3"}).Draw(rt, "content"), status: samvirke.MessageReceived}
	var same, first *modelMessage
	for _, o := range m.messages {
		if o.external != x.external {
			continue
		}
		if first == nil {
			first = o
		}
		if same == nil && o.content == x.content {
			same = o
		}
	}
	msg := message(x.id)
	msg.ExternalID, msg.Raw, msg.Checksum = x.external, []byte(x.content), sum([]byte(x.content))
	out, err := m.commit(rt, queue.Unit{Accept: msg})
	if err != nil {
		rt.Fatal(err)
	}
	duplicate := same != nil
	reused := !duplicate && x.external != "" && first != nil
	if out.Duplicate != duplicate || out.Reused != reused {
		rt.Fatalf("outcome %+v, want duplicate %t, reused %t", out, duplicate, reused)
	}
	if duplicate && out.Existing.ID != same.id || reused && out.Existing.ID != first.id {
		rt.Fatalf("existing %s", out.Existing.ID)
	}
	if reused {
		x.status = samvirke.MessageQuarantined
	}
	if !duplicate {
		m.messages = append(m.messages, x)
	}
}

func (m *model) enqueue(rt *rapid.T) {
	if len(m.messages) == 0 {
		rt.Skip("no message yet")
	}
	d := delivery(fmt.Sprint("d", len(m.deliveries)), m.messages[0].id, rapid.SampledFrom([]string{"gp", "home"}).Draw(rt, "party"),
		rapid.SampledFrom([]string{"p1", "p2"}).Draw(rt, "patient"))
	x := &modelDelivery{id: d.ID, party: d.Party, lane: d.Lane, state: d.State, late: rapid.IntRange(0, 5).Draw(rt, "late") == 0}
	if x.late {
		d.DueAt = time.Now().Add(time.Hour)
	}
	if _, err := m.commit(rt, queue.Unit{Deliveries: []samvirke.Delivery{d}}); err != nil {
		rt.Fatal(err)
	}
	m.deliveries = append(m.deliveries, x)
}

func (m *model) lease(rt *rapid.T) {
	party := rapid.SampledFrom([]string{"gp", "home"}).Draw(rt, "party")
	want := m.heads(party)
	wait := limit
	if len(want) == 0 {
		wait = 2 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	got, err := m.s.Lease(ctx, party, 10, time.Hour)
	if err != nil && !(len(want) == 0 && errors.Is(err, context.DeadlineExceeded)) {
		rt.Fatal(err)
	}
	ids := idsOf(got)
	slices.Sort(ids)
	if !slices.Equal(ids, want) {
		rt.Fatalf("leased %v, want %v", ids, want)
	}
	for _, l := range got {
		for _, d := range m.deliveries {
			if d.id == l.ID {
				d.token = l.Token
				m.stales = append(m.stales, queue.DeliveryStep{ID: d.id, Token: d.token})
			}
		}
	}
}

// move draws a step and does it to the model.
func (m *model) move(rt *rapid.T, d *modelDelivery, states ...samvirke.DeliveryState) queue.DeliveryStep {
	s := queue.DeliveryStep{ID: d.id, Token: d.token, From: []samvirke.DeliveryState{d.shown()},
		To: rapid.SampledFrom(states).Draw(rt, "to"), HoldLane: rapid.Bool().Draw(rt, "hold")}
	d.state, d.token = s.To, 0
	d.hold = s.To == samvirke.DeliveryStopped && s.HoldLane
	d.late = s.To == samvirke.DeliveryWaiting && rapid.Bool().Draw(rt, "late")
	if d.late {
		s.DueAt = time.Now().Add(time.Hour)
	}
	return s
}

// report is a step by who has the lease.
func (m *model) report(rt *rapid.T) {
	for _, d := range m.deliveries {
		if d.token == 0 {
			continue
		}
		s := m.move(rt, d, samvirke.DeliverySent, samvirke.DeliveryWaiting, samvirke.DeliveryStopped, samvirke.DeliveryQueued)
		if _, err := m.commit(rt, queue.Unit{Steps: []queue.DeliveryStep{s}}); err != nil {
			rt.Fatal(err)
		}
		return
	}
	rt.Skip("nothing is in hand")
}

// other is a step by somebody else: a receipt, a person.
func (m *model) other(rt *rapid.T) {
	if len(m.deliveries) == 0 {
		rt.Skip("no delivery yet")
	}
	d := rapid.SampledFrom(m.deliveries).Draw(rt, "delivery")
	s := m.move(rt, d, samvirke.DeliveryAcknowledged, samvirke.DeliveryStopped, samvirke.DeliveryQueued, samvirke.DeliveryGivenUp)
	s.Token = 0
	if _, err := m.commit(rt, queue.Unit{Steps: []queue.DeliveryStep{s}}); err != nil {
		rt.Fatal(err)
	}
}

// stale is a step under any lease that was ever given.
func (m *model) stale(rt *rapid.T) {
	if len(m.stales) == 0 {
		rt.Skip("no lease yet")
	}
	s := rapid.SampledFrom(m.stales).Draw(rt, "lease")
	for _, d := range m.deliveries {
		if d.id == s.ID && d.token == s.Token {
			rt.Skip("the lease still holds")
		}
	}
	s.To = samvirke.DeliverySent
	if _, err := m.commit(rt, queue.Unit{Steps: []queue.DeliveryStep{s}}); !errors.Is(err, queue.ErrFenced) {
		rt.Fatalf("a step under an ended lease: %v", err)
	}
}

func (m *model) counter(rt *rapid.T) {
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "name")
	expect := int64(rapid.IntRange(0, 3).Draw(rt, "expect"))
	_, err := m.commit(rt, queue.Unit{Counters: []queue.CounterStep{{Name: name, Expect: expect}}})
	if (expect == m.counters[name]) != (err == nil) || err != nil && !errors.Is(err, queue.ErrCounter) {
		rt.Fatalf("counter %s is %d, step from %d: %v", name, m.counters[name], expect, err)
	}
	if err == nil {
		m.counters[name]++
	}
}

func (m *model) restart(rt *rapid.T) {
	if m.e.Features.LeasesSurvive {
		rt.Skip("leases survive")
	}
	if err := m.s.Close(); err != nil {
		rt.Fatal(err)
	}
	m.s = m.e.Open(m.t, m.dir)
	for _, d := range m.deliveries {
		d.token = 0
	}
}

// check compares everything that can be read.
func (m *model) check(rt *rapid.T) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	st, err := m.s.Stats(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	if st.Accepted != int64(len(m.messages)) {
		rt.Fatalf("accepted %d, want %d", st.Accepted, len(m.messages))
	}
	statuses := map[samvirke.MessageStatus]int64{}
	for _, x := range m.messages {
		statuses[x.status]++
	}
	if fmt.Sprint(st.Messages) != fmt.Sprint(statuses) {
		rt.Fatalf("messages %v, want %v", st.Messages, statuses)
	}
	totals := map[string]map[samvirke.DeliveryState]int64{}
	list, err := m.s.Deliveries(ctx, queue.DeliveryFilter{Limit: queue.MaxPage})
	if err != nil || len(list) != len(m.deliveries) {
		rt.Fatalf("%d deliveries listed, want %d (%v)", len(list), len(m.deliveries), err)
	}
	slices.Reverse(list)
	for i, d := range m.deliveries {
		if list[i].ID != d.id || list[i].State != d.shown() {
			rt.Fatalf("delivery %s is %s, want %s %s", list[i].ID, list[i].State, d.id, d.shown())
		}
		if totals[d.party] == nil {
			totals[d.party] = map[samvirke.DeliveryState]int64{}
		}
		totals[d.party][d.shown()]++
	}
	if fmt.Sprint(st.Deliveries) != fmt.Sprint(totals) {
		rt.Fatalf("totals %v, want %v", st.Deliveries, totals)
	}
}
