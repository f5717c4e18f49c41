package gateway_test

import (
	"bytes"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
)

// book is an address book of one line.
func book(e gateway.AddressEntry, refuse bool) gateway.Addresses {
	return gateway.Addresses{Refuse: refuse, Find: func(her string) gateway.AddressEntry {
		if her == simulate.AdmissionNursing {
			return e
		}
		return gateway.AddressEntry{}
	}}
}

// TestReceiverOutsideTheAddressBook: a receiver of ours that is unknown or out of use gets nothing; a person
// looks, or the sender is told with E21, as configured.
func TestReceiverOutsideTheAddressBook(t *testing.T) {
	for _, c := range []struct {
		name   string
		entry  gateway.AddressEntry
		refuse bool
		code   string
	}{
		{"listed", gateway.AddressEntry{Listed: true, Known: true}, false, ""},
		{"listed, else refused", gateway.AddressEntry{Listed: true, Known: true}, true, ""},
		{"unknown", gateway.AddressEntry{}, false, "receiver-unlisted"},
		{"expired", gateway.AddressEntry{Known: true, Why: "expired"}, false, "receiver-expired"},
		{"unknown and refused", gateway.AddressEntry{}, true, "receiver-unlisted"},
		{"expired and refused", gateway.AddressEntry{Known: true, Why: "expired"}, true, "receiver-expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.addresses = book(c.entry, c.refuse) })
			id, _ := r.admit(simulate.Admission{Person: 1})
			switch {
			case c.code == "":
				r.untilState(id, samvirke.DeliverySent)
				return
			case !c.refuse:
				m := r.untilStatus(id, samvirke.MessageAttention)
				if m.Fault != c.code || len(r.deliveries(id, "")) != 0 {
					t.Errorf("fault %q, %d deliveries", m.Fault, len(r.deliveries(id, "")))
				}
				return
			}
			r.until("receipt", func() bool { return len(r.hospital.sent()) == 1 })
			if body := r.hospital.sent()[0].Body; !bytes.Contains(body, []byte(`"E21"`)) || !bytes.Contains(body, []byte(`<Status V="2"`)) {
				t.Errorf("receipt %s", body)
			}
			if len(r.city.sent()) != 0 {
				t.Error("the city got a message that was refused in its name")
			}
		})
	}
}

// TestRoutedCopyIsAddressedAsTheBookSays: names of both levels, and the enterprise, come from the book.
func TestRoutedCopyIsAddressedAsTheBookSays(t *testing.T) {
	const service = "8149999"
	r := newRig(t, func(r *rig) {
		r.cityParty.HER = []string{service}
		r.rules = []route.Rule{{Name: "addressees", To: []string{"addressees"}}, {Name: "copy", To: []string{"city"}}}
		r.addresses = gateway.Addresses{Find: func(her string) gateway.AddressEntry {
			return gateway.AddressEntry{Listed: true, Known: true, Name: "Hjemmetjenesten nord", ParentHER: "8149990", ParentName: "Nabokommunen"}
		}}
	})
	// The hospital writes to itself, so that the message has a receiver of ours that is not the city.
	raw := bytes.ReplaceAll((simulate.Admission{ID: "0f3b7c1e-4a2d-4d7e-9c55-000000000001", Person: 1}).XML(),
		[]byte(simulate.AdmissionNursing), []byte(simulate.AdmissionWard))
	ans := r.receive("hospital", raw)
	if ans.Fault != nil {
		t.Fatal(ans.Fault)
	}
	d := r.untilState(ans.MessageID, samvirke.DeliverySent)
	body := r.city.sent()[0].Body
	for _, want := range []string{service, "Hjemmetjenesten nord", "8149990", "Nabokommunen"} {
		if !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s is not in the %s copy: %s", want, d.Kind, body)
		}
	}
}
