package gateway_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/simulate"
)

// Records are filed under the enterprise of their sender: a party that names its own department inside another
// party's enterprise would write, withdraw and lift limits as that party.
func TestAPartyDoesNotWriteInsideAnotherOnesEnterprise(t *testing.T) {
	body := bytes.ReplaceAll(simulate.Admission{ID: uuid.NewString(), Person: 1}.XML(),
		[]byte("<Id>"+simulate.AdmissionHospital+"<"), []byte("<Id>"+simulate.AdmissionCity+"<"))
	t.Run("nobody says that it is a part of it", func(t *testing.T) {
		r := newRig(t)
		ans := r.receive("hospital", body)
		if ans.Fault == nil || ans.Fault.Code != "sender-mismatch" {
			t.Fatalf("answer is %+v", ans)
		}
		if m := r.untilStatus(ans.MessageID, samvirke.MessageAttention); len(r.records(m.Patient)) != 0 {
			t.Error("the message became a record of the other party")
		}
	})
	t.Run("the address book does", func(t *testing.T) {
		r := newRig(t, func(r *rig) {
			r.addresses.Find = func(her string) gateway.AddressEntry {
				e := gateway.AddressEntry{Listed: true, Known: true}
				if her == simulate.AdmissionWard {
					e.ParentHER = simulate.AdmissionCity
				}
				return e
			}
		})
		ans := r.receive("hospital", body)
		r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
	})
}

// An enterprise that is no party here is not taken as it stands either: its own messages may come one day, by another
// way, and would meet records that it never wrote.
func TestAPartyDoesNotWriteInsideAnUnknownEnterprise(t *testing.T) {
	const unknown = "8999999"
	body := func() []byte {
		return bytes.ReplaceAll(simulate.Admission{ID: uuid.NewString(), Person: 1}.XML(),
			[]byte("<Id>"+simulate.AdmissionHospital+"<"), []byte("<Id>"+unknown+"<"))
	}
	r := newRig(t)
	ans := r.receive("hospital", body())
	if ans.Fault == nil || ans.Fault.Code != "sender-mismatch" {
		t.Fatalf("answer is %+v", ans)
	}
	if m := r.untilStatus(ans.MessageID, samvirke.MessageAttention); len(r.records(m.Patient)) != 0 {
		t.Error("the message became a record of an enterprise that nobody vouches for")
	}
	known := newRig(t, func(r *rig) {
		r.addresses.Find = func(her string) gateway.AddressEntry {
			e := gateway.AddressEntry{Listed: true, Known: true}
			if her == simulate.AdmissionWard {
				e.ParentHER = unknown
			}
			return e
		}
	})
	known.untilStatus(known.receive("hospital", body()).MessageID, samvirke.MessageProcessed)
}
