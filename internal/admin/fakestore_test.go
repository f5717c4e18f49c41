package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// fakeStore is a store in memory with the promises of queue.Reader that this room relies on.
type fakeStore struct {
	mu         sync.Mutex
	messages   []queue.MessageDetail
	deliveries []samvirke.Delivery
	attempts   map[string][]samvirke.Attempt
	receipts   []samvirke.Receipt
	events     []samvirke.Event
	plans      []queue.PlanVersion
	records    []queue.Record
	counters   map[string]int64
	settings   map[string]string
	audits     []samvirke.Audit
	broken     error // VerifyAudit
	failAudit  error // Commit of a unit with audit entries
	subs       map[chan samvirke.Event]bool
}

func newFakeStore() *fakeStore {
	return &fakeStore{attempts: map[string][]samvirke.Attempt{}, counters: map[string]int64{}, settings: map[string]string{},
		subs: map[chan samvirke.Event]bool{}}
}

func (f *fakeStore) Commit(_ context.Context, u *queue.Unit) (queue.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.Now.IsZero() {
		return queue.Outcome{}, errors.New("unit has no time")
	}
	if len(u.Audit) > 0 && f.failAudit != nil {
		return queue.Outcome{}, f.failAudit
	}
	for _, c := range u.Counters {
		if f.counters[c.Name] != c.Expect {
			return queue.Outcome{}, queue.ErrCounter
		}
		f.counters[c.Name]++
	}
	maps.Copy(f.settings, u.Settings)
	for _, a := range u.Audit {
		a.Seq = int64(len(f.audits) + 1)
		if a.Seq > 1 {
			a.Previous = f.audits[a.Seq-2].Hash
		}
		a.Hash = checksum(fmt.Append(nil, a))
		f.audits = append(f.audits, a)
	}
	for _, e := range u.Events {
		f.addEvent(e)
	}
	return queue.Outcome{}, nil
}

// addEvent adds an event and hands it to the subscribers. The caller holds mu.
func (f *fakeStore) addEvent(e samvirke.Event) {
	e.Seq = int64(len(f.events) + 1)
	f.events = append(f.events, e)
	for c := range f.subs {
		select {
		case c <- e:
		default:
		}
	}
}

func (f *fakeStore) Subscribe(buffer int) (<-chan samvirke.Event, func()) {
	c := make(chan samvirke.Event, buffer)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.subs[c] = true
	var once sync.Once
	return c, func() {
		once.Do(func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			delete(f.subs, c)
			close(c)
		})
	}
}

func (f *fakeStore) Message(_ context.Context, id string) (queue.MessageDetail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return queue.MessageDetail{}, queue.ErrNotFound
}

func match(want, got string) bool { return want == "" || want == got }

func (f *fakeStore) Messages(_ context.Context, q queue.MessageFilter) ([]samvirke.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []samvirke.Message
	for _, m := range slices.Backward(f.messages) {
		if match(q.Party, m.Party) && match(q.Kind, m.Kind) && match(q.Patient, m.Patient) && match(q.ExternalID, m.ExternalID) &&
			(len(q.Status) == 0 || slices.Contains(q.Status, m.Status)) && (q.Since.IsZero() || !m.ReceivedAt.Before(q.Since)) &&
			(q.Until.IsZero() || m.ReceivedAt.Before(q.Until)) && (q.Before == 0 || m.Seq < q.Before) && len(list) < limit(q.Limit) {
			row := m.Message
			row.Raw = nil
			list = append(list, row)
		}
	}
	return list, nil
}

func limit(n int) int {
	if n == 0 {
		return 50
	}
	return min(n, queue.MaxPage)
}

func (f *fakeStore) Delivery(_ context.Context, id string) (samvirke.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.deliveries {
		if d.ID == id {
			return d, nil
		}
	}
	return samvirke.Delivery{}, queue.ErrNotFound
}

func (f *fakeStore) Deliveries(_ context.Context, q queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []samvirke.Delivery
	for _, d := range slices.Backward(f.deliveries) {
		if match(q.Party, d.Party) && match(q.MessageID, d.MessageID) && match(q.Patient, d.Patient) &&
			(len(q.State) == 0 || slices.Contains(q.State, d.State)) && match(string(q.Purpose), string(d.Purpose)) &&
			(q.OverdueAt.IsZero() || overdue(d, q.OverdueAt)) && (q.Before == 0 || d.Seq < q.Before) && len(list) < limit(q.Limit) {
			d.Body = nil
			list = append(list, d)
		}
	}
	return list, nil
}

func (f *fakeStore) FindDelivery(_ context.Context, party, external string) (samvirke.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range slices.Backward(f.deliveries) {
		if d.Party == party && d.ExternalID == external {
			return d, nil
		}
	}
	return samvirke.Delivery{}, queue.ErrNotFound
}

func (f *fakeStore) Attempts(_ context.Context, id string) ([]samvirke.Attempt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attempts[id], nil
}

func (f *fakeStore) Receipts(_ context.Context, q queue.ReceiptFilter) ([]samvirke.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []samvirke.Receipt
	for _, r := range f.receipts {
		if match(q.MessageID, r.MessageID) && match(q.DeliveryID, r.DeliveryID) && match(q.Party, r.Party) {
			list = append(list, r)
		}
	}
	return list, nil
}

func (f *fakeStore) Events(_ context.Context, q queue.EventFilter) ([]samvirke.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []samvirke.Event
	for _, e := range f.events {
		if match(q.MessageID, e.MessageID) && match(q.DeliveryID, e.DeliveryID) && e.Seq > q.After && len(list) < limit(q.Limit) {
			list = append(list, e)
		}
	}
	return list, nil
}

func (f *fakeStore) Records(_ context.Context, patient string) ([]queue.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []queue.Record
	for _, r := range f.records {
		if r.Patient == patient {
			list = append(list, r)
		}
	}
	return list, nil
}

func (f *fakeStore) Plan(_ context.Context, patient string, version int64) (queue.PlanVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range slices.Backward(f.plans) {
		if p.Patient == patient && (version == 0 || p.Version == version) {
			return p, nil
		}
	}
	return queue.PlanVersion{}, queue.ErrNotFound
}

func (f *fakeStore) PlanVersions(_ context.Context, patient string) ([]queue.PlanVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []queue.PlanVersion
	for _, p := range f.plans {
		if p.Patient == patient {
			p.Body = nil
			list = append(list, p)
		}
	}
	return list, nil
}

func (f *fakeStore) Patients(_ context.Context, n int) ([]queue.PlanVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	newest := map[string]queue.PlanVersion{}
	for _, p := range f.plans {
		p.Body = nil
		newest[p.Patient] = p
	}
	list := slices.SortedFunc(maps.Values(newest), func(a, b queue.PlanVersion) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Patient, b.Patient))
	})
	return list[:min(n, len(list))], nil
}

func (f *fakeStore) Settings(context.Context, string, string, int) ([]queue.Setting, error) {
	return nil, nil
}

func (f *fakeStore) PlanChanges(context.Context, int64, int) ([]queue.PlanChange, error) {
	return nil, nil
}

func (f *fakeStore) Dues(context.Context, queue.DueFilter) ([]queue.Due, error) { return nil, nil }

func (f *fakeStore) Counter(_ context.Context, name string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counters[name], nil
}

func (f *fakeStore) Setting(_ context.Context, name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.settings[name], nil
}

func (f *fakeStore) Audits(_ context.Context, before int64, n int) ([]samvirke.Audit, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []samvirke.Audit
	for _, a := range slices.Backward(f.audits) {
		if (before == 0 || a.Seq < before) && len(list) < limit(n) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (f *fakeStore) VerifyAudit(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

func (f *fakeStore) Stats(context.Context) (queue.Stats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := queue.Stats{Accepted: int64(len(f.messages)), Messages: map[samvirke.MessageStatus]int64{},
		Deliveries: map[string]map[samvirke.DeliveryState]int64{}, ReceiptsAwaited: map[string]int64{}}
	for _, m := range f.messages {
		st.Messages[m.Status]++
	}
	for _, d := range f.deliveries {
		if st.Deliveries[d.Party] == nil {
			st.Deliveries[d.Party] = map[samvirke.DeliveryState]int64{}
		}
		st.Deliveries[d.Party][d.State]++
		if d.State == samvirke.DeliverySent && !d.ExpectBy.IsZero() {
			st.ReceiptsAwaited[d.Party]++
		}
	}
	return st, nil
}

// lastAudit gives the newest entry.
func (f *fakeStore) lastAudit() samvirke.Audit {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.audits) == 0 {
		return samvirke.Audit{}
	}
	return f.audits[len(f.audits)-1]
}

// auditCount counts the entries with this action.
func (f *fakeStore) auditCount(action string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.audits {
		if a.Action == action {
			n++
		}
	}
	return n
}
