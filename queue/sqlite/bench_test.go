package sqlite

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func openBench(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(context.Background(), Options{Dir: tb.TempDir(), Logger: quiet()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// fullUnit is what processing one message writes in one go: the message, one record, a first plan
// version, deliveries to two receivers and one receipt, and six events.
func fullUnit(n int64, body []byte) *queue.Unit {
	id := fmt.Sprintf("m%016x", uint64(n)*0x9E3779B97F4A7C15)
	patient := fmt.Sprintf("urn:oid:2.16.578.1.12.4.1.4.1|%011d", n)
	now := time.Unix(1_700_000_000, n).UTC()
	u := &queue.Unit{Now: now,
		Accept: &samvirke.Message{ID: id, Party: "hospital", Format: "kith", Kind: "LOG_INNLAGT", Version: "1.6",
			ExternalID: "x" + id, Patient: patient, Raw: body, Checksum: id, Size: int64(len(body)), ContentType: "application/xml",
			GeneratedAt: now},
		Message: &queue.MessageStep{ID: id, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed,
			Envelope: body[:600], Notes: []byte("[]")},
		Records: []queue.Record{{Key: "hospital|" + id, Hash: id, Patient: patient, MessageID: id, Body: body[:len(body)/4]}},
		Plan:    &queue.PlanStep{Patient: patient, MessageID: id, Body: body[:len(body)/2]},
	}
	for i, party := range []string{"municipality", "gp", "hospital"} {
		p, b := samvirke.PurposeForward, body
		if i == 2 {
			p, b = samvirke.PurposeReceipt, body[:len(body)/4]
		}
		u.Deliveries = append(u.Deliveries, samvirke.Delivery{ID: id + party[:1], MessageID: id, Party: party, Purpose: p,
			Lane: samvirke.LaneKey(party, patient, p), Patient: patient, ExternalID: "d" + id + party[:1], Kind: "LOG_INNLAGT",
			Format: "kith", Version: "1.6", ContentType: "application/xml", State: samvirke.DeliveryQueued, Checksum: id,
			Size: int64(len(b)), Body: b})
		u.Events = append(u.Events, samvirke.Event{MessageID: id, DeliveryID: id + party[:1], Party: party, Patient: patient,
			Name: samvirke.EventRouted})
	}
	for _, name := range []samvirke.EventName{samvirke.EventReceived, samvirke.EventProcessed, samvirke.EventPlanChanged} {
		u.Events = append(u.Events, samvirke.Event{MessageID: id, Party: "hospital", Patient: patient, Name: name})
	}
	u.Receipts = []samvirke.Receipt{{ID: "r" + id, Direction: samvirke.Outbound, Party: "hospital", MessageID: id,
		DeliveryID: id + "h", ExternalID: "r" + id}}
	return u
}

// receiveUnit is what accepting one message writes.
func receiveUnit(n int64, body []byte) *queue.Unit {
	u := fullUnit(n, body)
	return &queue.Unit{Now: u.Now, Accept: u.Accept,
		Events: []samvirke.Event{{MessageID: u.Accept.ID, Party: "hospital", Name: samvirke.EventReceived}}}
}

func benchCommit(b *testing.B, make func(int64, []byte) *queue.Unit, producers, size int) {
	s := openBench(b)
	body := []byte(fmt.Sprintf("%0*d", size, 7))
	var next atomic.Int64
	var wg sync.WaitGroup
	b.ResetTimer()
	cpu := cpuTime()
	for range producers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				if _, err := s.Commit(context.Background(), make(n, body)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	cpu = cpuTime() - cpu
	st, err := s.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "units/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-us/unit")
	b.ReportMetric(float64(st.Units)/float64(max(st.Groups, 1)), "units/group")
}

func BenchmarkCommit(b *testing.B) {
	for _, kind := range []struct {
		name string
		make func(int64, []byte) *queue.Unit
	}{{"receive", receiveUnit}, {"full", fullUnit}} {
		for _, size := range []int{1024, 4096} {
			for _, producers := range []int{1, 64, 256} {
				b.Run(fmt.Sprintf("%s/bytes=%d/producers=%d", kind.name, size, producers), func(b *testing.B) {
					benchCommit(b, kind.make, producers, size)
				})
			}
		}
	}
}

// BenchmarkFlow takes messages the whole way: accepted by 64 senders, processed in batches, delivered to two
// receivers, each sent and acknowledged. One operation is one message: six units.
func BenchmarkFlow(b *testing.B) {
	s := openBench(b)
	body := []byte(fmt.Sprintf("%0*d", 4096, 7))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var done atomic.Int64
	var wg, senders sync.WaitGroup
	finish := func() {
		if done.Add(1) == 2*int64(b.N) {
			cancel()
		}
	}
	commit := func(u *queue.Unit) {
		if _, err := s.Commit(context.Background(), u); err != nil {
			b.Error(err)
		}
	}
	b.ResetTimer()
	cpu := cpuTime()
	var next atomic.Int64
	for range 64 {
		senders.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				commit(receiveUnit(n, body))
			}
		})
	}
	for range 32 {
		wg.Go(func() {
			for {
				got, err := s.Received(ctx, 8)
				if err != nil {
					return
				}
				for i := range got {
					u := fullUnit(got[i].GeneratedAt.UnixNano()-1_700_000_000_000_000_000, body)
					u.Accept = nil
					u.Deliveries, u.Receipts = u.Deliveries[:2], nil
					u.Events = u.Events[:2]
					commit(u)
				}
			}
		})
	}
	for _, party := range []string{"municipality", "gp"} {
		for range 32 {
			wg.Go(func() { deliverAll(ctx, s, party, commit, finish) })
		}
	}
	senders.Wait()
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/message")
}

// deliverAll sends and acknowledges what is due to a party until ctx ends.
func deliverAll(ctx context.Context, s *Store, party string, commit func(*queue.Unit), finish func()) {
	for {
		got, err := s.Lease(ctx, party, 4, time.Minute)
		if err != nil {
			return
		}
		for _, d := range got {
			now := time.Now()
			commit(&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent,
				ExpectBy: now.Add(time.Hour), Attempt: &samvirke.Attempt{Answer: "HTTP 202"}}},
				Events: []samvirke.Event{{MessageID: d.MessageID, DeliveryID: d.ID, Party: party, Name: samvirke.EventSent}}})
			commit(&queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: d.ID, From: []samvirke.DeliveryState{samvirke.DeliverySent},
				To: samvirke.DeliveryAcknowledged}}, Receipts: []samvirke.Receipt{{ID: "r" + d.ID, Party: party, MessageID: d.MessageID, DeliveryID: d.ID}},
				Events: []samvirke.Event{{MessageID: d.MessageID, DeliveryID: d.ID, Party: party, Name: samvirke.EventAcknowledged}}})
			finish()
		}
	}
}
