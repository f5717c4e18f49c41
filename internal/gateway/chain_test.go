package gateway_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/kith"
)

const herHome = "8000088"

// TestACopyNamesWhatItsReceiverWasSent: who is sent a copy knows it under the copy's id. A change and a withdrawal of the
// message must name that, and no second N is ever sent; whoever the sender addressed gets the sender's own references.
func TestACopyNamesWhatItsReceiverWasSent(t *testing.T) {
	home := &wire{}
	r := newRig(t, func(r *rig) {
		r.rules = append(r.rules, route.Rule{Name: "home", To: []string{"home"}})
		r.more = []gateway.Party{{Sender: home, Party: samvirke.Party{ID: "home", Name: "Hjemmetjenesten", Role: "municipality", HER: []string{"8000087", herHome},
			Accepts: []samvirke.Accept{{Format: "kith"}}, Receipts: samvirke.ReceiptAppRec}}}
	})
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	envelope := func(party, message string) samvirke.Envelope {
		t.Helper()
		for _, d := range r.deliveries(message, samvirke.PurposeForward) {
			if d.Party != party {
				continue
			}
			full, err := r.store.Delivery(t.Context(), d.ID)
			if err != nil {
				t.Fatal(err)
			}
			p, err := k.Parse(full.Body)
			if err != nil || p.Envelope.ID != d.ExternalID {
				t.Fatalf("%v in %s", err, full.Body)
			}
			return p.Envelope
		}
		t.Fatalf("%s was not sent message %s", party, message)
		return samvirke.Envelope{}
	}
	n, m1, m2, c := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	var homeFirst, homeBefore string
	for i, a := range []simulate.Admission{
		{ID: n, Person: 1},
		{ID: m1, Person: 1, Op: "M", Parent: n, Conversation: n, Remark: "1"},
		{ID: m2, Person: 1, Op: "M", Parent: m1, Conversation: n, Remark: "2"},
		{ID: c, Person: 1, Op: "C", Parent: m2, Conversation: n},
	} {
		id, _ := r.admit(a)
		r.untilStatus(id, samvirke.MessageProcessed)
		city, copied := envelope("city", id), envelope("home", id)
		if city.Parent != a.Parent || city.ID != a.ID {
			t.Errorf("message %d: the addressee gets id %s, parent %s", i, city.ID, city.Parent)
		}
		if i == 0 {
			homeFirst = copied.ID
		}
		want := map[bool]string{true: homeFirst}[i > 0]
		if copied.ID == a.ID || copied.Parent != homeBefore || copied.Conversation != want || string(copied.Op) != map[bool]string{true: "N", false: a.Op}[i == 0] {
			t.Errorf("message %d: the copy is %s %s, parent %s, conversation %s; want parent %s, conversation %s", i, copied.Op, copied.ID, copied.Parent, copied.Conversation, homeBefore, want)
		}
		homeBefore = copied.ID
		r.restart() // what was sent is in the store, not in memory
	}
}

// TestAChangeToWhoKnowsNothingOfIt: a copy of a change for somebody who was sent nothing before has the sender's references.
func TestAChangeToWhoKnowsNothingOfIt(t *testing.T) {
	r := newRig(t)
	n := uuid.NewString()
	id, _ := r.admit(simulate.Admission{ID: n, Person: 1})
	r.untilStatus(id, samvirke.MessageProcessed)
	r.close()
	home := &wire{}
	r.rules = append(r.rules, route.Rule{Name: "home", To: []string{"home"}})
	r.more = []gateway.Party{{Sender: home, Party: samvirke.Party{ID: "home", Name: "Hjemmetjenesten", Role: "municipality", HER: []string{"8000087", herHome},
		Accepts: []samvirke.Accept{{Format: "kith"}}}}}
	r.open()
	id, _ = r.admit(simulate.Admission{Person: 1, Op: "M", Parent: n, Conversation: n, Remark: "1"})
	r.until("the copy", func() bool { return len(home.sent()) == 1 })
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := k.Parse(home.sent()[0].Body); err != nil || p.Envelope.Parent != n || p.Envelope.Op != samvirke.OpChange {
		t.Errorf("message %s: %+v, %v", id, p.Envelope, err)
	}
}
