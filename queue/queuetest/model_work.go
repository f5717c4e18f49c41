package queuetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// manyLeases is more than a case makes deliveries, so that all heads of lanes are given.
const manyLeases = 900

// headsOf leases all that can be leased to a party from ref.
func headsOf(r *reference, party string, ttl time.Duration) []queue.Leased {
	got, _ := r.Lease(&atOnce{Context: context.Background()}, party, manyLeases, ttl)
	return got
}

// leased asks the store until it has given as many deliveries as are wanted: one call may give a part of them. A lease that ends at once
// may be followed by another one of the same delivery, no other one.
func (m *model) leased(rt *rapid.T, party string, wanted int, ttl time.Duration) (out []queue.Leased) {
	ctx := m.ctx(rt)
	for len(out) < wanted {
		got, err := m.s.Lease(ctx, party, manyLeases, ttl)
		if err != nil {
			rt.Fatalf("lease to %s: %d of %d given: %v", party, len(out), wanted, err)
		}
		for i := range got {
			at := slices.IndexFunc(out, func(l queue.Leased) bool { return l.ID == got[i].ID })
			switch {
			case at < 0:
				out = append(out, got[i])
			case ttl < time.Second:
				out[at] = got[i]
			default:
				rt.Fatalf("delivery %s is in hand and is given again", got[i].ID)
			}
		}
	}
	return out
}

// matched compares leases and notes their tokens.
func (m *model) matched(rt *rapid.T, got, want []queue.Leased) {
	rt.Helper()
	same(rt, "leased", leasedText(got), leasedText(want))
	for _, w := range want {
		for _, g := range got {
			if g.ID != w.ID {
				continue
			}
			for _, h := range m.held {
				if h.ID == g.ID && m.tokens[h.Token] == g.Token {
					rt.Fatalf("token %d is given twice for delivery %s", g.Token, g.ID)
				}
			}
			m.tokens[w.Token] = g.Token
			m.held = append(m.held, queue.DeliveryStep{ID: w.ID, Token: w.Token})
		}
	}
}

func (m *model) lease(rt *rapid.T) {
	party := drawReceiver(rt)
	want := headsOf(m.ref, party, time.Hour)
	if len(want) > 0 {
		m.log = append(m.log, func(r *reference) { headsOf(r, party, time.Hour) })
		m.matched(rt, m.leased(rt, party, len(want), time.Hour), want)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	if got, err := m.s.Lease(ctx, party, manyLeases, time.Hour); len(got) > 0 || !errors.Is(err, context.DeadlineExceeded) {
		rt.Fatalf("leased %s, %v, want nothing", leasedText(got), err)
	}
}

// leaseEnds lets leases end by themselves: all are given anew, and what the first holders report is refused.
func (m *model) leaseEnds(rt *rapid.T) {
	party := drawReceiver(rt)
	want := headsOf(m.ref, party, time.Second)
	if len(want) == 0 {
		rt.Skip("nothing to lease")
	}
	m.log = append(m.log, func(r *reference) { headsOf(r, party, time.Second) })
	m.matched(rt, m.leased(rt, party, len(want), time.Millisecond), want)
	ended := slices.Clone(m.held[len(m.held)-len(want):])
	m.do(func(r *reference) { r.now = r.now.Add(time.Second) })
	again := headsOf(m.ref, party, time.Hour)
	m.log = append(m.log, func(r *reference) { headsOf(r, party, time.Hour) })
	m.matched(rt, m.leased(rt, party, len(again), time.Hour), again)
	s := rapid.SampledFrom(ended).Draw(rt, "ended")
	s.To = samvirke.DeliverySent
	if err := m.commit(rt, queue.Unit{Steps: []queue.DeliveryStep{s}}); !errors.Is(err, queue.ErrFenced) {
		rt.Fatalf("a step under an ended lease: %v", err)
	}
}

// received takes all messages that are to be processed. One that is behind another of its patient which is in hand may be given only
// when that has ended: an engine that several processes share does so.
func (m *model) received(rt *rapid.T) {
	take := func(r *reference) []samvirke.Message {
		got, _ := r.Received(&atOnce{Context: context.Background()}, manyLeases)
		return got
	}
	for _, x := range take(m.ref) {
		m.owed[x.ID] = true
	}
	m.log = append(m.log, func(r *reference) { take(r) })
	list, err := m.ref.Messages(context.Background(), queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageReceived}, Limit: queue.MaxPage})
	if err != nil {
		rt.Fatal(err)
	}
	owed, due := map[string]samvirke.Message{}, map[string]bool{}
	inHand := map[string]bool{} // patients
	for _, x := range slices.Backward(list) {
		if !m.owed[x.ID] {
			inHand[x.Patient] = x.Patient != ""
			continue
		}
		if owed[x.ID] = x; !inHand[x.Patient] {
			due[x.ID] = true
		}
	}
	m.owed = map[string]bool{}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	for {
		if len(due) > 0 {
			ctx = m.ctx(rt)
		}
		got, err := m.s.Received(ctx, manyLeases)
		if err != nil && (len(due) > 0 || !errors.Is(err, context.DeadlineExceeded)) {
			rt.Fatalf("received nothing more, %v, and not %v", err, due)
		}
		for i := range got {
			want, is := owed[got[i].ID]
			if !is {
				rt.Fatalf("received %s, which is not to be processed or was given before", receivedText(got[i:i+1]))
			}
			delete(owed, want.ID)
			delete(due, want.ID)
			d, _ := m.ref.Message(context.Background(), want.ID)
			same(rt, "received", receivedText(got[i:i+1]), receivedText([]samvirke.Message{d.Message}))
		}
		if len(due) == 0 {
			break
		}
	}
	for id := range owed {
		m.owed[id] = true
	}
}

func (m *model) restart(rt *rapid.T) {
	m.listen(rt)
	m.unsubscribe()
	if err := m.s.Close(); err != nil {
		rt.Fatal(err)
	}
	m.s = m.e.Open(m.t, m.dir)
	m.do(func(r *reference) {
		_ = r.Close()
		r.open()
	})
	m.events, m.unsubscribe = m.s.Subscribe(subscribed)
	m.owed = map[string]bool{}
	m.ready(rt)
}

// ready waits until the store knows what is to be processed: before that it may refuse with ErrOrder what could be taken. The unit it
// tries breaks a rule that is looked at later.
func (m *model) ready(rt *rapid.T) {
	x := &samvirke.Message{ID: "probe", Party: "probe", ExternalID: "probe", Patient: "urn:test|probe", Raw: []byte("probe")}
	for ctx := m.ctx(rt); ; time.Sleep(time.Millisecond) {
		_, err := m.s.Commit(ctx, &queue.Unit{Now: m.now, Accept: x, Message: &queue.MessageStep{ID: x.ID, To: samvirke.MessageProcessed},
			Counters: []queue.CounterStep{{Name: "probe", Expect: 1}}})
		if errors.Is(err, queue.ErrCounter) {
			return
		}
		if !errors.Is(err, queue.ErrOrder) {
			rt.Fatalf("a unit that breaks a rule: %v", err)
		}
	}
}

// age presses all there is. Nothing that can be read changes.
func (m *model) age(rt *rapid.T) {
	if m.e.Age == nil {
		rt.Skip("the engine does not age")
	}
	if err := m.e.Age(m.ctx(rt), m.s); err != nil {
		rt.Fatal(err)
	}
}

// moment draws a time among those at which units were made.
func (m *model) moment(rt *rapid.T) time.Time {
	return m.now.Add(time.Second - time.Duration(rapid.IntRange(0, 30).Draw(rt, "ago"))*time.Second)
}

// drop is retention: bodies, traces, audit entries, or names.
func (m *model) drop(rt *rapid.T) {
	before := m.moment(rt)
	if chance(rt, "names", 6) {
		before = time.Now().Add(time.Duration(1-2*rapid.IntRange(0, 1).Draw(rt, "far")) * 100000 * time.Hour)
		all := func(ctx context.Context, s queue.Retainer) string {
			n, err := s.DropErased(ctx, before, queue.MaxParts)
			return fmt.Sprint(n, class(err))
		}
		var want string
		m.do(func(r *reference) { want = all(context.Background(), r) })
		same(rt, "drop names", all(m.ctx(rt), m.s.(queue.Retainer)), want)
		return
	}
	if chance(rt, "audits", 3) {
		n := rapid.IntRange(1, 3).Draw(rt, "limit")
		var want int
		var err error
		m.do(func(r *reference) { want, err = r.DropAudits(context.Background(), before, n) })
		got, gotErr := m.s.(queue.Retainer).DropAudits(m.ctx(rt), before, n)
		same(rt, "drop audits", fmt.Sprint(got, class(gotErr)), fmt.Sprint(want, class(err)))
		return
	}
	before = m.inOrder(rt, before)
	limit := rapid.IntRange(1, 8).Draw(rt, "limit")
	traces := chance(rt, "traces", 3)
	all := func(ctx context.Context, s queue.Retainer) string {
		step, dropped, after := s.DropPayloads, 0, int64(0)
		if traces {
			step = s.DropTraces
		}
		for {
			n, next, err := step(ctx, before, after, limit)
			dropped += n
			if after = next; err != nil || next == 0 {
				return fmt.Sprint(dropped, class(err))
			}
		}
	}
	var want string
	m.do(func(r *reference) { want = all(context.Background(), r) })
	same(rt, "drop", all(m.ctx(rt), m.s.(queue.Retainer)), want)
}

// inOrder moves a time up until no message that was received before it stands behind one that was received later: a store may leave such a
// one for an hour, and is free to find it.
func (m *model) inOrder(rt *rapid.T, before time.Time) time.Time {
	list, err := m.ref.Messages(context.Background(), queue.MessageFilter{Limit: queue.MaxPage})
	if err != nil {
		rt.Fatal(err)
	}
	slices.SortFunc(list, func(a, b samvirke.Message) int { return cmp.Compare(b.Seq, a.Seq) }) // the newest first
	for moved := true; moved; {
		moved = false
		for i, behind := range list {
			for _, earlier := range list[i+1:] {
				if behind.ReceivedAt.Before(before) && !earlier.ReceivedAt.Before(before) {
					before, moved = earlier.ReceivedAt.Add(time.Nanosecond), true
				}
			}
		}
	}
	return before
}

// erase forgets a person, after the caller ended what was open, as the contract asks.
func (m *model) erase(rt *rapid.T) {
	m.listen(rt)
	m.end(rt)
	e := queue.Erasure{Patients: []string{drawPatient(rt)}, History: []string{drawPatient(rt)}, Messages: some(rt, "messages", m.messageIDs()),
		Records: some(rt, "records", []string{"k1", "k2", "k3"}), Settings: some(rt, "settings", settingNames()), Counters: some(rt, "counters", counterNames())}
	e.Patients = slices.DeleteFunc(e.Patients, func(p string) bool { return p == "" })
	e.History = slices.DeleteFunc(e.History, func(p string) bool { return p == "" || slices.Contains(e.Patients, p) })
	var want queue.Erased
	var err error
	m.do(func(r *reference) { want, err = r.Erase(context.Background(), e) })
	got, gotErr := m.s.(queue.Eraser).Erase(m.ctx(rt), e)
	same(rt, "erase", fmt.Sprintf("%+v %s", got, class(gotErr)), fmt.Sprintf("%+v %s", want, class(err)))
	m.look(rt)
}

// end closes what is to be processed and gives up what is to be sent.
func (m *model) end(rt *rapid.T) {
	ctx := context.Background()
	list, err := m.ref.Messages(ctx, queue.MessageFilter{Status: []samvirke.MessageStatus{samvirke.MessageReceived}, Limit: queue.MaxPage})
	if err != nil {
		rt.Fatal(err)
	}
	for _, x := range list {
		_ = m.commit(rt, queue.Unit{Message: &queue.MessageStep{ID: x.ID, To: samvirke.MessageClosed}})
	}
	open, err := m.ref.Deliveries(ctx, queue.DeliveryFilter{Limit: queue.MaxPage,
		State: []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliveryWaiting, samvirke.DeliverySending}})
	if err != nil {
		rt.Fatal(err)
	}
	var u queue.Unit
	for i := range open {
		u.Steps = append(u.Steps, queue.DeliveryStep{ID: open[i].ID, To: samvirke.DeliveryGivenUp})
	}
	_ = m.commit(rt, u)
}
