package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/queue"
)

// planWork is the plan of the patient while their message is being processed.
type planWork struct {
	key string
	// old is the state before the message, next the one after it; next goes into the cache when the unit
	// is committed.
	old, next *planState
	// records and plan are those after the message. The records are good until the work is over.
	records []careplan.Record
	plan    *careplan.Plan
	// changed: somebody sees something new.
	changed bool
}

// addPlan brings the patient's plan up to date with this message's record; nil when the message is about nobody.
func (g *Gateway) addPlan(ctx context.Context, u *queue.Unit, m *samvirke.Message, p *mapping.Parsed, w *workspace) (*planWork, error) {
	key := p.Envelope.Patient.Key()
	if key == "" || p.Bundle == nil {
		return nil, nil
	}
	seen, roles := g.claims(m, p.Bundle)
	rec, err := careplan.FromMessage(p.Bundle, &p.Envelope, careplan.Meta{
		Received: m.ReceivedAt, MessageID: m.ID, Mapping: p.Envelope.Format + "/" + p.Envelope.Version, Checksum: m.Checksum,
		Seen: seen, Roles: roles, Room: w.content, CancelVersion: g.parties[m.Party] != nil && g.parties[m.Party].CancelVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("make record: %w", err)
	}
	w.content = rec.Content
	old, err := g.plans.get(ctx, g.store, key, w)
	if err != nil {
		return nil, err
	}
	pl := &planWork{key: key, old: old, next: &planState{version: old.version, told: old.told}}
	pl.records = append(old.records.Records(&w.scratch), rec)
	pl.next.records = old.records.With(rec, &w.scratch) // unpacks nothing: old is what was unpacked last
	pl.plan = careplan.Fold(pl.records)
	w.buf = rec.AppendJSON(w.buf[:0])
	u.Records = append(u.Records, queue.Record{
		Key: rec.Key.Sender + "/" + rec.Key.MessageID, Hash: rec.Hash, Patient: key,
		MessageID: m.ID, ReceivedAt: m.ReceivedAt, Body: bytes.Clone(w.buf),
	})
	g.stepPlan(u, m, pl, w)
	return pl, nil
}

// stepPlan adds the new plan version, when there is one. Telling asks whether somebody sees something new;
// storing asks whether anything differs, so that a withdrawal that shows nothing new is in the stored
// plan's history all the same.
func (g *Gateway) stepPlan(u *queue.Unit, m *samvirke.Message, pl *planWork, w *workspace) {
	old, next := pl.old, pl.next
	w.buf = pl.plan.AppendJSON(w.buf[:0])
	next.sum, next.shown = sha256.Sum256(w.buf), pl.plan.Shown()
	pl.changed = next.shown != old.shown
	if next.sum != old.sum || old.version == 0 {
		u.Plan = &queue.PlanStep{Patient: pl.key, Expect: old.version, MessageID: m.ID, Body: bytes.Clone(w.buf)}
		next.version = old.version + 1
		if old.version == 0 {
			note(u, PlanSetting(g.PlanID(pl.key)), pl.key)
		}
	}
	name := samvirke.EventPlanChanged
	if !pl.changed {
		name = samvirke.EventPlanSame
	}
	u.Events = append(u.Events, g.event(m, name, "version "+strconv.FormatInt(next.version, 10)))
}

// told lists the parties that were sent an earlier message of the same conversation: whoever got the
// admission must get its withdrawal, even when membership has changed since.
func (g *Gateway) told(ctx context.Context, pl *planWork, m *samvirke.Message, env *samvirke.Envelope) ([]string, error) {
	if env.Op == "" || env.Op == samvirke.OpNew {
		return nil, nil
	}
	var out []string
	last := len(pl.records) - 1
	self := &pl.records[last]
	for i := range pl.records[:last] {
		r := &pl.records[i]
		same := r.Key.Sender == self.Key.Sender && r.Chain.Conversation == self.Chain.Conversation
		if !same || r.MessageID == m.ID || r.MessageID == "" {
			continue
		}
		if pl.next.told[i] == nil {
			parties, err := g.sentTo(ctx, r.MessageID)
			if err != nil {
				return nil, err
			}
			pl.next.told = slices.Clone(pl.next.told) // others read the old one
			pl.next.told[i] = parties
		}
		for _, party := range pl.next.told[i] {
			if !slices.Contains(out, party) {
				out = append(out, party)
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// sentTo asks the store which parties a message was forwarded to; never nil without an error.
func (g *Gateway) sentTo(ctx context.Context, messageID string) ([]string, error) {
	ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: messageID, Purpose: samvirke.PurposeForward})
	if err != nil {
		return nil, fmt.Errorf("find who was told: %w", err)
	}
	out := []string{}
	for _, d := range ds {
		if l := g.parties[d.Party]; l != nil {
			d.Party = l.ID // the row need not stay in memory for its name
		}
		if !slices.Contains(out, d.Party) {
			out = append(out, d.Party)
		}
	}
	return out, nil
}

// committed gives what to do after the commit: keep the plan for the next message, with who was sent this
// one. It holds on to nothing else of the work.
func (g *Gateway) committed(pl *planWork, u *queue.Unit) func() written {
	key, old, next, changed := pl.key, pl.old, pl.next, pl.changed
	return func() written {
		next.told = append(slices.Clip(next.told), forwarded(u))
		g.plans.replace(key, old, next)
		return written{version: next.version, changed: changed}
	}
}
