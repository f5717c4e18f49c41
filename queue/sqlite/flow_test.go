package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// flowParties are the two receivers and the sender, who gets the receipt.
var flowParties = []string{"municipality", "gp", "hospital"}

// flow is one benchmark run of messages that go the whole way, shaped as the gateway shapes them.
type flow struct {
	s      *Store
	body   []byte
	n      int64
	next   atomic.Int64
	done   atomic.Int64
	cancel context.CancelFunc
	fail   func(error)
}

// BenchmarkFlow takes messages of 8 KB the whole way: accepted by 64 senders, processed (record, plan, two
// deliveries, the receipt to the sender), delivered, each sent and acknowledged in one step. One operation is
// one message: five units. "rate=500" keeps the pace of the bench's goal, where groups are small.
func BenchmarkFlow(b *testing.B) {
	for _, rate := range []int{0, 500} {
		b.Run(fmt.Sprintf("rate=%d", rate), func(b *testing.B) { benchFlow(b, rate) })
	}
}

func benchFlow(b *testing.B, rate int) {
	s := openBench(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &flow{s: s, body: fmt.Appendf(nil, "%0*d", 8192, 7), n: int64(b.N), cancel: cancel, fail: func(err error) { b.Error(err) }}
	var wg sync.WaitGroup
	b.ResetTimer()
	cpu, bytes := cpuTime(), bytesWritten()
	began := time.Now()
	for range 64 {
		wg.Go(func() {
			for n := f.next.Add(1); n <= f.n; n = f.next.Add(1) {
				if rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
				}
				f.commit(receiveUnit(n, f.body))
			}
		})
	}
	for range 32 {
		wg.Go(func() { f.process(ctx) })
	}
	for _, party := range flowParties {
		for range 32 {
			wg.Go(func() { f.deliver(ctx, party) })
		}
	}
	wg.Wait()
	b.StopTimer()
	st, err := s.Stats(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/message")
	b.ReportMetric(float64(bytesWritten()-bytes)/1024/float64(b.N), "written-KB/message")
	b.ReportMetric(float64(st.Units)/float64(max(st.Groups, 1)), "units/group")
}

func (f *flow) commit(u *queue.Unit) {
	if _, err := f.s.Commit(context.Background(), u); err != nil {
		f.fail(err)
	}
}

// process does what the gateway does with a message; every fifth asks who was told of the one before it.
func (f *flow) process(ctx context.Context) {
	for {
		got, err := f.s.Received(ctx, 8)
		if err != nil {
			return
		}
		for i := range got {
			n := got[i].GeneratedAt.UnixNano() - 1_700_000_000_000_000_000
			if n%5 == 0 {
				earlier := queue.DeliveryFilter{MessageID: benchID(n - 1), Purpose: samvirke.PurposeForward}
				if _, err := f.s.Deliveries(ctx, earlier); err != nil && ctx.Err() == nil {
					f.fail(err)
				}
			}
			u := fullUnit(n, f.body)
			u.Accept = nil
			u.Settings = map[string]string{"plan/" + u.Plan.Patient: u.Plan.Patient}
			f.commit(u)
		}
	}
}

func (f *flow) deliver(ctx context.Context, party string) {
	for {
		got, err := f.s.Lease(ctx, party, 4, time.Minute)
		if err != nil {
			return
		}
		for _, d := range got {
			now := time.Now()
			u := &queue.Unit{Now: now, Steps: []queue.DeliveryStep{{ID: d.ID, Token: d.Token, To: samvirke.DeliverySent,
				Attempt: &samvirke.Attempt{Answer: "HTTP 202", Took: time.Millisecond}}},
				Events: []samvirke.Event{{MessageID: d.MessageID, DeliveryID: d.ID, Party: party, Patient: d.Patient,
					Name: samvirke.EventSent, Detail: "HTTP 202"}}}
			if d.Purpose == samvirke.PurposeForward {
				u.Steps[0].To = samvirke.DeliveryAcknowledged
				u.Receipts = []samvirke.Receipt{{ID: "r" + d.ID, Direction: samvirke.Inbound, Party: party, MessageID: d.MessageID,
					DeliveryID: d.ID, ExternalID: "rx" + d.ID, At: now}}
				u.Events = append(u.Events, samvirke.Event{MessageID: d.MessageID, DeliveryID: d.ID, Party: party,
					Patient: d.Patient, Name: samvirke.EventAcknowledged})
			}
			f.commit(u)
			if f.done.Add(1) == int64(len(flowParties))*f.n {
				f.cancel()
			}
		}
	}
}
