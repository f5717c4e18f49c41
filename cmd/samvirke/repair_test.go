package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/samvirke/samvirke"
)

var rePassword = regexp.MustCompile(`password "([^"]+)"`)

// An admin repairs from the command line: over the web address while the gateway runs, on the store itself
// when it does not.
func TestQueueRepair(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if refuse.Load() && r.URL.Path == "/city" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer far.Close()
	addr, data := freeAddr(t), t.TempDir()
	p, _ := startProcess(t, addr, writeConfig(t, addr, data, far.URL+"/hospital", far.URL+"/city", ""))
	for i := range 2 {
		if status, body, err := post(t.Context(), addr, hospitalToken, "application/xml", admission(uuid.NewString(), i, "no 1")); err != nil || status != http.StatusAccepted {
			t.Fatal(status, body, err)
		}
	}
	stopped := waitDeliveries(t, data, "stopped", 2)
	if code, _, words := command(t, nil, "queue", "resend", "--data", data, "--reason", "x y z", stopped[0].ID); code != exitTryLater {
		t.Errorf("the store of a running gateway was opened: exit code %d %s", code, words)
	}
	refuse.Store(false)
	t.Setenv("SAMVIRKE_PASSWORD", printedPassword(t, p))
	code, out, words := command(t, nil, "queue", "resend", "--url", "http://"+addr, "--reason", "mended at the other side", stopped[0].ID)
	if code != exitOK {
		t.Fatalf("exit code %d: %s%s", code, out, words)
	}
	waitDeliveries(t, data, "sent", 3) // two receipts to the hospital and the resent one
	if code, out, _ := command(t, nil, "trace", "--data", data, stopped[0].MessageID); code != exitOK || !regexp.MustCompile(`resent\s+by admin`).MatchString(out) {
		t.Errorf("the trace does not tell of the resend:\n%s", out)
	}
	p.stop(t)
	code, out, words = command(t, nil, "queue", "give-up", "--data", data, "--who", "ola", "--reason", "told by phone", stopped[1].ID, "no-such-id")
	if code != exitFailed || !regexp.MustCompile(stopped[1].ID+`: done`).MatchString(out) {
		t.Errorf("exit code %d: %s%s", code, out, words)
	}
	if left := deliveriesIn(t, data, "given-up"); len(left) != 1 {
		t.Errorf("%d deliveries given up", len(left))
	}
}

// printedPassword is the first admin's, which the gateway prints once, soon after it is ready.
func printedPassword(t *testing.T, p *process) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if m := rePassword.FindStringSubmatch(p.log.String()); m != nil {
			return m[1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("no credential was printed:\n%s", p.log)
		}
	}
}

func deliveriesIn(t *testing.T, data, state string) []samvirke.Delivery {
	t.Helper()
	code, out, words := command(t, nil, "queue", "list", "--data", data, "--deliveries", "--state", state, "--json")
	if code != exitOK {
		t.Fatalf("queue list: %d %s", code, words)
	}
	var ds []samvirke.Delivery
	if err := json.Unmarshal([]byte(out), &ds); err != nil {
		t.Fatal(err)
	}
	return ds
}

func waitDeliveries(t *testing.T, data, state string, n int) []samvirke.Delivery {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if ds := deliveriesIn(t, data, state); len(ds) == n {
			return ds
		} else if time.Now().After(deadline) {
			t.Fatalf("%d deliveries %s, want %d", len(ds), state, n)
		}
	}
}
