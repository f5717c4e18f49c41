package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// PlanID is the opaque id of a patient's plan: a keyed hash, so that neither URL nor notification
// carries a person's number. It is stable for the life of the store.
func (g *Gateway) PlanID(patient string) string { return PlanID(g.planKey, patient) }

// PlanID is the keyed hash behind Gateway.PlanID: 32 lower-case hex digits.
func PlanID(key []byte, patient string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(patient))
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// PlanSetting names the setting that leads from an opaque plan id back to the patient key, which a
// keyed hash cannot. It is written with the first version of a plan.
func PlanSetting(id string) string { return "plan/" + id }

// SubscriptionSetting names the setting that leads from a subscription id to party and patient
// key, joined by U+001F. It is written with the first event of a subscription.
func SubscriptionSetting(id string) string { return "subscription/" + id }

// note adds a setting to the unit.
func note(u *queue.Unit, name, value string) {
	if u.Settings == nil {
		u.Settings = map[string]string{}
	}
	u.Settings[name] = value
}

// Parties tells how every party does, in the order of the configuration.
func (g *Gateway) Parties(ctx context.Context) ([]PartyState, error) {
	st, err := g.store.Stats(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]PartyState, 0, len(g.order))
	for _, id := range g.order {
		out = append(out, g.parties[id].state(st))
	}
	return out, nil
}

func (l *lane) state(st queue.Stats) PartyState {
	by := st.Deliveries[l.ID]
	s := PartyState{
		Party: l.Party.Party, Breaker: l.breaker.State().String(),
		Waiting: by[samvirke.DeliveryQueued] + by[samvirke.DeliverySending] + by[samvirke.DeliveryWaiting],
		Stopped: by[samvirke.DeliveryStopped], Awaited: st.ReceiptsAwaited[l.ID], Oldest: st.OldestWaiting[l.ID],
	}
	s.Hold, _ = l.g.holds.now(l.ID)
	l.mu.Lock()
	defer l.mu.Unlock()
	s.LastOK, s.LastFault = l.lastOK, l.lastFault
	if s.Breaker == "open" {
		s.RetryAt = l.openUntil
	}
	return s
}
