package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// Result is what became of a write.
type Result struct {
	// MessageID is the gateway's id of the message, for the trace; ExternalID the message id in it, the one that
	// a later change or cancellation names as Parent; Key the key of its record.
	MessageID, ExternalID, Key string
	// Status is processed when all is well; refused or attention with Fault; received when the time ran out before
	// its turn came: it is durable and will be processed.
	Status samvirke.MessageStatus
	// Fault says what is wrong; nil when nothing is. Its class is Invalid for what the writer must mend.
	Fault *samvirke.Fault
	// Duplicate: the very same write was taken before, and this is its outcome.
	Duplicate bool
	// Patient is the patient key whose plan it was, PlanVersion the version of it that holds the write; 0 when it
	// led to none. Changed tells whether anybody sees something new.
	Patient     string
	PlanVersion int64
	Changed     bool
}

// Submit takes a write: kept, synced, checked for duplicates and processed in the patient's order like any other
// message of that party. It waits until it is processed or ctx ends; what ended by ctx is processed later, and
// Result.Status says received. An error means that nothing was kept, unless it is ctx's own.
//
// Errors that the writer must mend are *samvirke.Fault of class Invalid or Unauthorized.
func (g *Gateway) Submit(ctx context.Context, w Write) (Result, error) {
	in, id, err := g.writeMessage(w)
	if err != nil {
		return Result{}, err
	}
	out, err := g.accept(ctx, in)
	if out.unwait != nil {
		defer out.unwait()
	}
	if err != nil {
		return Result{}, err
	}
	res := Result{MessageID: out.answer.MessageID, ExternalID: id, Key: out.key, Patient: out.patient, Duplicate: out.answer.Duplicate, Status: samvirke.MessageReceived}
	if f := out.answer.Fault; f != nil && !res.Duplicate {
		res.Fault, res.Status = f, statusFor(f)
		if f.Code == "message-id-reused" {
			res.Status = samvirke.MessageQuarantined
		}
		return res, nil
	}
	return g.await(ctx, res, out.told)
}

// writeMessage makes the bytes of a write.
func (g *Gateway) writeMessage(w Write) (in connectors.Incoming, id string, err error) {
	l := g.parties[w.Party]
	if l == nil {
		return in, "", &samvirke.Fault{Class: samvirke.Unauthorized, Code: "unknown-party", Safe: "the writer is no party of this gateway", Err: ErrWrite}
	}
	if g.formats[route.FormatFHIR] == nil {
		return in, "", &samvirke.Fault{Class: samvirke.Internal, Code: "no-format", Safe: "this gateway takes no writes", Err: ErrWrite}
	}
	if err := w.check(); err != nil {
		return in, "", err
	}
	if w.ID == "" {
		w.ID = g.o.NewID()
	}
	if w.At.IsZero() {
		w.At = g.now()
	}
	from, err := g.writerAddress(l, w.HER)
	if err != nil {
		return in, "", err
	}
	b, err := NewWrite(w, from)
	if err != nil {
		return in, "", err
	}
	body := b.Bytes()
	return connectors.Incoming{Party: w.Party, Body: body, Size: int64(len(body)), ContentType: contentWrite}, w.ID, nil
}

// writerAddress is the address that a party writes from. It is the one that its other messages have as far as the
// configuration and the address book tell, so that what it wrote before is its own.
func (g *Gateway) writerAddress(l *lane, her string) (samvirke.Address, error) {
	p := l.Party.Party
	if len(p.HER) == 0 || her != "" && !slices.Contains(p.HER, her) {
		return samvirke.Address{}, &samvirke.Fault{Class: samvirke.Unauthorized, Code: "sender-mismatch",
			Safe: "the writer may not write for this organisation", Err: ErrWrite}
	}
	if her != "" && her != p.HER[0] {
		p.HER = []string{p.HER[0], her}
	}
	a, fault := g.addressOf(p)
	if fault != nil { // not listed in the address book: who hands it over is known all the same
		a = &samvirke.Address{}
		for _, h := range p.HER[:min(2, len(p.HER))] {
			a.Levels = append(a.Levels, samvirke.AddressLevel{Kind: "organisation", Name: p.Name, IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, h)}})
		}
	}
	a.Role = ""
	return *a, nil
}

// waits are the writes that somebody waits for, by the gateway's message id.
type waits struct {
	n  atomic.Int32 // how many: ordinary messages look at nothing else
	mu sync.Mutex
	m  map[string][]chan written
}

// written is what processing tells a waiting write.
type written struct {
	version int64
	changed bool
}

// on registers; done must be called.
func (w *waits) on(id string) (told <-chan written, done func()) {
	c := make(chan written, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = map[string][]chan written{}
	}
	w.m[id] = append(w.m[id], c)
	w.n.Add(1)
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		left := slices.DeleteFunc(w.m[id], func(x chan written) bool { return x == c })
		if len(left) == 0 {
			delete(w.m, id)
		} else {
			w.m[id] = left
		}
		w.n.Add(-1)
	}
}

// tell wakes who waits for a message.
func (w *waits) tell(id string, what written) {
	if w.n.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.m[id] {
		select {
		case c <- what:
		default:
		}
	}
}

// awaitLook is how often who waits for a message looks for its end in the store.
const awaitLook = 500 * time.Millisecond

// await waits for the end of a message that is kept. told was asked for before it was accepted; a duplicate waits for
// the end of the first one.
func (g *Gateway) await(ctx context.Context, res Result, told <-chan written) (Result, error) {
	if res.Duplicate {
		first, done := g.waits.on(res.MessageID)
		defer done()
		told = first
	}
	// Registered first, looked at then: an end in between is seen by one of the two.
	m, err := g.store.Message(ctx, res.MessageID)
	if err != nil {
		return res, fmt.Errorf("read what became of a write: %w", err)
	}
	var what written
	switch {
	case m.Status == samvirke.MessageReceived:
		look := time.NewTicker(awaitLook)
		defer look.Stop()
		for over := false; !over && m.Status == samvirke.MessageReceived; {
			select {
			case what = <-told:
				over = true
			case <-look.C: // another gateway may have it, which tells nobody here
			case <-ctx.Done():
				return res, nil
			case <-g.stopping:
				return res, nil
			case <-g.store.Failed():
				return res, queue.ErrFailed
			}
			if m, err = g.store.Message(context.WithoutCancel(ctx), res.MessageID); err != nil {
				return res, fmt.Errorf("read what became of a write: %w", err)
			}
		}
	case !res.Duplicate:
		select {
		case what = <-told:
		default: // another hand has processed it
		}
	}
	res.Status, res.Patient = m.Status, m.Patient
	res.PlanVersion, res.Changed = what.version, what.changed
	if m.Status == samvirke.MessageRefused || m.Status == samvirke.MessageAttention || m.Status == samvirke.MessageQuarantined {
		res.Fault = &samvirke.Fault{Class: classOf(m.Status), Code: m.Fault, Safe: m.FaultText}
	}
	if res.PlanVersion == 0 && m.Patient != "" {
		if res.PlanVersion, err = g.versionOf(context.WithoutCancel(ctx), m.Patient, m.ID); err != nil {
			return res, err
		}
	}
	if what.version == 0 { // it was over before anybody listened: what came of it stands in its trace
		res.Changed, err = g.changedBy(context.WithoutCancel(ctx), m.ID)
	}
	return res, err
}

// changedBy tells whether a message showed somebody something new.
func (g *Gateway) changedBy(ctx context.Context, messageID string) (bool, error) {
	events, err := g.store.Events(ctx, queue.EventFilter{MessageID: messageID, Limit: queue.MaxPage})
	if err != nil {
		return false, fmt.Errorf("read the trace of a write: %w", err)
	}
	return slices.ContainsFunc(events, func(e samvirke.Event) bool { return e.Name == samvirke.EventPlanChanged }), nil
}

func classOf(s samvirke.MessageStatus) samvirke.Class {
	if s == samvirke.MessageAttention {
		return samvirke.Permanent
	}
	return samvirke.Invalid
}

// versionOf finds the plan version that a message led to; 0 when it led to none.
func (g *Gateway) versionOf(ctx context.Context, patient, messageID string) (int64, error) {
	vs, err := g.store.PlanVersions(ctx, patient)
	if err != nil {
		return 0, fmt.Errorf("find the plan version of a write: %w", err)
	}
	for _, v := range vs {
		if v.MessageID == messageID {
			return v.Version, nil
		}
	}
	return 0, nil
}

// SeenIn gives the keys of the records that a version of a plan holds, of those for which it matters who has seen
// them: what somebody who answers that version has seen. version 0 is the newest one. queue.ErrNotFound when there is
// no such version.
//
// Source: domain/careplan.md section 5.3, context rules 1 and 2.
func (g *Gateway) SeenIn(ctx context.Context, patient string, version int64) ([]string, error) {
	v, err := g.store.Plan(ctx, patient, version)
	if err != nil {
		return nil, err
	}
	var p careplan.Plan
	if err := json.Unmarshal(v.Body, &p); err != nil {
		return nil, fmt.Errorf("read plan version: %w", err)
	}
	held := map[string]bool{}
	for k := range p.Sources {
		held[k] = true
	}
	for _, s := range p.History {
		held[s.Key] = true
	}
	w := g.plans.workspace()
	defer g.plans.release(w)
	if st := g.plans.known(patient); st != nil && st.version < v.Version {
		g.plans.drop(patient) // another gateway has changed the plan
	}
	st, err := g.plans.get(ctx, &g.loader, patient, w)
	if err != nil {
		return nil, fmt.Errorf("read the records of a plan: %w", err)
	}
	seen := []string{}
	for _, r := range st.records.Records(&w.scratch) {
		if k := r.Key.String(); held[k] && r.Contextual() {
			seen = append(seen, k)
		}
	}
	slices.Sort(seen)
	return slices.Compact(seen), nil
}

// IsPending tells whether a write is kept and not yet processed.
func (r Result) IsPending() bool { return r.Status == samvirke.MessageReceived }
