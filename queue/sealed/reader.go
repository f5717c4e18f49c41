package sealed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Reader is a sealed store opened for reading beside a running gateway.
type Reader struct {
	inner   queue.Reader
	keys    keys
	persons persons
}

var _ queue.Reader = (*Reader)(nil)

// NewReader opens a store for reading. queue.ErrMasterKey when no key given is the one it is sealed under.
func NewReader(ctx context.Context, inner queue.Reader, masters ...MasterKey) (*Reader, error) {
	r := &Reader{inner: inner}
	k, by, err := loadKeys(ctx, inner, masters)
	if err != nil {
		return nil, err
	}
	if by == "" {
		return nil, fmt.Errorf("the store is not sealed: %w", queue.ErrMasterKey)
	}
	r.keys = k
	r.persons = persons{keys: &r.keys, read: inner}
	return r, nil
}

// Below gives the store that is sealed, for what an engine knows of itself: the check of its stored bodies, the settings of its server.
func (r *Reader) Below() queue.Reader { return r.inner }

// patients replaces tokens by what they stand for.
func (r *Reader) patients(ctx context.Context, err error, tokens ...*string) error {
	for _, t := range tokens {
		if err != nil {
			return err
		}
		*t, err = r.persons.patient(ctx, *t)
	}
	return err
}

func (r *Reader) message(ctx context.Context, m *samvirke.Message, err error) error {
	if err = r.patients(ctx, err, &m.Patient); err != nil {
		return err
	}
	m.Raw, err = r.persons.unseal(ctx, m.Raw)
	return err
}

// delivery opens a delivery; body says whether that is asked for too. What stands in the lane's name is the token as well.
func (r *Reader) delivery(ctx context.Context, d *samvirke.Delivery) error {
	token := d.Patient
	err := r.patients(ctx, nil, &d.Patient)
	if err == nil && token != "" {
		d.Lane = strings.ReplaceAll(d.Lane, token, d.Patient)
	}
	if err == nil {
		d.Body, err = r.persons.unseal(ctx, d.Body)
	}
	return err
}

// Message implements queue.Reader.
func (r *Reader) Message(ctx context.Context, id string) (queue.MessageDetail, error) {
	d, err := r.inner.Message(ctx, id)
	if err != nil {
		return d, err
	}
	if err = r.message(ctx, &d.Message, nil); err != nil {
		return d, err
	}
	if d.Envelope, err = r.persons.unseal(ctx, d.Envelope); err != nil {
		return d, err
	}
	d.Notes, err = r.persons.unseal(ctx, d.Notes)
	return d, err
}

// Messages implements queue.Reader.
func (r *Reader) Messages(ctx context.Context, f queue.MessageFilter) ([]samvirke.Message, error) {
	f.Patient = r.keys.tokenOf(f.Patient)
	list, err := r.inner.Messages(ctx, f)
	for i := range list {
		err = r.message(ctx, &list[i], err)
	}
	return list, err
}

// opened opens one delivery read with an error that may leave all but its body.
func (r *Reader) opened(ctx context.Context, d samvirke.Delivery, err error) (samvirke.Delivery, error) {
	if d.ID == "" {
		return d, err
	}
	if e := r.delivery(ctx, &d); err == nil {
		err = e
	}
	return d, err
}

// Delivery implements queue.Reader.
func (r *Reader) Delivery(ctx context.Context, id string) (samvirke.Delivery, error) {
	d, err := r.inner.Delivery(ctx, id)
	return r.opened(ctx, d, err)
}

// FindDelivery implements queue.Reader.
func (r *Reader) FindDelivery(ctx context.Context, party, externalID string) (samvirke.Delivery, error) {
	d, err := r.inner.FindDelivery(ctx, party, externalID)
	return r.opened(ctx, d, err)
}

// Deliveries implements queue.Reader.
func (r *Reader) Deliveries(ctx context.Context, f queue.DeliveryFilter) ([]samvirke.Delivery, error) {
	f.Patient = r.keys.tokenOf(f.Patient)
	list, err := r.inner.Deliveries(ctx, f)
	for i := range list {
		if err == nil {
			err = r.delivery(ctx, &list[i])
		}
	}
	return list, err
}

// Attempts implements queue.Reader.
func (r *Reader) Attempts(ctx context.Context, deliveryID string) ([]samvirke.Attempt, error) {
	return r.inner.Attempts(ctx, deliveryID)
}

// words is what a receipt says in its own words.
type words struct {
	Display string `json:"display,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// sealReceipt seals what the other side wrote; codes stay, so that an outcome outlives its words.
func (k *keys) sealReceipt(x samvirke.Receipt) (samvirke.Receipt, error) {
	errs := make([]samvirke.ReceiptError, len(x.Errors))
	for i, e := range x.Errors {
		if e.Display != "" || e.Detail != "" {
			plain, err := json.Marshal(words{e.Display, e.Detail})
			if err != nil {
				return x, err
			}
			e.Display, e.Detail = "", base64.StdEncoding.EncodeToString(k.sealSingle(plain))
		}
		errs[i] = e
	}
	if x.Errors != nil {
		x.Errors = errs
	}
	return x, nil
}

func (k *keys) openReceipt(x *samvirke.Receipt) error {
	for i := range x.Errors {
		e := &x.Errors[i]
		if e.Detail == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(e.Detail)
		if err != nil {
			return fmt.Errorf("text of a receipt is not sealed: %w", queue.ErrDamaged)
		}
		plain, err := k.openSingle(raw)
		if err != nil {
			return err
		}
		var w words
		if err := json.Unmarshal(plain, &w); err != nil {
			return err
		}
		e.Display, e.Detail = w.Display, w.Detail
	}
	return nil
}

// Receipts implements queue.Reader.
func (r *Reader) Receipts(ctx context.Context, f queue.ReceiptFilter) ([]samvirke.Receipt, error) {
	list, err := r.inner.Receipts(ctx, f)
	for i := range list {
		if err == nil {
			err = r.keys.openReceipt(&list[i])
		}
	}
	return list, err
}

// Events implements queue.Reader.
func (r *Reader) Events(ctx context.Context, f queue.EventFilter) ([]samvirke.Event, error) {
	list, err := r.inner.Events(ctx, f)
	for i := range list {
		err = r.patients(ctx, err, &list[i].Patient)
	}
	return list, err
}

// Records implements queue.Reader.
func (r *Reader) Records(ctx context.Context, patient string) ([]queue.Record, error) {
	list, err := r.inner.Records(ctx, r.keys.tokenOf(patient))
	for i := range list {
		if err == nil {
			list[i].Patient = patient
			list[i].Body, err = r.persons.unseal(ctx, list[i].Body)
		}
	}
	return list, err
}

// Plan implements queue.Reader.
func (r *Reader) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	p, err := r.inner.Plan(ctx, r.keys.tokenOf(patient), version)
	if err != nil && !errors.Is(err, queue.ErrDamaged) {
		return p, err
	}
	p.Patient = patient
	if err != nil {
		return p, err
	}
	p.Body, err = r.persons.unseal(ctx, p.Body)
	return p, err
}

// PlanVersions implements queue.Reader.
func (r *Reader) PlanVersions(ctx context.Context, patient string) ([]queue.PlanVersion, error) {
	list, err := r.inner.PlanVersions(ctx, r.keys.tokenOf(patient))
	for i := range list {
		list[i].Patient = patient
	}
	return list, err
}

// Patients implements queue.Reader.
func (r *Reader) Patients(ctx context.Context, limit int) ([]queue.PlanVersion, error) {
	list, err := r.inner.Patients(ctx, limit)
	for i := range list {
		err = r.patients(ctx, err, &list[i].Patient)
	}
	return list, err
}

// Dues implements queue.Reader.
func (r *Reader) Dues(ctx context.Context, f queue.DueFilter) ([]queue.Due, error) {
	f.Patient = r.keys.tokenOf(f.Patient)
	list, err := r.inner.Dues(ctx, f)
	for i := range list {
		if err = r.patients(ctx, err, &list[i].Patient); err == nil {
			list[i].Body, err = r.persons.unseal(ctx, list[i].Body)
		}
	}
	return list, err
}

// Counter implements queue.Reader.
func (r *Reader) Counter(ctx context.Context, name string) (int64, error) {
	return r.inner.Counter(ctx, r.keys.counterName(name))
}

// Setting implements queue.Reader.
func (r *Reader) Setting(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, ownPrefix) {
		return "", nil
	}
	v, err := r.inner.Setting(ctx, name)
	if err != nil {
		return "", err
	}
	return r.keys.openText(name, v)
}

// Settings implements queue.Reader. Those of this package are not shown.
func (r *Reader) Settings(ctx context.Context, prefix, after string, limit int) ([]queue.Setting, error) {
	if strings.HasPrefix(prefix, ownPrefix) {
		return nil, nil
	}
	limit = pageOf(limit)
	var out []queue.Setting
	for {
		page, err := r.inner.Settings(ctx, prefix, after, limit)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			if after = s.Name; strings.HasPrefix(s.Name, ownPrefix) {
				after = ownPrefix + "\U0010ffff" // behind all of them
				break
			}
			if s.Value, err = r.keys.openText(s.Name, s.Value); err != nil {
				return nil, err
			}
			if out = append(out, s); len(out) == limit {
				return out, nil
			}
		}
		if len(page) < limit && !strings.HasPrefix(after, ownPrefix) || len(page) == 0 {
			return out, nil
		}
	}
}

// pageOf is the limit that an engine will use (queue.MaxPage).
func pageOf(limit int) int {
	switch {
	case limit <= 0:
		return 50
	case limit > queue.MaxPage:
		return queue.MaxPage
	}
	return limit
}

// PlanChanges implements queue.Reader.
func (r *Reader) PlanChanges(ctx context.Context, after int64, limit int) ([]queue.PlanChange, error) {
	list, err := r.inner.PlanChanges(ctx, after, limit)
	for i := range list {
		err = r.patients(ctx, err, &list[i].Patient)
	}
	return list, err
}

// Audits implements queue.Reader. The chain was made over tokens: Hash fits the stored entry, not the one given here.
func (r *Reader) Audits(ctx context.Context, before int64, limit int) ([]samvirke.Audit, error) {
	list, err := r.inner.Audits(ctx, before, limit)
	for i := range list {
		err = r.patients(ctx, err, &list[i].Patient)
	}
	return list, err
}

// VerifyAudit implements queue.Reader.
func (r *Reader) VerifyAudit(ctx context.Context) error { return r.inner.VerifyAudit(ctx) }

// Stats implements queue.Reader.
func (r *Reader) Stats(ctx context.Context) (queue.Stats, error) { return r.inner.Stats(ctx) }

// Close closes the store below, when it can be closed.
func (r *Reader) Close() error {
	if c, ok := r.inner.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}

// lost tells an error that is of one body and for good.
func lost(err error) bool { return errors.Is(err, queue.ErrDamaged) }
