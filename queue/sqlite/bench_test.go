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

// benchID is an id as the gateway makes them: sorted by time, with a random end.
func benchID(n int64) string {
	return fmt.Sprintf("01914e5c-%04x-7%03x-8000-%012x", n>>12, n&0xfff, uint64(n)*0x9E3779B97F4A7C15>>16)
}

// fullUnit is what processing one message writes in one go: the message, one record, a first plan
// version, deliveries to two receivers and one receipt, and six events.
func fullUnit(n int64, body []byte) *queue.Unit {
	id := benchID(n)
	patient := fmt.Sprintf("urn:oid:2.16.578.1.12.4.1.4.1|%011d", n)
	now := time.Unix(1_700_000_000, n).UTC()
	u := &queue.Unit{Now: now,
		Accept: &samvirke.Message{ID: id, Party: "hospital", Format: "kith", Kind: "LOG_INNLAGT", Version: "1.6",
			ExternalID: fmt.Sprintf("%016x", uint64(n)*0x9E3779B97F4A7C15), Patient: patient, Raw: body, Checksum: id, Size: int64(len(body)), ContentType: "application/xml",
			GeneratedAt: now},
		Message: &queue.MessageStep{ID: id, From: []samvirke.MessageStatus{samvirke.MessageReceived}, To: samvirke.MessageProcessed,
			Envelope: body[:1000], Notes: []byte("[]")},
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
