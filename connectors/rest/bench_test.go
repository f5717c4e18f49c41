package rest

import (
	"bytes"
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
)

// instant keeps nothing; it shows what the wire alone costs.
type instant struct{ n atomic.Int64 }

func (i *instant) Receive(context.Context, connectors.Incoming) (connectors.Answer, error) {
	i.n.Add(1)
	return connectors.Answer{MessageID: "5f3c1a2e-0001-4000-8000-000000000001"}, nil
}

// BenchmarkWire sends 8 KB messages from Sender to handler over loopback, both ends in one process.
func BenchmarkWire(b *testing.B) {
	parties, err := NewParties([]Credential{{Party: "hospital", TokenSHA256: HashToken("t")}, {Party: "gp", TokenSHA256: HashToken("u")}})
	if err != nil {
		b.Fatal(err)
	}
	to := &instant{}
	srv := httptest.NewServer(NewHandler(ServerOptions{Receiver: to, Parties: parties}))
	defer srv.Close()
	s, err := NewSender(ClientOptions{Party: "gw", URL: srv.URL + PathMessages, Token: "t"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	d := samvirke.Delivery{ID: "d", ExternalID: "e", ContentType: "application/xml", Body: bytes.Repeat([]byte("<abcdef>"), 1024)}
	b.SetBytes(int64(len(d.Body)))
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Send(context.Background(), d); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	if to.n.Load() != int64(b.N) {
		b.Errorf("%d arrived of %d", to.n.Load(), b.N)
	}
}
