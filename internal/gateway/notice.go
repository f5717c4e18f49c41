package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/queue"
)

// noticeCounter names the event counter of one subscription: one party, one plan.
func noticeCounter(party, patient string) string { return NoticeCounter(party, patient) }

// NoticeCounter names the counter that holds the number of the newest event of one subscription.
func NoticeCounter(party, patient string) string { return "notice/" + party + "/" + patient }

// SubscriptionID is the opaque id of a party's subscription to a patient's plan.
func (g *Gateway) SubscriptionID(party, patient string) string {
	return PlanID(g.planKey, "subscription/"+party+"/"+patient)
}

// renderNotice writes a plan-changed notification. Its number is one more than the last of the
// subscription, and the counter is raised in the same transaction: no gap, no reuse
// (domain/careplan.md section 10).
func (g *Gateway) renderNotice(ctx context.Context, u *queue.Unit, d *samvirke.Delivery, l *lane, pl *planWork) error {
	key, last, err := g.subscribed(ctx, l, pl, d.Patient)
	if err != nil {
		return err
	}
	d.Patient = key
	id, sub := g.PlanID(key), g.SubscriptionID(l.ID, key)
	ev := fhir.NotificationEvent{Number: last + 1, At: u.Now, Focus: "CarePlan/" + id}
	if l.FullPayload {
		ev.Resources = g.planResources(pl, l, id)
	}
	topic := TopicPlanChanged
	if pl.clock != nil {
		topic = topicOf(pl.clock)
	}
	b := fhir.Notification(fhir.NotificationInput{
		Base: g.o.BaseURL + "/fhir/", Subscription: sub, Topic: topic, Status: "active",
		Type: fhir.NotifyEvent, SinceStart: last + 1, Events: []fhir.NotificationEvent{ev}, Now: u.Now,
	})
	d.Purpose, d.Kind, d.ContentType = samvirke.PurposeNotice, strings.TrimPrefix(topic, topicBase), "application/fhir+json"
	d.ExternalID = fmt.Sprintf("%s-%d", sub, last+1)
	d.Body = b.Bytes()
	u.Counters = append(u.Counters, queue.CounterStep{Name: noticeCounter(l.ID, key), Expect: last})
	if last == 0 {
		note(u, SubscriptionSetting(sub), l.ID+"\x1f"+key)
	}
	return nil
}

// subscribed gives the patient key under which a party knows a plan, and the number of its last event. Of several
// keys that are one person it is the one whose plan the party was told most of; else that of the message.
func (g *Gateway) subscribed(ctx context.Context, l *lane, pl *planWork, key string) (string, int64, error) {
	keys := []string{key}
	if pl != nil {
		for _, k := range pl.class {
			if k != key {
				keys = append(keys, k)
			}
		}
	}
	best, most := key, int64(0)
	for _, k := range keys {
		n, err := g.store.Counter(ctx, noticeCounter(l.ID, k))
		if err != nil {
			return "", 0, fmt.Errorf("read event number: %w", err)
		}
		if n > most {
			best, most = k, n
		}
	}
	return best, most, nil
}

// planResources is the plan as its reader may see it: what is withheld from the reader is withheld
// before anything is derived.
func (g *Gateway) planResources(pl *planWork, l *lane, id string) map[string]*fhir.Node {
	view := careplan.FoldWith(pl.records, g.loader.viewOptions(pl.old, pl.key, g.ViewerOf(l.Party.Party, pl.keys()...)))
	if b := view.Export(g.PlanID); b != nil && b.First("CarePlan") != nil {
		return map[string]*fhir.Node{"CarePlan/" + id: b.First("CarePlan")}
	}
	return nil
}

// ViewerOf is how a party looks at the plan of a person, known by these patient keys, now. It is what the party gets when
// it reads without a purpose of its own: notices, numbers, notes and reads agree. The coordinating unit of the person
// has its overview where it takes no part itself.
func (g *Gateway) ViewerOf(p samvirke.Party, patients ...string) careplan.Viewer {
	v := careplan.Viewer{
		HER: p.HER, Patient: p.HasRole(samvirke.RolePatientPortal), Private: p.HasRole(samvirke.RolePrivateProvider), At: g.now(),
	}
	if v.Patient {
		v.HER = nil
	}
	if g.Coordinates(p, patients...) {
		v.Purpose = careplan.PurposeCoordination
	}
	return v
}

// keys are the patient keys that are the person of the plan now.
func (pl *planWork) keys() []string {
	if len(pl.class) > 0 {
		return pl.class
	}
	return []string{pl.key}
}

// viewOptions fold a plan for one viewer from the records of a state.
func (l *planLoader) viewOptions(st *planState, key string, v careplan.Viewer) careplan.Options {
	o := l.rules
	o.Viewer = &v
	if len(st.kinPlans()) > 0 {
		o.Subject = key
	}
	return o
}

// audience is who is told that a plan changed.
//
// Source: domain/careplan.md section 10, who is told; section 11, P18 and P19.
type audience struct {
	g    *Gateway
	pl   *planWork
	from string // the party whose message it is: it knows
	// withdrawn are the parties that were told of what the message takes back.
	withdrawn []string
	// echo: the sender only repeats what it got from us. note: it is a note of a gateway, of which no note is made.
	echo, note bool
	// denied tells whether a rule denies telling a party; nil: none is asked.
	denied func(party string) bool
	// seen remembers whether a party's view changed.
	seen map[string]bool
}

// changed tells whether a party sees something new, or must be told all the same. One whose view is limited may see something new
// where all together do not: what others saw already was withheld from it.
func (a *audience) changed(party string) bool {
	if a.pl == nil {
		return false
	}
	if slices.Contains(a.withdrawn, party) || a.leaves(a.g.parties[party]) {
		return true
	}
	if a.echo {
		return false
	}
	l := a.g.parties[party]
	if l == nil || !a.limited(l) {
		return a.pl.changed
	}
	was, known := a.seen[party]
	if !known {
		v := a.g.ViewerOf(l.Party.Party, a.pl.keys()...)
		last := len(a.pl.records) - 1
		before := careplan.FoldWith(a.pl.records[:last:last], a.g.loader.viewOptions(a.pl.old, a.pl.key, v))
		after := careplan.FoldWith(a.pl.records, a.g.loader.viewOptions(a.pl.old, a.pl.key, v))
		was = shown(before) != shown(after)
		if a.seen == nil {
			a.seen = map[string]bool{}
		}
		a.seen[party] = was
	}
	return was
}

// limited tells whether a party's view may be another one than that of all.
func (a *audience) limited(l *lane) bool {
	rare := func(s *planState) bool { return s.rare != nil && s.rare.limited }
	return rare(a.pl.old) || rare(a.pl.next) || l.HasRole(samvirke.RolePrivateProvider) || l.HasRole(samvirke.RolePatientPortal) || a.coordinates(l) && !a.member(l)
}

// coordinates tells whether a party is the coordinating unit of the person.
func (a *audience) coordinates(l *lane) bool { return a.g.Coordinates(l.Party.Party, a.pl.keys()...) }

// member tells whether a party takes part now.
func (a *audience) member(l *lane) bool {
	now := a.g.now()
	return slices.ContainsFunc(l.HER, func(her string) bool { return a.pl.plan.MemberAt(her, now) })
}

// due tells whether a party is to be told of changes of the plan.
func (a *audience) due(l *lane) bool {
	if l.ID == a.from {
		return false
	}
	// The coordinating unit has an overview of its municipality.
	return a.member(l) || slices.Contains(a.withdrawn, l.ID) || a.answered(l) || a.leaves(l) || a.coordinates(l)
}

// leaves tells whether the change ends the membership of a party: it is told of that, and of nothing after it.
func (a *audience) leaves(l *lane) bool {
	if l == nil || a.pl.plan.Rights == nil || len(a.pl.plan.Rights.Members) == 0 {
		return false
	}
	now := a.g.now()
	was := func(her string) bool {
		stated, holds := false, false
		if a.pl.old.rare != nil {
			for _, m := range a.pl.old.rare.members {
				if m.HER == her {
					stated = true
					holds = holds || !now.Before(m.Start) && (m.End.IsZero() || now.Before(m.End))
				}
			}
		}
		return holds || !stated && slices.ContainsFunc(a.pl.plan.Team, func(m careplan.Member) bool { return m.HER == her })
	}
	is := func(her string) bool { return a.pl.plan.MemberAt(her, now) }
	return slices.ContainsFunc(l.HER, was) && !slices.ContainsFunc(l.HER, is)
}

// answered tells whether the message answers a proposal of a party.
func (a *audience) answered(l *lane) bool {
	key := a.pl.rec.Key.String()
	for i := range a.pl.plan.Measures {
		m := &a.pl.plan.Measures[i]
		if slices.Contains(l.HER, m.Requester) && slices.ContainsFunc(m.Answers, func(x careplan.Answer) bool { return slices.Contains(x.From, key) }) {
			return true
		}
	}
	if s := a.pl.plan.Shared; s != nil {
		for i := range s.Proposals {
			if p := &s.Proposals[i]; slices.Contains(l.HER, p.By) && slices.Contains(p.Closed, key) {
				return true
			}
		}
	}
	return false
}

// tell lists who takes part and is told in a way of its own that the plan changed, by party id with the format.
func (a *audience) tell() map[string]string {
	var out map[string]string
	for _, l := range a.g.noticed {
		if !a.due(l) || !a.changed(l.ID) {
			continue
		}
		if a.note && !l.notices {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		if out[l.ID] = route.FormatNote; l.notices {
			out[l.ID] = route.FormatNotification
		}
	}
	return out
}

// team lists the HER-ids of those who take part now.
func (a *audience) team() []string {
	var out []string
	now := a.g.now()
	for _, t := range a.pl.plan.Team {
		if a.pl.plan.MemberAt(t.HER, now) {
			out = append(out, t.HER)
		}
	}
	if r := a.pl.plan.Rights; r != nil {
		for _, m := range r.Members {
			if !slices.Contains(out, m.HER) && a.pl.plan.MemberAt(m.HER, now) {
				out = append(out, m.HER)
			}
		}
	}
	return out
}

// addApart tells of the plans of other persons that the message changed: those whose link to the patient was
// made by another message or is taken back.
func (g *Gateway) addApart(ctx context.Context, u *queue.Unit, m *samvirke.Message, pl *planWork) error {
	for i := range pl.apart {
		other := &pl.apart[i]
		a := &audience{g: g, pl: other, from: m.Party}
		tell := a.tell()
		g.hold(u, g.hits(m, a))
		for _, l := range g.noticed {
			format, ok := tell[l.ID]
			if !ok {
				continue
			}
			if err := g.addTold(ctx, u, m, route.Choice{Party: l.ID, Format: format, Rule: route.RuleMember, Addressee: -1}, other); err != nil {
				return err
			}
		}
	}
	return nil
}
