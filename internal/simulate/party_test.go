package simulate_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/fhir"
	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping"
	"github.com/samvirke/samvirke/mapping/native"
)

func nativeFormat(t testing.TB) mapping.Format {
	t.Helper()
	f, err := native.New(native.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func address(her ...string) samvirke.Address {
	var a samvirke.Address
	for i, h := range her {
		a.Levels = append(a.Levels, samvirke.AddressLevel{
			Kind: []string{"organisation", "department"}[i], Name: "Unit " + h, IDs: []samvirke.Identifier{fhir.NewIdentifier("HER", h)},
		})
	}
	return a
}

// fhirMessage is a small assessment from 9000001/9000002 to 9000011/9000012.
func fhirMessage(id, text string, op samvirke.Op, parent string) []byte {
	m := fhir.NewMessage(id, time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC), fhir.Coding{System: fhir.SystemNativeMessage, Code: "assessment"})
	m.From(address("9000001", "9000002"))
	m.To(address("9000011", "9000012"))
	m.Chain(op, parent, parent)
	patient := m.Add(fhir.NewObject("resourceType", "Patient", "identifier", fhir.NewArray(fhir.IdentifierNode(fhir.NewIdentifier("FNR", simulate.PersonNumber(0))))))
	m.Focus(m.Add(fhir.NewObject("resourceType", "Observation", "status", "final", "code", fhir.NewObject("text", text),
		"subject", fhir.NewObject("reference", patient), "effectiveDateTime", "2026-01-15", "valueInteger", 6)))
	return m.Bundle().Bytes()
}

const (
	id1 = "0b9a6c1e-0001-4a55-9c1b-0a4b7f0b9a01"
	id2 = "0b9a6c1e-0002-4a55-9c1b-0a4b7f0b9a01"
)

func newParty(t *testing.T, change func(*simulate.PartyOptions)) *simulate.Party {
	t.Helper()
	o := simulate.PartyOptions{
		ID: "city", HER: []string{"9000011", "9000012"}, Formats: []mapping.Format{nativeFormat(t)}, Receipts: samvirke.ReceiptFHIR, Token: "t",
	}
	if change != nil {
		change(&o)
	}
	p, err := simulate.NewParty(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
	return p
}

// deliver posts bytes to a party as a gateway would.
func deliver(t *testing.T, p *simulate.Party, body []byte) (status int, answer []byte, err error) {
	t.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Post(p.URL(), "application/fhir+json", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func receiptIn(t *testing.T, raw []byte) *samvirke.ReceiptContent {
	t.Helper()
	p, err := nativeFormat(t).Parse(raw)
	if err != nil {
		t.Fatalf("answer is no message: %v: %s", err, raw)
	}
	if p.Envelope.Receipt == nil {
		t.Fatalf("answer is no receipt: %s", raw)
	}
	return p.Envelope.Receipt
}

func TestPartyAnswersOnceAndTheSame(t *testing.T) {
	p := newParty(t, nil)
	body := fhirMessage(id1, "x", samvirke.OpNew, "")
	status, first, err := deliver(t, p, body)
	if err != nil || status != 200 {
		t.Fatalf("status %d, %v", status, err)
	}
	if c := receiptIn(t, first); c.Status != samvirke.ReceiptOK || c.OriginalID != id1 {
		t.Errorf("receipt %+v", c)
	}
	p.Turn(func(d *simulate.Dials) { d.Refuse = "E21" }) // too late: a verdict is final
	_, second, _ := deliver(t, p, body)
	if !bytes.Equal(first, second) {
		t.Error("the repeated message got another receipt")
	}
	got := p.Received()
	if len(got) != 1 || got[0].Times != 2 || !bytes.Equal(got[0].Body, body) || got[0].Answered != samvirke.ReceiptOK {
		t.Errorf("inbox %+v", got)
	}
	if pr := p.Problems(); len(pr) != 0 {
		t.Errorf("problems %v", pr)
	}
}

func TestPartyNoticesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		bodies [][]byte
		want   string
	}{
		"other bytes":          {[][]byte{fhirMessage(id1, "x", "N", ""), fhirMessage(id1, "y", "N", "")}, "other bytes"},
		"change before target": {[][]byte{fhirMessage(id2, "x", "M", id1), fhirMessage(id1, "y", "N", "")}, "after the one that changes"},
		"unreadable":           {[][]byte{[]byte("hello")}, "cannot be read"},
		"notice skipped":       {[][]byte{notice(1), notice(3)}, "event 3 where 2"},
		"notice repeated late": {[][]byte{notice(1), notice(2), notice2(1)}, "event 1 where 3"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, nil)
			for _, b := range c.bodies {
				if _, _, err := deliver(t, p, b); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(p.Problems(), "; "); !strings.Contains(got, c.want) {
				t.Errorf("problems %q, want %q in them", got, c.want)
			}
		})
	}
}

func notice(n int64) []byte { return noticeOf("s1", n) }

// notice2 has another Bundle id.
func notice2(n int64) []byte {
	return bytes.Replace(noticeOf("s1", n), []byte(`"type":"history"`), []byte(`"language":"nb","type":"history"`), 1)
}

func noticeOf(sub string, n int64) []byte {
	b := fhir.Notification(fhir.NotificationInput{Base: "http://gw/fhir/", Subscription: sub, Status: "active", Type: fhir.NotifyEvent,
		SinceStart: n, Events: []fhir.NotificationEvent{{Number: n, At: time.Unix(0, 0).UTC(), Focus: "CarePlan/1"}}})
	b.Root.Set("id", fhir.String(fhir.NameUUID(time.Now().String())))
	return b.Bytes()
}

func TestPartyDials(t *testing.T) {
	p := newParty(t, nil)
	body := fhirMessage(id1, "x", "N", "")
	p.Turn(func(d *simulate.Dials) { d.Down = true })
	if status, _, err := deliver(t, p, body); err == nil {
		t.Errorf("a party that is down answered %d", status)
	}
	p.Turn(func(d *simulate.Dials) { *d = simulate.Dials{Status: 503} })
	if status, _, _ := deliver(t, p, body); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
	if n := len(p.Received()); n != 0 {
		t.Errorf("%d messages kept by a party that took none", n)
	}
	p.Turn(func(d *simulate.Dials) { *d = simulate.Dials{LoseAnswer: true} })
	if _, _, err := deliver(t, p, body); err == nil || len(p.Received()) != 1 {
		t.Errorf("lost answer: error %v, %d kept", err, len(p.Received()))
	}
	p.Turn(func(d *simulate.Dials) { *d = simulate.Dials{Slow: 60 * time.Millisecond} })
	start := time.Now()
	if _, _, err := deliver(t, p, fhirMessage(id2, "x", "N", "")); err != nil || time.Since(start) < 60*time.Millisecond {
		t.Errorf("slow party took %v, %v", time.Since(start), err)
	}
}

func TestPartyRefuses(t *testing.T) {
	p := newParty(t, func(o *simulate.PartyOptions) { o.Dials.Refuse = "E21" })
	_, answer, err := deliver(t, p, fhirMessage(id1, "x", "N", ""))
	if err != nil {
		t.Fatal(err)
	}
	if c := receiptIn(t, answer); c.Status != samvirke.ReceiptRejected || len(c.Errors) != 1 || c.Errors[0].Code != "E21" {
		t.Errorf("receipt %+v", c)
	}
}

func TestPartyAnswersLaterAndTwice(t *testing.T) {
	gw := newRelay(t)
	p := newParty(t, func(o *simulate.PartyOptions) {
		o.Gateway = gw.URL
		o.Dials = simulate.Dials{AnswerLate: 10 * time.Millisecond, AnswerTwice: true}
	})
	status, answer, err := deliver(t, p, fhirMessage(id1, "x", "N", ""))
	if err != nil || status != 202 || len(answer) != 0 {
		t.Fatalf("status %d, answer %q, %v", status, answer, err)
	}
	posted := waitTaken(t, gw, 2)
	a, b := receiptIn(t, posted[0]), receiptIn(t, posted[1])
	if a.OriginalID != id1 || b.OriginalID != id1 || bytes.Equal(posted[0], posted[1]) {
		t.Errorf("receipts %+v and %+v", a, b)
	}
}

func waitTaken(t *testing.T, gw *relay, n int) [][]byte {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		gw.mu.Lock()
		taken := append([][]byte(nil), gw.taken...)
		gw.mu.Unlock()
		if len(taken) >= n {
			return taken
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages came to the gateway, want %d", len(taken), n)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func TestPartyTriesToPostItsReceiptAgain(t *testing.T) {
	gw := newRelay(t)
	calls := 0
	gw.status = func(int) int {
		calls++
		if calls == 1 {
			return 503
		}
		return 0
	}
	p := newParty(t, func(o *simulate.PartyOptions) { o.Gateway, o.Later = gw.URL, true })
	if _, _, err := deliver(t, p, fhirMessage(id1, "x", "N", "")); err != nil {
		t.Fatal(err)
	}
	waitTaken(t, gw, 1)
}

func TestPartyBounds(t *testing.T) {
	p := newParty(t, func(o *simulate.PartyOptions) { o.MaxMessages = 1; o.Accept = "" })
	if _, _, err := deliver(t, p, fhirMessage(id1, "x", "N", "")); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := deliver(t, p, fhirMessage(id2, "x", "N", "")); status != http.StatusInsufficientStorage {
		t.Errorf("status %d above the bound", status)
	}
	if status, _, _ := deliver(t, p, make([]byte, simulate.MaxBody+1)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for a large body", status)
	}
	closed := newParty(t, func(o *simulate.PartyOptions) { o.Accept = "secret" })
	if status, _, _ := deliver(t, closed, fhirMessage(id1, "x", "N", "")); status != 401 {
		t.Errorf("status %d without the token", status)
	}
	if _, err := simulate.NewParty(simulate.PartyOptions{}); err == nil {
		t.Error("a party without id starts")
	}
}

func TestPartyWaitEnds(t *testing.T) {
	p := newParty(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := p.Wait(ctx, func(simulate.Received) bool { return true }); err == nil {
		t.Error("waiting for nothing came to an end without an error")
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Wait(context.Background(), func(r simulate.Received) bool { return r.Envelope.ID == id1 })
		done <- err
	}()
	if _, _, err := deliver(t, p, fhirMessage(id1, "x", "N", "")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}
