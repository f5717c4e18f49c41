package memory

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// page gives the limit to use.
func page(limit int) int {
	if limit <= 0 {
		return 50
	}
	return min(limit, queue.MaxPage)
}

// copied is a body for a reader, who may do with it what they like; one that is gone is empty.
func copied(body []byte) []byte { return append([]byte{}, body...) }

// Receipts lists receipts, oldest first; see queue.Reader.
func (s *Store) Receipts(ctx context.Context, f queue.ReceiptFilter) (out []samvirke.Receipt, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for i := range d.receipt {
		r := &d.receipt[i]
		if len(out) == page(f.Limit) {
			break
		}
		if is(f.MessageID, r.MessageID) && is(f.DeliveryID, r.DeliveryID) && is(f.Party, r.Party) && is(f.Note, r.Note) {
			x := *r
			x.Errors = errorsOf(r)
			out = append(out, x)
		}
	}
	return out, nil
}

// is tells whether a row has what a filter asks for; "" asks for nothing.
func is[T ~string](asked, have T) bool { return asked == "" || asked == have }

// Events lists events, oldest first; see queue.Reader.
func (s *Store) Events(ctx context.Context, f queue.EventFilter) (out []samvirke.Event, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for _, e := range d.event[min(max(f.After, 0), int64(len(d.event))):] {
		if len(out) == page(f.Limit) {
			break
		}
		if e.Seq != 0 && is(f.MessageID, e.MessageID) && is(f.DeliveryID, e.DeliveryID) {
			out = append(out, e)
		}
	}
	return out, nil
}

// Records gives all records of a patient in order of arrival; see queue.Reader.
func (s *Store) Records(ctx context.Context, patient string) ([]queue.Record, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	out := slices.Clone(d.record[patient])
	for i := range out {
		out[i].Body = copied(out[i].Body)
	}
	return out, nil
}

// Plan gives one version with its body, 0 = the newest; see queue.Reader.
func (s *Store) Plan(ctx context.Context, patient string, version int64) (queue.PlanVersion, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return queue.PlanVersion{}, err
	}
	defer s.disk.mu.Unlock()
	all := d.plan[patient]
	i, there := len(all)-1, len(all) > 0
	if version != 0 {
		i, there = slices.BinarySearchFunc(all, version, func(p *plan, v int64) int { return cmp.Compare(p.Version, v) })
	}
	if !there {
		return queue.PlanVersion{}, queue.ErrNotFound
	}
	p := all[i].PlanVersion
	p.Body = copied(p.Body)
	return p, nil
}

// listed is a version of a plan without its body.
func (p *plan) listed() queue.PlanVersion {
	v := p.PlanVersion
	v.Body = nil
	return v
}

// PlanVersions lists the versions of a plan, newest first, without bodies; see queue.Reader.
func (s *Store) PlanVersions(ctx context.Context, patient string) (out []queue.PlanVersion, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for _, p := range slices.Backward(d.plan[patient]) {
		out = append(out, p.listed())
	}
	return out, nil
}

// Patients lists the newest version of each plan, newest change first, without bodies; see queue.Reader.
func (s *Store) Patients(ctx context.Context, limit int) (out []queue.PlanVersion, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for _, p := range slices.Backward(d.planOrder) {
		if len(out) == page(limit) {
			break
		}
		if all := d.plan[p.Patient]; all[len(all)-1] == p {
			out = append(out, p.listed())
		}
	}
	return out, nil
}

// PlanChanges lists versions of plans in the order they were made; see queue.Reader.
func (s *Store) PlanChanges(ctx context.Context, after int64, limit int) (out []queue.PlanChange, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	from, _ := slices.BinarySearchFunc(d.planOrder, after+1, func(p *plan, seq int64) int { return cmp.Compare(p.seq, seq) })
	for _, p := range d.planOrder[from:] {
		if len(out) == page(limit) {
			break
		}
		out = append(out, queue.PlanChange{Seq: p.seq, PlanVersion: p.listed()})
	}
	return out, nil
}

// Dues lists dues, earliest first; see queue.Reader.
func (s *Store) Dues(ctx context.Context, f queue.DueFilter) (out []queue.Due, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	of := d.due
	if f.Patient != "" {
		of = map[string]map[string]*queue.Due{f.Patient: d.due[f.Patient]}
	}
	for _, dues := range of {
		for _, x := range dues {
			if (!f.Open || x.FiredAt.IsZero()) && (f.Until.IsZero() || !x.At.After(f.Until)) {
				out = append(out, *x)
			}
		}
	}
	slices.SortFunc(out, func(a, b queue.Due) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Patient, b.Patient), strings.Compare(a.ID, b.ID))
	})
	out = out[:min(len(out), page(f.Limit))]
	for i := range out {
		out[i].Body = bytes.Clone(out[i].Body)
	}
	return out, nil
}

// Counter gives a counter, 0 when it is not there; see queue.Reader.
func (s *Store) Counter(ctx context.Context, name string) (int64, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer s.disk.mu.Unlock()
	return d.counter[name], nil
}

// Setting gives a setting, "" when it is not there; see queue.Reader.
func (s *Store) Setting(ctx context.Context, name string) (string, error) {
	d, err := s.enter(ctx)
	if err != nil {
		return "", err
	}
	defer s.disk.mu.Unlock()
	return d.setting[name], nil
}

// Settings lists settings by the beginning of their name; see queue.Reader.
func (s *Store) Settings(ctx context.Context, prefix, after string, limit int) (out []queue.Setting, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.setting)) {
		if len(out) == page(limit) {
			break
		}
		if strings.HasPrefix(name, prefix) && name > after {
			out = append(out, queue.Setting{Name: name, Value: d.setting[name]})
		}
	}
	return out, nil
}
