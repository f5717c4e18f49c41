package simulate

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // messages are in Norwegian time also on machines without a zone database
)

// Defaults and bounds of LoadOptions.
const (
	DefaultPatients  = 512
	DefaultSenders   = 64
	DefaultDrain     = 30 * time.Second
	MaxLoadMessages  = 5_000_000
	loadTries        = 100
	loadRetryPause   = 20 * time.Millisecond
	firstAdmission   = "2026-01-05T08:00:00"
	admissionSpacing = 10 * time.Second
)

// LoadOptions say what is generated. Gateway, Token and Sinks are required.
type LoadOptions struct {
	// Gateway is the base URL; Token is the bearer token of the sending party, whose HER-ids must be
	// LoadEnterprise and LoadUnit.
	Gateway, Token string
	// Others are further gateways on the same store: requests are spread over all, and a message that one does not
	// answer goes to the next.
	Others []string
	// Patience is how long a message is tried while the gateway does not take it; 0 means 100 tries.
	Patience time.Duration
	// Faults, when not nil, are told of what is done to gateways and sinks meanwhile. Then a message that comes again
	// because of it counts as sent again, which a receiver drops, and only others as duplicated.
	Faults *Disturbance
	// Sinks receive; sink i must be made with NewSink(i) and its HER-ids belong to a party of its own.
	Sinks []*Sink
	// Sender, when not nil, is the endpoint of the sending party: it counts the gateway's receipts.
	Sender *Sink
	// Rate is how many messages are sent per second; 0 sends as fast as answers come.
	Rate float64
	// Duration is how long is sent; 0: until Messages are sent.
	Duration time.Duration
	// Messages is how many are sent at most; 0: no bound but Duration and MaxLoadMessages.
	Messages int
	// Patients is how many stays are under way at the same time; 0 means 512. A stay has eight
	// messages; when it ends another patient takes its place.
	Patients int
	// Senders is how many requests are under way at the same time; 0 means 64.
	Senders int
	// Seed makes the run repeatable: the same ids, people and bytes, but for the dates of Today.
	Seed uint64
	// Today dates each stay so that its last message is of the moment in which its first one is sent; else they are of January 2026, and
	// whatever is to be done by a date is overdue.
	Today bool
	// Drain is how long to wait for the last receipts after the last message; 0 means 30 s.
	Drain time.Duration
	// Progress, when not nil, is called every second.
	Progress func(LoadReport)
}

// Load sends generated stays of people who do not exist to a gateway and follows each message to the
// receipt of its last receiver. Messages of one patient are sent one after the other, each after the
// gateway took the one before; different patients side by side.
//
// Load returns when all accepted messages are confirmed, or Drain has passed; with an error when ctx
// ended it or the gateway never took anything. It needs the gateway to
// run in environment test: all person numbers are synthetic.
func Load(ctx context.Context, o LoadOptions) (LoadReport, error) {
	l, err := newLoader(o)
	if err != nil {
		return LoadReport{}, err
	}
	for _, s := range append([]*Sink{l.o.Sender}, l.o.Sinks...) {
		if s != nil {
			s.run.Store(l.run)
			defer s.run.Store(nil)
		}
	}
	sending, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l.stop = stop
	stopProgress := l.progress()
	sendTime := l.send(sending)
	l.drain(ctx)
	stopProgress()
	report := l.report(sendTime)
	report.Killed = l.run.killed()
	if ctx.Err() == nil && errors.Is(context.Cause(sending), errNotTaken) {
		return report, fmt.Errorf("%w: %s", errNotTaken, report.FirstRefusal)
	}
	return report, ctx.Err()
}

// errNotTaken ends a run in which the gateway never took a message.
var errNotTaken = errors.New("the gateway takes no messages")

// loader is one run.
type loader struct {
	o     LoadOptions
	run   *run
	w     *writer
	wires []*gatewayWire
	took  []atomic.Int64 // messages that each of wires accepted
	chain []chainStep
	slots chan *slot
	stop  context.CancelCauseFunc // ends the sending

	bytes, unsent atomic.Int64

	mu      sync.Mutex
	next    int // persons given out
	refusal string
}

// slot is one stay under way. Only one sender holds it at a time.
type slot struct {
	random  *rand.PCG
	patient int32
	person  string
	born    string
	admit   time.Time
	pos     int
	parent  string
	first   string
}

func newLoader(o LoadOptions) (*loader, error) {
	switch {
	case o.Gateway == "" || o.Token == "":
		return nil, errors.New("load needs a gateway and a token")
	case len(o.Sinks) == 0 || len(o.Sinks) > maxSinks:
		return nil, fmt.Errorf("load needs 1 to %d sinks", maxSinks)
	case o.Rate < 0:
		return nil, errors.New("rate below 0")
	case o.Duration <= 0 && o.Messages <= 0:
		return nil, errors.New("load needs a duration or a number of messages")
	}
	for i, s := range o.Sinks {
		if s.index != i {
			return nil, fmt.Errorf("sink %d is made for place %d", i, s.index)
		}
	}
	if o.Patients <= 0 {
		o.Patients = DefaultPatients
	}
	if o.Senders <= 0 {
		o.Senders = DefaultSenders
	}
	if o.Drain <= 0 {
		o.Drain = DefaultDrain
	}
	if o.Messages <= 0 || o.Messages > MaxLoadMessages {
		o.Messages = MaxLoadMessages
	}
	l := &loader{o: o, run: newRun(len(o.Sinks)), w: newWriter(0, len(o.Sinks)), chain: chain()}
	l.run.faults = o.Faults
	for _, g := range append([]string{o.Gateway}, o.Others...) {
		wire, err := newGatewayWire(g, o.Token)
		if err != nil {
			return nil, err
		}
		l.wires = append(l.wires, wire)
	}
	l.took = make([]atomic.Int64, len(l.wires))
	l.slots = make(chan *slot, o.Patients)
	for i := range o.Patients {
		s := &slot{random: rand.NewPCG(o.Seed, uint64(i))}
		l.admit(s)
		l.slots <- s
	}
	return l, nil
}

// admit gives a slot a new patient.
func (l *loader) admit(s *slot) {
	l.mu.Lock()
	n := l.next
	l.next++
	l.mu.Unlock()
	start, _ := time.Parse(local, firstAdmission)
	s.patient, s.pos = int32(n), 0
	s.person = PersonNumber(n)
	s.born = fmt.Sprintf("19%s-%02d-%s", s.person[4:6], int(s.person[2]-'0')*10+int(s.person[3]-'0')-80, s.person[:2])
	s.admit = start.Add(time.Duration(n) * admissionSpacing)
	if l.o.Today {
		s.admit = time.Now().In(norway()).Add(-l.chain[len(l.chain)-1].after)
	}
}

// norway is the time that messages are written in.
var norway = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil { // never: the zones are built in
		return time.UTC
	}
	return zone
})

// message appends the next message of a stay to b.
func (l *loader) message(b []byte, s *slot) (*message, []byte) {
	step := &l.chain[s.pos]
	m := &message{
		step: step, id: s.uuid(), person: s.person, born: s.born, admitted: s.admit,
		hygiene: 1 + s.pos%5, number: s.pos, length: len(l.chain), parent: s.parent, first: s.first,
	}
	switch step.op {
	case "N":
		s.parent, s.first = m.id, m.id
	case "M":
		s.parent = m.id
	}
	return m, l.w.write(b, m)
}

func (s *slot) uuid() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], s.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], s.random.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// send keeps the senders busy and returns how long that took.
func (l *loader) send(ctx context.Context) time.Duration {
	due := make(chan time.Time, l.o.Senders)
	var wg sync.WaitGroup
	for i := range l.o.Senders {
		wg.Go(func() { l.sender(ctx, due, i) })
	}
	start := time.Now()
	l.pace(ctx, due, start)
	close(due)
	wg.Wait()
	return time.Since(start)
}

// sender sends one message after the other on a connection of its own.
func (l *loader) sender(ctx context.Context, due <-chan time.Time, index int) {
	p := &poster{wire: l.wires[index%len(l.wires)]}
	defer p.close()
	var body []byte // used again and again
	for at := range due {
		s := <-l.slots
		var m *message
		if m, body = l.message(body[:0], s); l.post(ctx, p, s, m, at, body) {
			s.pos++
			if s.pos == len(l.chain) {
				l.admit(s)
			}
		} else {
			l.admit(s) // the stay is broken off: what follows would not hang together
		}
		l.slots <- s
	}
}

// pace says when each message is due. Flat out, that is when a sender is free. At a rate it is the rate
// that says so, whatever the gateway does: times count from then, and what was due before the end is
// sent after it when the gateway is behind, for as long as drain. Otherwise the slowest would be left out.
func (l *loader) pace(ctx context.Context, due chan<- time.Time, start time.Time) {
	end := make(<-chan time.Time)
	if l.o.Duration > 0 {
		limit := l.o.Duration
		if l.o.Rate > 0 {
			limit += l.o.Drain
		}
		t := time.NewTimer(limit)
		defer t.Stop()
		end = t.C
	}
	for i := range l.o.Messages {
		at := time.Now()
		if l.o.Rate > 0 {
			at = start.Add(time.Duration(float64(i) / l.o.Rate * 1e9))
			if l.o.Duration > 0 && at.Sub(start) >= l.o.Duration {
				return
			}
			if wait := time.Until(at); wait > 0 && sleep(ctx, wait) != nil {
				return
			}
		}
		select {
		case <-end:
			l.leave(i)
			return
		case <-ctx.Done():
			return
		default:
		}
		select {
		case due <- at:
		case <-end:
			l.leave(i)
			return
		case <-ctx.Done():
			return
		}
	}
}

// leave counts what a rate asked for and was not sent in time; i is the first of them.
func (l *loader) leave(i int) {
	if l.o.Rate > 0 {
		l.unsent.Store(min(int64(math.Ceil(l.o.Rate*l.o.Duration.Seconds())), int64(l.o.Messages)) - int64(i))
	}
}

// post sends one message until the gateway answers for good; false when it was not taken.
func (l *loader) post(ctx context.Context, p *poster, s *slot, m *message, at time.Time, body []byte) bool {
	if l.o.Rate == 0 {
		at = time.Now()
	}
	l.run.began(m.id, at, s.patient, int32(s.pos)+1, body)
	l.bytes.Add(int64(len(body)))
	for try, began := 0, time.Now(); l.goesOn(try, began); try++ {
		status, text, err := p.post(ctx, body)
		switch {
		case err == nil && status/100 == 2:
			l.took[slices.Index(l.wires, p.wire)].Add(1)
			l.run.accepted(m.id)
			return true
		case err == nil && status < 500 && status != http.StatusTooManyRequests:
			l.run.refused.Add(1)
			l.note(fmt.Sprintf("HTTP %d %s", status, text))
			return false
		case ctx.Err() != nil:
			return false
		case err != nil:
			l.note("no answer: " + err.Error())
		default:
			l.note(fmt.Sprintf("HTTP %d %s", status, text))
		}
		l.run.retries.Add(1)
		if err != nil || status >= 500 {
			p.turn(l.wires)
		}
		if sleep(ctx, loadRetryPause) != nil {
			return false
		}
	}
	if l.run.acceptedN.Load() == 0 {
		l.stop(errNotTaken)
	}
	return false
}

// goesOn tells whether a message is tried once more.
func (l *loader) goesOn(try int, began time.Time) bool {
	if l.o.Patience > 0 {
		return time.Since(began) < l.o.Patience
	}
	return try < loadTries
}

func (l *loader) note(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusal == "" {
		l.refusal = text[:min(len(text), 300)]
	}
}

// drain waits for the last receipts: those of all sinks, and those the sender gets when it has an endpoint.
func (l *loader) drain(ctx context.Context) {
	if l.run.finish(l.o.Sender != nil) {
		return
	}
	t := time.NewTimer(l.o.Drain)
	defer t.Stop()
	select {
	case <-l.run.done:
	case <-t.C:
	case <-ctx.Done():
	}
}
