package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/samvirke/samvirke"
	"github.com/samvirke/samvirke/internal/gateway"
	"github.com/samvirke/samvirke/queue"
)

var older = regexp.MustCompile(`<a href="([^"]+)" rel="next">`)

func TestPagingShowsEveryRowOnce(t *testing.T) {
	t.Parallel()
	st := newFakeStore()
	const n = 2*PageSize + 7
	for i := range n {
		st.messages = append(st.messages, queue.MessageDetail{Message: samvirke.Message{ID: fmt.Sprintf("m%03d", i), Seq: int64(i + 1), Party: "fjellheim",
			Kind: []string{"LOG_INNLAGT", "EPIKRISE"}[i%2], Status: samvirke.MessageProcessed, ReceivedAt: courseNow.Add(time.Duration(i-n) * time.Minute)}})
	}
	for range 4*PageSize + 3 {
		st.audits = append(st.audits, samvirke.Audit{Seq: int64(len(st.audits) + 1), At: courseNow, Who: "kari", Action: "sign-in", Object: "session"})
	}
	h := signedIn(t, st)
	for _, tt := range []struct {
		path, row string
		rows      int
		pages     int
	}{{"/messages", `href="/messages/m(\d+)"`, n, 3}, {"/messages?kind=EPIKRISE&party=fjellheim", `href="/messages/m(\d+)"`, n / 2, 2}, {"/audit", `class="num">(\d+)<`, 4*PageSize + 3, 3}} {
		seen := map[string]bool{}
		pages := 0
		for path := tt.path; path != ""; pages++ {
			a := h.get(path)
			checkHTML(t, path, a.body)
			for _, m := range regexp.MustCompile(tt.row).FindAllStringSubmatch(a.body, -1) {
				if seen[m[1]] {
					t.Errorf("%s: row %s stands twice", tt.path, m[1])
				}
				seen[m[1]] = true
			}
			path = ""
			if m := older.FindStringSubmatch(a.body); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if len(seen) != tt.rows || pages != tt.pages {
			t.Errorf("%s: %d rows on %d pages, want %d on %d", tt.path, len(seen), pages, tt.rows, tt.pages)
		}
	}
}

func TestFilterByDay(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	for query, want := range map[string]int{"from=2026-01-11&to=2026-01-11": 2, "to=2026-01-10": 1, "from=2026-01-26": 0, "status=quarantined": 1, "party=sjoevik": 3, "kind=LOG_AVMELDING": 1} {
		if got := strings.Count(h.get("/messages?"+query).body, `<th scope="row"`); got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newFakeStore())
	for range MaxStreams {
		h.s.streams <- struct{}{}
	}
	if a := h.get("/events/live?page=list"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("stream over the bound: status %d, want 503", a.status)
	}
}

func TestAPageThatPanicsEndsAlone(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	h.s.parties = func(context.Context) []gateway.PartyState { panic("odd value") }
	a := h.get("/parties")
	if a.status != http.StatusInternalServerError || strings.Contains(a.body, "odd value") || !strings.Contains(a.body, "page-stopped") {
		t.Errorf("page that panics: status %d", a.status)
	}
	if a := h.get("/plans"); a.status != http.StatusOK {
		t.Errorf("the next page: status %d", a.status)
	}
}

func TestAPIShapes(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	var trace struct {
		Message    map[string]any
		Events     []map[string]any
		Deliveries []map[string]any
	}
	if err := json.Unmarshal([]byte(h.get("/api/v1/messages/m0009").body), &trace); err != nil {
		t.Fatal(err)
	}
	waiting := trace.Deliveries[1]
	if waiting["state"] != "waiting" || waiting["attempts"] != 4.0 || len(waiting["attempt_list"].([]any)) != 4 || waiting["overdue"] != false {
		t.Errorf("delivery: %v", waiting)
	}
	for _, v := range []map[string]any{trace.Message, waiting} {
		if v["patient"] != nil || v["lane"] != nil || v["person"] == "" {
			t.Errorf("the patient key shows: %v", v)
		}
	}
	var list struct {
		Count    int
		Messages []struct {
			Explanation map[string]string
			Items       []struct {
				MessageID    string `json:"message_id"`
				CanReprocess bool   `json:"can_reprocess"`
			}
		}
	}
	if err := json.Unmarshal([]byte(h.get("/api/v1/attention").body), &list); err != nil {
		t.Fatal(err)
	}
	if list.Count != 5 || len(list.Messages) != 2 || list.Messages[1].Explanation["what_you_can_do"] == "" || !list.Messages[1].Items[0].CanReprocess || list.Messages[1].Items[0].MessageID != "m0014" {
		t.Errorf("attention: %+v", list)
	}
}

func TestBodiesOverTheLimitAreTold(t *testing.T) {
	t.Parallel()
	c := newCourse(t)
	c.st.messages[0].Size += 1000
	h := signedIn(t, c.st)
	if a := h.get("/messages/m0001/original"); !strings.Contains(a.body, "over the size limit") {
		t.Error("a body that was cut when it came in is shown as if it were whole")
	}
}

func TestUnknownThings(t *testing.T) {
	t.Parallel()
	h := signedIn(t, newCourse(t).st)
	person := h.s.sealer.seal(testPatient)
	for path, want := range map[string]int{"/nothing": 404, "/messages/none": 404, "/messages/none/original": 404, "/deliveries/none": 404, "/plans/none": 404,
		"/plans/" + person + "?version=99": 404, "/plans/" + person + "?version=x": 400, "/plans/" + person + "/diff?from=99": 404, "/audit?before=x": 400,
		"/plans/" + h.s.sealer.seal(systemFNR+"|15076500565"): 404, "/assets/none.css": 404} {
		a := h.get(path)
		if a.status != want {
			t.Errorf("%s: status %d, want %d", path, a.status, want)
		}
		if !strings.HasPrefix(path, "/assets") {
			checkHTML(t, path, a.body)
		}
	}
}
