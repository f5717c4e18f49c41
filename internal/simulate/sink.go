package simulate

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// Sink is a receiver that can keep up: it answers each message with an AppRec 1.1 in the HTTP answer and
// tells Load what came. It reads the id by a scan instead of parsing, and the wire with what this package
// knows of HTTP, so that it does not take the processor from the gateway it measures. Party is the one
// that looks closely.
type Sink struct {
	index    int
	url      string
	listener net.Listener
	slow     atomic.Int64
	refusing atomic.Bool
	// down is changed under mu, tried counts connections that were turned away meanwhile.
	down  atomic.Bool
	tried atomic.Int64
	// run is the load that is being measured; nil between runs.
	run atomic.Pointer[run]

	receipt template // all that is the same for every message is in place
	unit    string   // HER-id of the communication party

	taken, receipts, unknown atomic.Int64

	wg     sync.WaitGroup
	closed chan struct{}
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // nil when closed
	ended  *sync.Cond            // a connection has left conns
}

// NewSink starts the i-th sink of a load run (from 0) on a free port of 127.0.0.1.
func NewSink(i int) (*Sink, error) { return NewSinkAt(i, "127.0.0.1:0") }

// NewSinkAt starts it on an address of its own, for a gateway that is configured beforehand.
func NewSinkAt(i int, address string) (*Sink, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("start sink: %w", err)
	}
	s := &Sink{
		index: i, url: "http://" + l.Addr().String(), listener: l, receipt: receiptTemplate(i), unit: sinkHER(i)[1],
		closed: make(chan struct{}), conns: map[net.Conn]struct{}{},
	}
	s.ended = sync.NewCond(&s.mu)
	s.wg.Go(s.accept)
	return s, nil
}

// URL is where the sink takes messages.
func (s *Sink) URL() string { return s.url }

// SinkHER are the HER-ids of the i-th sink: enterprise, communication party.
func SinkHER(i int) []string { return sinkHER(i) }

// HER are the HER-ids under which Load addresses the sink: enterprise, communication party.
func (s *Sink) HER() []string { return sinkHER(s.index) }

// Slow makes the sink think this long before each answer.
func (s *Sink) Slow(d time.Duration) { s.slow.Store(int64(d)) }

// Close stops the sink. Calling it twice is harmless.
func (s *Sink) Close() error {
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.ended.Broadcast()
	s.mu.Unlock()
	if conns == nil {
		return nil
	}
	close(s.closed)
	err := s.listener.Close()
	for c := range conns {
		_ = c.Close() // the gateway is not told: it is the gateway's turn to notice
	}
	s.wg.Wait()
	return err
}

func (s *Sink) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		open := s.conns != nil && !s.down.Load()
		if open {
			s.conns[c] = struct{}{}
			s.wg.Go(func() { s.talk(c) })
		}
		s.mu.Unlock()
		if !open {
			s.tried.Add(1)
			_ = c.Close()
		}
	}
}

// maxLoadBody is the largest body a sink reads. Unit: bytes.
const maxLoadBody = 1 << 20

// talk serves one connection until either side ends it.
func (s *Sink) talk(c net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.ended.Broadcast()
		s.mu.Unlock()
		_ = c.Close()
	}()
	r := bufio.NewReaderSize(c, wireBuffer)
	var body, answer []byte
	for {
		h, err := readHead(r)
		if err != nil {
			return
		}
		if h.expects {
			_, _ = c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) // a failure shows at the next read
		}
		if body, err = readBody(r, h, body, maxLoadBody); err != nil {
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			return
		}
		if s.refusing.Load() {
			if _, err := c.Write([]byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")); err != nil || h.last {
				return
			}
			continue
		}
		// Taken first, then thought about: what was read before the gateway died must not arrive after its restart.
		var told func()
		answer, told = s.take(answer[:0], body)
		if !s.think() {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
		told()
		if h.last {
			return
		}
	}
}

// think waits as long as Slow says; false when the sink is closed meanwhile.
func (s *Sink) think() bool {
	d := time.Duration(s.slow.Load())
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closed:
		return false
	}
}

// accepted is the answer when there is no receipt to give.
const accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"

// take judges what came and appends the answer; told is to be called when that is on the wire.
func (s *Sink) take(b, body []byte) (answer []byte, told func()) {
	r := s.run.Load()
	nobody := func() {}
	if bytes.Contains(body[:min(len(body), 400)], []byte("<AppRec")) {
		s.receipts.Add(1) // the sender's own endpoint: receipts from the gateway
		if r != nil {
			r.receipt()
		}
		return append(b, accepted...), nobody
	}
	id := between(body, "<MsgId>", "</MsgId>")
	if len(id) == 0 {
		s.unknown.Add(1)
		return append(b, accepted...), nobody
	}
	s.taken.Add(1)
	if r == nil {
		return s.answer(b, body, id), nobody
	}
	r.arrived(s.index, id, body)
	return s.answer(b, body, id), func() { r.answered(s.index, id) }
}

// between gives the text between two marks, nil when they are not there.
func between(b []byte, from, to string) []byte {
	i := bytes.Index(b, []byte(from))
	if i < 0 {
		return nil
	}
	b = b[i+len(from):]
	j := bytes.Index(b, []byte(to))
	if j < 0 {
		return nil
	}
	return b[:j]
}

// receiptTemplate is the receipt of the i-th sink, with marks only for what differs by message.
func receiptTemplate(i int) template {
	role, roleName := "PRIM", "Primærmottaker"
	if i > 0 {
		role, roleName = "COP", "Kopimottaker"
	}
	her := sinkHER(i)
	return newTemplate(strings.NewReplacer("{role}", role, "{rolename}", roleName, "{her}", her[0], "{unit}", her[1],
		"{sender}", LoadEnterprise, "{senderunit}", LoadUnit).Replace(appRecXML))
}

// answer appends the HTTP answer with the receipt for a message of Load.
func (s *Sink) answer(b, body, id []byte) []byte {
	b = append(b, "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 0000\r\n\r\n"...)
	start := len(b)
	b = s.receipt.fill(b, func(b []byte, name string) []byte {
		switch name {
		case "id":
			// One receipt per message and receiver: the same one again when the message comes again.
			return append(b, fhir.NameUUID(string(id)+"/"+s.unit)...)
		case "gen":
			return append(b, between(body, "<GenDate>", "</GenDate>")...)
		case "kind":
			return append(b, bytes.TrimSpace(between(body, `<Type V="`, `"`))...)
		case "original":
			return append(b, id...)
		}
		panic("simulate: receipt template names " + name) // a programmer's mistake
	})
	// The length is known only now; its place was kept.
	digits := strconv.AppendInt(nil, int64(len(b)-start), 10)
	copy(b[start-len("\r\n\r\n")-len(digits):], digits)
	return b
}

const appRecXML = `<?xml version="1.0" encoding="UTF-8"?>
<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><MsgType V="APPREC" DN="Applikasjonskvittering"/><MIGversion>v1.1 2012-02-15</MIGversion><GenDate>{gen}</GenDate><Id>{id}</Id>` +
	`<Sender><Role V="{role}" DN="{rolename}"/><HCP><Inst><Name>Simulert mottaker</Name><Id>{her}</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Sykepleietjeneste</Name><Id>{unit}</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP></Sender>` +
	`<Receiver><Role V="AVS" DN="Avsender"/><HCP><Inst><Name>Simulert sykehus</Name><Id>{sender}</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Simulert avdeling</Name><Id>{senderunit}</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP></Receiver>` +
	`<Status V="1" DN="OK"/><OriginalMsgId><MsgType V="{kind}" DN="{kind}"/><IssueDate>{gen}</IssueDate><Id>{original}</Id></OriginalMsgId></AppRec>
`
