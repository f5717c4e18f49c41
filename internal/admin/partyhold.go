package admin

import (
	"context"
	"net/http"

	"github.com/samvirke/samvirke/internal/gateway"
)

// holdActions are what an admin may do to a party, by the last part of the path; nil when the gateway offers none.
func (s *Server) holdActions() map[string]func(ctx context.Context, who, party, reason string) error {
	if s.opt.Holder == nil {
		return nil
	}
	mode := func(m gateway.HoldMode) func(ctx context.Context, who, party, reason string) error {
		return func(ctx context.Context, who, party, reason string) error {
			return s.opt.Holder.Hold(ctx, who, party, m, reason)
		}
	}
	return map[string]func(ctx context.Context, who, party, reason string) error{
		"pause": mode(gateway.HoldPaused), "drain": mode(gateway.HoldDraining), "resume": mode(gateway.HoldNone),
	}
}

// holdSaid is what the page says after it.
func holdSaid(action string) string {
	return map[string]string{
		"pause":  "Paused: nothing is sent to this party until it is resumed; what is for it waits in order.",
		"drain":  "Draining: what waits is sent; of what the party sends only receipts are taken.",
		"resume": "Resumed: what waited is sent now, oldest first.",
	}[action]
}

func (s *Server) partyHold(w http.ResponseWriter, r *http.Request, x *session) error {
	action := r.PathValue("action")
	do, there := s.holdActions()[action]
	if !there {
		return errNoPage
	}
	return s.act(w, r, x, holdSaid(action), do)
}

// held puts the hold of a party into its card: it is what explains everything else about it.
func (c *partyCard) held() {
	switch c.Hold.Mode {
	case gateway.HoldPaused:
		c.State = word{"paused", "warn", "‖", "A person paused this party; nothing is sent to it."}
		c.Text = "Paused by " + c.Hold.By + ": " + c.Hold.Reason
	case gateway.HoldDraining:
		c.State = word{"draining", "warn", "▽", "A person takes this party out of service; what waits is sent, new messages from it are not taken."}
		c.Text = "Draining by " + c.Hold.By + ": " + c.Hold.Reason
	}
}
