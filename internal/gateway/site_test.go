package gateway_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
)

// TestSiteOfTheReceiver: what a party reads in its own way is written for it so, also when it is addressed in
// the format it came in; a signed message is never written anew.
func TestSiteOfTheReceiver(t *testing.T) {
	r := newRig(t, func(r *rig) { r.citySite = mapping.Site{InvertEstimates: true} })
	a := simulate.Admission{ID: uuid.NewString(), Person: 1}
	ans := r.receive("hospital", a.XML())
	d := r.untilState(ans.MessageID, samvirke.DeliverySent)
	body := r.city.sent()[0].Body
	if !bytes.Contains(a.XML(), []byte("Anslag>false<")) || !bytes.Contains(body, []byte("Anslag>true<")) || d.ExternalID != a.ID {
		t.Errorf("%s: %s", d.ExternalID, body)
	}
}

// TestSiteOfTheSender: a sender that writes Anslag the other way round is understood, and so are those who
// get its message in the very format it came in.
func TestSiteOfTheSender(t *testing.T) {
	r := newRig(t, func(r *rig) { r.hospitalSite = mapping.Site{InvertEstimates: true} })
	a := simulate.Admission{ID: uuid.NewString(), Person: 1}
	raw := bytes.ReplaceAll(a.XML(), []byte("Anslag>false<"), []byte("Anslag>true<"))
	ans := r.receive("hospital", raw)
	r.untilState(ans.MessageID, samvirke.DeliverySent)
	if body := r.city.sent()[0].Body; !bytes.Contains(body, []byte("Anslag>false<")) {
		t.Errorf("the city got %s", body)
	}
	if m := r.message(ans.MessageID); !bytes.Contains(m.Notes, []byte(mapping.NoteEstimate)) {
		t.Errorf("notes %s", m.Notes)
	}
}
