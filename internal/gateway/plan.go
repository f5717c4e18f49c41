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
	// kept is the state that the cache holds, old the one the work begins with: the same, unless the message
	// links the patient with somebody new. next is the one after it; it goes into the cache when the unit is committed.
	kept, old, next *planState
	// records and plan are those after the message, rec the one that it made, the last of them. The records are good
	// until the work is over.
	records []careplan.Record
	rec     *careplan.Record
	plan    *careplan.Plan
	// note is the text of a note of a gateway when the message is one, see planNote.
	note string
	// echo: the message only says again what its sender last got from us. asked: that was looked into.
	echo, asked bool
	// class are the patient keys that are this person now.
	class []string
	// changed: somebody sees something new.
	changed bool
	// clock is what ran out when that is what there is to tell, and no change; rec is then what it rests on.
	clock *careplan.Clock
	// apart are the changed plans of patient keys that are other persons, now or again.
	apart []planWork
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
	pl, err := g.addRecord(ctx, u, key, &rec, w)
	if err != nil {
		return nil, err
	}
	pl.note = planNote(&p.Envelope, p.Bundle)
	name := samvirke.EventPlanChanged
	if !pl.changed {
		name = samvirke.EventPlanSame
	}
	u.Events = append(u.Events, g.event(m, name, "version "+strconv.FormatInt(pl.next.version, 10)))
	return pl, nil
}

// addRecord adds a record and what it does to the plan of its patient, and of those who are linked with them.
func (g *Gateway) addRecord(ctx context.Context, u *queue.Unit, key string, rec *careplan.Record, w *workspace) (*planWork, error) {
	kept, err := g.plans.get(ctx, &g.loader, key, w)
	if err != nil {
		return nil, err
	}
	pl := &planWork{key: key, kept: kept, old: kept}
	grown := false
	if mayLink(rec) {
		keys := kept.keys(key)
		for _, other := range rec.Links() {
			if !slices.Contains(keys, other) {
				keys, grown = append(keys, other), true
			}
		}
		if grown {
			if pl.old, err = g.loader.load(ctx, w, keys...); err != nil {
				return nil, err
			}
		}
	}
	old := pl.old
	pl.next = &planState{version: old.version, told: old.told}
	pl.records = append(old.records.Records(&w.scratch), *rec)
	pl.rec = &pl.records[len(pl.records)-1]
	pl.next.records = old.records.With(*rec, &w.scratch) // unpacks nothing: old is what was unpacked last
	pl.plan = g.loader.fold(pl.records, key, old)
	w.buf = rec.AppendJSON(w.buf[:0])
	u.Records = append(u.Records, queue.Record{
		Key: rec.Key.Sender + "/" + rec.Key.MessageID, Hash: rec.Hash, Patient: key,
		MessageID: rec.MessageID, ReceivedAt: rec.Receive, Body: bytes.Clone(w.buf),
	})
	g.stepPlan(u, pl, w)
	g.stepKin(u, pl, w, grown)
	g.stepTraits(u, pl, grown)
	pl.next.dues = stepDues(u, key, old.dues, pl.plan)
	return pl, nil
}

// mayLink tells whether what a record says of identifiers may count.
//
// Source: domain/careplan.md section 7, rule 2.
func mayLink(rec *careplan.Record) bool {
	return slices.Contains(rec.Roles, samvirke.RoleIdentityAuthority) || slices.Contains(rec.Roles, samvirke.RolePerson)
}

// shown is the digest of what a plan shows to those who are told of it: nothing when no live message stands behind it.
func shown(p *careplan.Plan) (sum [sha256.Size]byte) {
	if p.Bare() {
		return sum
	}
	return p.Shown()
}

// stepPlan adds the new plan version, when there is one. Telling asks whether somebody sees something new;
// storing asks whether anything differs, so that a withdrawal that shows nothing new is in the stored
// plan's history all the same. A unit that adds no version still counts on the one it was made from.
func (g *Gateway) stepPlan(u *queue.Unit, pl *planWork, w *workspace) {
	old, next := pl.old, pl.next
	w.buf = pl.plan.AppendJSON(w.buf[:0])
	next.sum, next.shown = sha256.Sum256(w.buf), shown(pl.plan)
	next.note(pl.plan)
	pl.changed = next.shown != old.shown
	u.Plan = &queue.PlanStep{Patient: pl.key, Expect: old.version, MessageID: pl.rec.MessageID}
	if next.sum == old.sum && old.version > 0 {
		u.Plan.Check = true
		return
	}
	u.Plan.Body = bytes.Clone(w.buf)
	next.version = old.version + 1
	if old.version == 0 {
		note(u, PlanSetting(g.PlanID(pl.key)), pl.key)
	}
}

// stepKin does the same for the plans of all keys that were ever linked with this one, in the same unit: one
// transaction brings all of them up to date, so there is no moment at which a crash could leave one behind.
func (g *Gateway) stepKin(u *queue.Unit, pl *planWork, w *workspace, grown bool) {
	old := pl.old.kinPlans()
	if len(old) == 0 {
		return
	}
	if pl.next.rare == nil {
		pl.next.rare = &rareState{}
	}
	pl.class = careplan.Class(pl.records, pl.key)
	seen := slices.Clone(pl.class)
	for i := range old {
		before, k := &old[i], old[i]
		p := pl.plan
		if !slices.Contains(pl.class, k.key) {
			p = g.loader.fold(pl.records, k.key, pl.old)
		}
		w.buf = p.AppendJSON(w.buf[:0])
		k.sum, k.shown = sha256.Sum256(w.buf), shown(p)
		k.dues = stepDues(u, k.key, before.dues, p)
		step := queue.PlanStep{Patient: k.key, Expect: before.version, MessageID: pl.rec.MessageID, Check: true}
		// A key that becomes kin gets a version whatever its plan shows: what is read with the plan has changed.
		if k.sum != before.sum || before.version == 0 || grown {
			step.Check, step.Body = false, bytes.Clone(w.buf)
			k.version++
			if before.version == 0 {
				note(u, PlanSetting(g.PlanID(k.key)), k.key)
			}
		}
		u.Plans = append(u.Plans, step)
		pl.next.rare.kin = append(pl.next.rare.kin, k)
		if k.shown != before.shown && !slices.Contains(seen, k.key) {
			class := careplan.Class(pl.records, k.key)
			seen = append(seen, class...)
			pl.apart = append(pl.apart, planWork{key: k.key, old: pl.old, next: pl.next, records: pl.records, rec: pl.rec, plan: p, class: class, changed: true})
		}
	}
}

// stepTraits writes what must be known before the records are read, and lets only one of two units through that
// add a record side by side.
func (g *Gateway) stepTraits(u *queue.Unit, pl *planWork, grown bool) {
	old, context := pl.old, pl.old.context() || pl.rec.Contextual()
	for _, k := range old.kinPlans() {
		context = context || k.context
	}
	if !context && !grown {
		return
	}
	if pl.next.rare == nil {
		pl.next.rare = &rareState{}
	}
	rare, keys := pl.next.rare, old.keys(pl.key)
	if context {
		for _, key := range keys {
			g.kin.mark(key)
		}
		g.plans.hasContext(keys)
	}
	rare.context = context
	set := func(key string, had bool, count int64) int64 {
		id := g.PlanID(key)
		if grown || had != context {
			t := traits{Context: context}
			for _, other := range keys {
				if other != key {
					t.Linked = append(t.Linked, other)
				}
			}
			slices.Sort(t.Linked)
			note(u, TraitsSetting(id), string(mustJSON(t)))
		}
		if !context {
			return count
		}
		u.Counters = append(u.Counters, queue.CounterStep{Name: recordCounter(id), Expect: count})
		return count + 1
	}
	own := int64(0)
	if old.rare != nil {
		own = old.rare.count
	}
	rare.count = set(pl.key, old.context(), own)
	for i := range rare.kin {
		k := &rare.kin[i]
		k.count = set(k.key, k.context, k.count)
		k.context = context
	}
}

// told lists the parties that were sent an earlier message of the same conversation: whoever got the
// admission must get its withdrawal, even when membership has changed since. Those who were told by a notice
// only stand with noticeMark.
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

// sentTo asks the store which parties a message was forwarded to, and which were told by a notice; never nil
// without an error.
func (g *Gateway) sentTo(ctx context.Context, messageID string) ([]string, error) {
	ds, err := g.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: messageID, Limit: queue.MaxPage})
	if err != nil {
		return nil, fmt.Errorf("find who was told: %w", err)
	}
	out := []string{}
	for i := range ds {
		if l := g.parties[ds[i].Party]; l != nil {
			ds[i].Party = l.ID // the row need not stay in memory for its name
		}
		if name := toldName(&ds[i]); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// committed gives what to do after the commit: keep the plan for the next message, with who was sent this
// one. It holds on to nothing else of the work.
func (g *Gateway) committed(pl *planWork, u *queue.Unit) func() written {
	key, kept, next, changed := pl.key, pl.kept, pl.next, pl.changed
	return func() written {
		next.told = append(slices.Clip(next.told), toldBy(u))
		g.plans.replace(key, kept, next)
		if kin := next.kinPlans(); len(kin) > 0 {
			keys := next.keys(key)
			g.plans.drop(keys[1:]...)
			g.kin.tie(keys)
		}
		return written{version: next.version, changed: changed}
	}
}
