package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// minReason is the shortest reason taken. Unit: characters.
const minReason = 3

// reasonOf reads the reason of an action: asked for always, because the audit is read by people
// who were not there.
func reasonOf(r *http.Request) (string, error) {
	reason := strings.Join(strings.Fields(r.PostForm.Get("reason")), " ")
	n := utf8.RuneCountInString(reason)
	if n < minReason || n > MaxReason {
		return "", &samvirke.Fault{Class: samvirke.Invalid, Code: "reason-needed",
			Safe: fmt.Sprintf("Give a reason of %d to %d characters; it is kept in the audit.", minReason, MaxReason)}
	}
	return reason, nil
}

func (s *Server) resend(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.act(w, r, x, "Resent: it is queued again with the same bytes and the same id.", s.resendOne)
}

// resendOne asks the gateway to send once more; a refusal that no reload changes says so.
func (s *Server) resendOne(ctx context.Context, who, id, reason string) error {
	err := s.actions.Resend(ctx, who, id, reason)
	if !errors.Is(err, queue.ErrState) {
		return err
	}
	d, missing := s.store.Delivery(ctx, id)
	if missing == nil && d.State == samvirke.DeliveryStopped && !gateway.MayResend(d) {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return err
}

func (s *Server) giveUpDelivery(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.act(w, r, x, "Given up: this delivery is not sent any more.", s.actions.GiveUp)
}

func (s *Server) reprocess(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.act(w, r, x, "Reprocessing: the message is read again from the original.", s.actions.Reprocess)
}

func (s *Server) giveUpMessage(w http.ResponseWriter, r *http.Request, x *session) error {
	return s.act(w, r, x, "Given up: the message is closed.", s.actions.GiveUp)
}

// act runs one action and goes back to where the form stood. The gateway writes the audit in the
// transaction of the action itself.
func (s *Server) act(w http.ResponseWriter, r *http.Request, x *session, done string, do func(ctx context.Context, who, id, reason string) error) error {
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	if err := do(r.Context(), x.user, r.PathValue("id"), reason); err != nil {
		return fmt.Errorf("act: %w", err)
	}
	x.setFlash(done)
	back := r.PostForm.Get("back")
	if back == "" {
		back = "/attention"
	}
	http.Redirect(w, r, localPath(back), http.StatusSeeOther)
	return nil
}

// bulkPage shows what a bulk resend would touch, and asks for the reason.
type bulkPage struct {
	IDs     []string
	Items   []attentionItem
	Gone    int // chosen, but no longer in a state to be resent
	ByParty map[string]int
}

// bulkResend has two steps: the first shows how many deliveries it would touch, the second,
// with a reason, does it.
func (s *Server) bulkResend(w http.ResponseWriter, r *http.Request, x *session) error {
	ids := r.PostForm["delivery"]
	if len(ids) == 0 {
		x.setFlash("Nothing was chosen. Tick the deliveries to resend first.")
		http.Redirect(w, r, "/attention", http.StatusSeeOther)
		return nil
	}
	if len(ids) > MaxBulk {
		return &samvirke.Fault{Class: samvirke.Invalid, Code: "too-many", Safe: fmt.Sprintf("At most %d deliveries can be resent at once.", MaxBulk)}
	}
	if r.PostForm.Get("confirm") != "yes" {
		p, err := s.bulkData(r.Context(), ids)
		if err != nil {
			return err
		}
		s.render(w, r, x, http.StatusOK, "bulk", view{Title: "Resend several", Section: "attention", Data: p})
		return nil
	}
	reason, err := reasonOf(r)
	if err != nil {
		return err
	}
	done, changed := 0, 0
	for _, id := range ids {
		err := s.actions.Resend(r.Context(), x.user, id, reason)
		switch {
		case err == nil:
			done++
		case errors.Is(err, queue.ErrState), errors.Is(err, queue.ErrNotFound):
			changed++
		default:
			return fmt.Errorf("resend, %d done before: %w", done, err)
		}
	}
	text := "Resent " + plural(done, "delivery", "deliveries") + "."
	if changed > 0 {
		text += " " + plural(changed, "delivery", "deliveries") + " had changed meanwhile and stayed as they are."
	}
	x.setFlash(text)
	http.Redirect(w, r, "/attention", http.StatusSeeOther)
	return nil
}

func (s *Server) bulkData(ctx context.Context, ids []string) (*bulkPage, error) {
	name := nameOf(s.parties(ctx))
	p := &bulkPage{ByParty: make(map[string]int)}
	for _, id := range ids {
		d, err := s.store.Delivery(ctx, id)
		if errors.Is(err, queue.ErrNotFound) {
			p.Gone++
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read delivery: %w", err)
		}
		if !mayResend(d, s.now()) {
			p.Gone++
			continue
		}
		p.IDs = append(p.IDs, d.ID)
		p.ByParty[name(d.Party).Name]++
		p.Items = append(p.Items, attentionItem{MessageID: d.MessageID, DeliveryID: d.ID, Kind: d.Kind, Party: name(d.Party),
			At: d.CreatedAt, Label: s.sealer.label(d.Patient), Code: d.Fault})
	}
	return p, nil
}
