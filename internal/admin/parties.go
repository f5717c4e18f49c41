package admin

import (
	"net/http"

	"github.com/samvirke/samvirke/internal/gateway"
)

// partyCard is a party as the overview and the list of parties show it.
type partyCard struct {
	gateway.PartyState
	RoleName string
	State    word
	OldAge   string // how long the oldest delivery has waited
	Text     string // one sentence on how it does
	CSRF     string // of the session that looks
	Holdable bool   // by whom looks
}

func (s *Server) partyList(w http.ResponseWriter, r *http.Request, x *session) error {
	cards := s.partyCards(s.parties(r.Context()))
	for i := range cards {
		cards[i].CSRF, cards[i].Holdable = x.csrf, s.opt.Holder != nil && x.may.Load().may(RoleAdmin)
	}
	s.render(w, r, x, http.StatusOK, "parties", view{Title: "Parties", Section: "parties", Live: "list", Data: cards})
	return nil
}

func (s *Server) partyCards(states []gateway.PartyState) []partyCard {
	cards := make([]partyCard, 0, len(states))
	for _, p := range states {
		c := partyCard{PartyState: p, RoleName: roleWord(p.Role)}
		if !p.Oldest.IsZero() && p.Waiting > 0 {
			c.OldAge = took(s.now().Sub(p.Oldest))
		}
		switch {
		case p.Breaker == "open":
			c.State = word{"down", "stop", "!", "The last tries failed, so nothing is sent until the next try."}
			c.Text = "It does not answer. The gateway keeps its messages in order and tries again by itself."
		case p.Breaker == "half-open":
			c.State = word{"trying", "wait", "↻", "One message is being tried; if it goes through, the rest follows."}
			c.Text = "The gateway is trying whether it answers again."
		case p.Stopped > 0:
			c.State = word{"up, with stopped deliveries", "warn", "!", "It answers, but some deliveries need a person."}
			c.Text = "It answers. " + plural(p.Stopped, "delivery needs", "deliveries need") + " a person."
		case p.LastFault != "":
			c.State = word{"up, last try failed", "warn", "!", "The last try failed, but not often enough to stop sending."}
			c.Text = "The last try failed; the gateway tries again by itself."
		default:
			c.State = word{"up", "ok", "✓", "All is well."}
			c.Text = "All is well."
		}
		c.held()
		cards = append(cards, c)
	}
	return cards
}
