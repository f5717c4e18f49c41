//go:build unix

package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
	"github.com/samvirke/samvirke/queue/postgres/postgrestest"
	"github.com/samvirke/samvirke/queue/sqlite"
)

// cpuTime is what a process has used so far, this one for 0: on a shared machine it says more than the clock.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchEngines are opened one after the other in one run, so that their figures can be held against each other. Both sync.
func benchEngines(b *testing.B, f func(b *testing.B, stores []queue.Store)) {
	b.Run("engine=sqlite", func(b *testing.B) {
		s, err := sqlite.Open(context.Background(), sqlite.Options{Dir: b.TempDir(), Logger: quiet()})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		f(b, []queue.Store{s})
	})
	for _, gateways := range []int{1, 2} {
		b.Run(fmt.Sprintf("engine=postgres/gateways=%d", gateways), func(b *testing.B) {
			server(b)
			db, err := postgrestest.New("fsync = on", "full_page_writes = on", "wal_compression = lz4", "shared_buffers = 512MB", "max_wal_size = 4GB")
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			name := schema(b, b.TempDir())
			var stores []queue.Store
			for range gateways {
				stores = append(stores, open(b, Options{URL: db.URL(), Schema: name}))
			}
			began := db.CPU()
			f(b, stores)
			b.ReportMetric(float64((db.CPU()-began).Microseconds())/float64(b.N), "server-cpu-us/op")
			for _, s := range stores {
				_ = s.Close()
			}
		})
	}
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

// BenchmarkCommit commits full units by 64 producers.
func BenchmarkCommit(b *testing.B) {
	benchEngines(b, func(b *testing.B, stores []queue.Store) {
		body := fmt.Appendf(nil, "%0*d", 4096, 7)
		var next atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		cpu := cpuTime()
		for w := range 64 {
			wg.Go(func() {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					if _, err := stores[w%len(stores)].Commit(context.Background(), fullUnit(n, body)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.StopTimer()
		report(b, stores, cpu, "units/s")
	})
}

func report(b *testing.B, stores []queue.Store, cpu time.Duration, rate string) {
	var groups, units int64
	for _, s := range stores {
		st, err := s.Stats(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		groups, units = groups+st.Groups, units+st.Units
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), rate)
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(units)/float64(max(groups, 1)), "units/group")
}

// flowParties are the two receivers and the sender, who gets the receipt.
var flowParties = []string{"municipality", "gp", "hospital"}

// flow is one benchmark run of messages that go the whole way, shaped as the gateway shapes them.
type flow struct {
	stores []queue.Store
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
func BenchmarkFlow(b *testing.B) { benchEngines(b, benchFlow) }

func benchFlow(b *testing.B, stores []queue.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &flow{stores: stores, body: fmt.Appendf(nil, "%0*d", 8192, 7), n: int64(b.N), cancel: cancel, fail: func(err error) { b.Error(err) }}
	var wg sync.WaitGroup
	b.ResetTimer()
	cpu := cpuTime()
	for w := range 64 {
		wg.Go(func() {
			for n := f.next.Add(1); n <= f.n; n = f.next.Add(1) {
				f.commit(stores[w%len(stores)], receiveUnit(n, f.body))
			}
		})
	}
	for w := range 32 {
		wg.Go(func() { f.process(ctx, stores[w%len(stores)]) })
	}
	for _, party := range flowParties {
		for w := range 32 {
			wg.Go(func() { f.deliver(ctx, stores[w%len(stores)], party) })
		}
	}
	wg.Wait()
	b.StopTimer()
	report(b, stores, cpu, "messages/s")
}

func (f *flow) commit(s queue.Store, u *queue.Unit) {
	if _, err := s.Commit(context.Background(), u); err != nil {
		f.fail(err)
	}
}

// process does what the gateway does with a message; every fifth asks who was told of the one before it.
func (f *flow) process(ctx context.Context, s queue.Store) {
	for {
		got, err := s.Received(ctx, 8)
		if err != nil {
			return
		}
		for i := range got {
			n := got[i].GeneratedAt.UnixNano() - 1_700_000_000_000_000_000
			if n%5 == 0 {
				earlier := queue.DeliveryFilter{MessageID: benchID(n - 1), Purpose: samvirke.PurposeForward}
				if _, err := s.Deliveries(ctx, earlier); err != nil && ctx.Err() == nil {
					f.fail(err)
				}
			}
			u := fullUnit(n, f.body)
			u.Accept = nil
			u.Settings = map[string]string{"plan/" + u.Plan.Patient: u.Plan.Patient}
			f.commit(s, u)
		}
	}
}

func (f *flow) deliver(ctx context.Context, s queue.Store, party string) {
	for {
		got, err := s.Lease(ctx, party, 4, time.Minute)
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
			f.commit(s, u)
			if f.done.Add(1) == int64(len(flowParties))*f.n {
				f.cancel()
			}
		}
	}
}
