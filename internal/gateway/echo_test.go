package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/queue"
)

// echoRig has a hospital and a city that are sent each other's writes, and a GP who is told of what is new.
func echoRig(t *testing.T) *rig {
	return newRig(t, func(r *rig) {
		r.cityParty.Roles, r.now = []string{samvirke.RoleCoordinator}, thatNight()
		for _, p := range []*samvirke.Party{&r.cityParty, &r.hospitalParty} {
			p.Accepts, p.Receipts = append(p.Accepts, samvirke.Accept{Format: "fhir"}), samvirke.ReceiptNone
		}
		r.rules = append(r.rules, route.Rule{Name: "writes", Kinds: []string{"plan-write"}, To: []string{"city", "hospital"}})
		r.more = []gateway.Party{noticed("gp", "gp", herGP, &wire{})}
	})
}

// TestChangingBackIsNoEcho: who says again what it was told, after something else was said of it, changes it back.
func TestChangingBackIsNoEcho(t *testing.T) {
	r := echoRig(t)
	r.join(herGP, "2026-01-01", "")
	say := func(party, day string) gateway.Result {
		return r.submit(gateway.Write{Party: party, Patient: person(1), Resources: []*fhir.Node{evaluationNode(day)}})
	}
	for i, c := range []struct {
		party, day string
		news       int
		why        string
	}{
		{"hospital", "2029-03-19", 1, "new"},
		{"city", "2029-03-19", 0, "an echo"},
		{"city", "2029-03-26", 1, "the city's own"},
		{"city", "2029-03-19", 1, "changed back"},
		{"hospital", "2029-04-02", 1, "new"},
		{"city", "2029-03-19", 1, "changed back after the hospital said something else"},
		{"city", "2029-04-02", 0, "an echo of what the city last got"},
	} {
		was := r.told("gp", key(1))
		res := say(c.party, c.day)
		want := c.news
		if !res.Changed {
			want = 0
		}
		if n := r.told("gp", key(1)) - was; n != want {
			t.Errorf("step %d, %s by the %s (%s, changed %v): told %d times, want %d", i+1, c.day, c.party, c.why, res.Changed, n, want)
		}
	}
}

// TestPartiesThatEchoComeToRest: two systems that each write down as their own what they are sent, also when two changes
// come one right after the other, do not tell each other for ever.
func TestPartiesThatEchoComeToRest(t *testing.T) {
	r := echoRig(t)
	for party, w := range map[string]*wire{"hospital": r.hospital, "city": r.city} {
		w.script(func(_ int, d samvirke.Delivery) (connectors.Result, error) {
			b, err := fhir.ParseBundle(d.Body)
			if err != nil || d.Purpose != samvirke.PurposeForward {
				return connectors.Result{Answer: "HTTP 202"}, nil
			}
			write := gateway.Write{Party: party, Patient: person(1)}
			for _, e := range b.Entries() {
				if e.Type == "Goal" || e.Type == "CarePlan" {
					write.Resources = append(write.Resources, e.Resource)
				}
			}
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			if len(write.Resources) > 0 {
				if _, err := r.g.Submit(ctx, write); err != nil {
					return connectors.Result{}, err
				}
			}
			return connectors.Result{Answer: "HTTP 202"}, nil
		})
	}
	for _, day := range []string{"2029-03-19", "2029-03-26"} {
		r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå til " + day), evaluationNode(day)}})
	}
	atRest(t, 40, r)
}

// atRest waits until nothing is on its way in any of the gateways; more messages than most are too many.
func atRest(t *testing.T, most int, rigs ...*rig) {
	t.Helper()
	look := func() (messages int, quiet bool) {
		quiet = true
		for _, r := range rigs {
			list, err := r.store.Messages(t.Context(), queue.MessageFilter{Limit: queue.MaxPage})
			if err != nil {
				t.Fatal(err)
			}
			messages += len(list)
			for i := range list {
				quiet = quiet && list[i].Status != samvirke.MessageReceived
			}
			ds, err := r.store.Deliveries(t.Context(), queue.DeliveryFilter{Limit: queue.MaxPage,
				State: []samvirke.DeliveryState{samvirke.DeliveryQueued, samvirke.DeliverySending, samvirke.DeliveryWaiting}})
			if err != nil {
				t.Fatal(err)
			}
			quiet = quiet && len(ds) == 0
		}
		return messages, quiet
	}
	before := -1
	rigs[0].until("rest", func() bool {
		n, quiet := look()
		if n > most {
			t.Fatalf("%d messages and no end", n)
		}
		// Twice the same and quiet both times: nothing was on its way from one that was looked at later to one looked at before.
		done := quiet && n == before
		if before = n; !quiet {
			before = -1
		}
		return done
	})
}

// noteOf is the text of a note as a journal reads it.
func noteOf(t *testing.T, body []byte) string {
	t.Helper()
	k, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Parse(body)
	if err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return p.Bundle.First("Communication").At("payload.0.contentString").Text()
}

// TestGatewaysThatTellEachOtherByNotesComeToRest: three gateways in a ring, each of which takes the notes of the one before
// as messages of the hospital and has a city without FHIR, which is the next gateway.
func TestGatewaysThatTellEachOtherByNotesComeToRest(t *testing.T) {
	var ring []*rig
	for range 3 {
		ring = append(ring, newRig(t, func(r *rig) {
			r.cityNotes, r.cityParty.Receipts = gateway.PlanChangesDialog, samvirke.ReceiptNone
			r.cityParty.Roles = []string{samvirke.RoleCoordinator}
		}))
	}
	for i, r := range ring {
		next := ring[(i+1)%len(ring)]
		r.city.script(func(_ int, d samvirke.Delivery) (connectors.Result, error) {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			// Under an id of its own, as a system does that takes what it reads for its own.
			body := d.Body
			if d.Kind == "DIALOG_NOTAT" {
				body = bytes.ReplaceAll(body, []byte(d.ExternalID), []byte(newUUID(d.ExternalID, i)))
			}
			ans, err := next.g.Receive(ctx, connectors.Incoming{Party: "hospital", Body: body, Size: int64(len(body)), ContentType: d.ContentType})
			if err == nil && ans.Fault != nil {
				err = ans.Fault
			}
			return connectors.Result{Answer: "HTTP 202"}, err
		})
	}
	first := ring[0]
	id, _ := first.admitPerson(1)
	first.untilStatus(id, samvirke.MessageProcessed)
	res := first.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter uten støtte")}})
	if d := first.one(res.MessageID, samvirke.PurposeNotice); d.Kind != "DIALOG_NOTAT" {
		t.Fatalf("told by %+v", d)
	}
	atRest(t, 30, ring...)
	told := 0
	for _, r := range ring {
		for _, d := range r.deliveriesTo("city") {
			if d.Kind != "DIALOG_NOTAT" {
				continue
			}
			told++
			if text := noteOf(t, d.Body); strings.Count(text, "Endring i felles plan")+strings.Count(text, "Påminnelse fra felles plan") != 1 {
				t.Errorf("a note of a note: %s", text)
			}
		}
	}
	if told < 3 {
		t.Errorf("%d notes went round: the test shows nothing", told)
	}
}

// newUUID gives the id that the i-th gateway of a ring gives to what it passes on.
func newUUID(id string, i int) string { return fmt.Sprintf("%s%04d", id[:len(id)-4], i) }

// TestOurNoteSentBackIsNoNews: it is kept, and nobody is told. What somebody else's gateway says in a note is told to those
// who read the plan back, and no note is made of it.
func TestOurNoteSentBackIsNoNews(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.cityNotes, r.cityParty.Receipts = gateway.PlanChangesDialog, samvirke.ReceiptNone
		r.cityParty.Roles = []string{samvirke.RoleCoordinator}
		r.now = thatNight() // no clock runs out and makes another note the last one
		r.more = []gateway.Party{noticed("gp", "gp", herGP, &wire{})}
	})
	id, _ := r.admitPerson(1)
	r.untilState(id, samvirke.DeliverySent)
	r.join(herGP, "2026-01-01", "")
	res := r.submit(gateway.Write{Party: "hospital", Patient: person(1), Resources: []*fhir.Node{goalNode("gå 200 meter")}})
	note, err := r.store.Delivery(t.Context(), func() string {
		for _, d := range r.deliveries(res.MessageID, samvirke.PurposeNotice) {
			if d.Party == "city" {
				return d.ID
			}
		}
		t.Fatal("the city was sent no note")
		return ""
	}())
	if err != nil {
		t.Fatal(err)
	}
	// From the city to the hospital: who sent and who got change places.
	swap := strings.NewReplacer(simulate.AdmissionHospital, simulate.AdmissionCity, simulate.AdmissionCity, simulate.AdmissionHospital,
		simulate.AdmissionWard, simulate.AdmissionNursing, simulate.AdmissionNursing, simulate.AdmissionWard)
	back := swap.Replace(string(note.Body))
	for i, c := range []struct {
		name, body string
		news       int
	}{
		{"sent back", strings.ReplaceAll(back, note.ExternalID, newUUID(note.ExternalID, 1)), 0},
		{"of another gateway", strings.ReplaceAll(strings.ReplaceAll(back, note.ExternalID, newUUID(note.ExternalID, 2)), "200 meter", "300 meter"), 1},
	} {
		was := r.told("gp", key(1))
		ans := r.receive("city", []byte(c.body))
		if ans.Fault != nil {
			t.Fatalf("%s: %v", c.name, ans.Fault)
		}
		r.untilStatus(ans.MessageID, samvirke.MessageProcessed)
		if n := r.told("gp", key(1)) - was; n != c.news {
			t.Errorf("%d, %s: the GP is told %d times, want %d", i, c.name, n, c.news)
		}
		if n := len(r.deliveries(ans.MessageID, samvirke.PurposeNotice)); n != c.news {
			t.Errorf("%d, %s: %d notices and notes, want %d", i, c.name, n, c.news)
		}
	}
}
