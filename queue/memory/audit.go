package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// Audits lists audit entries, newest first; see queue.Reader.
func (s *Store) Audits(ctx context.Context, before int64, limit int) (out []samvirke.Audit, err error) {
	d, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer s.disk.mu.Unlock()
	for i := range slices.Backward(d.audit) {
		if len(out) == page(limit) {
			break
		}
		if a := &d.audit[i]; before <= 0 || a.Seq < before {
			out = append(out, a.Audit)
		}
	}
	return out, nil
}

// VerifyAudit walks the hash chain; see queue.Reader.
func (s *Store) VerifyAudit(ctx context.Context) error {
	d, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer s.disk.mu.Unlock()
	last := d.anchor
	for i := range d.audit {
		a := &d.audit[i]
		switch {
		case a.Seq != last.seq+1:
			return fmt.Errorf("audit entry %d is gone", last.seq+1)
		case a.Previous != last.hash:
			return fmt.Errorf("audit entry %d does not follow the one before it", a.Seq)
		case a.Patient != "" && a.digest != queue.PatientDigest(a.salt, a.Patient), a.Hash != queue.AuditHash(a.Audit, a.digest):
			return fmt.Errorf("audit entry %d was changed", a.Seq)
		}
		last = auditEnd{a.Seq, a.Hash}
	}
	if last != d.head {
		return fmt.Errorf("audit entry %d is not the one the chain ended with", last.seq)
	}
	return nil
}
