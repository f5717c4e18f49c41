package gateway_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// hands is a clock that a test sets.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func newHands(at time.Time) *hands { return &hands{at: at} }

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) set(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = at
}

// Rule 8: a receipt is never answered, whatever is wrong with it.
func TestRule08NoReceiptForAReceipt(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	good := string(appRec(uuid.NewString(), msgID, "1"))
	for name, body := range map[string]string{
		"a good one":                 good,
		"one without a schema":       strings.Replace(good, "<MIGversion>", "<MIGversions/><MIGversion>", 1),
		"one with an unknown status": strings.Replace(good, `Status V="1"`, `Status V="7"`, 1),
		"one about nothing of ours":  string(appRec(uuid.NewString(), uuid.NewString(), "2", "E36")),
	} {
		t.Run(name, func(t *testing.T) {
			ans := r.receive("city", []byte(strings.Replace(body, "2026-01-10T22:41:00", "2026-01-10T22:41:0"+string('0'+rune(len(name)%10)), 1)))
			r.until("processed", func() bool { return r.message(ans.MessageID).Status != samvirke.MessageReceived })
			if ds := r.deliveries(ans.MessageID, ""); len(ds) != 0 {
				t.Errorf("it led to %d deliveries", len(ds))
			}
		})
	}
	for _, d := range r.city.sent() {
		if d.Kind == "APPREC" {
			t.Error("the city got a receipt")
		}
	}
}

// Rule 9: the standard of the message decides the version of the receipt; a party may need another one; both
// are accepted from it.
func TestRule09Version(t *testing.T) {
	older := []string{"po/Pasientlogistikk/2012-04-01", "po/Pasientlogistikk/2009-06-30", "po/poKomponent/2012-04-01", "po/poKomponent/2009-06-30"}
	for name, c := range map[string]struct {
		change []string
		party  string
		want   string
	}{
		"PLO 1.6":                         {nil, "", "AppRec 1.1 PRIM status 1"},
		"PLO 1.5":                         {older, "", "AppRec 1.0 REQ status 1"},
		"PLO 1.6 to one that wants 1.0":   {nil, "1.0", "AppRec 1.0 REQ status 1"},
		"PLO 1.5 to one that wants 1.1":   {older, "1.1", "AppRec 1.1 PRIM status 1"},
		"PLO 1.6 that names no patient":   {[]string{"Prøvesen", "", "Torvild", ""}, "", "AppRec 1.1 PRIM status 2 E36"},
		"PLO 1.5 that breaks its schema":  {append(older, "<Anslag>false", "<Anslag>perhaps"), "", "AppRec 1.0 REQ status 2 T02"},
		"a version that nobody published": {[]string{"po/Pasientlogistikk/2012-04-01", "po/Pasientlogistikk/2031-01-01"}, "", "AppRec 1.1 PRIM status 2 T10"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(r *rig) { r.hospitalParty.AppRecVersion = c.party })
			ans := r.receive("hospital", letter{Admission: simulate.Admission{ID: uuid.NewString()}, change: c.change}.xml())
			expect(t, r.answers(ans.MessageID), c.want)
		})
	}
	t.Run("both are accepted", func(t *testing.T) {
		r := newRig(t)
		for _, v := range []string{"2012-02-15", "2004-11-21"} {
			id, msgID := r.admit(simulate.Admission{Person: 1})
			r.untilState(id, samvirke.DeliverySent)
			old := string(appRec(uuid.NewString(), msgID, "1"))
			if v == "2004-11-21" {
				old = strings.NewReplacer("apprec/2012-02-15", "apprec/"+v, "v1.1 2012-02-15", "1.0 2004-11-21", "PRIM", "REQ", "AVS", "SPR").Replace(old)
			}
			r.receive("city", []byte(old))
			r.untilState(id, samvirke.DeliveryAcknowledged)
		}
	})
}

// Rule 10: what cannot be matched by itself may wait for a person before it is answered.
func TestRule10ManualMatchingComesBeforeTheReceipt(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.rules = []route.Rule{{Name: "nobody", Kinds: []string{"EPIKRISE"}, To: []string{"addressees"}}}
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilStatus(id, samvirke.MessageAttention)
	expect(t, r.answers(id))
	r.rules = []route.Rule{{Name: "addressees", To: []string{"addressees"}}}
	r.restart()
	if err := r.g.Reprocess(context.Background(), "ola", id, "matched"); err != nil {
		t.Fatal(err)
	}
	r.untilStatus(id, samvirke.MessageProcessed)
	expect(t, r.answers(id), "AppRec 1.1 PRIM status 1")
}

// Rule 10: a person may also decide that it is not for us. The sender is told, instead of waiting 96 hours.
func TestRule10ClosedByHandIsAnswered(t *testing.T) {
	r := newRig(t, func(r *rig) {
		r.rules = []route.Rule{{Name: "nobody", Kinds: []string{"EPIKRISE"}, To: []string{"addressees"}}}
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.untilStatus(id, samvirke.MessageAttention)
	if err := r.g.GiveUp(context.Background(), "ola", id, "a secret reason"); err != nil {
		t.Fatal(err)
	}
	got := r.answers(id)
	expect(t, got, "AppRec 1.1 PRIM status 2 X99")
	if len(got) == 1 && (!strings.Contains(got[0].detail, "closed") || strings.Contains(got[0].detail, "secret")) {
		t.Errorf("the detail is %q", got[0].detail)
	}
	if err := r.g.GiveUp(context.Background(), "ola", id, "again"); !errors.Is(err, queue.ErrState) {
		t.Errorf("closed twice: %v", err)
	}
	expect(t, r.answers(id), "AppRec 1.1 PRIM status 2 X99")
}

// Rule 11: a positive receipt says that the message was taken over, not that it was read: it goes out while the
// receiver is away, and one that comes in ends nothing but its own wait.
func TestRule11PositiveIsTechnical(t *testing.T) {
	r := newRig(t)
	r.city.script(func(int, samvirke.Delivery) (connectors.Result, error) {
		return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "no answer"}
	})
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.until("our receipt is out", func() bool {
		ds := r.deliveries(id, samvirke.PurposeReceipt)
		return len(ds) == 1 && ds[0].State == samvirke.DeliverySent
	})
	if s := r.one(id, samvirke.PurposeForward).State; s == samvirke.DeliverySent || s == samvirke.DeliveryAcknowledged {
		t.Errorf("the delivery is %s although nobody took it", s)
	}
	r.city.script(nil)
	r.untilState(id, samvirke.DeliverySent)
	patient := r.message(id).Patient
	before, err := r.store.Plan(context.Background(), patient, 0)
	if err != nil {
		t.Fatal(err)
	}
	r.receive("city", appRec(uuid.NewString(), msgID, "1"))
	r.untilState(id, samvirke.DeliveryAcknowledged)
	after, err := r.store.Plan(context.Background(), patient, 0)
	if err != nil || after.Version != before.Version || string(after.Body) != string(before.Body) {
		t.Errorf("a receipt changed the plan: %v", err)
	}
	if !strings.Contains(string(after.Body), "No admission report") {
		t.Errorf("the admission report is not awaited any more:\n%s", after.Body)
	}
}

// Rule 12: what was refused is never sent again; what is corrected comes as a new message.
func TestRule12AfterARefusalComesANewMessage(t *testing.T) {
	r := newRig(t)
	id, msgID := r.admit(simulate.Admission{Person: 1})
	r.untilState(id, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), msgID, "2", "E36"))
	d := r.untilState(id, samvirke.DeliveryStopped)
	if err := r.g.Resend(context.Background(), "ola", d.ID, "again"); !errors.Is(err, queue.ErrState) {
		t.Errorf("resend: %v", err)
	}
	r.restart()
	again := r.receive("hospital", simulate.Admission{ID: msgID, Person: 1}.XML())
	if !again.Duplicate {
		t.Errorf("the same message is answered %+v", again)
	}
	next, nextID := r.admit(simulate.Admission{Person: 1})
	r.untilState(next, samvirke.DeliverySent)
	r.receive("city", appRec(uuid.NewString(), nextID, "1"))
	r.untilState(next, samvirke.DeliveryAcknowledged)
	n := 0
	for _, d := range r.city.sent() {
		if d.ExternalID == msgID {
			n++
		}
	}
	if n != 1 {
		t.Errorf("the refused message was sent %d times", n)
	}
	if s := r.one(id, samvirke.PurposeForward); s.State != samvirke.DeliveryStopped || s.Fault != "receipt-rejected" {
		t.Errorf("the refused delivery is %s %s", s.State, s.Fault)
	}
}

// Rule 12, our own refusals: the same message again stays refused and gets no second receipt.
func TestRule12OurRefusalIsFinal(t *testing.T) {
	r := newRig(t)
	l := letter{Admission: simulate.Admission{ID: uuid.NewString()}, change: []string{"Prøvesen", "", "Torvild", ""}}
	first := r.receive("hospital", l.xml())
	expect(t, r.answers(first.MessageID), "AppRec 1.1 PRIM status 2 E36")
	if again := r.receive("hospital", l.xml()); !again.Duplicate {
		t.Errorf("the second copy is answered %+v", again)
	}
	l.change = nil
	if mended := r.receive("hospital", l.xml()); mended.Fault == nil || mended.Fault.Code != "message-id-reused" {
		t.Errorf("a corrected message with the old id is answered %+v", mended)
	}
	expect(t, r.answers(first.MessageID), "AppRec 1.1 PRIM status 2 E36")
	l.ID = uuid.NewString()
	id, _ := r.post(l)
	expect(t, r.answers(id), "AppRec 1.1 PRIM status 1")
}
