package simulate

import (
	"bufio"
	"bytes"
	"testing"
	"time"
)

// BenchmarkLoadMessage is what the load does for one message beside the wire: make it, judge it at two
// sinks, answer with two receipts.
func BenchmarkLoadMessage(b *testing.B) {
	sinks := make([]*Sink, 2)
	for i := range sinks {
		s, err := NewSink(i)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		sinks[i] = s
	}
	l, err := newLoader(LoadOptions{Gateway: "http://127.0.0.1:1", Token: "t", Sinks: sinks, Messages: 1, Patients: 4})
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range sinks {
		s.run.Store(l.run)
	}
	s := <-l.slots
	var body, answer []byte
	b.ReportAllocs()
	for b.Loop() {
		var m *message
		m, body = l.message(body[:0], s)
		l.run.began(m.id, time.Now(), s.patient, int32(s.pos)+1, body)
		for _, sink := range sinks {
			var told func()
			answer, told = sink.take(answer[:0], body)
			told()
		}
		l.run.accepted(m.id)
		if s.pos++; s.pos == len(l.chain) {
			l.admit(s)
		}
	}
	if r := l.report(time.Second); r.Complete != r.Sent || r.Changed+r.Duplicated+r.OutOfOrder+r.Unknown > 0 {
		b.Errorf("report %+v", r)
	}
}

// BenchmarkLoadHead reads the head that the gateway sends with a delivery.
func BenchmarkLoadHead(b *testing.B) {
	text := []byte("POST / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nUser-Agent: samvirke\r\nContent-Length: 8192\r\nAccept: application/xml, */*;q=0.1\r\n" +
		"Content-Type: application/xml\r\nMessage-Id: 5f3c1a2e-0001-4000-8000-000000000001\r\nX-Request-Id: 5f3c1a2e-0001-4000-8000-000000000002\r\n\r\n")
	src := bytes.NewReader(text)
	r := bufio.NewReader(src)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(text)
		r.Reset(src)
		if h, err := readHead(r); err != nil || h.length != 8192 {
			b.Fatal(h, err)
		}
	}
}
