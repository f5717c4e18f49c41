package simulate

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/mapping"
)

// Received is one message that a party was sent, with the first bytes it came in.
type Received struct {
	// N counts the party's different messages from 1, in order of arrival.
	N int
	// Times is how often it came; Last is when it came last.
	Times    int
	At, Last time.Time
	// Envelope is what the message says about itself; only Format and ID are set for a notification
	// ("fhir-notification", the Bundle's id), nothing when the party could not read it.
	Envelope    samvirke.Envelope
	ContentType string
	Body        []byte
	// Events are the event numbers of a notification.
	Events []int64
	// Answered is the verdict of the receipt the party gave; "" when it gave none.
	Answered samvirke.ReceiptStatus

	sum    [sha256.Size]byte
	answer *mapping.Rendered
}

// inbox keeps messages in order of arrival, each once.
type inbox struct {
	list   []*Received
	byID   map[string]*Received
	parent map[string]bool  // ids that a message which is here already changes or cancels
	events map[string]int64 // newest event number by subscription
	bytes  int64            // of all bodies
}

func newInbox() inbox {
	return inbox{byID: map[string]*Received{}, parent: map[string]bool{}, events: map[string]int64{}}
}

// Received lists what came, in order of first arrival. Bodies are shared: do not change them.
func (p *Party) Received() []Received {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]Received, len(p.inbox.list))
	for i, r := range p.inbox.list {
		out[i] = *r
	}
	return out
}

// ReceiptsFor lists the application receipts that came for one of the party's own messages.
func (p *Party) ReceiptsFor(messageID string) []samvirke.ReceiptContent {
	var out []samvirke.ReceiptContent
	for _, r := range p.Received() {
		if c := r.Envelope.Receipt; c != nil && strings.EqualFold(c.OriginalID, messageID) {
			out = append(out, *c)
		}
	}
	return out
}

// Wait returns when a message in the inbox satisfies ok, or with ctx's error.
func (p *Party) Wait(ctx context.Context, ok func(Received) bool) (Received, error) {
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		for _, r := range p.Received() {
			if ok(r) {
				return r, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Received{}, context.Cause(ctx)
		case <-p.ctx.Done():
			return Received{}, errClosed
		}
	}
}

// keep stores a message and judges it; it returns the kept one and whether it is new. full is true
// when there is no room. The lock is held.
func (p *Party) keep(r *Received) (kept *Received, fresh, full bool) {
	r.sum = sha256.Sum256(r.Body)
	r.At = p.o.Now()
	r.Last, r.Times = r.At, 1
	key := keyOf(r)
	if old, ok := p.inbox.byID[key]; ok {
		old.Times++
		old.Last = r.At
		if old.sum != r.sum {
			p.problem("message %d came again with other bytes", old.N)
		}
		p.notify()
		return old, false, false
	}
	if len(p.inbox.list) >= p.o.MaxMessages || p.inbox.bytes+int64(len(r.Body)) > MaxInbox {
		p.problem("no room for more than %d messages", len(p.inbox.list))
		return nil, false, true
	}
	p.inbox.bytes += int64(len(r.Body))
	r.N = len(p.inbox.list) + 1
	p.judge(r)
	p.inbox.byID[key] = r
	p.inbox.list = append(p.inbox.list, r)
	p.notify()
	return r, true, false
}

func (p *Party) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// keyOf: a message without id is known by its bytes.
func keyOf(r *Received) string {
	if r.Envelope.ID == "" {
		return "sha256:" + string(r.sum[:])
	}
	return r.Envelope.Format + "\x1f" + strings.ToLower(r.Envelope.ID)
}

// judge holds a new message against those before it.
func (p *Party) judge(r *Received) {
	if r.Envelope.Format == "" {
		p.problem("message %d cannot be read", r.N)
		return
	}
	if id := strings.ToLower(r.Envelope.ID); p.inbox.parent[id] {
		p.problem("message %d (%s) came after the one that changes or cancels it", r.N, r.Envelope.Kind)
	}
	if parent := strings.ToLower(r.Envelope.Parent); parent != "" {
		p.inbox.parent[parent] = true
	}
	if r.Envelope.Format == formatNotification {
		sub := r.Envelope.Conversation
		for _, n := range r.Events {
			if want := p.inbox.events[sub] + 1; n != want {
				p.problem("notification %d has event %d where %d was next", r.N, n, want)
			}
			p.inbox.events[sub] = max(p.inbox.events[sub], n)
		}
	}
}

// formatNotification is the Format of subscription notifications in Received.
const formatNotification = "fhir-notification"

// read finds out what the bytes are.
func (p *Party) read(body []byte) *Received {
	r := &Received{Body: body}
	if readNotification(r) {
		return r
	}
	for _, f := range p.o.Formats {
		if _, ok := f.Sniff(body); !ok {
			continue
		}
		parsed, err := f.Parse(body)
		if parsed != nil && (err == nil || samvirke.ClassOf(err) == samvirke.Invalid) {
			r.Envelope = parsed.Envelope
		}
		return r
	}
	return r
}

// readNotification takes an R4 subscription notification: Envelope.Conversation is the subscription.
func readNotification(r *Received) bool {
	if len(r.Body) == 0 || r.Body[0] != '{' {
		return false
	}
	b, err := fhir.ParseBundle(r.Body)
	if err != nil || b.Root.Get("type").Text() != "history" {
		return false
	}
	status := b.First("Parameters")
	if status == nil {
		return false
	}
	r.Envelope = samvirke.Envelope{Format: formatNotification, Kind: formatNotification, ID: b.Root.Get("id").Text()}
	for _, param := range status.Get("parameter").Items() {
		switch param.Get("name").Text() {
		case "subscription":
			r.Envelope.Conversation = param.At("valueReference.reference").Text()
		case "notification-event":
			for _, part := range param.Get("part").Items() {
				if part.Get("name").Text() == "event-number" {
					n, err := strconv.ParseInt(part.Get("valueString").Text(), 10, 64)
					if err != nil {
						n = -1
					}
					r.Events = append(r.Events, n)
				}
			}
		}
	}
	return true
}
