package gateway

import (
	"context"
	"fmt"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// TopicPlanChanged is the canonical URL of the only topic notified so far.
const TopicPlanChanged = fhir.ExtBase + "SubscriptionTopic/plan-changed"

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
	name := noticeCounter(l.ID, d.Patient)
	last, err := g.store.Counter(ctx, name)
	if err != nil {
		return fmt.Errorf("read event number: %w", err)
	}
	id, sub := g.PlanID(d.Patient), g.SubscriptionID(l.ID, d.Patient)
	ev := fhir.NotificationEvent{Number: last + 1, At: u.Now, Focus: "CarePlan/" + id}
	if l.FullPayload {
		ev.Resources = g.planResources(pl, l.HER, id)
	}
	b := fhir.Notification(fhir.NotificationInput{
		Base: g.o.BaseURL + "/fhir/", Subscription: sub, Topic: TopicPlanChanged, Status: "active",
		Type: fhir.NotifyEvent, SinceStart: last + 1, Events: []fhir.NotificationEvent{ev}, Now: u.Now,
	})
	d.Purpose, d.Kind, d.ContentType = samvirke.PurposeNotice, "plan-changed", "application/fhir+json"
	d.ExternalID = fmt.Sprintf("%s-%d", sub, last+1)
	d.Body = b.Bytes()
	u.Counters = append(u.Counters, queue.CounterStep{Name: name, Expect: last})
	if last == 0 {
		note(u, SubscriptionSetting(sub), l.ID+"\x1f"+d.Patient)
	}
	return nil
}

// planResources is the plan as its reader may see it: what is withheld from the reader is withheld
// before anything is derived.
func (g *Gateway) planResources(pl *planWork, hers []string, id string) map[string]*fhir.Node {
	view := careplan.FoldFor(pl.records, careplan.Viewer{HER: hers})
	if b := view.Export(g.PlanID); b != nil && b.First("CarePlan") != nil {
		return map[string]*fhir.Node{"CarePlan/" + id: b.First("CarePlan")}
	}
	return nil
}
