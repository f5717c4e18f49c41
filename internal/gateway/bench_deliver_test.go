package gateway_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/queue"
)

// instantStore hands out n deliveries to the city and takes every outcome at once: what is left is
// the gateway's own work. What it does not define is not called.
type instantStore struct {
	queue.Store
	d      samvirke.Delivery
	n      int64
	leased atomic.Int64
	done   atomic.Int64
	acks   atomic.Int64
	all    chan struct{}
}

func (s *instantStore) Setting(context.Context, string) (string, error) { return "00", nil }

func (s *instantStore) Deliveries(context.Context, queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	return nil, nil
}

func (s *instantStore) Stats(context.Context) (queue.Stats, error) { return queue.Stats{}, nil }

func (s *instantStore) Received(ctx context.Context, _ int) ([]samvirke.Message, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (s *instantStore) Lease(ctx context.Context, party string, most int, _ time.Duration) ([]queue.Leased, error) {
	first := s.leased.Add(int64(most)) - int64(most)
	n := min(int64(most), s.n-first)
	if party != "city" || n <= 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	out := make([]queue.Leased, n)
	for i := range out {
		out[i] = queue.Leased{Delivery: s.d, Token: 1}
	}
	return out, nil
}

func (s *instantStore) Commit(_ context.Context, u *queue.Unit) (queue.Outcome, error) {
	if len(u.Steps) == 1 && u.Steps[0].To == samvirke.DeliveryAcknowledged && len(u.Receipts) == 1 {
		s.acks.Add(1)
	}
	if s.done.Add(1) == s.n {
		close(s.all)
	}
	return queue.Outcome{}, nil
}

// prompt is a wire whose other side answers with a receipt at once.
type prompt struct{ answer connectors.Result }

func (p prompt) Send(context.Context, samvirke.Delivery) (connectors.Result, error) {
	return p.answer, nil
}
func (p prompt) Close() error { return nil }

// BenchmarkDeliver is one delivery from lease to outcome: without a receipt, and with one in the answer.
func BenchmarkDeliver(b *testing.B) {
	const original = "5f3c1a2e-0001-4000-8000-000000000001"
	receipt := connectors.Result{
		Answer: "HTTP 200", ContentType: "application/xml",
		Body: appRec("5f3c1a2e-0001-4000-8000-000000000002", original, "1"),
	}
	b.Run("taken", func(b *testing.B) {
		benchmarkDeliver(b, original, connectors.Result{Answer: "HTTP 202"}, samvirke.ReceiptNone)
	})
	b.Run("with receipt", func(b *testing.B) { benchmarkDeliver(b, original, receipt, samvirke.ReceiptAppRec) })
}

func benchmarkDeliver(b *testing.B, original string, answer connectors.Result, receipts samvirke.ReceiptMode) {
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		b.Fatal(err)
	}
	city := samvirke.Party{
		ID: "city", HER: []string{simulate.AdmissionCity, simulate.AdmissionNursing},
		Accepts: []samvirke.Accept{{Format: "kith"}}, Receipts: receipts,
	}
	table, errs := route.New([]samvirke.Party{city}, nil)
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	s := &instantStore{n: int64(b.N), all: make(chan struct{}), d: samvirke.Delivery{
		ID: "d", MessageID: "m", Party: "city", Patient: "p", Purpose: samvirke.PurposeForward, ExternalID: original,
		CreatedAt: time.Now(), Body: bytes.Repeat([]byte("<abcdef>"), 1024),
	}}
	g, err := gateway.New(gateway.Options{
		Store: s, Formats: []mapping.Format{k}, Router: table, Logger: slog.New(slog.DiscardHandler),
		Parties: []gateway.Party{{Party: city, Sender: prompt{answer}, MaxInFlight: 64}},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := g.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	<-s.all
	b.StopTimer()
	g.Stop()
	if receipts == samvirke.ReceiptAppRec && s.acks.Load() != s.n {
		b.Errorf("%d acknowledged of %d", s.acks.Load(), s.n)
	}
}
