package simulate_test

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/samvirke/samvirke/internal/simulate"
	"github.com/samvirke/samvirke/mapping/kith"
	"github.com/samvirke/samvirke/mapping/mappingtest"
)

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

func sinks(t *testing.T, gw *relay, n int) []*simulate.Sink {
	t.Helper()
	var out []*simulate.Sink
	for i := range n {
		s, err := simulate.NewSink(i)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close(); _ = s.Close() })
		gw.targets[s.HER()[1]] = s.URL()
		out = append(out, s)
	}
	return out
}

func load(t *testing.T, gw *relay, o simulate.LoadOptions) simulate.LoadReport {
	t.Helper()
	o.Gateway, o.Token = gw.URL, "t"
	if o.Sinks == nil {
		o.Sinks = sinks(t, gw, 2)
	}
	if o.Drain == 0 {
		o.Drain = patience
	}
	r, err := simulate.Load(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLoadThroughAnHonestGateway(t *testing.T) {
	gw := newRelay(t)
	r := load(t, gw, simulate.LoadOptions{Messages: 400, Patients: 20, Senders: 8, Seed: 7})
	if r.Sent != 400 || r.Accepted != 400 || r.Complete != 400 || r.Delivered != 800 {
		t.Errorf("report %+v", r)
	}
	if r.Lost+r.Duplicated+r.OutOfOrder+r.Changed+r.Unknown+r.Refused+r.Retries != 0 {
		t.Errorf("an honest gateway is blamed: %+v", r)
	}
	if r.P50 <= 0 || r.P99 < r.P50 || r.Max < r.P99 || r.AcceptedPerS <= 0 || r.DeliveredPerS <= 0 {
		t.Errorf("times %+v", r)
	}
	if r.MessageBytes < 7000 || r.MessageBytes > 9500 {
		t.Errorf("messages have %d bytes, want about 8 KB", r.MessageBytes)
	}
}

func TestLoadIsRepeatable(t *testing.T) {
	bodies := func(seed uint64) map[string]bool {
		gw := newRelay(t)
		load(t, gw, simulate.LoadOptions{Messages: 60, Patients: 5, Senders: 1, Seed: seed})
		out := map[string]bool{}
		for _, b := range gw.taken {
			out[string(b)] = true
		}
		return out
	}
	a, b, c := bodies(1), bodies(1), bodies(2)
	same := 0
	for k := range a {
		if !b[k] {
			t.Fatal("the same seed gave other bytes")
		}
		if c[k] {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d messages are the same under another seed", same)
	}
}

// TestLoadNoticesFaults: each fault of a gateway must show, and only that.
func TestLoadNoticesFaults(t *testing.T) {
	after := func(drain time.Duration, f func(n int, body []byte) [][]byte) simulate.LoadReport {
		gw := newRelay(t)
		gw.between = f
		return load(t, gw, simulate.LoadOptions{Messages: 40, Patients: 1, Senders: 1, Seed: 3, Drain: drain})
	}
	isolate := func(f func(n int, body []byte) [][]byte) simulate.LoadReport { return after(patience, f) }
	// What is lost is waited for in vain. All else has come when the gateway has answered, and needs no time to speak of.
	lost := after(10*time.Second, func(n int, b []byte) [][]byte {
		if n == 11 {
			return nil
		}
		return [][]byte{b}
	})
	if lost.Lost != 1 || lost.Duplicated+lost.OutOfOrder+lost.Changed != 0 {
		t.Errorf("lost: %+v", lost)
	}
	twice := isolate(func(n int, b []byte) [][]byte {
		if n == 11 {
			return [][]byte{b, b}
		}
		return [][]byte{b}
	})
	if twice.Duplicated != 2 || twice.Lost+twice.OutOfOrder+twice.Changed != 0 {
		t.Errorf("duplicated at two sinks: %+v", twice)
	}
	var held []byte
	swapped := isolate(func(n int, b []byte) [][]byte {
		switch n {
		case 11:
			held = b
			return nil
		case 12:
			return [][]byte{b, held}
		}
		return [][]byte{b}
	})
	if swapped.OutOfOrder != 2 || swapped.Lost+swapped.Duplicated+swapped.Changed != 0 {
		t.Errorf("swapped: %+v", swapped)
	}
	changed := isolate(func(n int, b []byte) [][]byte {
		if n == 11 {
			b = bytes.Replace(b, []byte("Testperson"), []byte("Testpersen"), 1)
		}
		return [][]byte{b}
	})
	if changed.Changed != 2 || changed.Lost+changed.Duplicated+changed.OutOfOrder != 0 {
		t.Errorf("changed: %+v", changed)
	}
}

func TestLoadRetriesAndRefusals(t *testing.T) {
	gw := newRelay(t)
	calls, refused := 0, 0
	gw.status = func(n int) int {
		calls++
		switch {
		case calls%5 == 0:
			return 503
		case n == 7 && refused < 2:
			refused++
			return 422
		}
		return 0
	}
	r := load(t, gw, simulate.LoadOptions{Messages: 50, Patients: 4, Senders: 1})
	if r.Retries == 0 || r.Refused != 2 || r.Accepted+r.Refused != 50 || r.Lost != 0 || r.OutOfOrder != 0 || r.FirstRefusal == "" {
		t.Errorf("report %+v", r)
	}
}

// TestLoadWaitsForTheSendersReceipts: with an endpoint of its own, the sender counts what the gateway answers.
func TestLoadWaitsForTheSendersReceipts(t *testing.T) {
	gw := newRelay(t)
	own, err := simulate.NewSink(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	gw.answered = func(receipt []byte) {
		time.Sleep(time.Millisecond) // the receipts are the last to come
		if resp, err := gw.client.Post(own.URL(), "application/xml", bytes.NewReader(receipt)); err == nil {
			_ = resp.Body.Close()
		}
	}
	r := load(t, gw, simulate.LoadOptions{Messages: 60, Patients: 10, Senders: 4, Sender: own})
	if r.Receipts != 120 || r.Complete != 60 || r.Lost != 0 {
		t.Errorf("report %+v", r)
	}
}

func TestLoadKeepsItsRate(t *testing.T) {
	gw := newRelay(t)
	told := make(chan struct{})
	once := sync.OnceFunc(func() { close(told) })
	gw.status = func(n int) int {
		if n > 0 {
			return 0
		}
		select { // so that the run lasts until it is told of, however busy the machine is
		case <-told:
		case <-time.After(patience / 6): // less than the time of one request
			t.Error("no progress was told")
		}
		return 0
	}
	r := load(t, gw, simulate.LoadOptions{Rate: 200, Duration: 1100 * time.Millisecond, Patients: 50, Progress: func(simulate.LoadReport) { once() }})
	if r.Sent < 150 || r.Sent > 230 {
		t.Errorf("%d messages in 1.1 s at 200 per second", r.Sent)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	gw := newRelay(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := simulate.Load(ctx, simulate.LoadOptions{Gateway: gw.URL, Token: "t", Sinks: sinks(t, gw, 1), Duration: time.Hour})
	if err == nil || time.Since(start) > patience {
		t.Errorf("stopped after %v with %v", time.Since(start), err)
	}
}

func TestLoadGivesUpOnAGatewayThatIsNotThere(t *testing.T) {
	s := sinks(t, newRelay(t), 1)
	start := time.Now()
	// Port 1 is nobody's. One that was just given back may be another server's a moment later.
	r, err := simulate.Load(context.Background(), simulate.LoadOptions{Gateway: "http://127.0.0.1:1", Token: "t", Sinks: s, Senders: 2, Duration: time.Hour})
	if err == nil || r.FirstRefusal == "" || r.Accepted != 0 || time.Since(start) > patience {
		t.Errorf("%v after %v: %+v", err, time.Since(start), r)
	}
}

func TestLoadOptionsAreChecked(t *testing.T) {
	gw := newRelay(t)
	s := sinks(t, gw, 1)
	for name, o := range map[string]simulate.LoadOptions{
		"no gateway": {Token: "t", Sinks: s, Messages: 1},
		"no sinks":   {Gateway: "http://x", Token: "t", Messages: 1},
		"no end":     {Gateway: "http://x", Token: "t", Sinks: s},
		"rate":       {Gateway: "http://x", Token: "t", Sinks: s, Messages: 1, Rate: -1},
	} {
		if _, err := simulate.Load(context.Background(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLoadMessagesAreReal: what Load sends and what sinks answer is valid under the published schemas
// and reads as what it should be.
func TestLoadMessagesAreReal(t *testing.T) {
	gw := newRelay(t)
	load(t, gw, simulate.LoadOptions{Messages: 17, Patients: 2, Senders: 1})
	f, err := kith.New(kith.Options{AllowSynthetic: true})
	if err != nil {
		t.Fatal(err)
	}
	docs, kinds := map[string][]byte{}, map[string]int{}
	for i, b := range gw.taken {
		docs["message "+string(rune('a'+i))] = b
		p, err := f.Parse(b)
		if err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		kinds[p.Envelope.Kind+" "+string(p.Envelope.Op)]++
		if len(p.Envelope.Receivers) != 2 || !strings.HasPrefix(p.Envelope.Patient.Key(), "urn:oid:") {
			t.Errorf("message %d: envelope %+v", i, p.Envelope)
		}
	}
	if kinds["INNLEGGELSESRAPPORT N"] != 2 || kinds["INNLEGGELSESRAPPORT M"] != 4 || kinds["LOG_UTSKREVET N"] != 2 {
		t.Errorf("kinds %v", kinds)
	}
	for i, b := range gw.receipts {
		docs["receipt "+string(rune('a'+i))] = b
		p, err := f.Parse(b)
		if err != nil || p.Envelope.Receipt == nil {
			t.Fatalf("receipt %d: %v", i, err)
		}
	}
	for name, problem := range mappingtest.XMLLintAll(t, docs) {
		t.Errorf("%s: %s", name, problem)
	}
}

// TestLoadLeavesNothingOut: when a gateway falls behind the rate, times count from when each message was
// due, what was due is sent after the end, and what is not even sent then is told.
func TestLoadLeavesNothingOut(t *testing.T) {
	slow := func(drain time.Duration) simulate.LoadReport {
		gw := newRelay(t)
		gw.status = func(int) int { time.Sleep(10 * time.Millisecond); return 0 } // under the relay's lock: 100 a second
		return load(t, gw, simulate.LoadOptions{Rate: 200, Duration: 500 * time.Millisecond, Patients: 50, Senders: 4, Drain: drain})
	}
	r := slow(patience)
	if r.Sent != 100 || r.Unsent != 0 || r.Complete != 100 {
		t.Errorf("report %+v", r)
	}
	if r.P99 < 400 { // the last one was due after 0.5 s and came after 1 s or more
		t.Errorf("p99 %v ms hides that messages waited to be sent", r.P99)
	}
	r = slow(100 * time.Millisecond)
	if r.Unsent == 0 || r.Sent+r.Unsent != 100 {
		t.Errorf("report %+v: %d of 100 are told", r, r.Sent+r.Unsent)
	}
}

// TestLoadToday: the last message of each stay is of the moment in which the first one is sent; nothing but dates differs.
func TestLoadToday(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Oslo")
	if err != nil {
		t.Fatal(err)
	}
	dates := regexp.MustCompile(`\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d)?`)
	bodies := func(today bool) (first, last []string) {
		gw := newRelay(t)
		load(t, gw, simulate.LoadOptions{Messages: 8, Patients: 1, Senders: 1, Seed: 3, Today: today})
		for _, b := range gw.taken {
			first = append(first, dates.ReplaceAllString(string(b), ""))
			_, after, _ := strings.Cut(string(b), "<GenDate>")
			gen, _, _ := strings.Cut(after, "</GenDate>")
			last = append(last, gen)
		}
		return first, last
	}
	before := time.Now().Truncate(time.Second)
	same, today := bodies(true)
	after := time.Now()
	fixed, _ := bodies(false)
	if len(same) != 8 || !slices.Equal(same, fixed) {
		t.Errorf("%d messages differ in more than dates from %d", len(same), len(fixed))
	}
	newest, err := time.ParseInLocation("2006-01-02T15:04:05", slices.Max(today), zone)
	if err != nil || newest.Before(before) || newest.After(after) {
		t.Errorf("the last message is of %s, sent between %s and %s: %v", newest, before, after, err)
	}
}
