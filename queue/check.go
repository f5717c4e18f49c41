package queue

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/samvirke/samvirke"
)

// MaxParts bounds the slices of one unit, and what a walk over the store takes at a time.
const MaxParts = 10000

// Checked gives a copy of u with defaults filled in, or what is wrong with it. It runs in the
// caller's goroutine, so that hashing never holds up the writer.
func Checked(u *Unit) (*Unit, error) {
	if u == nil {
		return nil, errors.New("unit is nil")
	}
	if u.Now.IsZero() {
		return nil, errors.New("unit has no time")
	}
	if n := max(len(u.Records), len(u.Deliveries), len(u.Steps), len(u.Receipts), len(u.Counters),
		len(u.Settings), len(u.Dues), len(u.Events), len(u.Audit)); n > MaxParts {
		return nil, fmt.Errorf("unit has %d parts of one kind, at most %d are allowed", n, MaxParts)
	}
	c := *u
	if u.Accept != nil {
		m, err := checkedMessage(u)
		if err != nil {
			return nil, err
		}
		c.Accept = m
	}
	if err := checkSteps(u); err != nil {
		return nil, err
	}
	if err := checkDues(u); err != nil {
		return nil, err
	}
	if len(u.Deliveries) == 0 {
		return &c, nil
	}
	c.Deliveries = make([]samvirke.Delivery, len(u.Deliveries))
	for i := range u.Deliveries {
		d := u.Deliveries[i]
		if d.ID == "" || d.Party == "" {
			return nil, fmt.Errorf("delivery %d of the unit has no id or no party", i)
		}
		if d.State != samvirke.DeliveryQueued {
			return nil, fmt.Errorf("new delivery %s is %q: %w", d.ID, d.State, ErrState)
		}
		if d.Lane == "" {
			d.Lane = samvirke.LaneKey(d.Party, d.Patient, d.Purpose)
		}
		d.CreatedAt = orTime(d.CreatedAt, u.Now)
		// As they will be read back: a lease may hand out this very copy.
		for _, at := range []*time.Time{&d.CreatedAt, &d.DueAt, &d.SentAt, &d.DoneAt, &d.ExpectBy} {
			*at = asStored(*at)
		}
		d.Checksum = orSum(d.Checksum, d.Body)
		if d.Size == 0 {
			d.Size = int64(len(d.Body))
		}
		c.Deliveries[i] = d
	}
	return &c, nil
}

func checkedMessage(u *Unit) (*samvirke.Message, error) {
	m := *u.Accept
	if m.ID == "" || m.Party == "" {
		return nil, errors.New("message to accept has no id or no party")
	}
	if m.Status == "" {
		m.Status = samvirke.MessageReceived
	}
	m.ReceivedAt = orTime(m.ReceivedAt, u.Now)
	m.Checksum = orSum(m.Checksum, m.Raw)
	if m.Size == 0 {
		m.Size = int64(len(m.Raw))
	}
	return &m, nil
}

func checkSteps(u *Unit) error {
	if u.Message != nil && u.Message.ID == "" {
		return errors.New("message step has no id")
	}
	for i := range u.Steps {
		switch u.Steps[i].To {
		case samvirke.DeliveryQueued, samvirke.DeliveryWaiting, samvirke.DeliverySent,
			samvirke.DeliveryAcknowledged, samvirke.DeliveryStopped, samvirke.DeliveryGivenUp:
		default: // sending is what Lease makes it
			return fmt.Errorf("step of delivery %s to %q: %w", u.Steps[i].ID, u.Steps[i].To, ErrState)
		}
	}
	return nil
}

func checkDues(u *Unit) error {
	for i := range u.Dues {
		s := &u.Dues[i]
		switch {
		case s.Patient == "" || s.ID == "":
			return fmt.Errorf("due %d of the unit has no patient or no id", i)
		case s.Op == DueSet && s.At.IsZero():
			return fmt.Errorf("due %s has no time", s.ID)
		case s.Op != DueSet && s.Op != DueDrop && s.Op != DueFire:
			return fmt.Errorf("due %s: nothing is called %q", s.ID, s.Op)
		}
	}
	return nil
}

func orTime(t, otherwise time.Time) time.Time {
	if t.IsZero() {
		return otherwise
	}
	return t
}

func orSum(sum string, body []byte) string {
	if sum != "" {
		return sum
	}
	return sumOf(body)
}

func sumOf(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// Weight is about how many bytes a unit writes.
func Weight(u *Unit) int {
	n := 1024
	if u.Accept != nil {
		n += len(u.Accept.Raw)
	}
	if u.Plan != nil {
		n += len(u.Plan.Body)
	}
	for i := range u.Plans {
		n += len(u.Plans[i].Body)
	}
	if u.Message != nil {
		n += len(u.Message.Envelope) + len(u.Message.Notes)
	}
	for i := range u.Records {
		n += len(u.Records[i].Body)
	}
	for i := range u.Deliveries {
		n += len(u.Deliveries[i].Body)
	}
	return n
}

// asStored is a time as an engine gives it back: in UTC, to the nanosecond, none as none.
func asStored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, t.UnixNano()).UTC()
}
