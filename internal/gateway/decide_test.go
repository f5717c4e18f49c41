package gateway

import (
	"testing"
	"time"

	"github.com/samvirke/samvirke"
)

func TestRetryPause(t *testing.T) {
	t.Parallel()
	r := Retry{First: time.Second, Max: 10 * time.Second}.withDefaults()
	none := func() float64 { return 0 }
	most := func() float64 { return 1 }
	for _, c := range []struct {
		name     string
		attempts int
		random   func() float64
		want     time.Duration
	}{
		{"first fault", 1, none, time.Second},
		{"second doubles", 2, none, 2 * time.Second},
		{"fourth", 4, none, 8 * time.Second},
		{"bounded by Max", 5, none, 10 * time.Second},
		{"bounded for very many", 5000, none, 10 * time.Second},
		{"jitter takes at most half", 1, most, 500 * time.Millisecond},
		{"a fraction of a second is kept", 1, func() float64 { return 0.5 }, 750 * time.Millisecond},
	} {
		if got := r.pause(c.attempts, c.random); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestRetryDefaults(t *testing.T) {
	t.Parallel()
	r := Retry{}.withDefaults()
	if r.First != time.Second || r.Max != 5*time.Minute || r.MaxAge != 96*time.Hour {
		t.Errorf("defaults are %+v", r)
	}
}

func TestUnreadable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, code, receipt string }{
		{"nothing", "", "empty", "T01"},
		{"white space", " \r\n\t", "empty", "T01"},
		{"plain text", "hello", "not-xml", "T01"},
		{"byte order mark before text", "\ufeffhello", "not-xml", "T01"},
		{"foreign XML", "<svg/>", "unknown-format", "T10"},
		{"foreign JSON", `{"resourceType":"Patient"}`, "unknown-format", "T10"},
		{"JSON in another encoding", "{\"a\":\"\xe6\"}", "not-well-formed", "T01"},
	} {
		f := unreadable([]byte(c.body))
		if f.Code != c.code || f.Receipt != c.receipt || f.Class != samvirke.Invalid {
			t.Errorf("%s: got %s %s %s, want %s %s", c.name, f.Code, f.Receipt, f.Class, c.code, c.receipt)
		}
	}
}

func TestStatusFor(t *testing.T) {
	t.Parallel()
	for class, want := range map[samvirke.Class]samvirke.MessageStatus{
		samvirke.Invalid:      samvirke.MessageRefused,
		samvirke.Unauthorized: samvirke.MessageAttention,
		samvirke.Permanent:    samvirke.MessageAttention,
		samvirke.Internal:     samvirke.MessageAttention,
	} {
		if got := statusFor(&samvirke.Fault{Class: class}); got != want {
			t.Errorf("%s: got %s, want %s", class, got, want)
		}
	}
}

// What the other side wrote in its own words may name a patient: it must not reach lists, events or the log.
func TestCodesTextLeavesOutForeignWords(t *testing.T) {
	t.Parallel()
	got := codesText(&samvirke.ReceiptContent{Errors: []samvirke.ReceiptError{
		{Code: "E21", Display: "Ola Nordmann", Detail: "Ola Nordmann"}, {Code: "X99"}, {Code: "Ola Nordmann"},
		{Code: "2", System: "2.16.578.1.12.4.1.1.8117", Display: "Ola", Detail: "Ola"}, {Code: "14", System: "2.16.578.1.12.4.1.1.8222", Display: "Ola"},
	}})
	if want := "E21 Mottaker finnes ikke; X99 Annen feil; no code; 2 (8117) Mangelfulle opplysninger; 14"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlanIDSaysNothingAndIsStable(t *testing.T) {
	t.Parallel()
	a, b := PlanID([]byte("k"), "urn:oid:2.16.578.1.12.4.1.4.1|01015000232"), PlanID([]byte("k"), "urn:oid:2.16.578.1.12.4.1.4.1|01015000232")
	if a != b || len(a) != 32 {
		t.Errorf("ids %q and %q", a, b)
	}
	if PlanID([]byte("other"), "urn:oid:2.16.578.1.12.4.1.4.1|01015000232") == a {
		t.Error("the id does not depend on the key")
	}
}
