package gateway_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/connectors"
	"github.com/samvirke/samvirke/internal/route"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/queue"
)

// The rules of the application receipt, one test each. Source: standards/no README section 7.3.

// Rule 1: exactly one receipt per receiver of ours, at once and by itself; it is final.
func TestRule01OneFinalReceiptPerReceiver(t *testing.T) {
	w := &wire{}
	r := newRig(t, func(r *rig) { r.more = append(r.more, clinic(w)) })
	id, msgID := r.post(letter{receivers: [][2]string{nursing(), {copyClinic, copyDoctor}, {"8999001", "8999002"}}})
	got := r.answers(id)
	expect(t, got, "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
	for i, her := range []string{simulate.AdmissionNursing, copyDoctor} {
		if got[i].from != her || got[i].party != "hospital" || got[i].original != msgID || got[i].kind != "LOG_INNLAGT" || got[i].issued != "2026-01-10T22:40:00" {
			t.Errorf("receipt %d is %+v", i, got[i])
		}
	}
	if got[0].id == got[1].id {
		t.Error("two receipts have one id")
	}
	// Whatever comes after, no receiver answers again.
	r.untilStatus(id, samvirke.MessageProcessed)
	r.receive("hospital", letter{Admission: simulate.Admission{ID: msgID}, receivers: [][2]string{nursing(), {copyClinic, copyDoctor}, {"8999001", "8999002"}}}.xml())
	for _, d := range r.deliveries(id, "") {
		_ = r.g.Resend(context.Background(), "ola", d.ID, "again")
	}
	_ = r.g.Reprocess(context.Background(), "ola", id, "again")
	_ = r.g.GiveUp(context.Background(), "ola", id, "again")
	r.restart()
	if again := r.answers(id); len(again) != 2 || again[0].id != got[0].id || again[1].id != got[1].id {
		t.Errorf("receipts became %v", again)
	}
}

// Rule 1, the other half: a receiver that has answered does not answer otherwise when the message is processed
// again under other settings.
func TestRule01SettingsDoNotChangeAFinalReceipt(t *testing.T) {
	w := &wire{}
	r := newRig(t, func(r *rig) {
		r.more = append(r.more, clinic(w))
		r.rules = []route.Rule{{Name: "city only", To: []string{"city"}}}
	})
	id, _ := r.post(letter{receivers: [][2]string{nursing(), {copyClinic, "8000029"}}})
	r.untilStatus(id, samvirke.MessageAttention)
	expect(t, r.answers(id))
	r.rules = []route.Rule{{Name: "addressees", To: []string{"addressees"}}}
	r.restart()
	if err := r.g.Reprocess(context.Background(), "ola", id, "route mended"); err != nil {
		t.Fatal(err)
	}
	r.untilStatus(id, samvirke.MessageProcessed)
	first := r.answers(id)
	expect(t, first, "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
	r.more[0].UnknownService = samvirke.AnswerRefuse
	r.restart()
	_ = r.g.Reprocess(context.Background(), "ola", id, "once more")
	expect(t, r.answers(id), "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
}

// Rule 2: an unknown code or poor content is no reason to refuse.
func TestRule02PoorContentIsAccepted(t *testing.T) {
	r := newRig(t)
	for name, change := range map[string][]string{
		"an event code that is in no list": {`Hendelsekode V="1"`, `Hendelsekode V="4711"`},
		"a code system that nobody knows":  {`S="2.16.578.1.12.4.1.1.9121"`, `S="1.2.3.4"`},
		"an admission that is an estimate": {`<Anslag>false`, `<Anslag>true`},
		"an unknown status of the message": {`Forsendelsesstatus V="N"`, `Forsendelsesstatus V="O"`},
		"a time without hour":              {`2026-01-10T22:15:00`, `2026-01-10`},
		"no remark":                        {`<Merknad></Merknad>`, ``},
	} {
		t.Run(name, func(t *testing.T) {
			id, _ := r.post(letter{change: change})
			expect(t, r.answers(id), "AppRec 1.1 PRIM status 1")
			if m := r.message(id); m.Status != samvirke.MessageProcessed {
				t.Errorf("message is %s %s", m.Status, m.Fault)
			}
		})
	}
}

// Rule 3: what is refused is not imported, and stays to be looked at.
func TestRule03RefusedIsNotImported(t *testing.T) {
	r := newRig(t)
	body := letter{Admission: simulate.Admission{ID: uuid.NewString()}, change: []string{`<FamilyName>Prøvesen</FamilyName><GivenName>Torvild</GivenName>`, `<FamilyName></FamilyName>`}}.xml()
	ans := r.receive("hospital", body)
	expect(t, r.answers(ans.MessageID), "AppRec 1.1 PRIM status 2 E36")
	m := r.message(ans.MessageID)
	if m.Status != samvirke.MessageRefused || string(m.Raw) != string(body) {
		t.Errorf("message is %s, %d bytes are kept", m.Status, len(m.Raw))
	}
	if n := len(r.deliveries(ans.MessageID, samvirke.PurposeForward)); n != 0 {
		t.Errorf("%d deliveries of a refused message", n)
	}
	ps, err := r.store.Patients(context.Background(), 10)
	if err != nil || len(ps) != 0 {
		t.Errorf("a refused message made plans: %v %v", ps, err)
	}
	if err := r.g.Reprocess(context.Background(), "ola", m.ID, "try"); !errors.Is(err, queue.ErrState) {
		t.Errorf("a refused message can be processed again: %v", err)
	}
	if es := r.events(m.ID); !slices.ContainsFunc(es, func(e samvirke.Event) bool { return e.Name == samvirke.EventRefused }) {
		t.Errorf("events are %v", es)
	}
}

// Rule 4: 96 hours without a receipt count as a refusal and are told at once, once; a late receipt still counts,
// either way. The hours run from our sending, as decided: GenDate is the sender's clock and may lie long before.
func TestRule04NinetySixHours(t *testing.T) {
	start := time.Date(2026, 1, 10, 22, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status string
		codes  []string
		want   samvirke.DeliveryState
	}{"late OK": {"1", nil, samvirke.DeliveryAcknowledged}, "late refusal": {"2", []string{"X99"}, samvirke.DeliveryStopped}} {
		t.Run(name, func(t *testing.T) {
			clock := newHands(start)
			r := newRig(t, func(r *rig) { r.now = clock.now })
			id, msgID := r.admit(simulate.Admission{Person: 1})
			d := r.untilState(id, samvirke.DeliverySent)
			if due := d.ExpectBy.Sub(d.SentAt); due != 96*time.Hour {
				t.Errorf("due after %s, want 96 h", due)
			}
			clock.set(start.Add(96*time.Hour - time.Second))
			r.rounds()
			if f := r.one(id, samvirke.PurposeForward).Fault; f != "" {
				t.Fatalf("overdue a second too early: %s", f)
			}
			clock.set(start.Add(97 * time.Hour))
			r.until("overdue", func() bool { return r.one(id, samvirke.PurposeForward).Fault == "receipt-overdue" })
			list, err := r.store.Deliveries(context.Background(), queue.DeliveryFilter{OverdueAt: clock.now()})
			if err != nil || len(list) != 1 {
				t.Errorf("what needs attention lists %d overdue deliveries, want 1; %v", len(list), err)
			}
			told := 0
			for _, e := range r.events(id) {
				if e.Name == samvirke.EventOverdue {
					told++
				}
			}
			if told != 1 {
				t.Errorf("told %d times, want once", told)
			}
			r.receive("city", appRec(uuid.NewString(), msgID, c.status, c.codes...))
			d = r.untilState(id, c.want)
			if rs := inbound(r.receipts(queue.ReceiptFilter{DeliveryID: d.ID})); len(rs) != 1 || rs[0].Note != "late" {
				t.Errorf("receipts are %+v", rs)
			}
			if c.want == samvirke.DeliveryAcknowledged && (d.Fault != "" || d.FaultText != "") {
				t.Errorf("a late OK leaves the fault %q", d.Fault)
			}
			if list, _ := r.store.Deliveries(context.Background(), queue.DeliveryFilter{OverdueAt: clock.now()}); len(list) != 0 {
				t.Errorf("still overdue: %d", len(list))
			}
		})
	}
}

// Rule 5: no receipt for what is addressed to somebody else, or whose sender cannot be told.
func TestRule05NoReceiptForStrangers(t *testing.T) {
	r := newRig(t)
	t.Run("receivers that are not ours", func(t *testing.T) {
		id, _ := r.post(letter{receivers: [][2]string{{"8999001", "8999002"}, {"8999003", "8999004"}}})
		expect(t, r.answers(id))
		if m := r.message(id); m.Status != samvirke.MessageAttention || m.Fault != "unknown-receiver" {
			t.Errorf("message is %s %s", m.Status, m.Fault)
		}
	})
	t.Run("a bad message to receivers that are not ours", func(t *testing.T) {
		ans := r.receive("hospital", letter{Admission: simulate.Admission{ID: uuid.NewString()}, receivers: [][2]string{{"8999001", "8999002"}}, change: []string{`<Anslag>false`, `<Anslag>perhaps`}}.xml())
		expect(t, r.answers(ans.MessageID))
		if ans.Fault == nil || ans.Fault.Receipt != "T02" {
			t.Errorf("the transport answers %+v", ans.Fault)
		}
	})
	hospital := `<Ident><Id>` + simulate.AdmissionHospital + `</Id><TypeId V="HER" DN="HER-id" S="2.16.578.1.12.4.1.1.9051"/></Ident>`
	ward := strings.Replace(hospital, simulate.AdmissionHospital, simulate.AdmissionWard, 1)
	for name, change := range map[string][]string{
		"a sender without HER-id":  {hospital, strings.Replace(hospital, `V="HER"`, `V="ENH"`, 1), ward, strings.Replace(ward, `V="HER"`, `V="ENH"`, 1)},
		"a sender that is another": {simulate.AdmissionHospital, "8999001", simulate.AdmissionWard, "8999002"},
	} {
		t.Run(name, func(t *testing.T) {
			ans := r.receive("hospital", letter{Admission: simulate.Admission{ID: uuid.NewString()}, change: change}.xml())
			if ans.Fault == nil || ans.Fault.Code != "sender-mismatch" {
				t.Errorf("the transport answers %+v", ans.Fault)
			}
			expect(t, r.answers(ans.MessageID))
			if m := r.message(ans.MessageID); m.Status != samvirke.MessageAttention {
				t.Errorf("message is %s: nobody is told", m.Status)
			}
		})
	}
}

// Rule 6, first part: the same message twice is one message, and only the first copy is answered; the same id with other
// content is no copy but an alarm.
func TestRule06Duplicates(t *testing.T) {
	r := newRig(t)
	l := letter{Admission: simulate.Admission{ID: uuid.NewString()}, receivers: [][2]string{nursing(), {simulate.AdmissionCity, cityHome}}}
	first := r.receive("hospital", l.xml())
	expect(t, r.answers(first.MessageID), "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
	again := r.receive("hospital", l.xml())
	if !again.Duplicate || again.MessageID != first.MessageID || again.Fault != nil {
		t.Errorf("second copy is answered %+v", again)
	}
	expect(t, r.answers(first.MessageID), "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
	l.Remark = "other content"
	other := r.receive("hospital", l.xml())
	if other.Fault == nil || other.Fault.Code != "message-id-reused" {
		t.Errorf("other content is answered %+v", other)
	}
	if m := r.message(other.MessageID); m.Status != samvirke.MessageQuarantined {
		t.Errorf("other content is %s", m.Status)
	}
	expect(t, r.answers(other.MessageID))
	if n := len(r.deliveries(other.MessageID, "")); n != 0 {
		t.Errorf("other content led to %d deliveries", n)
	}
}

// Rule 6, second part: several receivers in one enterprise and system get the message once and answer each; in different
// systems each system gets it.
func TestRule06SeveralReceiversInOneEnterprise(t *testing.T) {
	t.Run("one system", func(t *testing.T) {
		r := newRig(t, func(r *rig) { r.cityParty.HER = append(r.cityParty.HER, cityHome) })
		id, msgID := r.post(letter{receivers: [][2]string{nursing(), {simulate.AdmissionCity, cityHome}, {simulate.AdmissionCity, cityHome}}})
		got := r.answers(id)
		expect(t, got, "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1") // a service named twice is one receiver
		if got[0].from != simulate.AdmissionNursing || got[1].from != cityHome {
			t.Errorf("receipts are from %s and %s", got[0].from, got[1].from)
		}
		r.untilState(id, samvirke.DeliverySent)
		if n := len(r.city.sent()); n != 1 {
			t.Errorf("the system got %d copies, want 1", n)
		}
		ps, err := r.store.Records(context.Background(), r.message(id).Patient)
		if err != nil || len(ps) != 1 {
			t.Errorf("imported %d times; %v", len(ps), err)
		}
		// Every receiver is visible to the system: it got the very message.
		if sent := r.city.sent()[0]; sent.ExternalID != msgID || strings.Count(string(sent.Body), cityHome) != 2 {
			t.Error("the system cannot see all receivers")
		}
	})
	t.Run("the primary again as copy", func(t *testing.T) {
		r := newRig(t)
		again := nursing()
		again[1] = again[1][:3] + "." + again[1][3:] // as HER-ids are published
		id, msgID := r.post(letter{receivers: [][2]string{nursing(), again}})
		expect(t, r.answers(id), "AppRec 1.1 PRIM status 1")
		r.untilState(id, samvirke.DeliverySent)
		r.receive("city", appRec(uuid.NewString(), msgID, "1")) // and its one answer is all there is to wait for
		r.untilState(id, samvirke.DeliveryAcknowledged)
	})
	t.Run("two systems", func(t *testing.T) {
		home := &wire{}
		r := newRig(t, func(r *rig) {
			p := clinic(home)
			p.ID, p.HER, p.Role = "home", []string{cityHome}, "other"
			r.more = append(r.more, p)
		})
		id, _ := r.post(letter{receivers: [][2]string{nursing(), {simulate.AdmissionCity, cityHome}}})
		expect(t, r.answers(id), "AppRec 1.1 PRIM status 1", "AppRec 1.1 COP status 1")
		r.until("both have it", func() bool { return len(r.city.sent()) == 1 && len(home.sent()) == 1 })
	})
}

// Rule 7: a receipt goes out again only while nobody has taken it, as the same bytes.
func TestRule07ReceiptIsSentAgainOnlyWhenNotTaken(t *testing.T) {
	r := newRig(t)
	r.hospital.script(func(n int, _ samvirke.Delivery) (connectors.Result, error) {
		if n <= 2 {
			return connectors.Result{}, &samvirke.Fault{Class: samvirke.Transient, Code: "unreachable", Safe: "no answer"}
		}
		return connectors.Result{Answer: "HTTP 202"}, nil
	})
	id, _ := r.admit(simulate.Admission{Person: 1})
	r.until("taken", func() bool {
		ds := r.deliveries(id, samvirke.PurposeReceipt)
		return len(ds) == 1 && ds[0].State == samvirke.DeliverySent
	})
	sent := r.hospital.sent()
	if len(sent) != 3 || string(sent[0].Body) != string(sent[2].Body) || sent[0].ExternalID != sent[2].ExternalID {
		t.Errorf("sent %d times, not the same each time", len(sent))
	}
	d := r.one(id, samvirke.PurposeReceipt)
	if !d.ExpectBy.IsZero() {
		t.Error("a receipt waits for a receipt")
	}
	if err := r.g.Resend(context.Background(), "ola", d.ID, "again"); !errors.Is(err, queue.ErrState) {
		t.Errorf("a receipt that was taken can be sent again: %v", err)
	}
}
