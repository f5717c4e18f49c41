package simulate

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/samvirke/samvirke/fhir"
)

// Sink is a receiver that can keep up: it answers each message with an AppRec 1.1 in the HTTP answer and
// tells Load what came. It reads the id by a scan instead of parsing, so that it does not take
// the processor from the gateway it measures. Party is the one that looks closely.
type Sink struct {
	index  int
	url    string
	server *http.Server
	served chan struct{}
	slow   atomic.Int64
	// run is the load that is being measured; nil between runs.
	run atomic.Pointer[run]

	receipt template

	taken, receipts, unknown atomic.Int64
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
		index: i, url: "http://" + l.Addr().String(), served: make(chan struct{}), receipt: newTemplate(appRecXML),
	}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second, ErrorLog: discard()}
	go func() {
		defer close(s.served)
		_ = s.server.Serve(l)
	}()
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
	err := s.server.Close()
	<-s.served
	return err
}

// maxLoadBody is the largest body a sink reads. Unit: bytes.
const maxLoadBody = 1 << 20

func (s *Sink) serve(w http.ResponseWriter, req *http.Request) {
	body, err := readBody(req)
	if err != nil {
		http.Error(w, "body not taken", http.StatusBadRequest)
		return
	}
	if d := time.Duration(s.slow.Load()); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-req.Context().Done():
			return
		}
	}
	if bytes.Contains(body[:min(len(body), 400)], []byte("<AppRec")) {
		s.receipts.Add(1) // the sender's own endpoint: receipts from the gateway
		if r := s.run.Load(); r != nil {
			r.receipt()
		}
		w.WriteHeader(http.StatusAccepted)
		return
	}
	id := between(body, "<MsgId>", "</MsgId>")
	if id == "" {
		s.unknown.Add(1)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	s.taken.Add(1)
	r := s.run.Load()
	if r != nil {
		r.arrived(s.index, id, sha256.Sum256(body))
	}
	answer := s.answer(body, id)
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, err = w.Write(answer)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	if r != nil && err == nil {
		r.answered(s.index, id)
	}
}

func readBody(req *http.Request) ([]byte, error) {
	if req.ContentLength > maxLoadBody {
		return nil, errors.New("too large")
	}
	if req.ContentLength > 0 {
		b := make([]byte, req.ContentLength)
		_, err := io.ReadFull(req.Body, b)
		return b, err
	}
	return io.ReadAll(io.LimitReader(req.Body, maxLoadBody))
}

// between gives the text between two marks, "" when they are not there.
func between(b []byte, from, to string) string {
	i := bytes.Index(b, []byte(from))
	if i < 0 {
		return ""
	}
	b = b[i+len(from):]
	j := bytes.Index(b, []byte(to))
	if j < 0 {
		return ""
	}
	return string(b[:j])
}

// answer writes the receipt for a message of Load.
func (s *Sink) answer(body []byte, id string) []byte {
	her := s.HER()
	role, roleName := "PRIM", "Primærmottaker"
	if s.index > 0 {
		role, roleName = "COP", "Kopimottaker"
	}
	return s.receipt.fill(make([]byte, 0, 1800), func(b []byte, name string) []byte {
		switch name {
		case "id":
			// One receipt per message and receiver: the same one again when the message comes again.
			return append(b, fhir.NameUUID(id+"/"+her[1])...)
		case "now", "gen":
			return append(b, between(body, "<GenDate>", "</GenDate>")...)
		case "role":
			return append(b, role...)
		case "rolename":
			return append(b, roleName...)
		case "her":
			return append(b, her[0]...)
		case "unit":
			return append(b, her[1]...)
		case "sender":
			return append(b, LoadEnterprise...)
		case "senderunit":
			return append(b, LoadUnit...)
		case "kind":
			return append(b, strings.TrimSpace(between(body, `<Type V="`, `"`))...)
		case "original":
			return append(b, id...)
		}
		panic("simulate: receipt template names " + name) // a programmer's mistake
	})
}

const appRecXML = `<?xml version="1.0" encoding="UTF-8"?>
<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"><MsgType V="APPREC" DN="Applikasjonskvittering"/><MIGversion>v1.1 2012-02-15</MIGversion><GenDate>{now}</GenDate><Id>{id}</Id>` +
	`<Sender><Role V="{role}" DN="{rolename}"/><HCP><Inst><Name>Simulert mottaker</Name><Id>{her}</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Sykepleietjeneste</Name><Id>{unit}</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP></Sender>` +
	`<Receiver><Role V="AVS" DN="Avsender"/><HCP><Inst><Name>Simulert sykehus</Name><Id>{sender}</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Simulert avdeling</Name><Id>{senderunit}</Id><TypeId V="HER" DN="HER-id"/></Dept></Inst></HCP></Receiver>` +
	`<Status V="1" DN="OK"/><OriginalMsgId><MsgType V="{kind}" DN="{kind}"/><IssueDate>{gen}</IssueDate><Id>{original}</Id></OriginalMsgId></AppRec>
`
