package gateway

import (
	"errors"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// faultUnreadable is the fault of a delivery whose stored body is lost or damaged: trying again would give the same.
const faultUnreadable = "body-unreadable"

// unreadable stops a delivery that there is nothing to send of. No attempt was made; a person restores the store
// and sends it again, or gives it up.
func (l *lane) unreadable(d queue.Leased, at time.Time) {
	l.g.log.Error("delivery stopped, its body cannot be read", "delivery_id", d.ID, "party", l.ID, "err", d.Err)
	_ = l.commit(&queue.Unit{Now: at, Steps: []queue.DeliveryStep{{
		ID: d.ID, Token: d.Token, To: samvirke.DeliveryStopped, Fault: faultUnreadable, HoldLane: l.OnStop != "go-on" && d.Checksum != "", // of an erased person nothing is restored
		FaultText: "the stored body is lost or damaged: restore it from a backup and resend, or give up and ask the sender for the message",
	}}, Events: []samvirke.Event{l.event(d, at, samvirke.EventStopped, faultUnreadable)}}, d, nil)
}

// withoutBody overlooks that a body is lost, where only the rest is asked for.
func withoutBody(d samvirke.Delivery, err error) (samvirke.Delivery, error) {
	if errors.Is(err, queue.ErrDamaged) && d.ID != "" {
		return d, nil
	}
	return d, err
}
