package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// Bounds of processing.
const (
	receiveBatch = 256 // messages taken from the store at once
	// maxRedo is how often a unit is computed again because another one changed the plan meanwhile.
	maxRedo = 20
	// redoWait is the pause after a store error before the message is tried again.
	redoWait    = 200 * time.Millisecond
	maxRedoWait = 5 * time.Second
)

// processLoop takes received messages in order. Messages about one patient are processed one after
// the other, in the order of acceptance; all others side by side.
func (g *Gateway) processLoop(ctx context.Context) {
	defer g.keyed.wait()
	for {
		batch, err := g.store.Received(ctx, receiveBatch)
		if lost, some := errors.AsType[*queue.LostError](err); some {
			g.setAside(ctx, lost)
			err = nil
		}
		if err != nil {
			if over(ctx, err) {
				return
			}
			// One message that cannot be read must not stop all others.
			g.log.Error("take received messages", "err", err)
			pause(ctx, redoWait)
			continue
		}
		for i := range batch {
			m := &batch[i]
			g.keyed.do(orderKey(m), func() { g.process(ctx, m) }, g.kin.of(m.Patient)...)
		}
	}
}

// setAside takes messages out of the way whose bytes are lost: nobody can process them, and what comes after them about
// their patients would wait for ever. A person restores the store, or asks the sender.
func (g *Gateway) setAside(ctx context.Context, lost *queue.LostError) {
	for i := range lost.Messages {
		m := &lost.Messages[i]
		g.log.Error("received message set aside, its body cannot be read", "message_id", m.ID, "party", m.Party, "err", lost.Err)
		g.keyed.do(orderKey(m), func() { g.setOneAside(ctx, m) }, g.kin.of(m.Patient)...)
	}
}

// setOneAside tries until the store has taken it. Behind an earlier message of its patient it is given again when that is done.
func (g *Gateway) setOneAside(ctx context.Context, m *samvirke.Message) {
	defer g.processed(m)
	for try := 0; ; try++ {
		now := g.now()
		_, err := g.store.Commit(ctx, &queue.Unit{Now: now,
			Message: &queue.MessageStep{ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageAttention,
				Fault: faultUnreadable, FaultText: "the stored body is lost or damaged: restore it from a backup and reprocess, or ask the sender for the message"},
			Events: []samvirke.Event{{At: now, MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventAttention, Detail: faultUnreadable}}})
		if err == nil || errors.Is(err, queue.ErrOrder) || errors.Is(err, queue.ErrState) || errors.Is(err, queue.ErrNotFound) || over(ctx, err) {
			return
		}
		if try == 0 {
			g.log.Error("set received message aside, will be tried again", "message_id", m.ID, "err", err)
		}
		pause(ctx, min(redoWait<<min(try, 5), maxRedoWait))
	}
}

// orderKey: what must stay in order. Without a patient nothing has to.
func orderKey(m *samvirke.Message) string {
	if m.Patient == "" {
		return "message " + m.ID
	}
	return m.Patient
}

// process brings one message to its end, or leaves it as received when the store fails: it is found
// again at the next start.
func (g *Gateway) process(ctx context.Context, m *samvirke.Message) {
	queue.Reach(queue.PointProcess)
	out, ok := g.parsed.take(m.ID)
	if ctx.Err() != nil {
		return // stopping: what comes after an unfinished message of the same patient must not pass it
	}
	if !ok {
		out = g.looked(ctx, connectors.Incoming{Party: m.Party, Body: m.Raw, Size: m.Size, ContentType: m.ContentType})
	}
	for try := 0; ; try++ {
		err := g.processOnce(ctx, m, out)
		if err == nil {
			g.processed(m)
			return
		}
		switch {
		case over(ctx, err):
			return
		case errors.Is(err, queue.ErrOrder):
			// An earlier message of the patient is in other hands. The store gives this one again when that is done, to
			// this gateway or another: nothing here waits for it.
			g.processed(m)
			return
		case errors.Is(err, queue.ErrState):
			now, rerr := g.store.Message(ctx, m.ID)
			if rerr != nil || now.Status != samvirke.MessageReceived {
				g.log.Info("message was processed by another hand", "message_id", m.ID)
				g.processed(m)
				g.waits.tell(m.ID, written{})
				return
			}
			if try%maxRedo != maxRedo-1 {
				continue // a delivery that a receipt answers moved meanwhile
			}
		case errors.Is(err, queue.ErrPlanVersion) || errors.Is(err, queue.ErrCounter):
			g.plans.drop(m.Patient)
			g.dropAnswered(ctx, m, &out)
			if try%maxRedo != maxRedo-1 {
				continue // at once: another message of the patient was faster
			}
		case errors.Is(err, queue.ErrNotFound) || errors.Is(err, queue.ErrExists):
			// The unit itself is wrong: trying again would give the same.
			out.fault = &samvirke.Fault{Class: samvirke.Internal, Code: "internal-error",
				Safe: "the message is kept; processing failed", Err: err}
		}
		if try == 0 || try%100 == 99 {
			g.log.Error("process message, will be tried again", "message_id", m.ID, "attempt", try+1, "err", err)
		}
		pause(ctx, min(redoWait<<min(try, 5), maxRedoWait))
	}
}

// over tells that work ends here: the gateway stops, or the store takes nothing any more.
func over(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, queue.ErrFailed) || errors.Is(err, queue.ErrClosed)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// processOnce computes the unit of one message and commits it. A panic becomes a fault of the message.
func (g *Gateway) processOnce(ctx context.Context, m *samvirke.Message, out outcome) (err error) {
	u, after, err := g.computed(ctx, m, out)
	if err != nil {
		return err
	}
	for i := range u.Events {
		u.Events[i].At = u.Now // one unit happens at one time
	}
	done, err := g.numberHeld(ctx, u)
	if err != nil {
		return err
	}
	queue.Reach(queue.PointProcessReady)
	_, err = g.store.Commit(context.WithoutCancel(ctx), u)
	queue.Reach(queue.PointProcessDone)
	done(err)
	if err != nil {
		return err
	}
	var what written
	if after != nil {
		what = after()
	}
	g.m.message(m.Kind, m.Party, string(u.Message.To))
	g.waits.tell(m.ID, what)
	return nil
}

// computed is unitFor on a seat.
func (g *Gateway) computed(ctx context.Context, m *samvirke.Message, out outcome) (*queue.Unit, func() written, error) {
	ctx, seat := g.seats.sit(ctx, m.Size)
	defer seat.leave()
	return g.unitFor(ctx, m, out)
}

func (g *Gateway) unitFor(ctx context.Context, m *samvirke.Message, out outcome) (u *queue.Unit, after func() written, err error) {
	defer func() {
		if r := recover(); r != nil {
			g.log.Error("processing panic", "message_id", m.ID, "panic", fmt.Sprintf("%T", r), "stack", string(debug.Stack()))
			after = nil
			u, err = g.faultUnit(ctx, m, outcome{parsed: out.parsed, fault: &samvirke.Fault{
				Class: samvirke.Internal, Code: "internal-error", Safe: "the message is kept; processing failed",
			}})
		}
	}()
	switch {
	case out.fault != nil:
		u, err = g.faultUnit(ctx, m, out)
		return u, nil, err
	case out.parsed.Envelope.Receipt != nil:
		u, err = g.receiptUnit(ctx, m, &out.parsed.Envelope)
		return u, nil, err
	case !g.forSomebody(&out.parsed.Envelope):
		out.fault = &samvirke.Fault{Class: samvirke.Permanent, Code: "unknown-receiver",
			Safe: "none of the receivers in the message is a party of this gateway"}
		u, err = g.faultUnit(ctx, m, out)
		return u, nil, err
	}
	if f := g.unlistedReceiver(&out.parsed.Envelope); f != nil {
		u, err = g.faultUnit(ctx, m, outcome{parsed: out.parsed, fault: f})
		return u, nil, err
	}
	if gone, err := g.refersToErased(ctx, &out.parsed.Envelope); err != nil {
		return nil, nil, err
	} else if gone {
		return g.lateUnit(ctx, m, out.parsed)
	}
	u, after, err = g.messageUnit(ctx, m, out.parsed)
	if class := samvirke.ClassOf(err); err != nil && class != samvirke.Transient {
		// The content itself cannot be used: trying again would give the same.
		u, err = g.faultUnit(ctx, m, outcome{parsed: out.parsed, fault: samvirke.FaultOf(err)})
		return u, nil, err
	}
	return u, after, err
}

// faultUnit ends a message with a fault: refused with a negative receipt where the standard has one,
// else waiting for a person. A receiver that has answered before, in an earlier processing, does not answer again.
func (g *Gateway) faultUnit(ctx context.Context, m *samvirke.Message, out outcome) (*queue.Unit, error) {
	f, now := out.fault, g.now()
	to := statusFor(f)
	u := &queue.Unit{Now: now, Message: g.step(m, out.parsed, to, f)}
	l := g.parties[m.Party]
	if to == samvirke.MessageRefused && g.receiptCanSay(l, out) {
		had, err := g.alreadyMade(ctx, m)
		if err != nil {
			return nil, err
		}
		env := &out.parsed.Envelope
		g.addReceipts(u, m, env, func(i int) samvirke.ReceiptContent {
			if own := out.each[i]; own != nil {
				return g.refusal(l, env, own)
			}
			return g.refusal(l, env, f)
		}, had)
	}
	u.Events = append(u.Events, g.event(m, eventFor(to), f.Code))
	g.log.Info("message not processed", "message_id", m.ID, "party", m.Party, "class", f.Class, "code", f.Code)
	return u, nil
}

// step is the change of the message itself, with what parsing found out.
func (g *Gateway) step(m *samvirke.Message, p *mapping.Parsed, to samvirke.MessageStatus, f *samvirke.Fault) *queue.MessageStep {
	s := &queue.MessageStep{ID: m.ID, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: to}
	if f != nil {
		s.Fault, s.FaultText = f.Code, faultText(f)
	}
	if p == nil {
		return s
	}
	e := &p.Envelope
	s.Format, s.Kind, s.Version, s.ExternalID = e.Format, e.Kind, e.Version, e.ID
	s.Patient, s.GeneratedAt = e.Patient.Key(), e.GeneratedAt
	s.Envelope = mustJSON(e)
	if notes := slices.Concat(p.Notes, warningNotes(p.Warnings)); len(notes) > 0 {
		s.Notes = mustJSON(notes)
	}
	return s
}

func warningNotes(ws []*samvirke.Fault) []mapping.Note {
	var out []mapping.Note
	for _, w := range ws {
		out = append(out, mapping.Note{Path: w.Path, Code: w.Code, Text: w.Safe})
	}
	return out
}

func (g *Gateway) event(m *samvirke.Message, name samvirke.EventName, detail string) samvirke.Event {
	return samvirke.Event{At: g.now(), MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: name, Detail: detail}
}

// mustJSON encodes our own structs, which always encode.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
