package simulate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping"
)

// Bounds of a party.
const (
	// MaxBody is the largest body a party takes. Unit: bytes; a larger one gets 413.
	MaxBody = 20 << 20
	// DefaultMaxMessages is how many different messages a party keeps when PartyOptions does not say;
	// above it, it answers 507 and notes a problem.
	DefaultMaxMessages = 10_000
	// MaxInbox is how much all kept bodies may hold together; above it the same. Unit: bytes.
	MaxInbox = 512 << 20
	// maxProblems is how many problems are kept; more are only counted.
	maxProblems = 200
	// closeWait is how long Close waits for requests under way.
	closeWait = 5 * time.Second
)

// PartyOptions describe a simulated party. ID is required.
type PartyOptions struct {
	ID string
	// HER are the party's HER-ids; with them it finds which receiver of a message it is.
	HER []string
	// Formats read what the party is sent and write its receipts, in the order they are asked.
	Formats []mapping.Format
	// Receipts says which application receipt the party gives; "" and none: none.
	Receipts samvirke.ReceiptMode
	// Later: receipts do not stand in the HTTP answer but are posted to the gateway afterwards.
	Later bool
	// Gateway is the gateway's base URL, for instance "http://127.0.0.1:8480"; needed to send and to
	// answer later. It can be set with SetGateway when it is not known yet.
	Gateway string
	// Token is the bearer token the party sends with.
	Token string
	// Accept, when not "", is the bearer token that requests to the party must carry.
	Accept string
	// Dials to begin with.
	Dials Dials
	// Address to listen on; "" means a free port of 127.0.0.1.
	Address string
	// MaxMessages is how many different messages are kept; 0 means DefaultMaxMessages.
	MaxMessages int
	// Now is the party's clock; nil means time.Now.
	Now func() time.Time
}

// Dials are the faults of a party. The zero value is a party in good health.
type Dials struct {
	// Down: connections are cut without an answer.
	Down bool `json:"down,omitempty"`
	// Slow is how long the party thinks before it stores anything.
	Slow time.Duration `json:"slow,omitempty"`
	// Status, when not 0, is answered instead of taking the message (503, 429, 400 ...).
	Status int `json:"status,omitempty"`
	// Refuse is a code of list 8221 (E21, E35, X99 ...): receipts are negative with it.
	Refuse string `json:"refuse,omitempty"`
	// AnswerLate is how long a receipt that is posted later waits; with it every receipt is posted later.
	AnswerLate time.Duration `json:"answer_late,omitempty"`
	// AnswerTwice: every receipt comes a second time, as a message of its own with another id.
	AnswerTwice bool `json:"answer_twice,omitempty"`
	// LoseAnswer: the message is taken, but the connection is cut before the answer.
	LoseAnswer bool `json:"lose_answer,omitempty"`
}

// Party is one simulated system: an HTTP server on loopback that keeps what it is sent. All methods
// are safe for concurrent use.
type Party struct {
	o      PartyOptions
	url    string
	server *http.Server
	client *http.Client
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	served chan struct{}

	mu       sync.Mutex
	gateway  string
	dials    Dials
	inbox    inbox
	changed  chan struct{} // closed and replaced with every change of the inbox
	closed   bool
	problems []string
	more     int // problems that were not kept
}

var errClosed = errors.New("party is closed")

// NewParty starts a party; it listens when NewParty returns.
func NewParty(o PartyOptions) (*Party, error) {
	if o.ID == "" {
		return nil, errors.New("simulated party without id")
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.MaxMessages <= 0 {
		o.MaxMessages = DefaultMaxMessages
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("start party %s: %w", o.ID, err)
	}
	p := &Party{
		o: o, url: "http://" + l.Addr().String(), gateway: o.Gateway, dials: o.Dials,
		inbox: newInbox(), changed: make(chan struct{}), served: make(chan struct{}),
		client: newClient(4),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: discard()}
	go func() {
		defer close(p.served)
		_ = p.server.Serve(l) // ends with Close; there is nobody to tell anything else
	}()
	return p, nil
}

// ID gives the party's id.
func (p *Party) ID() string { return p.o.ID }

// URL is where the party takes messages.
func (p *Party) URL() string { return p.url }

// SetGateway sets the gateway's base URL.
func (p *Party) SetGateway(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gateway = url
}

// Dials gives the faults as they are set.
func (p *Party) Dials() Dials {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

// Turn changes the faults; they hold for requests that begin afterwards.
func (p *Party) Turn(change func(*Dials)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.dials)
}

// Problems lists what the party found wrong with what it was sent, oldest first: other bytes under
// a known id, a change before what it changes, a notice out of order, bytes it cannot read. No patient data.
func (p *Party) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := append([]string(nil), p.problems...)
	if p.more > 0 {
		out = append(out, fmt.Sprintf("and %d more", p.more))
	}
	return out
}

// problem notes one; the lock is held.
func (p *Party) problem(format string, args ...any) {
	if len(p.problems) >= maxProblems {
		p.more++
		return
	}
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

// Close stops listening, cuts what is under way and waits for everything the party started.
// Calling it twice is harmless.
func (p *Party) Close() error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if again {
		<-p.served
		return nil
	}
	p.cancel(errClosed)
	ctx, cancel := context.WithTimeout(context.Background(), closeWait)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		_ = p.server.Close()
	}
	<-p.served
	p.wg.Wait()
	p.client.CloseIdleConnections()
	return nil
}

// start runs f in the background; false when the party is closed.
func (p *Party) start(f func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		f()
	}()
	return true
}
