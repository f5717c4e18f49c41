package gateway

import (
	"slices"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/fhir/careplan"
)

// Replay makes records of messages outside a running gateway, as the gateway would: for `plan fold`, and for anybody
// who wants to know which plan a set of messages gives. Without a server nobody knows when a message was received, so
// the time of a message counts as that.
type Replay struct {
	// Party finds the configured party that has an HER-id, and whether its cancellations take back one version only; nil, or
	// false: unknown, and without capacities.
	Party func(her string) (p samvirke.Party, cancelVersion, ok bool)
	// Patient tells the municipality of a patient key, like Options.Patient; nil: unknown.
	Patient func(key string) (municipality, gp string)
}

// Record makes the record of a message. Of a write that a gateway has kept (kind plan-write) it takes what the
// writer had seen and the capacities of the person from the message: whoever replays vouches for the file.
func (r Replay) Record(b *fhir.Bundle, env *samvirke.Envelope) (careplan.Record, error) {
	m := careplan.Meta{Received: env.GeneratedAt, Mapping: env.Format + "/" + env.Version}
	if r.Party != nil {
		for _, her := range []string{env.Sender.Enterprise(), env.Sender.HER()} {
			p, version, ok := r.Party(her)
			if !ok || her == "" {
				continue
			}
			m.CancelVersion, m.Roles = version, recordRoles(p)
			if slices.Contains(m.Roles, samvirke.RoleCoordinator) && !coordinates(r.Patient, p, env.Patient.Key()) {
				m.Roles = slices.DeleteFunc(m.Roles, func(x string) bool { return x == samvirke.RoleCoordinator })
			}
			break
		}
	}
	if env.Kind == KindPlanWrite {
		m.Seen, m.Roles = claimed(b, m.Roles)
	}
	return careplan.FromMessage(b, env, m)
}

// Seen makes the record of a positive receipt: its sender has seen what the message said that it answers. It is
// false when the receipt refuses, or answers none of the records, or none for which it matters who has seen it.
//
// Source: domain/careplan.md section 5.3, context rule 3.
func (r Replay) Seen(receipt *samvirke.Envelope, records []careplan.Record) (careplan.Record, bool) {
	c := receipt.Receipt
	by := careplan.KeyOf(receipt).Sender
	if c == nil || c.Status == samvirke.ReceiptRejected || by == "" {
		return careplan.Record{}, false
	}
	id := careplan.KeyOf(&samvirke.Envelope{ID: c.OriginalID}).MessageID
	var seen []string
	var patient string
	for i := range records {
		if x := &records[i]; x.Key.MessageID == id && x.Kind != careplan.KindReceipt && x.Contextual() {
			seen, patient = append(seen, x.Key.String()), x.Subject
		}
	}
	if len(seen) == 0 {
		return careplan.Record{}, false
	}
	slices.Sort(seen)
	return receiptRecord(by, &samvirke.Delivery{ID: id, Patient: patient}, receipt.GeneratedAt, slices.Compact(seen), ""), true
}

// claimed gives what the header of a write says: what its author had seen, and further capacities.
func claimed(b *fhir.Bundle, has []string) (seen, roles []string) {
	roles = slices.Clone(has)
	for _, e := range b.First("MessageHeader").Get("extension").Items() {
		switch value := e.Get("valueString").Text(); e.Get("url").Text() {
		case extSeen:
			seen = append(seen, value)
		case extRoles:
			if !slices.Contains(roles, value) {
				roles = append(roles, value)
			}
		}
	}
	slices.Sort(roles)
	slices.Sort(seen)
	return slices.Compact(seen), roles
}

// coordinates tells whether a party is the coordinating unit of a person: see Gateway.Coordinates.
func coordinates(find func(string) (string, string), p samvirke.Party, patients ...string) bool {
	if !p.HasRole(samvirke.RoleCoordinator) || p.Municipality == "" || find == nil {
		return false
	}
	return slices.ContainsFunc(patients, func(key string) bool {
		m, _ := find(key)
		return m == p.Municipality
	})
}
