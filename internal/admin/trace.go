package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

// maxTraceRows bounds what one trace page reads of events, deliveries and receipts.
const maxTraceRows = queue.MaxPage

// tracePage is the whole story of one message.
type tracePage struct {
	Message       samvirke.Message
	Party         partyRef
	Person, Label string
	Envelope      *samvirke.Envelope
	Receivers     []string
	Notes         []mappingNote
	Lanes         []lane
	Steps         []step
	Deliveries    []deliveryView // to receivers
	Answers       []deliveryView // receipts to the sender
	Receipts      []receiptView  // receipts that belong to no delivery here
	PlanVersion   int64          // the version this message wrote; 0 = none
	Related       []relatedMessage
	Explain       explanation
	CanReprocess  bool
	CanGiveUp     bool
	Readable      bool          // there is a page of it that people read
	Total         time.Duration // from acceptance to the last step
	Cut           bool          // there is more than the page shows
}

// mappingNote is one note of the mapping.
type mappingNote struct {
	Path string `json:"path"`
	Code string `json:"code"`
	Text string `json:"text"`
}

// relatedMessage is an earlier or later message of the same conversation.
type relatedMessage struct {
	ID, Delivery, Kind, How string
	At                      time.Time
}

// deliveryView is one delivery with all that happened to it.
type deliveryView struct {
	samvirke.Delivery
	To        partyRef
	Attempt   []samvirke.Attempt
	Receipt   []receiptView
	Overdue   bool
	Expected  bool // an application receipt is expected from this party
	Explain   explanation
	CanResend bool
	CanGiveUp bool
}

// receiptView is one application receipt.
type receiptView struct {
	samvirke.Receipt
	From partyRef
	Word word
}

// Tone is that of the newest application receipt; "" while there is none.
func (v deliveryView) Tone() string {
	if n := len(v.Receipt); n > 0 {
		return v.Receipt[n-1].Word.Tone
	}
	return ""
}

func (s *Server) trace(w http.ResponseWriter, r *http.Request, x *session) error {
	p, err := s.traceData(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := s.noteRead(r, x, "read-message", p.Message.ID, p.Message.Patient); err != nil {
		return err
	}
	title := "Message"
	if p.Message.Kind != "" {
		title = p.Message.Kind
	}
	s.render(w, r, x, http.StatusOK, "trace", view{Title: title, Section: "messages", Live: "message:" + p.Message.ID, Data: p})
	return nil
}

func (s *Server) traceData(ctx context.Context, id string) (*tracePage, error) {
	m, err := s.store.Message(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	states := s.parties(ctx)
	name := nameOf(states)
	p := &tracePage{Message: m.Message, Party: name(m.Party), Person: s.sealer.seal(m.Patient), Label: s.sealer.label(m.Patient),
		CanReprocess: m.Status == samvirke.MessageAttention, CanGiveUp: mayGiveUp(m.Message), Readable: s.readable(m.Format)}
	p.Message.Raw = nil
	p.Explain = explainMessage(m.Message)
	readEnvelope(p, m)
	if err := s.traceDeliveries(ctx, p, name); err != nil {
		return nil, err
	}
	events, err := s.store.Events(ctx, queue.EventFilter{MessageID: id, Limit: maxTraceRows})
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	p.Cut = p.Cut || len(events) == maxTraceRows
	p.Lanes, p.Steps = timeline(p, events, name)
	if n := len(p.Steps); n > 0 {
		p.Total = p.Steps[n-1].At.Sub(m.ReceivedAt)
	}
	if err := s.traceRelations(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

func readEnvelope(p *tracePage, m queue.MessageDetail) {
	var e samvirke.Envelope
	if len(m.Envelope) > 0 && json.Unmarshal(m.Envelope, &e) == nil {
		p.Envelope = &e
		for _, a := range e.Receivers {
			p.Receivers = append(p.Receivers, addressText(a))
		}
	}
	if len(m.Notes) > 0 && json.Unmarshal(m.Notes, &p.Notes) != nil {
		p.Notes = []mappingNote{{Code: "unreadable", Text: "The notes of the mapping could not be read."}}
	}
}

// addressText names the levels of an address, outermost first, with the HER-id of the innermost.
func addressText(a samvirke.Address) string {
	text := ""
	for _, l := range a.Levels {
		if l.Name == "" {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += l.Name
	}
	if h := a.HER(); h != "" {
		text += " (HER " + h + ")"
	}
	if a.Role == "copy" {
		text += ", copy"
	}
	return text
}

func (s *Server) traceDeliveries(ctx context.Context, p *tracePage, name func(string) partyRef) error {
	list, err := s.store.Deliveries(ctx, queue.DeliveryFilter{MessageID: p.Message.ID, Limit: maxTraceRows})
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	p.Cut = len(list) == maxTraceRows
	slices.SortFunc(list, func(a, b samvirke.Delivery) int { return int(a.Seq - b.Seq) })
	receipts, err := s.store.Receipts(ctx, queue.ReceiptFilter{MessageID: p.Message.ID, Limit: maxTraceRows})
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	used := make(map[string]bool)
	for _, d := range list {
		v, err := s.deliveryView(ctx, d, name)
		if err != nil {
			return err
		}
		for _, rc := range receipts {
			if rc.DeliveryID == d.ID {
				used[rc.ID] = true
				v.Receipt = append(v.Receipt, receiptView{Receipt: rc, From: name(rc.Party), Word: verdictWord(rc)})
			}
		}
		if d.Purpose == samvirke.PurposeReceipt {
			p.Answers = append(p.Answers, v)
		} else {
			p.Deliveries = append(p.Deliveries, v)
		}
	}
	for _, rc := range receipts {
		if !used[rc.ID] {
			p.Receipts = append(p.Receipts, receiptView{Receipt: rc, From: name(rc.Party), Word: verdictWord(rc)})
		}
	}
	return nil
}

func (s *Server) deliveryView(ctx context.Context, d samvirke.Delivery, name func(string) partyRef) (deliveryView, error) {
	v := deliveryView{Delivery: d, To: name(d.Party), Expected: !d.ExpectBy.IsZero(), Overdue: overdue(d, s.now())}
	v.Body = nil
	v.Explain = explainDelivery(d, v.To.Name, s.now())
	v.CanResend = mayResend(d, s.now())
	v.CanGiveUp = d.State == samvirke.DeliveryStopped
	var err error
	if v.Attempt, err = s.store.Attempts(ctx, d.ID); err != nil {
		return v, fmt.Errorf("read attempts: %w", err)
	}
	return v, nil
}

// mayResend and mayGiveUp say what the pages offer; the gateway decides again when it is asked.
func mayResend(d samvirke.Delivery, now time.Time) bool {
	return gateway.MayResend(d) && (d.State != samvirke.DeliverySent || overdue(d, now))
}

func mayGiveUp(m samvirke.Message) bool {
	return m.Status == samvirke.MessageAttention || m.Status == samvirke.MessageQuarantined
}

// overdue tells whether an application receipt should have come by now.
func overdue(d samvirke.Delivery, now time.Time) bool {
	return d.State == samvirke.DeliverySent && !d.ExpectBy.IsZero() && d.ExpectBy.Before(now)
}

func verdictWord(r samvirke.Receipt) word {
	if r.Note == samvirke.NoteDeviation {
		return word{"reported as wrong", "stop", "✕", "The receiver had accepted the content and took that back with an error report."}
	}
	switch r.Status {
	case samvirke.ReceiptOK:
		return word{"accepted", "ok", "✓", "The content was accepted."}
	case samvirke.ReceiptRejected:
		return word{"refused", "stop", "✕", "The content was refused."}
	case samvirke.ReceiptPartial:
		return word{"accepted, with an error in a part", "warn", "!", "The content was accepted, but a part had an error."}
	}
	return word{string(r.Status), "calm", "?", ""}
}

// traceRelations finds the plan version that the message wrote and its neighbours in the conversation.
func (s *Server) traceRelations(ctx context.Context, p *tracePage) error {
	if p.Message.Patient != "" {
		versions, err := s.store.PlanVersions(ctx, p.Message.Patient)
		if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("read plan versions: %w", err)
		}
		for _, v := range versions {
			if v.MessageID == p.Message.ID {
				p.PlanVersion = max(p.PlanVersion, v.Version)
			}
		}
	}
	if p.Envelope == nil {
		return nil
	}
	if rc := p.Envelope.Receipt; rc != nil {
		d, err := s.store.FindDelivery(ctx, p.Message.Party, rc.OriginalID)
		if err != nil && !errors.Is(err, queue.ErrNotFound) {
			return fmt.Errorf("find answered delivery: %w", err)
		}
		if err == nil {
			p.Related = append(p.Related, relatedMessage{ID: d.MessageID, Delivery: d.ID, Kind: d.Kind, How: "Is the receipt for", At: d.CreatedAt})
		}
	}
	if err := s.traceReported(ctx, p); err != nil {
		return err
	}
	for _, ref := range []struct{ id, how string }{{p.Envelope.Parent, "Refers to"}, {p.Envelope.Conversation, "Conversation began with"}} {
		if ref.id == "" || ref.id == p.Message.ExternalID {
			continue
		}
		list, err := s.store.Messages(ctx, queue.MessageFilter{Party: p.Message.Party, ExternalID: ref.id, Limit: 1})
		if err != nil {
			return fmt.Errorf("find related message: %w", err)
		}
		for _, m := range list {
			if !slices.ContainsFunc(p.Related, func(r relatedMessage) bool { return r.ID == m.ID }) {
				p.Related = append(p.Related, relatedMessage{ID: m.ID, Kind: m.Kind, How: ref.how, At: m.ReceivedAt})
			}
		}
	}
	return nil
}

// traceReported names the delivery that an error report is about: what it refers to, else what its conversation began with.
func (s *Server) traceReported(ctx context.Context, p *tracePage) error {
	if p.Message.Kind != "DIALOG_AVVIK" {
		return nil
	}
	for _, id := range []string{p.Envelope.Parent, p.Envelope.Conversation} {
		if id == "" {
			continue
		}
		d, err := s.store.FindDelivery(ctx, p.Message.Party, id)
		if errors.Is(err, queue.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("find reported delivery: %w", err)
		}
		how := "Reports as wrong"
		if d.Fault == "deviation-reported" {
			how = "Stopped the delivery of"
		}
		p.Related = append(p.Related, relatedMessage{ID: d.MessageID, Delivery: d.ID, Kind: d.Kind, How: how, At: d.CreatedAt})
		return nil
	}
	return nil
}
