package sealed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Store is a sealed store.
type Store struct {
	*Reader
	inner queue.Store
	pumps sync.WaitGroup

	// gate is held for reading by every commit. erasing are the tokens of those who are being erased, each with a channel
	// that is closed at the end: what is sealed meanwhile would be sealed under a key about to be destroyed.
	gate    sync.RWMutex
	erasing map[string]chan struct{}
}

var (
	_ queue.Store    = (*Store)(nil)
	_ queue.Eraser   = (*Store)(nil)
	_ queue.Retainer = (*Store)(nil)
)

// Open seals a store under the first of the master keys; the others are earlier ones, which a store may still be sealed under: then its
// root is sealed anew. queue.ErrMasterKey when none is the right one, or when the store was begun without encryption.
//
// The Store owns inner from then on: Close closes it. After an error inner is the caller's still.
func Open(ctx context.Context, inner queue.Store, masters ...MasterKey) (*Store, error) {
	if len(masters) == 0 {
		return nil, errors.New("sealed: no master key")
	}
	k, err := openKeys(ctx, inner, masters)
	if err != nil {
		return nil, err
	}
	s := &Store{Reader: &Reader{inner: inner, keys: k}, inner: inner}
	s.persons = persons{keys: &s.keys, read: inner, commit: inner.Commit}
	return s, nil
}

// Commit implements queue.Writer.
func (s *Store) Commit(ctx context.Context, u *queue.Unit) (queue.Outcome, error) {
	if u == nil {
		return s.inner.Commit(ctx, nil)
	}
	if err := ctx.Err(); err != nil {
		return queue.Outcome{}, err
	}
	if err := s.enter(ctx, u); err != nil {
		return queue.Outcome{}, err
	}
	defer s.gate.RUnlock()
	c, err := s.sealUnit(ctx, u)
	if err != nil {
		return queue.Outcome{}, err
	}
	out, err := s.inner.Commit(ctx, c)
	if err == nil && out.Existing != nil {
		m := *out.Existing
		err = s.message(ctx, &m, nil)
		out.Existing = &m
	}
	return out, err
}

// enter passes the gate, after waiting for the end of an erasure of a person that the unit is about.
func (s *Store) enter(ctx context.Context, u *queue.Unit) error {
	for {
		s.gate.RLock()
		wait := s.busy(u)
		if wait == nil {
			return nil
		}
		s.gate.RUnlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// busy gives what to wait for, nil when nobody in the unit is being erased.
func (s *Store) busy(u *queue.Unit) <-chan struct{} {
	if len(s.erasing) == 0 {
		return nil
	}
	var patients []string
	if u.Accept != nil {
		patients = append(patients, u.Accept.Patient)
	}
	if u.Message != nil {
		patients = append(patients, u.Message.Patient)
	}
	if u.Plan != nil {
		patients = append(patients, u.Plan.Patient)
	}
	for i := range u.Plans {
		patients = append(patients, u.Plans[i].Patient)
	}
	for i := range u.Records {
		patients = append(patients, u.Records[i].Patient)
	}
	for i := range u.Dues {
		patients = append(patients, u.Dues[i].Patient)
	}
	for i := range u.Deliveries {
		patients = append(patients, u.Deliveries[i].Patient)
	}
	for i := range u.Events {
		patients = append(patients, u.Events[i].Patient)
	}
	for i := range u.Audit {
		patients = append(patients, u.Audit[i].Patient)
	}
	for _, p := range patients {
		if wait := s.erasing[s.keys.tokenOf(p)]; wait != nil {
			return wait
		}
	}
	return nil
}

// sealUnit gives a copy of a unit with everything sealed.
func (s *Store) sealUnit(ctx context.Context, u *queue.Unit) (*queue.Unit, error) {
	c := *u
	x := &sealing{s: s, ctx: ctx, patient: map[string]string{}}
	c.Accept, c.Message = x.accept(u.Accept), x.message(u.Message)
	c.Records = each(u.Records, func(r *queue.Record) {
		r.Body, r.Patient = x.body(r.Patient, r.Body), x.token(r.Patient)
	})
	plan := func(p *queue.PlanStep) {
		if p.Check { // nothing is stored: it makes no key again of somebody who was erased
			p.Patient = s.keys.tokenOf(p.Patient)
			return
		}
		p.Body, p.Patient = x.body(p.Patient, p.Body), x.token(p.Patient)
	}
	if u.Plan != nil {
		p := *u.Plan
		plan(&p)
		c.Plan = &p
	}
	c.Plans = each(u.Plans, plan)
	c.Dues = each(u.Dues, func(d *queue.DueStep) {
		if d.Op != queue.DueSet { // likewise
			d.Patient = s.keys.tokenOf(d.Patient)
			return
		}
		d.Body, d.Patient = x.body(d.Patient, d.Body), x.token(d.Patient)
	})
	c.Deliveries = each(u.Deliveries, x.delivery)
	c.Receipts = each(u.Receipts, func(r *samvirke.Receipt) {
		sealed, err := s.keys.sealReceipt(*r)
		x.err = errors.Join(x.err, err)
		*r = sealed
	})
	c.Counters = each(u.Counters, func(n *queue.CounterStep) { n.Name = s.keys.counterName(n.Name) })
	if u.Settings != nil {
		c.Settings = make(map[string]string, len(u.Settings))
		for name, value := range u.Settings {
			c.Settings[name] = s.keys.sealText(name, value)
		}
	}
	c.Events = each(u.Events, func(e *samvirke.Event) { e.Patient = x.token(e.Patient) })
	c.Audit = each(u.Audit, func(a *samvirke.Audit) { a.Patient = x.token(a.Patient) })
	return &c, x.err
}

func each[T any](list []T, f func(*T)) []T {
	if list == nil {
		return nil
	}
	out := make([]T, len(list))
	for i := range list {
		out[i] = list[i]
		f(&out[i])
	}
	return out
}

// sealing is one unit while it is sealed. The first error stays.
type sealing struct {
	s       *Store
	ctx     context.Context //nolint:containedctx // it lives as long as the call
	patient map[string]string
	err     error
}

func (x *sealing) body(patient string, body []byte) []byte {
	if x.err != nil {
		return nil
	}
	var out []byte
	out, x.err = x.s.persons.seal(x.ctx, patient, body)
	return out
}

// token gives the token of a patient and sees to it that it can be read back.
func (x *sealing) token(patient string) string {
	if patient == "" || x.err != nil {
		return ""
	}
	if t, known := x.patient[patient]; known {
		return t
	}
	if _, x.err = x.s.persons.of(x.ctx, patient); x.err != nil {
		return ""
	}
	t := x.s.keys.tokenOf(patient)
	x.patient[patient] = t
	return t
}

func (x *sealing) accept(m *samvirke.Message) *samvirke.Message {
	if m == nil {
		return nil
	}
	c := *m
	c.Checksum, c.Size = sumOf(c.Checksum, c.Raw), sizeOf(c.Size, c.Raw)
	c.Raw, c.Patient = x.body(m.Patient, m.Raw), x.token(m.Patient)
	return &c
}

func (x *sealing) message(m *queue.MessageStep) *queue.MessageStep {
	if m == nil {
		return nil
	}
	c := *m
	c.Envelope, c.Notes, c.Patient = x.body(m.Patient, m.Envelope), x.body(m.Patient, m.Notes), x.token(m.Patient)
	return &c
}

func (x *sealing) delivery(d *samvirke.Delivery) {
	d.Checksum, d.Size = sumOf(d.Checksum, d.Body), sizeOf(d.Size, d.Body)
	token := x.token(d.Patient)
	switch {
	case d.Lane == "" || d.Lane == samvirke.LaneKey(d.Party, d.Patient, d.Purpose):
		d.Lane = samvirke.LaneKey(d.Party, token, d.Purpose)
	case d.Patient != "":
		d.Lane = replace(d.Lane, d.Patient, token)
	}
	d.Body, d.Patient = x.body(d.Patient, d.Body), token
}

func sumOf(sum string, body []byte) string {
	if sum != "" {
		return sum
	}
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

func sizeOf(size int64, body []byte) int64 {
	if size != 0 {
		return size
	}
	return int64(len(body))
}

// reopenWait is the pause after a key could not be read before it is tried again.
const reopenWait = 200 * time.Millisecond

// openReceived opens a message that the engine has handed out. It will not do that again, so an error that may pass is
// waited for, until ctx or the store ends.
func (s *Store) openReceived(ctx context.Context, m *samvirke.Message) error {
	for {
		try := *m
		err := s.message(context.WithoutCancel(ctx), &try, nil)
		if err == nil {
			*m = try
		}
		if err == nil || lost(err) || errors.Is(err, queue.ErrClosed) || errors.Is(err, queue.ErrFailed) {
			return err
		}
		select {
		case <-time.After(reopenWait):
		case <-ctx.Done():
			return err
		}
	}
}

// Received implements queue.Worker.
func (s *Store) Received(ctx context.Context, limit int) ([]samvirke.Message, error) {
	list, err := s.inner.Received(ctx, limit)
	gone, some := errors.AsType[*queue.LostError](err)
	if err != nil && !some {
		return nil, err
	}
	if some {
		for i := range gone.Messages {
			gone.Messages[i].Patient, _ = s.persons.patient(context.WithoutCancel(ctx), gone.Messages[i].Patient) // unreadable is unknown
		}
	}
	out := list[:0]
	for i := range list {
		e := s.openReceived(ctx, &list[i])
		if e != nil && !lost(e) {
			return nil, fmt.Errorf("open received message: %w", e)
		}
		if e == nil {
			out = append(out, list[i])
			continue
		}
		if gone == nil {
			gone = &queue.LostError{Err: e}
		}
		list[i].Patient, list[i].Raw = "", nil
		gone.Messages = append(gone.Messages, list[i])
	}
	if gone != nil {
		return out, gone
	}
	return out, nil
}

// Lease implements queue.Worker.
func (s *Store) Lease(ctx context.Context, party string, limit int, ttl time.Duration) ([]queue.Leased, error) {
	list, err := s.inner.Lease(ctx, party, limit, ttl)
	for i := range list {
		l := &list[i]
		if e := s.delivery(context.WithoutCancel(ctx), &l.Delivery); e != nil && l.Err == nil {
			l.Err, l.Body = e, nil
			if !lost(e) {
				l.Err = fmt.Errorf("%w: %w", queue.ErrDamaged, e)
			}
		}
	}
	return list, err
}

// Subscribe implements queue.Store.
func (s *Store) Subscribe(buffer int) (<-chan samvirke.Event, func()) {
	in, cancel := s.inner.Subscribe(buffer)
	out := make(chan samvirke.Event, cap(in))
	done := make(chan struct{})
	var once sync.Once
	s.pumps.Go(func() {
		defer close(out)
		for e := range in {
			e.Patient, _ = s.persons.patient(context.Background(), e.Patient) // unreadable is unknown
			for sent := false; !sent; {
				select {
				case <-done:
					return
				case out <- e:
					sent = true
				default: // never wait: who is behind loses the oldest
					select {
					case <-out:
					default:
					}
				}
			}
		}
	})
	return out, func() {
		once.Do(func() { close(done) })
		cancel()
	}
}

// Failed implements queue.Store.
func (s *Store) Failed() <-chan struct{} { return s.inner.Failed() }

// Err implements queue.Store.
func (s *Store) Err() error { return s.inner.Err() }

// Close implements queue.Store.
func (s *Store) Close() error {
	err := s.inner.Close()
	s.pumps.Wait()
	return err
}

// Leads says whether this gateway leads in a job, when several share the store inside; alone it always does.
func (s *Store) Leads(ctx context.Context, job string) (bool, error) {
	if l, shared := s.inner.(interface {
		Leads(ctx context.Context, job string) (bool, error)
	}); shared {
		return l.Leads(ctx, job)
	}
	return true, nil
}
