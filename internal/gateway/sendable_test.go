package gateway_test

import (
	"bytes"
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/simulate"
)

// undated is an admission without the time of day that its profile asks for.
func undated(t *testing.T) []byte {
	t.Helper()
	good := (simulate.Admission{ID: uuid.NewString(), Person: 1}).XML()
	i := bytes.Index(good, []byte("TidspunktForHendelse V=\""))
	if i < 0 {
		t.Fatal("no event time in the admission")
	}
	at := i + len("TidspunktForHendelse V=\"")
	end := at + bytes.IndexByte(good[at:], '"')
	return append(append(bytes.Clone(good[:at]), good[at:at+10]...), good[end:]...)
}

// TestWhatWeWriteMustPassTheChecks: a message written for another version stops with the code of the
// check that it fails, and waits for a person; the very same as the sender wrote it is passed on.
func TestWhatWeWriteMustPassTheChecks(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityParty.Accepts = []samvirke.Accept{{Format: "kith", Versions: []string{"1.5"}}} })
	ans := r.receive("hospital", undated(t))
	m := r.untilStatus(ans.MessageID, samvirke.MessageAttention)
	if m.Fault != "event-time" || len(r.deliveries(ans.MessageID, samvirke.PurposeForward)) != 0 || len(r.city.sent()) != 0 {
		t.Errorf("message %s %q, the city got %d", m.Fault, m.FaultText, len(r.city.sent()))
	}
	if n := len(r.deliveries(ans.MessageID, samvirke.PurposeReceipt)); n != 0 {
		t.Errorf("%d receipts before a person has looked", n)
	}
	good, _ := r.admit(simulate.Admission{Person: 2})
	if d := r.untilState(good, samvirke.DeliverySent); d.Version != "1.5" {
		t.Errorf("a good one went as %s", d.Version)
	}
}

func TestWhatIsPassedOnIsNotAsked(t *testing.T) {
	r := newRig(t)
	raw := undated(t)
	ans := r.receive("hospital", raw)
	r.untilState(ans.MessageID, samvirke.DeliverySent)
	if got := r.city.sent(); len(got) != 1 || !bytes.Equal(got[0].Body, raw) {
		t.Error("the addressee did not get the very bytes")
	}
}
