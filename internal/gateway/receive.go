package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// Receive keeps one message. It parses first, because what no standard receipt can say must be said in
// the protocol's own answer, and because the parsed tree is handed on to processing; then it stores the
// raw bytes, and returns only after the sync. Whatever is wrong with the message, it is kept.
func (g *Gateway) Receive(ctx context.Context, in connectors.Incoming) (connectors.Answer, error) {
	in.ContentType = plainType(in.ContentType)
	a, err := g.accept(ctx, in)
	queue.Reach(queue.PointAnswer)
	return a.answer, err
}

// accepted is what accept knows beside the answer: the key of the message's record and the patient key.
type accepted struct {
	answer       connectors.Answer
	key, patient string
	// told gets what came of a write, unwait ends that; nil for other messages.
	told   <-chan written
	unwait func()
}

// accept is Receive, also for what this gateway wrote itself (see Submit).
func (g *Gateway) accept(ctx context.Context, in connectors.Incoming) (acc accepted, err error) {
	l := g.parties[in.Party]
	if l == nil {
		return accepted{}, fmt.Errorf("party %q is not configured", in.Party)
	}
	queue.Reach(queue.PointReceived)
	if err := g.overBudget(in, nil); err != nil {
		return accepted{}, err
	}
	place := g.parsed.reserve(ctx, in.Party, len(in.Body))
	defer func() { g.parsed.free(place) }()
	out := g.looked(ctx, in)
	if err := g.overBudget(in, &out); err != nil {
		return accepted{}, err
	}
	if err := l.draining(out.isReceipt()); err != nil {
		return accepted{}, err
	}
	m := g.messageOf(in, out)
	toldByWire := out.fault != nil && !g.receiptCanSay(l, out)
	if submitted(in.ContentType) {
		acc.told, acc.unwait = g.waits.on(m.ID) // before it is accepted: the end may come at once
	}
	if !toldByWire && place.bytes > 0 {
		done, ok, err := g.atOnce(ctx, &m, out)
		if err != nil {
			return acc, fmt.Errorf("store message: %w", err)
		}
		if ok {
			g.answer(&acc, &m, out, done, false)
			return acc, nil
		}
	}
	if toldByWire {
		m.Status, m.Fault, m.FaultText = statusFor(out.fault), out.fault.Code, faultText(out.fault)
		if out.parsed != nil && out.parsed.Envelope.Receipt == nil && g.checkSender(in.Party, &out.parsed.Envelope) != nil {
			m.Status = samvirke.MessageAttention // no receipt can be addressed: somebody must tell the sender
		}
	} else if place.bytes > 0 {
		g.parsed.put(m.ID, out, place) // from here on the place belongs to what was put
		place = room{}
	}
	done, err := g.keep(ctx, &m, out)
	if err != nil {
		g.parsed.take(m.ID)
		return acc, fmt.Errorf("store message: %w", err)
	}
	if done.Away {
		// Should it come to this gateway all the same, it is parsed again.
		g.parsed.take(m.ID)
		g.processed(&m)
	}
	g.answer(&acc, &m, out, done, toldByWire)
	return acc, nil
}

// keep stores a message without processing it.
func (g *Gateway) keep(ctx context.Context, m *samvirke.Message, out outcome) (done queue.Outcome, err error) {
	u := &queue.Unit{Now: m.ReceivedAt, Accept: m, Reserve: out.isReceipt(), Events: []samvirke.Event{receivedEvent(m)}}
	if m.Status != samvirke.MessageReceived {
		u.Events = append(u.Events, samvirke.Event{
			At: m.ReceivedAt, MessageID: m.ID, Party: m.Party, Patient: m.Patient,
			Name: eventFor(m.Status), Detail: out.fault.Code,
		})
		return g.store.Commit(ctx, u)
	}
	ended, err := g.announce(ctx, m)
	if err != nil {
		return done, err
	}
	queue.Reach(queue.PointAccept)
	if done, err = g.store.Commit(ctx, u); err != nil || done.Reused || done.Duplicate {
		ended()
	}
	queue.Reach(queue.PointAccepted)
	return done, err
}

func receivedEvent(m *samvirke.Message) samvirke.Event {
	return samvirke.Event{
		At: m.ReceivedAt, MessageID: m.ID, Party: m.Party, Patient: m.Patient, Name: samvirke.EventReceived,
		Detail: strconv.FormatInt(m.Size, 10) + " bytes",
	}
}

// answer fills in what the sender is told of a message that is kept.
func (g *Gateway) answer(acc *accepted, m *samvirke.Message, out outcome, done queue.Outcome, toldByWire bool) {
	if out.isReceipt() {
		queue.Reach(queue.PointReceiptDone)
	}
	ans := connectors.Answer{MessageID: m.ID}
	acc.patient = m.Patient
	if submitted(m.ContentType) && out.parsed != nil {
		acc.key = careplan.KeyOf(&out.parsed.Envelope).String()
	}
	switch f := out.fault; {
	case done.Reused:
		g.parsed.take(m.ID)
		ans.Fault = &samvirke.Fault{
			Class: samvirke.Invalid, Code: "message-id-reused",
			Safe: "another message with this id but other content was received before; this one is kept aside",
		}
		g.m.message(m.Kind, m.Party, "quarantined")
	case done.Duplicate:
		g.parsed.take(m.ID)
		ans.MessageID, ans.Duplicate = done.Existing.ID, true
		if toldByWire {
			ans.Fault = f
		}
		g.m.message(m.Kind, m.Party, "duplicate")
	case toldByWire:
		ans.Fault = f
		g.m.message(m.Kind, m.Party, string(m.Status))
		g.log.Info("message refused", "message_id", m.ID, "party", m.Party, "class", f.Class, "code", f.Code)
	}
	acc.answer = ans
}

// looked is look on a seat.
func (g *Gateway) looked(ctx context.Context, in connectors.Incoming) outcome {
	_, seat := g.seats.sit(ctx, int64(len(in.Body)))
	defer seat.leave()
	return g.look(in)
}

// look finds the format and parses. It never panics: a parser that does is our fault, and the message is kept.
func (g *Gateway) look(in connectors.Incoming) (out outcome) {
	if in.Size > int64(len(in.Body)) {
		return outcome{fault: &samvirke.Fault{
			Class: samvirke.Invalid, Code: "too-large",
			Safe: fmt.Sprintf("the message has %d bytes or more, the limit is %d", in.Size, len(in.Body)),
		}}
	}
	defer func() {
		if r := recover(); r != nil {
			g.log.Error("parser panic", "party", in.Party, "stack", string(debug.Stack()))
			out = outcome{fault: &samvirke.Fault{
				Class: samvirke.Internal, Code: "internal-error", Safe: "the message could not be read; it is kept and will be looked at",
				Err: fmt.Errorf("panic while parsing"),
			}}
		}
	}()
	f, ok := g.formatOf(in.Body)
	if !ok {
		return outcome{fault: Unrecognised(g.o.Formats, in.Body)}
	}
	p, err := f.Parse(in.Body)
	out.parsed = p
	if p != nil && p.Bundle != nil && p.Envelope.Format == route.FormatFHIR && !submitted(in.ContentType) {
		dropClaims(p.Bundle)
	}
	g.readSite(in.Party, p)
	if err != nil {
		out.fault = samvirke.FaultOf(err)
	}
	if p != nil && p.Bundle != nil && out.fault != nil && emergency(&p.Envelope, out.fault) {
		p.Warnings = append(p.Warnings, out.fault)
		out.fault = nil
	}
	if p != nil && out.fault == nil {
		out.fault = g.checkSender(in.Party, &p.Envelope)
	}
	return out
}

func (g *Gateway) formatOf(raw []byte) (mapping.Format, bool) {
	for _, f := range g.o.Formats {
		if mapping.Recognises(f, raw) {
			return f, true
		}
	}
	return nil, false
}

// Unrecognised is the fault for bytes that no format takes at first sight. A parser may still tell
// better what is wrong with their form.
func Unrecognised(formats []mapping.Format, raw []byte) *samvirke.Fault {
	plain := unreadable(raw)
	if plain.Code != "unknown-format" {
		return plain
	}
	for _, f := range formats {
		if _, err := f.Parse(raw); err != nil {
			fault := samvirke.FaultOf(err)
			otherSyntax := fault.Code == "not-xml" || fault.Code == "json-syntax"
			if fault.Receipt == "T01" && !otherSyntax {
				return fault
			}
		}
	}
	return plain
}

// unreadable is the fault for bytes that no format takes.
func unreadable(raw []byte) *samvirke.Fault {
	f := &samvirke.Fault{Class: samvirke.Invalid, Code: "unknown-format", Receipt: "T10", Safe: "this is no message of a supported format"}
	trimmed := raw
	for len(trimmed) > 0 && (trimmed[0] <= ' ' || trimmed[0] >= 0x80) {
		trimmed = trimmed[1:]
	}
	switch {
	case len(trimmed) == 0:
		f.Code, f.Receipt, f.Safe = "empty", "T01", "the message is empty"
	case trimmed[0] != '<' && trimmed[0] != '{':
		f.Code, f.Receipt, f.Safe = "not-xml", "T01", "the message is neither XML nor JSON"
	case !utf8.Valid(raw) && trimmed[0] == '{':
		f.Code, f.Receipt, f.Safe = "not-well-formed", "T01", "the message is not valid UTF-8"
	}
	return f
}

// checkSender holds the sender named in the message against the party that handed it over.
func (g *Gateway) checkSender(party string, env *samvirke.Envelope) *samvirke.Fault {
	ours, others := "", ""
	for i, level := range env.Sender.Levels {
		a := samvirke.Address{Levels: []samvirke.AddressLevel{level}}
		switch h := a.HER(); {
		case h == "":
		case g.byHER[h] == party:
			ours = h
		case g.byHER[h] != "" || i == 0:
			others = h
		}
	}
	// One level of ours is not enough: records are filed under the enterprise, so whoever may name another one,
	// be it a party here or not, would write as that. Only the address book can say that we are a part of it.
	if ours != "" && (others == "" || g.within(ours, others)) {
		return nil
	}
	return &samvirke.Fault{
		Class: samvirke.Unauthorized, Code: "sender-mismatch",
		Safe: "the sender named in the message is not one this connection may send for",
	}
}

// within tells whether the address book has a HER-id as part of an enterprise.
func (g *Gateway) within(her, enterprise string) bool {
	return g.o.Addresses.Find != nil && g.o.Addresses.Find(her).ParentHER == enterprise
}

func (g *Gateway) messageOf(in connectors.Incoming, out outcome) (m samvirke.Message) {
	sum := sha256.Sum256(in.Body)
	m = samvirke.Message{
		ID: g.o.NewID(), Party: in.Party, ReceivedAt: g.now(), Status: samvirke.MessageReceived,
		Checksum: hex.EncodeToString(sum[:]), Size: max(in.Size, int64(len(in.Body))),
		ContentType: in.ContentType, TraceParent: in.TraceParent, Raw: in.Body,
	}
	if p := out.parsed; p != nil {
		e := &p.Envelope
		m.Format, m.Kind, m.Version, m.ExternalID = e.Format, e.Kind, e.Version, e.ID
		m.Patient, m.GeneratedAt = e.Patient.Key(), e.GeneratedAt
		return m
	}
	defer func() {
		if recover() != nil { // a sniffer that panics is our fault; the message is kept without its marks
			g.log.Error("sniffer panic", "party", in.Party, "message_id", m.ID)
		}
	}()
	for _, f := range g.o.Formats {
		if s, ok := f.Sniff(in.Body); ok {
			m.Format, m.Kind, m.Version, m.ExternalID = s.Format, s.Kind, s.Version, s.ExternalID
			m.Patient, m.GeneratedAt = s.Patient, s.GeneratedAt
			break
		}
	}
	return m
}

// receiptCanSay tells whether the fault can be told by an application receipt: the standard has a code
// for it, the sender and a receiver of ours can be read, and the sender is the party on the wire.
func (g *Gateway) receiptCanSay(l *lane, out outcome) bool {
	if out.fault.Receipt == "" || out.parsed == nil || l.Sender == nil {
		return false
	}
	env := &out.parsed.Envelope
	return env.Receipt == nil && env.ID != "" && g.checkSender(l.ID, env) == nil && len(g.ourReceivers(env)) > 0
}

// ourReceivers gives the indexes of the receivers in the message that are configured parties, other than the
// sender's own system: that one gets nothing from us, so nothing is confirmed on its behalf.
// A service that is named twice is one receiver, the first one named. No receipt is ever given for others
// (standards/no README 7.3 rules 1 and 5).
func (g *Gateway) ourReceivers(env *samvirke.Envelope) []int {
	var out []int
	self := g.partyOf(env.Sender)
	for i, r := range env.Receivers {
		named := func(j int) bool { return sameService(env.Receivers[j], r) }
		if p := g.partyOf(r); p != "" && p != self && !slices.ContainsFunc(out, named) {
			out = append(out, i)
		}
	}
	return out
}

// sameService tells whether two addresses end at the same service. Two persons of one service are two receivers.
func sameService(a, b samvirke.Address) bool {
	return len(a.Levels) > 0 && len(b.Levels) > 0 && a.HER() != "" && a.HER() == b.HER() && endsAtService(a) && endsAtService(b)
}

func endsAtService(a samvirke.Address) bool {
	inner := samvirke.Address{Levels: a.Levels[len(a.Levels)-1:]}
	return inner.Levels[0].Kind != "person" && inner.HER() != ""
}

// forSomebody tells whether the message names a party of ours, be it the sender's own, or no receiver at all.
func (g *Gateway) forSomebody(env *samvirke.Envelope) bool {
	for _, r := range env.Receivers {
		if g.partyOf(r) != "" {
			return true
		}
	}
	return len(env.Receivers) == 0
}

// partyOf finds the party of an address: by its communication party, else by its enterprise.
func (g *Gateway) partyOf(a samvirke.Address) string {
	if p := g.byHER[a.HER()]; p != "" {
		return p
	}
	return g.byHER[a.Enterprise()]
}

// statusFor: what the sender must mend is refused; what somebody here must look at is attention.
func statusFor(f *samvirke.Fault) samvirke.MessageStatus {
	if f.Class == samvirke.Invalid {
		return samvirke.MessageRefused
	}
	return samvirke.MessageAttention
}

func eventFor(s samvirke.MessageStatus) samvirke.EventName {
	if s == samvirke.MessageRefused {
		return samvirke.EventRefused
	}
	return samvirke.EventAttention
}

// faultText is the text kept for the admin.
func faultText(f *samvirke.Fault) string {
	s := f.Safe
	if f.Path != "" {
		s += " (" + f.Path + ")"
	}
	if f.Line > 0 {
		s += fmt.Sprintf(", line %d", f.Line)
	}
	return s
}
