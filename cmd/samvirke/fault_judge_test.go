//go:build fault

package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// finish runs the gateway without a fault until everything is where it belongs, stops it in good order, and holds the books
// against the store and the receivers.
func (r *faultRig) finish() {
	r.t.Helper()
	r.fault = "none"
	p, ready := r.begin(r.config(), "")
	if !ready {
		r.t.Fatalf("the gateway does not start after the last fault:\n%s", p.log)
	}
	r.settle(p)
	if code := p.stop(r.t); code != exitOK {
		r.t.Errorf("exit code %d after a clean stop\n%s", code, p.log)
	}
	r.judge()
	r.audit()
}

// settle sends what is not acknowledged yet and waits until all is delivered and answered.
func (r *faultRig) settle(p *process) {
	r.t.Helper()
	for _, j := range r.all {
		if j.pending == nil {
			continue
		}
		r.within(p, "sending what was not acknowledged", func() bool { return r.post(r.t.Context(), j.pending) })
		j.pending = nil
	}
	// What does not come is counted by judge; it must not take the patience of each message.
	deadline := time.Now().Add(faultPatience)
	r.mu.Lock()
	list := append([]acked(nil), r.acked...)
	r.mu.Unlock()
	for i := range list {
		for !(r.town.has(list[i].id) && r.ward.receipts(list[i].id) > 0) && time.Now().Before(deadline) {
			select {
			case <-p.done:
				r.t.Fatalf("the gateway ended while it delivers\n%s", p.log)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	r.within(p, "taking receipts", func() bool { return r.town.open() == 0 })
	waitIdle(r.t, r.addr)
}

// judge counts by fault what was lost, doubled and reordered on the way.
func (r *faultRig) judge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.town
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range r.acked {
		a := &r.acked[i]
		x := r.sheet.at(a.fault)
		x.acknowledged++
		_, delivered := w.first[a.id]
		if !delivered {
			x.lost++
			r.t.Logf("%s: message %s was acknowledged and never delivered", a.fault, a.id)
		}
		switch n := r.ward.receipts(a.id); {
		case n > 1:
			x.doubled++
			r.t.Logf("%s: message %s was answered with %d receipts", a.fault, a.id, n)
		case n == 0 && delivered && !slices.Contains(r.forgotten, a.person): // with an erased person go the receipts that wait
			x.lost++
			r.t.Logf("%s: message %s was delivered and its sender never got a receipt", a.fault, a.id)
		}
	}
	for _, id := range w.again {
		r.sheet.at(r.label[id]).again++
	}
	for _, list := range [][]string{w.changed, w.doubled} {
		for _, id := range list {
			r.sheet.at(r.label[id]).doubled++
			r.t.Logf("%s: message %s came with other bytes, or with what another one had brought", r.label[id], id)
		}
	}
	for person, list := range w.order {
		if r.isLoose(person) {
			continue
		}
		for i := 1; i < len(list); i++ {
			if list[i].number < list[i-1].number {
				r.sheet.at(r.label[list[i].id]).reordered++
				r.t.Logf("%s: number %d came after %d", r.label[list[i].id], list[i].number, list[i-1].number)
			}
		}
	}
	for _, text := range w.bad {
		r.t.Error(text)
	}
}

// audit holds the books against the store: each message once, with its bytes, ended, with one receipt, and nothing of those who
// were erased.
func (r *faultRig) audit() {
	r.t.Helper()
	ctx := r.t.Context()
	s, err := r.place.reader(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // reading only
	receipts := 0
	for i := range r.acked {
		a := &r.acked[i]
		gone := false
		for _, n := range r.forgotten {
			gone = gone || a.person == n
		}
		m, err := s.Message(ctx, a.gatewayID)
		switch {
		case gone && (len(m.Raw) > 0 || m.Patient != "" || m.ExternalID != ""):
			r.t.Errorf("%s: message %s of an erased person is still there", a.fault, a.id)
		case gone:
		case r.dropped && (err == nil || errors.Is(err, queue.ErrDamaged)) && m.Status == samvirke.MessageProcessed:
		case err != nil || !bytes.Equal(m.Raw, a.body) || m.Status != samvirke.MessageProcessed:
			r.sheet.at(a.fault).lost++
			r.t.Errorf("%s: message %s is %s with %d of %d bytes, %v", a.fault, a.id, m.Status, len(m.Raw), len(a.body), err)
		}
		if gone || err != nil {
			continue
		}
		list, err := s.Receipts(ctx, queue.ReceiptFilter{MessageID: a.gatewayID})
		if err != nil {
			r.t.Fatal(err)
		}
		in := 0
		for k := range list {
			if list[k].Direction == samvirke.Inbound {
				in++
			}
		}
		if receipts += in; in != 1 {
			r.sheet.at(a.fault).doubled++
			r.t.Errorf("%s: message %s has %d receipts of the town", a.fault, a.id, in)
		}
	}
	st, err := s.Stats(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	// Each message and each receipt is a message that was accepted, once.
	if want := int64(2 * len(r.acked)); st.Accepted != want {
		r.t.Errorf("the store has accepted %d messages, the others know of %d", st.Accepted, want)
	}
	for party, of := range st.Deliveries {
		for state, n := range of {
			if n != 0 && state != samvirke.DeliveryAcknowledged && state != samvirke.DeliverySent {
				r.t.Errorf("%d deliveries to %s are %s", n, party, state)
			}
		}
	}
	if err := s.VerifyAudit(ctx); err != nil {
		r.t.Error(err)
	}
	for _, n := range r.forgotten {
		r.isGone(s, forgottenPerson(n-firstForgotten))
	}
}

// isGone looks for what is left of a person who was erased.
func (r *faultRig) isGone(s queue.Reader, number string) {
	r.t.Helper()
	for _, key := range patientKeys(number) {
		known, err := knownPatient(r.t.Context(), s, key)
		if known || err != nil {
			r.t.Errorf("something of an erased person is there: %v, %v", known, err)
		}
	}
}

// isLoose says whether several journals write about a person at once, so that there is no order.
func (r *faultRig) isLoose(number string) bool {
	for k := range loosePersons {
		if number == personNumber(firstLoose+k) {
			return true
		}
	}
	return false
}

// exited checks that a program ended where it was told to.
func (r *faultRig) exited(p *process, point queue.Point) {
	r.t.Helper()
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != queue.FaultExit {
		r.t.Fatalf("the program ended with %d and not at %s:\n%s", code, point, p.log)
	}
	if want := fmt.Sprintf("fault: ends at %s", point); !bytes.Contains([]byte(p.log.String()), []byte(want)) {
		r.t.Fatalf("the program does not say %q:\n%s", want, p.log)
	}
}
