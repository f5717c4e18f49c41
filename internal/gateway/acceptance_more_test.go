package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
	"github.com/samvirke/samvirke/queue"
)

// bases gives the complete message of each folder of official tests.
func bases(all []official) map[string]official {
	out := map[string]official{}
	for _, o := range all {
		if o.testCase == "1" {
			out[path.Dir(o.file)] = o
		}
	}
	return out
}

// The negative tests bear the id of the complete message they were made from. When that came before, they are no
// duplicates to be swallowed: the id is used again for other content, which is an alarm, and nobody is answered.
func TestAcceptanceSameIDOtherContent(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	all := officialTests(t)
	n := 0
	for _, o := range all {
		base, ok := bases(all)[path.Dir(o.file)]
		if !ok || o.testCase == "1" || o.msgID == "" || o.msgID != base.msgID {
			continue
		}
		n++
		s := newStation(t, f, base, "")
		if ans, m := s.post(base.raw); ans.Fault != nil || m.Status != samvirke.MessageProcessed {
			t.Errorf("%s: the complete message is %s", base.file, m.Status)
		}
		ans, m := s.post(o.raw)
		if ans.Fault == nil || ans.Fault.Code != "message-id-reused" || m.Status != samvirke.MessageQuarantined {
			t.Errorf("%s: answered %v, message is %s %s", o.file, ans.Fault, m.Status, m.Fault)
		}
		if ds, err := s.store.Deliveries(context.Background(), queue.DeliveryFilter{MessageID: m.ID}); err != nil || len(ds) > 0 {
			t.Errorf("%s: it led to %d deliveries; %v", o.file, len(ds), err)
		}
		s.close()
	}
	if n < 20 {
		t.Errorf("only %d cases share an id", n)
	}
}

// A cancellation may come before what it cancels: then the original is not shown as active when it comes.
func TestAcceptanceCancellationBeforeItsOriginal(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	all := officialTests(t)
	n := 0
	for _, o := range all {
		base, ok := bases(all)[path.Dir(o.file)]
		if !ok || !strings.HasPrefix(o.meaning, "cancellation") || o.msgID == base.msgID {
			continue // the referral's cancellation bears the id of its original: see TestAcceptanceSameIDOtherContent
		}
		s := newStation(t, f, base, "")
		_, first := s.post(o.raw)
		ans, m := s.post(base.raw)
		if ans.Fault != nil || first.Status != samvirke.MessageProcessed || m.Status != samvirke.MessageProcessed {
			t.Errorf("%s: cancellation is %s, original is %s", o.file, first.Status, m.Status)
		}
		state := s.stateInPlan(m)
		var env samvirke.Envelope
		if err := json.Unmarshal(first.Envelope, &env); err != nil {
			t.Fatal(err)
		}
		// Some cancellations of the sets name nothing that they cancel: those wait for a person.
		named := strings.EqualFold(env.Parent, base.msgID) || env.Conversation != "" && env.Conversation == s.env.Conversation
		if named && state == "live" {
			t.Errorf("%s: the original is active after its cancellation", o.file)
		}
		t.Logf("%s: names its original %v, which is then %q", o.file, named, state)
		n++
		s.close()
	}
	if n == 0 {
		t.Error("no cancellation found")
	}
}

// stateInPlan is how the plan shows a message.
func (s *station) stateInPlan(m queue.MessageDetail) string {
	s.t.Helper()
	v, err := s.store.Plan(context.Background(), m.Patient, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	var plan struct {
		Sources map[string]struct {
			State string `json:"state"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(v.Body, &plan); err != nil {
		s.t.Fatal(err)
	}
	for key, src := range plan.Sources {
		if strings.HasSuffix(strings.ToLower(key), strings.ToLower(m.ExternalID)) {
			return src.State
		}
	}
	return ""
}

// A service that the enterprise does not have is E21 where the party's settings say so.
func TestAcceptanceUnknownServiceRefused(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range officialTests(t) {
		if !unknownService(o.file) {
			continue
		}
		n++
		s := newStation(t, f, o, samvirke.AnswerRefuse)
		ans, m := s.post(o.raw)
		if got, want := s.seen(ans, m), s.expected(refusedWith("E21", "")); got != want {
			t.Errorf("%s: got %s, want %s", o.file, got, want)
		}
		s.close()
	}
	if n < 3 {
		t.Errorf("%d cases", n)
	}
}

// Two receivers in one enterprise and system: the system gets the message once, both receivers answer.
func TestAcceptanceTwoReceiversImportOnce(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	n, two := 0, false
	for _, o := range officialTests(t) {
		if !strings.HasPrefix(o.testCase, "20") || !strings.HasPrefix(o.file, "plo/") {
			continue
		}
		n++
		s := newStation(t, f, o, "")
		_, m := s.post(o.raw)
		ds, err := s.store.Deliveries(context.Background(), queue.DeliveryFilter{MessageID: m.ID})
		if err != nil {
			t.Fatal(err)
		}
		var forwards, receipts int
		for _, d := range ds {
			if d.Purpose == samvirke.PurposeForward {
				forwards++
			} else {
				receipts++
			}
		}
		rs, err := s.store.Records(context.Background(), m.Patient)
		// In one file the sender is its own copy receiver and gives no receipt to itself.
		if err != nil || forwards != 1 || receipts != len(s.ours) || len(rs) != 1 {
			t.Errorf("%s: %d deliveries, %d receipts, %d records; %v", o.file, forwards, receipts, len(rs), err)
		}
		two = two || len(s.ours) == 2
		s.close()
	}
	if n < 2 || !two {
		t.Errorf("%d cases", n)
	}
}

// An emergency referral is accepted although the number of its patient is garbage; any other is not.
func TestAcceptanceEmergencyReferral(t *testing.T) {
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := mappingtest.Shared(t, "standards/no/examples/henvisning")
	for _, file := range []string{"v1.0/henvisning_v1.0_n.xml", "v1.1/henvisning_v1.1_n.xml", "v2.0/Henvisning_ny_tilstand_v2-0_Ny.xml"} {
		raw, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		raw = bytes.ReplaceAll(raw, []byte(`V="ENH"`), []byte(`V="HER"`))
		raw = bytes.ReplaceAll(raw, []byte("13116900216"), []byte("13116900999"))
		for priority, want := range map[string]reaction{"0": accepted("an emergency"), "3": refusedWith("E36", "no emergency")} {
			o := official{file: file, raw: priorityOf(t, raw, priority)}
			s := newStation(t, f, o, "")
			ans, m := s.post(o.raw)
			if got, want := s.seen(ans, m), s.expected(want); got != want {
				t.Errorf("%s, priority %s: got %s, want %s (%s)", file, priority, got, want, m.FaultText)
			}
			if priority == "0" && (m.Patient != "" || !strings.Contains(string(m.Notes), "check-digit") && !strings.Contains(string(m.Notes), "identifier")) {
				t.Errorf("%s: patient is %q, noted is %s", file, m.Patient, m.Notes)
			}
			s.close()
		}
	}
}

// priorityOf gives a referral another urgency.
func priorityOf(t *testing.T, raw []byte, code string) []byte {
	t.Helper()
	s := string(raw)
	i := strings.Index(s, "<Priority V=\"")
	if i < 0 {
		t.Fatal("the referral has no urgency")
	}
	i += len("<Priority V=\"")
	return []byte(s[:i] + code + s[i+strings.Index(s[i:], "\""):])
}
