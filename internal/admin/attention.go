package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir/careplan"
	"github.com/samvirke/samvirke/queue"
)

// maxAttention bounds each group of the list; the page says when there is more.
const maxAttention = 100

// attentionItem is one thing that a person should look at.
type attentionItem struct {
	MessageID  string    `json:"message_id"`
	DeliveryID string    `json:"delivery_id,omitempty"`
	Kind       string    `json:"kind"`
	Label      string    `json:"-"`
	Person     string    `json:"person,omitempty"` // sealed id
	Party      partyRef  `json:"party"`
	At         time.Time `json:"at"`
	Code       string    `json:"code,omitempty"`
	Text       string    `json:"text,omitempty"`
	// Said are the errors of the receiver's receipts, with its own words.
	Said         []samvirke.ReceiptError `json:"receipt_errors,omitempty"`
	patient      string
	Explain      explanation            `json:"-"` // stands with the group, and with refused messages on the page
	Message      samvirke.MessageStatus `json:"message_status,omitempty"`
	Delivery     samvirke.DeliveryState `json:"delivery_state,omitempty"`
	Overdue      bool                   `json:"overdue"`
	Attempts     int                    `json:"attempts"`
	CanResend    bool                   `json:"can_resend"`
	CanReprocess bool                   `json:"can_reprocess"`
	CanGiveUp    bool                   `json:"can_give_up"`
}

// ID is unique on the page.
func (a attentionItem) ID() string { return or(a.DeliveryID, a.MessageID) }

// Action is the first part of the address of its actions.
func (a attentionItem) Action() string {
	if a.DeliveryID != "" {
		return "/deliveries/" + a.DeliveryID
	}
	return "/messages/" + a.MessageID
}

// attentionGroup are items of one sort at one party with one fault.
type attentionGroup struct {
	Anchor  string          `json:"-"`
	Title   string          `json:"title"`
	Party   partyRef        `json:"party"`
	Explain explanation     `json:"explanation"`
	Code    string          `json:"code,omitempty"`
	Items   []attentionItem `json:"items"`
	Bulk    bool            `json:"-"`
}

// attentionPage is the data of the list.
type attentionPage struct {
	Count    int              `json:"count"`
	More     bool             `json:"more"` // only the newest of each sort are listed
	Stopped  []attentionGroup `json:"stopped"`
	Messages []attentionGroup `json:"messages"`
	Overdue  []attentionGroup `json:"overdue"`
	Refused  []attentionItem  `json:"refused"` // of the last seven days, for information
	// Unplaced are plans of persons that no coordinating unit has, among those changed last.
	Unplaced []unplacedPerson `json:"unplaced"`
}

// unplacedPerson is a person of whom nobody told where they live: no coordinating unit sees the plan until somebody does.
type unplacedPerson struct {
	Person string    `json:"person"`
	Label  string    `json:"-"`
	At     time.Time `json:"at"` // when the plan last changed
}

// unplaced lists them among the plans changed last.
func (s *Server) unplaced(ctx context.Context) ([]unplacedPerson, error) {
	out := []unplacedPerson{}
	if s.opt.Unplaced == nil {
		return out, nil
	}
	list, err := s.store.Patients(ctx, queue.MaxPage)
	if err != nil {
		return nil, fmt.Errorf("list plans: %w", err)
	}
	for _, v := range list {
		if len(out) == maxAttention || !s.opt.Unplaced(v.Patient) {
			continue
		}
		all, _, err := s.foldPlan(ctx, v.Patient, careplan.Options{})
		if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return nil, err
		}
		if err == nil && s.opt.Unplaced(identifiersOf(all, v.Patient)...) { // known by another number, perhaps
			out = append(out, unplacedPerson{Person: s.sealer.seal(v.Patient), Label: s.sealer.label(v.Patient), At: v.At})
		}
	}
	return out, nil
}

func (s *Server) attention(w http.ResponseWriter, r *http.Request, x *session) error {
	p, err := s.attentionData(r.Context())
	if err == nil {
		err = s.addSaid(r, x, p.Stopped)
	}
	if err != nil {
		return err
	}
	s.render(w, r, x, http.StatusOK, "attention", view{Title: "Needs attention", Section: "attention", Live: "list", Data: p})
	return nil
}

func (s *Server) attentionData(ctx context.Context) (*attentionPage, error) {
	name := nameOf(s.parties(ctx))
	p := &attentionPage{Refused: []attentionItem{}}
	stopped, err := s.store.Deliveries(ctx, queue.DeliveryFilter{State: []samvirke.DeliveryState{samvirke.DeliveryStopped}, Limit: maxAttention})
	if err != nil {
		return nil, fmt.Errorf("read stopped deliveries: %w", err)
	}
	p.Stopped = s.deliveryGroups("stopped", stopped, name)
	late, err := s.store.Deliveries(ctx, queue.DeliveryFilter{OverdueAt: s.now().UTC(), Limit: maxAttention})
	if err != nil {
		return nil, fmt.Errorf("read overdue receipts: %w", err)
	}
	p.Overdue = s.deliveryGroups("overdue", late, name)
	msgs, err := s.store.Messages(ctx, queue.MessageFilter{Limit: maxAttention,
		Status: []samvirke.MessageStatus{samvirke.MessageAttention, samvirke.MessageQuarantined}})
	if err != nil {
		return nil, fmt.Errorf("read messages in attention: %w", err)
	}
	p.Messages = s.messageGroups(msgs, name)
	if p.Unplaced, err = s.unplaced(ctx); err != nil {
		return nil, err
	}
	p.Count = len(stopped) + len(late) + len(msgs) + len(p.Unplaced)
	p.More = len(stopped) == maxAttention || len(late) == maxAttention || len(msgs) == maxAttention
	refused, err := s.store.Messages(ctx, queue.MessageFilter{Limit: 20, Status: []samvirke.MessageStatus{samvirke.MessageRefused},
		Since: s.now().AddDate(0, 0, -7).UTC()})
	if err != nil {
		return nil, fmt.Errorf("read refused messages: %w", err)
	}
	for _, m := range refused {
		p.Refused = append(p.Refused, s.messageItem(m, name))
	}
	return p, nil
}

func (s *Server) deliveryGroups(sort string, list []samvirke.Delivery, name func(string) partyRef) []attentionGroup {
	groups := []attentionGroup{}
	for _, d := range list {
		it := attentionItem{MessageID: d.MessageID, DeliveryID: d.ID, Kind: d.Kind, Party: name(d.Party), At: d.CreatedAt,
			Label: s.sealer.label(d.Patient), Person: s.sealer.seal(d.Patient), Code: d.Fault, Text: d.FaultText, patient: d.Patient, Delivery: d.State, Overdue: overdue(d, s.now()),
			Attempts: d.Attempts, CanResend: mayResend(d, s.now()), CanGiveUp: d.State == samvirke.DeliveryStopped}
		it.Explain = explainDelivery(d, it.Party.Name, s.now())
		title := "Delivery to " + it.Party.Name + " stopped"
		if sort == "overdue" {
			title, it.At = "Receipt from "+it.Party.Name+" is overdue", d.ExpectBy
		}
		groups = addTo(groups, attentionGroup{Anchor: sort + "-" + d.Party + "-" + d.Fault, Title: title, Party: it.Party,
			Explain: it.Explain, Code: d.Fault, Bulk: it.CanResend}, it)
	}
	return groups
}

func (s *Server) messageGroups(list []samvirke.Message, name func(string) partyRef) []attentionGroup {
	groups := []attentionGroup{}
	for _, m := range list {
		it := s.messageItem(m, name)
		title := "Message from " + it.Party.Name + " could not be processed"
		if m.Status == samvirke.MessageQuarantined {
			title = "Message from " + it.Party.Name + " is quarantined"
		}
		groups = addTo(groups, attentionGroup{Anchor: string(m.Status) + "-" + m.Party + "-" + m.Fault, Title: title,
			Party: it.Party, Explain: it.Explain, Code: m.Fault}, it)
	}
	return groups
}

func (s *Server) messageItem(m samvirke.Message, name func(string) partyRef) attentionItem {
	return attentionItem{MessageID: m.ID, Kind: m.Kind, Party: name(m.Party), At: m.ReceivedAt, Label: s.sealer.label(m.Patient), Person: s.sealer.seal(m.Patient),
		Code: m.Fault, Text: m.FaultText, Message: m.Status, Explain: explainMessage(m),
		CanReprocess: m.Status == samvirke.MessageAttention, CanGiveUp: mayGiveUp(m)}
}

// addTo puts an item into its group, which it makes when needed. Groups keep the order of the list.
func addTo(groups []attentionGroup, g attentionGroup, it attentionItem) []attentionGroup {
	i := slices.IndexFunc(groups, func(o attentionGroup) bool { return o.Anchor == g.Anchor })
	if i < 0 {
		groups = append(groups, g)
		i = len(groups) - 1
	}
	groups[i].Items = append(groups[i].Items, it)
	groups[i].Bulk = groups[i].Bulk || g.Bulk
	return groups
}
