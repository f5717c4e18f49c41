package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// faultToItself is the fault of a message that only its own sender would get.
const faultToItself = "receiver-is-sender"

// messageUnit is the whole of processing one good message: record, plan version, deliveries,
// receipts, events. Everything in one unit, everything rendered now.
func (g *Gateway) messageUnit(ctx context.Context, m *samvirke.Message, p *mapping.Parsed) (_ *queue.Unit, _ func() written, err error) {
	env := &p.Envelope
	had, err := g.alreadyMade(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	refused, err := g.refusals(ctx, env, had)
	if err != nil {
		return nil, nil, err
	}
	if ours := g.ourReceivers(env); len(refused) > 0 && len(refused) == len(ours) {
		u, err := g.faultUnit(ctx, m, outcome{parsed: p, fault: refused[ours[0]], each: refused})
		return u, nil, err
	}
	u := &queue.Unit{Now: g.now(), Message: g.step(m, p, samvirke.MessageProcessed, nil)}
	defer func() { g.letGo(u, err) }()
	u.Events = append(u.Events, g.event(m, samvirke.EventProcessed, env.Kind+" "+env.Version))
	w := g.plans.workspace()
	defer g.plans.release(w)
	pl, err := g.addPlan(ctx, u, m, p, w)
	if err != nil {
		return nil, nil, err
	}
	if env.Kind == kindDeviation {
		if err := g.addDeviation(ctx, u, m, p); err != nil {
			return nil, nil, err
		}
	}
	in := route.Input{Envelope: *env, From: m.Party}
	in.Municipality, in.GP = g.o.Patient(env.Patient.Key())
	if in.Municipality == "" {
		in.Municipality = env.Patient.Municipality
	}
	var after func() written
	if pl != nil {
		after = g.committed(pl, u)
		if err := g.audienceOf(ctx, u, &in, m, pl, len(had) == 0); err != nil {
			return nil, nil, err
		}
	}
	d := g.o.Router.Decide(in)
	if err := g.addDeliveries(ctx, u, m, p, d, pl, refused, had); err != nil {
		return nil, nil, err
	}
	if g.needsPerson(u, m, env, d, had) {
		return u, after, nil
	}
	g.addReceipts(u, m, env, func(i int) samvirke.ReceiptContent {
		if f := refused[i]; f != nil {
			return g.refusal(g.parties[m.Party], env, f)
		}
		return samvirke.ReceiptContent{Status: samvirke.ReceiptOK}
	}, had)
	if u.Message.Fault == faultDeviationUnknown && u.Message.To == samvirke.MessageProcessed {
		u.Message.To = samvirke.MessageAttention
	}
	return u, after, nil
}

// needsPerson tells whether nothing is answered before a person has looked: somebody of ours gets nothing, it could
// not be rendered for somebody, or only its own sender would get it.
func (g *Gateway) needsPerson(u *queue.Unit, m *samvirke.Message, env *samvirke.Envelope, d route.Decision, had []string) bool {
	if missed := missedAddressees(d); missed != "" {
		u.Message.To, u.Message.Fault = samvirke.MessageAttention, "addressee-not-reached"
		u.Message.FaultText = "addressees of ours that get nothing: " + missed + "; mend routes or formats and reprocess, the sender has no receipt yet"
		u.Events = append(u.Events, g.event(m, samvirke.EventAttention, "addressee-not-reached"))
		return true
	}
	if u.Message.To == samvirke.MessageAttention {
		return true
	}
	if len(u.Deliveries)+len(had) == 0 && len(env.Receivers) > 0 && len(g.ourReceivers(env)) == 0 {
		u.Message.To, u.Message.Fault = samvirke.MessageAttention, faultToItself
		u.Message.FaultText = "of the receivers in the message only the sender itself is a party here, and no rule sends it to others: nobody has got it and the sender gets no receipt"
		u.Events = append(u.Events, g.event(m, samvirke.EventAttention, faultToItself))
		return true
	}
	return false
}

// audienceOf says who takes part and who was told, for the decision who gets the message. The first time that a message is processed its
// events of subscriptions are held for the unit.
func (g *Gateway) audienceOf(ctx context.Context, u *queue.Unit, in *route.Input, m *samvirke.Message, pl *planWork, first bool) error {
	told, err := g.told(ctx, pl, m, &in.Envelope)
	if err != nil {
		return err
	}
	a := &audience{g: g, pl: pl, from: m.Party, note: pl.note != ""}
	a.denied = func(party string) bool { return g.o.Router.Denied(*in, party) }
	for _, party := range told {
		noticed, ok := strings.CutPrefix(party, noticeMark)
		if !ok {
			in.Told = append(in.Told, party)
		}
		if in.Envelope.Op == samvirke.OpCancel && !slices.Contains(a.withdrawn, noticed) && !pl.withdrawnBefore(noticed) {
			a.withdrawn = append(a.withdrawn, noticed)
		}
	}
	if len(g.noticed) > 0 || g.book.any.Load() {
		if a.echo, err = g.repeats(ctx, pl, m); err == nil && !a.echo {
			a.echo, err = g.repeatsNote(ctx, pl, m, pl.note)
		}
		if err != nil {
			return err
		}
	}
	pl.echo, pl.asked = a.echo, a.echo
	in.Team, in.Changed, in.Tell = a.team(), a.changed, a.tell()
	if first {
		g.hold(u, g.hits(m, a))
	}
	return nil
}

// withdrawnBefore tells whether a party knows already that what the message takes back is taken back: a sender that got no receipt
// may say it twice.
func (pl *planWork) withdrawnBefore(party string) bool {
	last := len(pl.records) - 1
	self := &pl.records[last]
	for i := range pl.records[:last] {
		r := &pl.records[i]
		if r.Chain.Op == samvirke.OpCancel && r.Key.Sender == self.Key.Sender && r.Chain.Conversation == self.Chain.Conversation && r.Chain.Parent == self.Chain.Parent &&
			(slices.Contains(pl.next.told[i], party) || slices.Contains(pl.next.told[i], noticeMark+party)) {
			return true
		}
	}
	return false
}

// addDeliveries queues the message for whom the decision names, but for those who had it from an earlier processing
// and those who refuse it: what is refused must not be imported.
func (g *Gateway) addDeliveries(ctx context.Context, u *queue.Unit, m *samvirke.Message, p *mapping.Parsed, d route.Decision, pl *planWork,
	refused map[int]*samvirke.Fault, had []string,
) error {
	env := &p.Envelope
	u.Deliveries = make([]samvirke.Delivery, 0, len(d.Choices)+len(env.Receivers))
	u.Events = slices.Grow(u.Events, len(d.Choices)+len(d.Dropped)+len(env.Receivers))
	for _, c := range d.Choices {
		if slices.Contains(had, c.Party) {
			continue
		}
		if repeated, err := g.hasAlready(ctx, pl, m, env, c); err != nil {
			return err
		} else if repeated {
			u.Events = append(u.Events, g.event(m, samvirke.EventRouted, "not to "+c.Party+": the sender repeats what it got, and this party has it ("+c.Rule+")"))
			continue
		}
		if len(refused) > 0 && g.onlyRefusing(env, refused, c.Party) {
			u.Events = append(u.Events, g.event(m, samvirke.EventRouted, "not to "+c.Party+": refused on its behalf ("+c.Rule+")"))
			continue
		}
		if err := g.addDelivery(ctx, u, m, p, c, pl); err != nil {
			return err
		}
	}
	for _, x := range d.Dropped {
		u.Events = append(u.Events, g.event(m, samvirke.EventRouted, fmt.Sprintf("not to %s: %s (%s)", x.Party, x.Why, x.Rule)))
	}
	if pl == nil || len(had) > 0 {
		return nil
	}
	return g.addApart(ctx, u, m, pl)
}

// missedAddressees names addressees of ours whom no rule or no format reaches. A positive receipt would
// make the sender believe them informed, so none is given until a person has mended it (rule 10 allows
// the wait). Addressees that are not ours get no receipt from us either way, and the sender's clock tells.
func missedAddressees(d route.Decision) string {
	var out []string
	for _, x := range d.Unreached() {
		if x.Why != route.WhyUnknown {
			out = append(out, x.Party+" ("+string(x.Why)+")")
		}
	}
	return strings.Join(out, ", ")
}

// receiptRule names the receipt of one receiver in a delivery's Rule, so that reprocessing knows which
// were made: a receipt is final, a second one is never given (standards/no README 7.3 rule 1).
func receiptRule(receiver int) string {
	if receiver == 0 {
		return "receipt"
	}
	return fmt.Sprintf("receipt of receiver %d", receiver+1)
}

// alreadyMade lists what an earlier processing of the same message made: only reprocessing finds any.
func (g *Gateway) alreadyMade(ctx context.Context, m *samvirke.Message) ([]string, error) {
	if m.Fault != faultReprocess {
		return nil, nil
	}
	ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: m.ID, Limit: queue.MaxPage})
	if err != nil {
		return nil, fmt.Errorf("find earlier deliveries: %w", err)
	}
	var out []string
	for _, d := range ds {
		if d.Purpose == samvirke.PurposeReceipt {
			out = append(out, d.Rule)
		} else {
			out = append(out, d.Party)
		}
	}
	return out, nil
}

// addDelivery renders the message for one receiver and queues it. A message that cannot be written in
// the receiver's format is queued stopped, with the reason, so that a person sees it.
func (g *Gateway) addDelivery(ctx context.Context, u *queue.Unit, m *samvirke.Message, p *mapping.Parsed, c route.Choice, pl *planWork) error {
	if c.Format == route.FormatNotification || c.Format == route.FormatNote {
		return g.addTold(ctx, u, m, c, pl)
	}
	l := g.parties[c.Party]
	d := samvirke.Delivery{
		ID: g.o.NewID(), MessageID: m.ID, Party: c.Party, Purpose: samvirke.PurposeForward,
		Patient: m.Patient, Rule: c.Rule, State: samvirke.DeliveryQueued, CreatedAt: u.Now,
		Kind: p.Envelope.Kind, Format: c.Format, Version: c.Version, TraceParent: m.TraceParent,
	}
	chained, err := g.chainFor(ctx, p, c, pl)
	if err != nil {
		return err
	}
	err = g.renderForward(&d, m, chained, c, l)
	g.noteReceivers(&d, &p.Envelope)
	return g.queueDelivery(u, m, c, &d, err)
}

// addTold queues what tells a party that a plan changed, in the format of the choice.
func (g *Gateway) addTold(ctx context.Context, u *queue.Unit, m *samvirke.Message, c route.Choice, pl *planWork) error {
	l := g.parties[c.Party]
	d := samvirke.Delivery{
		ID: g.o.NewID(), MessageID: m.ID, Party: c.Party, Purpose: samvirke.PurposeNotice, Patient: pl.key, Rule: c.Rule,
		State: samvirke.DeliveryQueued, CreatedAt: u.Now, Format: c.Format, Version: c.Version, TraceParent: m.TraceParent,
	}
	if c.Format == route.FormatNote {
		return g.queueDelivery(u, m, c, &d, g.renderNote(ctx, u, &d, l, pl))
	}
	return g.queueDelivery(u, m, c, &d, g.renderNotice(ctx, u, &d, l, pl))
}

// queueDelivery adds a delivery that was rendered, or says that it could not be.
func (g *Gateway) queueDelivery(u *queue.Unit, m *samvirke.Message, c route.Choice, d *samvirke.Delivery, err error) error {
	if err == nil && d.Format == route.FormatNote {
		return nil // nothing of what changed is for a journal
	}
	if err != nil {
		f := samvirke.FaultOf(err)
		if f.Class == samvirke.Transient {
			return fmt.Errorf("render for %s: %w", c.Party, err)
		}
		u.Events = append(u.Events, g.event(m, samvirke.EventAttention, fmt.Sprintf("not rendered for %s: %s", c.Party, f.Code)))
		if u.Message == nil { // a clock tells, the message was processed before
			return nil
		}
		u.Message.Fault, u.Message.FaultText = f.Code, fmt.Sprintf("not rendered for %s: %s", c.Party, faultText(f))
		u.Message.To = samvirke.MessageAttention
		return nil
	}
	d.Lane = samvirke.LaneKey(d.Party, d.Patient, d.Purpose)
	finishBody(d)
	u.Deliveries = append(u.Deliveries, *d)
	u.Events = append(u.Events, samvirke.Event{
		At: u.Now, MessageID: m.ID, DeliveryID: d.ID, Party: d.Party, Patient: m.Patient, Name: samvirke.EventRouted,
		Detail: d.Format + " " + d.Version + " by rule " + d.Rule,
	})
	return nil
}

// renderForward writes the message itself for a receiver. An original addressee that reads the very
// format and version gets the very bytes: nothing is re-serialised that need not be.
func (g *Gateway) renderForward(d *samvirke.Delivery, m *samvirke.Message, p *mapping.Parsed, c route.Choice, l *lane) error {
	env := &p.Envelope
	bundle, _, err := l.Site.Outgoing(p.Bundle)
	if err != nil {
		return &samvirke.Fault{Class: samvirke.Internal, Code: "site", Safe: "the codes of the message could not be replaced", Err: err}
	}
	if g.passedOn(m, p, c, bundle != p.Bundle) {
		d.Body, d.Original, d.ExternalID, d.Version, d.ContentType = m.Raw, true, env.ID, env.Version, contentType(m)
		d.Checksum = m.Checksum
		return nil
	}
	f := g.formats[c.Format]
	if f == nil {
		return &samvirke.Fault{Class: samvirke.Permanent, Code: "no-format", Safe: "no mapping for the format " + c.Format}
	}
	t := mapping.Target{Version: c.Version, Now: g.now()}
	if c.Addressee < 0 {
		to, fault := g.addressOf(l.Party.Party)
		if fault != nil {
			return fault
		}
		t.NewID, t.To = g.o.NewID(), to
	}
	r, err := f.Render(bundle, t)
	if err != nil {
		return err
	}
	if err := sendable(f, r.Body); err != nil {
		return err
	}
	d.Body, d.ExternalID, d.ContentType, d.Version = r.Body, r.ExternalID, r.ContentType, r.Version
	return nil
}

func contentType(m *samvirke.Message) string {
	if m.ContentType != "" {
		return plainType(m.ContentType)
	}
	return "application/xml"
}

// addReceipts queues one application receipt per receiver of ours in the message, with what content gives for
// the receiver of that index (standards/no README 7.3 rules 1, 5, 8).
// made lists the rules of those made before.
func (g *Gateway) addReceipts(u *queue.Unit, m *samvirke.Message, env *samvirke.Envelope, content func(int) samvirke.ReceiptContent, made []string) {
	l, f := g.parties[m.Party], g.formats[env.Format]
	if l.Sender == nil || f == nil || env.Receipt != nil {
		return
	}
	for _, i := range g.ourReceivers(env) {
		rule := receiptRule(i)
		if slices.Contains(made, rule) {
			continue
		}
		c := content(i)
		c.OriginalID, c.OriginalKind, c.OriginalIssued = env.ID, env.Kind, env.GeneratedRaw
		t := mapping.Target{Version: l.AppRecVersion, NewID: g.o.NewID(), Now: u.Now}
		r, err := f.RenderReceipt(env, i, c, t)
		if err != nil {
			code := samvirke.FaultOf(err).Code
			u.Message.To, u.Message.Fault = samvirke.MessageAttention, "receipt-not-made"
			u.Message.FaultText = "the sender has no receipt from one of the receivers: it could not be written (" + code + ")"
			u.Events = append(u.Events, g.event(m, samvirke.EventAttention, "receipt not made: "+code))
			g.log.Error("render receipt", "message_id", m.ID, "err", err)
			continue
		}
		d := samvirke.Delivery{
			ID: g.o.NewID(), MessageID: m.ID, Party: m.Party, Purpose: samvirke.PurposeReceipt, Patient: m.Patient,
			Lane: samvirke.LaneKey(m.Party, m.Patient, samvirke.PurposeReceipt), ExternalID: r.ExternalID, Kind: r.Kind,
			Format: env.Format, Version: r.Version, ContentType: r.ContentType, State: samvirke.DeliveryQueued,
			CreatedAt: u.Now, Rule: rule, Body: r.Body,
		}
		finishBody(&d)
		u.Deliveries = append(u.Deliveries, d)
		u.Receipts = append(u.Receipts, samvirke.Receipt{
			ID: g.o.NewID(), Direction: samvirke.Outbound, Party: m.Party, MessageID: m.ID, DeliveryID: d.ID,
			ExternalID: r.ExternalID, At: u.Now, ReceiptContent: c,
		})
		u.Events = append(u.Events, samvirke.Event{
			At: u.Now, MessageID: m.ID, DeliveryID: d.ID, Party: m.Party, Patient: m.Patient,
			Name: samvirke.EventReceiptMade, Detail: r.Kind + " " + r.Version + " status " + string(c.Status),
		})
	}
}

// finishBody sets size and checksum; the checksum of a message's own bytes was made when it came.
func finishBody(d *samvirke.Delivery) {
	d.Size = int64(len(d.Body))
	if d.Checksum == "" {
		sum := sha256.Sum256(d.Body)
		d.Checksum = hex.EncodeToString(sum[:])
	}
}
