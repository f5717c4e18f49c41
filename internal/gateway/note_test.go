package gateway_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/mapping/kith"
)

func denyRule(party string) route.Rule {
	return route.Rule{Name: "not to " + party, To: []string{party}, Deny: true}
}

// TestPartnerWithoutFHIRGetsTheChange: a note in the words of the trade, in one thread, in valid XML.
func TestPartnerWithoutFHIRGetsTheChange(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.cityNotes, r.now = gateway.PlanChangesDialog, thatNight()
		r.cityParty.Roles = []string{samvirke.RoleCoordinator}
	})
	admission, admissionID := r.admitPerson(1)
	r.untilState(admission, samvirke.DeliverySent)
	if n := len(r.deliveries(admission, samvirke.PurposeNotice)); n != 0 {
		t.Fatalf("who gets the message itself has %d notes beside it", n)
	}
	first := r.submit(gateway.Write{Party: "hospital", Person: "Ola Prøvesen", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter uten støtte"), evaluationNode("2029-03-19")}})
	second := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Op: samvirke.OpChange, Parent: first.ExternalID, Conversation: first.ExternalID,
		Resources: []*fhir.Node{goalNode("gå 200 meter uten støtte"), evaluationNode("2029-03-26")}})
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	parent := admissionID
	for i, res := range []gateway.Result{first, second} {
		d := r.one(res.MessageID, samvirke.PurposeNotice)
		full, err := r.store.Delivery(t.Context(), d.ID)
		if err != nil {
			t.Fatal(err)
		}
		if d.Party != "city" || d.Kind != "DIALOG_NOTAT" || d.Format != "kith" || d.Rule != "plan-member" {
			t.Errorf("delivery %+v", d)
		}
		p, err := k.Parse(full.Body)
		if err != nil {
			t.Fatalf("%v in %s", err, full.Body)
		}
		if p.Envelope.Parent != parent || p.Envelope.Conversation != admissionID || p.Envelope.Patient.Key() != key(1) || !p.Envelope.Patient.HasName {
			t.Errorf("note %d: envelope %+v, want parent %s", i+1, p.Envelope, parent)
		}
		if her := p.Envelope.Sender.Enterprise(); her != "8000001" {
			t.Errorf("sender is %s", her)
		}
		parent = d.ExternalID
	}
	text := string(r.deliveriesTo("city")[1].Body) + string(r.deliveriesTo("city")[0].Body)
	for _, want := range []string{"Mål: gå 200 meter uten støtte", "Ola Prøvesen", "neste evaluering", "19.03.2029", "26.03.2029 (var: 19.03.2029)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the notes do not say %q:\n%s", want, text)
		}
	}
	// A receipt is expected and taken like that of any message.
	r.acknowledge(second.MessageID, samvirke.PurposeNotice)
	if d := r.one(second.MessageID, samvirke.PurposeNotice); d.State != samvirke.DeliveryAcknowledged {
		t.Errorf("the note is %s", d.State)
	}
	// What the city writes itself it is not told.
	own := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: []*fhir.Node{goalNode("klare trappen")}})
	if n := len(r.deliveries(own.MessageID, samvirke.PurposeNotice)); n != 0 {
		t.Errorf("the writer gets %d notes of its own change", n)
	}
	// Withdrawn: said so, in the same thread.
	gone := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Op: samvirke.OpCancel, Parent: second.ExternalID, Conversation: first.ExternalID})
	d, err := r.store.Delivery(t.Context(), r.one(gone.MessageID, samvirke.PurposeNotice).ID)
	if err != nil || !bytes.Contains(d.Body, []byte("gå 200 meter uten støtte gjelder ikke lenger")) || !bytes.Contains(d.Body, []byte(parent)) {
		t.Errorf("the withdrawal is told as %s, %v", d.Body, err)
	}
}

// TestNoteRefersToNothingThatWasRefused: what the party refused is not in its journal, and nothing can refer to it.
func TestNoteRefersToNothingThatWasRefused(t *testing.T) {
	r := newRig(t, func(r *rig) { r.cityNotes, r.now = gateway.PlanChangesDialog, thatNight() })
	id, msgID := r.admitPerson(1)
	r.untilState(id, samvirke.DeliverySent)
	ans := r.receive("city", appRec(uuid.NewString(), msgID, "2", "E35"))
	r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
	if d := r.one(id, samvirke.PurposeForward); d.State != samvirke.DeliveryStopped {
		t.Fatalf("the refused admission is %s", d.State)
	}
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	first := ""
	for i := range 2 {
		res := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode(fmt.Sprint("mål ", i))}})
		d, err := r.store.Delivery(t.Context(), r.one(res.MessageID, samvirke.PurposeNotice).ID)
		if err != nil {
			t.Fatal(err)
		}
		p, err := k.Parse(d.Body)
		if err != nil || p.Envelope.Parent != first || p.Envelope.Conversation != first {
			t.Errorf("note %d: parent %s, conversation %s, %v; want %q", i+1, p.Envelope.Parent, p.Envelope.Conversation, err, first)
		}
		first = d.ExternalID
	}
}

// TestNoNotesUnlessWanted: the default is that a party gets the original messages only.
func TestNoNotesUnlessWanted(t *testing.T) {
	r := newRig(t)
	id, _ := r.admitPerson(1)
	r.untilState(id, samvirke.DeliverySent)
	res := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et mål")}})
	if n := len(r.deliveries(res.MessageID, "")); n != 0 {
		t.Errorf("%d deliveries", n)
	}
}

// TestPartyThatReadsNoNotesNeedsAttention: it was promised to be told, and cannot be.
func TestPartyThatReadsNoNotesNeedsAttention(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.cityNotes = gateway.PlanChangesDialog
		r.cityParty.Accepts = []samvirke.Accept{{Format: "kith", Kinds: []string{"LOG_*"}}}
	})
	id, _ := r.admitPerson(1)
	r.untilState(id, samvirke.DeliverySent)
	res, err := r.g.Submit(t.Context(), gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("et mål")}})
	if err != nil || res.Status != samvirke.MessageAttention || res.Fault.Code != "no-format" || res.PlanVersion == 0 {
		t.Errorf("result %+v %v, %v", res, res.Fault, err)
	}
}

// TestEchoTellsNobody: a system that sends back what it got adds no event; the message is stored.
func TestEchoTellsNobody(t *testing.T) {
	gp := &wire{}
	r := newRig(t, func(r *rig) {
		r.cityParty.Roles, r.now = []string{samvirke.RoleCoordinator}, thatNight()
		r.cityParty.Accepts = append(r.cityParty.Accepts, samvirke.Accept{Format: "fhir"})
		r.cityParty.Receipts = samvirke.ReceiptNone
		r.rules = append(r.rules, route.Rule{Name: "writes", Kinds: []string{"plan-write"}, To: []string{"city"}})
		r.more = []gateway.Party{noticed("gp", "gp", herGP, gp)}
	})
	r.join(herGP, "2026-01-01", "")
	diagnosis := func(text string) []*fhir.Node {
		return []*fhir.Node{fhir.NewObject("resourceType", "Condition", "code", fhir.NewObject("text", text))}
	}
	from := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: diagnosis("lammelse")})
	if d := r.one(from.MessageID, samvirke.PurposeForward); d.Party != "city" {
		t.Fatalf("the city did not get it: %+v", d)
	}
	was := r.told("gp", key(1))
	echo := r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: diagnosis("lammelse")})
	if !echo.Changed {
		t.Fatal("the echo shows nothing new: the test shows nothing")
	}
	if n := r.told("gp", key(1)); n != was {
		t.Errorf("the echo was told")
	}
	if _, ok := r.records(key(1))[echo.Key]; !ok {
		t.Error("the echo is not stored")
	}
	r.submit(gateway.Write{Party: "city", Patient: person(1), Resources: diagnosis("fallfare")})
	if n := r.told("gp", key(1)); n != was+1 {
		t.Errorf("what is new was told %d times, want once", n-was)
	}
}

// TestSeenOfAPartyIsKeptInItsBytes: what a party claims is not believed, and still passed on as it came.
func TestSeenOfAPartyIsKeptInItsBytes(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.cityParty.Accepts = append(r.cityParty.Accepts, samvirke.Accept{Format: "fhir"})
		r.cityParty.Receipts = samvirke.ReceiptNone
	})
	b, err := gateway.NewWrite(gateway.Write{
		Party: "hospital", Patient: person(1), ID: uuid.NewString(), At: time.Now(), Seen: []string{"a/b"}, Resources: []*fhir.Node{goalNode("et mål")},
		To: []samvirke.Address{{Levels: []samvirke.AddressLevel{{Kind: "organisation", IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, "8000011")}}}}},
	}, samvirke.Address{Levels: []samvirke.AddressLevel{{Kind: "organisation", IDs: []samvirke.Identifier{fhir.NewIdentifier(fhir.TypeHER, "8000001")}}}})
	if err != nil {
		t.Fatal(err)
	}
	ans, err := r.g.Receive(t.Context(), connectors.Incoming{Party: "hospital", Body: b.Bytes(), Size: int64(len(b.Bytes())), ContentType: "application/fhir+json"})
	if err != nil || ans.Fault != nil {
		t.Fatal(err, ans.Fault)
	}
	r.untilState(ans.MessageID, samvirke.DeliverySent)
	if got := r.city.sent(); len(got) != 1 || !bytes.Equal(got[0].Body, b.Bytes()) {
		t.Error("the city did not get the very bytes")
	}
}
