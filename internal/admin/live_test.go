package admin

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/queue"
)

// readEvents reads from a live stream until n events have come.
func readEvents(t *testing.T, h *house, page, last string, n int, after func()) []string {
	t.Helper()
	return readEventsUntil(t, h, page, last, func(ids []string) bool { return len(ids) >= n }, after)
}

// readEventsUntil opens a live stream, calls after once it is open, and reads ids until enough.
func readEventsUntil(t *testing.T, h *house, page, last string, enough func(ids []string) bool, after func()) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/events/live?page="+url.QueryEscape(page), nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := h.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("stream: status %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	var ids []string
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		line := sc.Text()
		if line == ": live" && after != nil {
			after()
		}
		if strings.Contains(line, testNumber) {
			t.Errorf("the stream tells the patient number: %s", line)
		}
		if id, ok := strings.CutPrefix(line, "id: "); ok {
			ids = append(ids, id)
		} else if line == "event: reset" {
			ids = append(ids, "reset")
		}
		if line == "" && len(ids) > 0 && enough(ids) {
			return ids
		}
	}
	t.Fatalf("stream ended after %v: %v", ids, sc.Err())
	return nil
}

func TestLiveStream(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	h := signedIn(t, c.st)
	last := int64(len(c.st.events))
	emit := func(events ...samvirke.Event) func() {
		return func() {
			if _, err := c.st.Commit(context.Background(), &queue.Unit{Now: courseNow, Events: events}); err != nil {
				t.Error(err)
			}
		}
	}
	got := readEvents(t, h, "list", "", 2, emit(samvirke.Event{Name: samvirke.EventReceived, MessageID: "m9", Patient: testPatient}, samvirke.Event{Name: samvirke.EventRouted, MessageID: "m9"}))
	if want := []string{fmt.Sprint(last + 1), fmt.Sprint(last + 2)}; !slices.Equal(got, want) {
		t.Errorf("live: got %v, want %v", got, want)
	}
	// Resume: what was missed comes first, then what is new; nothing twice.
	got = readEvents(t, h, "list", fmt.Sprint(last), 3, emit(samvirke.Event{Name: samvirke.EventProcessed, MessageID: "m9"}))
	if want := []string{fmt.Sprint(last + 1), fmt.Sprint(last + 2), fmt.Sprint(last + 3)}; !slices.Equal(got, want) {
		t.Errorf("resume: got %v, want %v", got, want)
	}
	// Filters: one message, one person's plan.
	got = readEvents(t, h, "message:m8", "", 1, emit(samvirke.Event{Name: samvirke.EventSent, MessageID: "m9"}, samvirke.Event{Name: samvirke.EventSent, MessageID: "m8"}))
	if want := []string{fmt.Sprint(last + 5)}; !slices.Equal(got, want) {
		t.Errorf("message: got %v, want %v", got, want)
	}
	got = readEvents(t, h, "plan:"+h.s.sealer.seal(testPatient), "", 1, emit(samvirke.Event{Name: samvirke.EventPlanChanged, Patient: "x|other"},
		samvirke.Event{Name: samvirke.EventSent, Patient: testPatient}, samvirke.Event{Name: samvirke.EventPlanChanged, Patient: testPatient}))
	if want := []string{fmt.Sprint(last + 8)}; !slices.Equal(got, want) {
		t.Errorf("plan: got %v, want %v", got, want)
	}
	for _, bad := range []string{"message:", "plan:nonsense", "other"} {
		if a := h.get("/events/live?page=" + url.QueryEscape(bad)); a.status != http.StatusBadRequest {
			t.Errorf("page %q: status %d, want 400", bad, a.status)
		}
	}
}

func TestLiveStreamSaysWhenItSkips(t *testing.T) {
	t.Parallel()
	st := newFakeStore()
	for range maxBacklog + 2 {
		st.addEvent(samvirke.Event{Name: samvirke.EventReceived})
	}
	h := signedIn(t, st)
	if got := readEvents(t, h, "list", "1", 1, nil); got[0] != "reset" {
		t.Errorf("a reader that missed more than the backlog gets %v, want reset", got)
	}
}

func TestBurstsAreToldInShort(t *testing.T) {
	t.Parallel()
	st := newFakeStore()
	h := signedIn(t, st)
	const n = 200
	events := make([]samvirke.Event, n)
	for i := range events {
		events[i] = samvirke.Event{Name: samvirke.EventSent, MessageID: []string{"m1", "m2"}[i%2]}
	}
	emit := func() {
		if _, err := st.Commit(context.Background(), &queue.Unit{Now: courseNow, Events: events}); err != nil {
			t.Error(err)
		}
	}
	all := readUntil(t, h, "list", fmt.Sprint(n), emit)
	if len(all) > 2*burst {
		t.Errorf("a burst of %d is told in %d events to a page of lists", n, len(all))
	}
	one := readUntil(t, h, "message:m2", fmt.Sprint(2*n), emit)
	if len(one) != n/2 {
		t.Errorf("a page of one message gets %d of its %d events", len(one), n/2)
	}
}

// readUntil reads a live stream until the event with this id has come.
func readUntil(t *testing.T, h *house, page, id string, after func()) []string {
	t.Helper()
	return readEventsUntil(t, h, page, "", func(ids []string) bool { return ids[len(ids)-1] == id }, after)
}

func TestCloseEndsStreams(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	done := make(chan answer)
	go func() { done <- h.get("/events/live?page=list") }()
	for len(h.s.streams) == 0 {
		select {
		case <-t.Context().Done():
			t.Fatal("stream never opened")
		case <-time.After(time.Millisecond):
		}
	}
	h.s.Close()
	h.s.Close()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("stream goes on after Close")
	}
}
